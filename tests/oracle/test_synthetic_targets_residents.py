"""What targets count in the truth, compared with the slow oracle that made it and with a loop over spells."""

from datetime import date, timedelta

import pytest

from synthetic_data.benchmarks.observed_study import ObservedStudy, open_study
from synthetic_data.benchmarks.targets import read_targets, study_residents
from synthetic_data.simulate import simulate
from synthetic_data.truth import definitions
from synthetic_data.truth.life import chains
from synthetic_data.truth.truth_tables import HORIZON, REFERENCE_DATES

RESIDENTS = 1_500


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> ObservedStudy:
    folder = tmp_path_factory.mktemp("study")
    simulate(RESIDENTS, 11, folder)
    return open_study(folder)


@pytest.mark.parametrize("on", REFERENCE_DATES)
def test_residents_are_those_of_the_truth(study, on):
    truth = study.truth("residents")
    assert set(study.residents(on)["person"]) == set(truth.filter(truth["reference_date"] == on)["person"])


@pytest.mark.parametrize("on", [date(2010, 1, 1), date(2011, 3, 27), date(2018, 12, 31)])
def test_residents_of_any_day_are_those_of_the_oracle(study, on):
    spells: dict[int, list] = {}
    for person, start, end in study.truth("presence").sort("person", "start").iter_rows():
        spells.setdefault(person, []).append((start, end))
    here = {one for one, own in spells.items() if definitions.is_usual_resident(chains(own), on, HORIZON)}
    found = study.residents(on)
    assert set(found["person"]) == here
    ages = dict(found.select("person", "age").iter_rows())
    for person, birth in study.truth("people").select("person", "birth_date").iter_rows():
        if person in ages:
            birthday = birth.replace(year=on.year, day=min(birth.day, 28)) + timedelta(days=max(birth.day - 28, 0))
            assert ages[person] == on.year - birth.year - (birthday > on)


def test_residents_of_the_first_day_are_as_many_as_requested(study):
    assert study_residents(study, read_targets().country) == pytest.approx(RESIDENTS, rel=0.01)

"""Scenarios: each changes what it says, and everybody whom it shares with the baseline lives the same life."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.study import read_study
from synthetic_data import extracts, truth_tables
from synthetic_data.country import PARTIES
from synthetic_data.days import LONG_AGO, NEVER, day
from synthetic_data.errors import NO_ERRORS, Errors, values
from synthetic_data.residence import Lives, live
from synthetic_data.scenarios import BASELINE, read_scenario, scenario_names
from synthetic_data.study import simulate

SEED, RESIDENTS = 9, 6_000


@pytest.fixture(scope="module")
def baseline() -> Lives:
    return live(SEED, RESIDENTS)


def of(name: str) -> Lives:
    return live(SEED, RESIDENTS, read_scenario(name))


def first_addresses(lives: Lives) -> pl.DataFrame:
    first = lives.moves.filter(pl.col("start") == LONG_AGO)
    of_person = lives.people["household"]
    by_household = dict(first.select("household", "postcode").iter_rows())
    return lives.people.select(
        "person", "birth", "sex", "given_name", "family_name", "nationality", "country_of_birth",
        address=of_person.replace_strict(by_household),
    )  # fmt: skip


def test_the_shipped_scenarios_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "synthetic_data.md").read_text(encoding="utf-8")
    told = page.split("## Scenarios")[1].split("\n## ")[0]
    for name in scenario_names():
        assert f"| `{name}` |" in told
        assert read_scenario(name).says


@pytest.mark.parametrize("name", ["visa_surge", "longer_stays", "hard_links", "lost_tenth", "perfect_sources"])
def test_people_common_to_two_scenarios_keep_births_names_and_first_addresses(baseline: Lives, name: str) -> None:
    theirs, ours = first_addresses(of(name)), first_addresses(baseline)
    common = ours.select("person").join(theirs.select("person"), on="person")
    assert common.height > 0.995 * ours.height
    assert theirs.join(common, on="person", maintain_order="right").equals(
        ours.join(common, on="person", maintain_order="right")
    )


def arrivals(lives: Lives, party: str, begins: int, until: int) -> int:
    number = [one.name for one in PARTIES].index(party)
    came = lives.households["arrive"].is_between(begins, until, closed="left")
    return int((came & (lives.households["party"] == number)).sum())


def test_a_surge_multiplies_the_arrivals_of_one_party_from_its_day_on(baseline: Lives) -> None:
    surged = of("visa_surge")
    begins, end = day(2017, 7, 1), day(2021, 1, 1)
    for party in ("eu_workers", "non_eu_students", "non_eu_workers"):
        assert arrivals(surged, party, 0, begins) == arrivals(baseline, party, 0, begins)
    assert arrivals(surged, "eu_workers", begins, end) == arrivals(baseline, "eu_workers", begins, end)
    assert (
        2.4
        < arrivals(surged, "non_eu_workers", begins, end) / arrivals(baseline, "non_eu_workers", begins, end)
        < 3.6
    )


def test_a_surge_of_students_begins_with_the_courses_after_its_day(tmp_path: Path, baseline: Lives) -> None:
    file = tmp_path / "students.toml"
    file.write_text('says = "x"\n[surge]\nparty = "non_eu_students"\nbegins = 2016-11-01\nfactor = 2\n')
    surged = live(SEED, RESIDENTS, read_scenario(str(file)))
    begins = day(2016, 11, 1)
    assert arrivals(surged, "non_eu_students", 0, begins) == arrivals(baseline, "non_eu_students", 0, begins)
    assert arrivals(surged, "non_eu_students", begins, NEVER) > arrivals(baseline, "non_eu_students", begins, NEVER)


def test_longer_stays_lengthen_stays_that_begin_late_and_no_other(baseline: Lives) -> None:
    begins = day(2016, 1, 1)
    both = baseline.households.join(of("longer_stays").households, on="key", suffix="_longer").filter(
        (pl.col("party") < len(PARTIES)) & (pl.col("arrive") < NEVER)
    )
    early, late = both.filter(pl.col("arrive") < begins), both.filter(pl.col("arrive") >= begins)
    assert (early["leave"] == early["leave_longer"]).all()
    assert (late["leave"] <= late["leave_longer"]).all()
    workers = late.filter(
        (pl.col("party") == 0)
        & (pl.col("leave") < pl.col("leave_longer"))
        & (pl.col("leave") - pl.col("arrive") > 100)
    )
    ratio = (workers["leave_longer"] - workers["arrive"]) / (workers["leave"] - workers["arrive"])
    assert workers.height > 20
    assert ratio.is_between(1.48, 1.52).all()


def test_a_lost_tenth_is_lost_from_one_year_of_one_extract(baseline: Lives) -> None:
    residents = truth_tables.settle(baseline).survey_residents
    errors = Errors(broken_rows=0)
    whole = {one.name: one.files for one in extracts.extracts(baseline, residents, errors)}
    loss = read_scenario("lost_tenth").loss
    left = {one.name: one.files for one in extracts.extracts(baseline, residents, errors, losses=loss)}
    for name, files in whole.items():
        for file, frame in files.items():
            if name != "activity_weeks":
                assert left[name][file].equals(frame)
    weeks, fewer = (one["activity_weeks"]["activity_weeks.parquet"] for one in (whole, left))
    lost = weeks.join(fewer, on=weeks.columns, how="anti")
    assert set(lost["TAX_YEAR_START"]) == {date(2016, 4, 6)}
    in_year = weeks.filter(pl.col("TAX_YEAR_START") == date(2016, 4, 6)).height
    assert abs(lost.height / in_year - 0.1) < 0.015
    assert fewer.height + lost.height == weeks.height


def test_the_yardstick_of_linkage_fixes_every_value_of_the_catalogue() -> None:
    """A default may change; `hard_links` may not, or its figures are no longer comparable."""
    scenario = read_scenario("hard_links")

    def leaves(tree: dict, prefix: str = "") -> set[str]:
        found: set[str] = set()
        for key, value in tree.items():
            found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
        return found

    assert leaves(scenario.errors) == {name for name, _ in values(Errors())}
    assert scenario.sources_err().rate("names", "rate", "mws") == pytest.approx(0.15)


def test_errors_of_a_user_come_on_top_of_those_of_the_scenario(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[names]\nrate = 0.2\n")
    hard = read_scenario("hard_links")
    mixed = hard.sources_err(str(file))
    assert (mixed.names.rate, mixed.addresses.stale) == (0.2, hard.sources_err().addresses.stale)
    assert hard.sources_err("none") == NO_ERRORS == read_scenario("perfect_sources").sources_err()
    assert read_scenario(BASELINE).sources_err() == Errors()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('says = "x"\nsurg = 1\n', "unknown key 'surg'. Did you mean 'surge'?"),
        ('says = "x"\n[surge]\nparty = "eu_worker"\nbegins = 2016-01-01\nfactor = 2\n', "Did you mean 'eu_workers'?"),
        ('says = "x"\n[surge]\nparty = "eu_workers"\nbegins = 2036-01-01\nfactor = 2\n', "simulated from 2010-01-01"),
        ('says = "x"\n[errors.names]\nrat = 0.1\n', r"\[names\]: unknown key 'rat'. Did you mean 'rate'?"),
        ('says = "x"\n[[loss]]\nextract = "survey"\nyear = 2016\nshare = 0.1\n', "loss.0.extract"),
        ("perfect = true\n", "'says' is missing"),
    ],
)
def test_a_mistake_in_a_scenario_of_a_user_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=told) as raised:
        read_scenario(str(file))
    assert "mine" in str(raised.value)


def test_an_unknown_scenario_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown scenario 'hard_link'. Did you mean 'hard_links'?"):
        read_scenario("hard_link")


def test_the_study_file_says_how_it_differs_from_the_baseline(tmp_path: Path) -> None:
    simulate(1_000, 1, tmp_path / "hard", scenario=read_scenario("hard_links"), data_date=date(2018, 12, 31))
    text = (tmp_path / "hard" / "study.toml").read_text(encoding="utf-8")
    assert "# Scenario hard_links: The yardstick" in text
    assert "# Error names.rate = 0.1\n" in text
    study = read_study(tmp_path / "hard" / "study.toml")
    assert study.name == "Synthetic country, 1,000 residents, seed 1, hard_links, data of 2018-12-31"
    assert study.data_date == date(2018, 12, 31)
    assert (study.periods.flow_years[-1], study.periods.stock_years[-1]) == (2018, 2018)
    simulate(1_000, 1, tmp_path / "usual", errors=NO_ERRORS)
    assert "# Errors: none" in (tmp_path / "usual" / "study.toml").read_text(encoding="utf-8")

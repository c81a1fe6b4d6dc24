"""Second numbers: unique, used from one day, posted on PDS before PR lists them, and the same person behind both."""

from datetime import date

import polars as pl
import pytest

from synthetic_data.delivery import extracts
from synthetic_data.delivery.second_numbers import second_days
from synthetic_data.errors.catalogue import Errors, with_overrides
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.institutions.view import DeliveredExtract
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, NEVER, day

KEYS = {"pds": "NHS_NUMBER", "pr": "NHS_NO", "hesa": "HUSID", "exit_checks_travel": "PERSON_ID"}
SECONDS = {"duplicates": {"pds": 0.5, "hesa": 0.5, "exit_checks": 0.5}}


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=6, residents=1_500)


def made(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> list[DeliveredExtract]:
    return list(extracts.extracts(lives, errors, data_date))


@pytest.fixture(scope="module")
def twice(lives: Lives) -> list[DeliveredExtract]:
    return made(lives, with_overrides(NO_ERRORS, SECONDS, "test"))


def frames(of: list[DeliveredExtract]) -> dict[str, pl.DataFrame]:
    return {one.name: pl.concat(one.files.values()) for one in of}


def test_numbers_are_those_of_one_person_and_some_people_have_two(twice: list[DeliveredExtract]) -> None:
    for name, key in KEYS.items():
        keys = frames(twice)[name].select("row", key).unique()
        assert keys[key].is_unique().all()
        a_person = keys.group_by("row").len()["len"]
        assert a_person.max() == 2
        assert (a_person == 2).mean() > 0.03


def test_the_second_number_is_used_from_the_day_on(twice: list[DeliveredExtract], lives: Lives) -> None:
    crossings = frames(twice)["exit_checks_travel"]
    since = second_days(lives, "exit_checks", 0.5)[crossings["row"].to_numpy()]
    later = pl.Series(crossings["EVENT_DATE"].to_physical().to_numpy() >= since)
    both = crossings.select("row", "PERSON_ID", later=later).unique().group_by("row", "later").len()
    assert (both["len"] == 1).all()
    assert abs((second_days(lives, "exit_checks", 0.5) < NEVER).mean() - 0.5) < 0.06


def test_pr_lists_no_number_that_pds_has_not_posted(twice: list[DeliveredExtract]) -> None:
    of = frames(twice)
    first_posted = of["pds"].group_by("NHS_NUMBER").agg(posted=pl.col("POSTING_DATE").min())
    listed = of["pr"].join(first_posted, left_on="NHS_NO", right_on="NHS_NUMBER", how="left")
    assert (listed["posted"] <= listed["SNAPSHOT_DATE"]).all()
    once = of["pr"].select("row", "SNAPSHOT_DATE")
    assert once.is_unique().all()


def test_postings_keep_their_contract(twice: list[DeliveredExtract]) -> None:
    postings = frames(twice)["pds"].select("NHS_NUMBER", "POSTING_DATE", "REGISTRATION_TYPE")
    assert postings.is_unique().all()
    assert postings["POSTING_DATE"].max() <= date(2019, 12, 31)


def test_the_truth_has_the_person_of_both_numbers(twice: list[DeliveredExtract], lives: Lives) -> None:
    (pds,) = (one for one in twice if one.name == "pds")
    known = extracts.identities(lives, map(extracts.known_people, twice), extracts.latest_addresses(pds))
    assert known.select("source", "person_key").is_unique().all()
    for name, key in KEYS.items():
        keys = frames(twice)[name].select(person=pl.Series(lives.person)[frames(twice)[name]["row"]], person_key=key)
        assert keys.unique().join(known, on=["person_key", "person"], how="anti").is_empty()


def test_perfect_sources_give_nobody_a_second_number(lives: Lives) -> None:
    for name, key in KEYS.items():
        keys = frames(made(lives, NO_ERRORS))[name].select("row", key).unique()
        assert keys["row"].is_unique().all()


def test_the_second_record_has_errors_of_its_own(lives: Lives) -> None:
    errors = with_overrides(NO_ERRORS, {**SECONDS, "pds": {"names": {"rate": 0.5}}}, "test")
    postings = frames(made(lives, errors))["pds"]
    spelt = postings.group_by("row").agg(pl.col("NHS_NUMBER", "GIVEN_NAME").n_unique())
    first, second = (spelt.filter(pl.col("NHS_NUMBER") == number)["GIVEN_NAME"] for number in (1, 2))
    assert (first == 1).all()
    # alike if both are right, or wrong alike
    assert 0.6 < (second == 2).mean() < 0.8


def test_an_earlier_cut_is_in_a_later_one(lives: Lives, twice: list[DeliveredExtract]) -> None:
    errors = with_overrides(NO_ERRORS, SECONDS, "test")
    early = frames(made(lives, errors, day(2018, 6, 30)))
    late = frames(twice)
    for name in ("pds", "pr", "exit_checks_travel"):
        assert early[name].join(late[name], on=early[name].columns, how="anti", nulls_equal=True).is_empty()

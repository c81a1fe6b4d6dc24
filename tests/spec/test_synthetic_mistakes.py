"""What a mistake looks like, and how often it affects whom."""

import numpy as np
import polars as pl
import pytest

from synthetic_data.errors import recorded_identity
from synthetic_data.errors.catalogue import Errors, with_overrides
from synthetic_data.errors.misspellings import drawn_slips, misspelt, on_new_year, wrong_birth
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.errors.record_draws import Records
from synthetic_data.errors.susceptibility import SHARES, error_susceptibility
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import LAST_DAY, SURVEY_DAY, age, dates, day

BORN = np.arange(day(1950, 1, 1), day(2015, 1, 1), 5)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=3, residents=3_000)


@pytest.fixture(scope="module")
def every_row(lives: Lives) -> np.ndarray:
    return np.arange(lives.people.height)


def records(errors: Errors, number: int) -> Records:
    return Records(errors, 1, "pds", "pds", np.arange(number))


def wrong(swapped: float, new_year: float) -> np.ndarray:
    errors = with_overrides(NO_ERRORS, {"dates": {"swapped": swapped, "new_year": new_year}}, "test")
    return wrong_birth(BORN, records(errors, len(BORN)))


def parts(days: np.ndarray) -> tuple[pl.Series, pl.Series, pl.Series]:
    of = dates("day", days).dt
    return of.year(), of.month(), of.day()


def test_swaps_and_new_years_are_shares_of_wrong_dates() -> None:
    (year, month, number), (year_is, month_is, number_is) = parts(BORN), parts(wrong(0.45, 0.08))
    swapped = (number == month_is) & (month == number_is) & (year == year_is) & (number != month)
    can_swap = (number <= 12) & (number != month)
    assert abs(swapped.sum() / can_swap.sum() - 0.45) < 0.05
    new_year = (month_is == 1) & (number_is == 1)
    assert abs(new_year.mean() - 0.08) < 0.02


def test_all_wrong_dates_can_be_of_one_kind() -> None:
    assert (wrong(0, 1) == on_new_year(BORN)).all()
    (year, month, number), (year_is, month_is, number_is) = parts(BORN), parts(wrong(1, 0))
    can_swap = (number <= 12) & (number != month)
    assert ((number == month_is) & (month == number_is) & (year == year_is)).filter(can_swap).all()
    assert (wrong(0, 0) != BORN).mean() > 0.99


def test_a_misspelt_name_is_another_name_with_the_same_first_letter() -> None:
    names = pl.Series(["Anna", "Li", "Na", "Smith", "O'Brien", "Wojciech", "De Luca", "Al-Harbi", "Nguyễn"] * 200)
    written = misspelt(names, drawn_slips(records(Errors(), len(names)), "given_name"), 0.4)
    assert (written != names).all()
    assert (written.str.len_chars() >= 1).all()
    assert (written.str.slice(0, 1) == names.str.slice(0, 1)).mean() > 0.99


def test_the_mean_error_susceptibility_over_residents_is_one(lives: Lives, every_row: np.ndarray) -> None:
    errors = Errors()
    factor = error_susceptibility(lives, errors, every_row)
    years, men = age(lives.birth, SURVEY_DAY), (lives.people["sex"] == "M").to_numpy()
    young = (years >= 20) & (years < 30)
    # weighted to the stated shares, so that the people simulated need not have them
    weight = np.where(young, SHARES["aged_20_29"] / young.mean(), (1 - SHARES["aged_20_29"]) / (1 - young.mean()))
    weight = weight * np.where(men, SHARES["men"] / men.mean(), (1 - SHARES["men"]) / (1 - men.mean()))
    in_london = lives.part == 6
    weight = weight * np.where(
        in_london, SHARES["london"] / in_london.mean(), (1 - SHARES["london"]) / (1 - in_london.mean())
    )
    assert np.average(factor, weights=weight) == pytest.approx(1, abs=0.06)


def test_factors_of_groups_multiply_and_do_not_depend_on_who_is_simulated(
    lives: Lives, every_row: np.ndarray
) -> None:
    alike = with_overrides(Errors(), {"names": {"susceptible": 0.0, "susceptible_factor": 1.0}}, "test")
    factor = error_susceptibility(lives, alike, every_row)
    years, men, in_london = age(lives.birth, SURVEY_DAY), (lives.people["sex"] == "M").to_numpy(), lives.part == 6
    young = (years >= 20) & (years < 30)
    mean = np.prod([1 + SHARES[name] * (of - 1) for name, of in alike.groups])
    expected = np.where(young, 1.6, 1) * np.where(men, 1.2, 1) * np.where(in_london, 1.4, 1) / mean
    assert factor == pytest.approx(expected)


def test_foreign_names_are_misspelt_more_often(lives: Lives, every_row: np.ndarray) -> None:
    errors = with_overrides(NO_ERRORS, {"names": {"rate": 0.2, "foreign_factor": 2.0}}, "test")
    found = recorded_identity.identity(lives, errors, "pds", every_row, np.zeros(len(every_row)))
    wrong = (found["family_name"] != lives.people["family_name"]).to_numpy()
    foreign = ~lives.people["origin"].is_in(["english", "irish"]).to_numpy()
    for those, expected in ((foreign, 0.2 * 0.7 * 2), (~foreign, 0.2 * 0.7)):
        assert abs(wrong[those].mean() - expected) < 4 * np.sqrt(0.25 / those.sum())


@pytest.mark.parametrize(
    ("tree", "columns"),
    [
        ({"sex": {"wrong": 0.3}}, ["sex"]),
        ({"dates": {"birth": 0.3}}, ["birth"]),
        ({"names": {"rate": 0.3}}, ["given_name", "family_name"]),
        ({"missing": {"given_name": 0.3}}, ["given_name"]),
    ],
)
def test_carelessness_has_the_rate_of_the_source_and_is_permanent(
    lives: Lives, every_row: np.ndarray, tree: dict, columns: list[str]
) -> None:
    errors = with_overrides(NO_ERRORS, {**tree, "hesa": {"factor": 1.0}}, "test")
    true, found = (recorded_identity.identity(lives, one, "hesa", every_row) for one in (NO_ERRORS, errors))
    for column in columns:
        share = (true[column] != found[column]).mean()
        assert abs(share - 0.3) < 4 * np.sqrt(0.21 / len(every_row)) + 0.01
    assert [name for name in true.columns if not true[name].equals(found[name])] == columns
    some = every_row[::-3]
    assert recorded_identity.identity(lives, errors, "hesa", some).equals(found[some])


def test_postcodes_and_nationalities_go_missing_and_no_others_change(lives: Lives, every_row: np.ndarray) -> None:
    errors = with_overrides(NO_ERRORS, {"hesa": {"missing": {"postcode": 0.2, "nationality": 0.1}}}, "test")
    days = np.full(len(every_row), SURVEY_DAY)
    known, found = (recorded_identity.postcode(lives, one, "hesa", every_row, days) for one in (NO_ERRORS, errors))
    assert abs(found.is_null().mean() - 0.2) < 4 * np.sqrt(0.16 / len(every_row))
    assert (known.filter(found.is_not_null()) == found.drop_nulls()).all()
    nation = recorded_identity.with_gaps(lives, errors, "hesa", "nationality", every_row, lives.people["nationality"])
    assert abs(nation.is_null().mean() - 0.1) < 4 * np.sqrt(0.09 / len(every_row))


def test_documents_give_first_of_january_to_all_sources_and_an_unknown_day_to_one(
    lives: Lives, every_row: np.ndarray
) -> None:
    tree = {"dates": {"documents": {"SO": 1.0, "IQ": 0.0}, "day_unknown": 0.0}}
    documents = with_overrides(NO_ERRORS, tree, "test")
    born_in = lives.people["country_of_birth"]
    somalia = (born_in == "SO").to_numpy()
    for source in ("pds", "hesa"):
        birth = recorded_identity.identity(lives, documents, source, every_row)["birth"].to_numpy()
        assert (birth[somalia] == on_new_year(lives.birth[somalia])).all()
        assert (birth[~somalia] == lives.birth[~somalia]).all()
    unknown = with_overrides(NO_ERRORS, {"dates": {"day_unknown": 1.0}}, "test")
    abroad = (born_in != "GB").to_numpy()
    at_pds, at_hesa = (
        recorded_identity.identity(lives, unknown, one, every_row)["birth"].to_numpy() for one in ("pds", "hesa")
    )
    assert (at_hesa == lives.birth).all()
    assert (at_pds == np.where(abroad, on_new_year(lives.birth), lives.birth)).all()


def test_a_source_records_the_old_name_of_a_person_known_before_the_marriage(lives: Lives) -> None:
    rows = np.flatnonzero(lives.people["married_name"].is_not_null().to_numpy())
    married = lives.people["married"].to_numpy()[rows]
    old, new = lives.people["family_name"][rows], lives.people["married_name"][rows]
    assert len(rows) > 10

    def name(errors: Errors, on: np.ndarray) -> pl.Series:
        return recorded_identity.identity(lives, errors, "hesa", rows, on)["family_name"]

    assert name(NO_ERRORS, married - 1).equals(old, check_names=False)
    assert name(NO_ERRORS, married).equals(new, check_names=False)
    never = with_overrides(NO_ERRORS, {"forms": {"marriage_missed": 1.0}}, "test")
    assert name(never, np.full(len(rows), LAST_DAY)).equals(old, check_names=False)
    late = with_overrides(NO_ERRORS, {"forms": {"marriage_mean_days": 100.0}}, "test")
    recorded = (name(late, married + 100) != old).mean()
    assert abs(recorded - (1 - np.exp(-1))) < 4 * np.sqrt(0.25 / len(rows)) + 0.02

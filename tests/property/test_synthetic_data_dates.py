"""A cut contains what was known on its day; a later cut agrees with it, except for what became known."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from synthetic_data.delivery import extracts
from synthetic_data.errors.catalogue import Errors
from synthetic_data.lives.build import live
from synthetic_data.numbers.days import FIRST_DAY, as_date
from synthetic_data.simulate import FIRST_DATA_DATE, LAST_DATA_DATE, simulate

LIVES = live(seed=2, residents=1_000)
ERRORS = Errors(broken_rows=0)
"""Every delivery breaks its own rows, so no rows are broken here."""
REVISED = {
    "activity_people": ["POSTCODE", "LAST_NAME"],  # the address now, and the name since a marriage
    "review_sample": ["NHS_NUMBER_FOUND"],  # reviewers search the list of their own delivery
    "births": ["MOTHER_NHS_NUMBER"],  # null until the mother is registered
    "benefit_spells": ["END_DATE"],  # null while the spell is open
    "child_benefit_claims": ["POSTCODE", "OPT_OUT_DATE"],  # the address now; null until they opt out
    "child_benefit_children": ["AWARD_END"],
    "tax_credit_awards": ["AWARD_END"],
    "eu_settlement": ["OUTCOME_DATE", "OUTCOME"],  # null, and pending, until decided
}
GRANTED_UNTIL = "VALID_TO"
BIRTHS = ("DATE_OF_BIRTH", "DOB", "BIRTHDTE", "BIRTH_DATE", "CHILD_DOB")


@cache
def cut(number: int) -> dict[str, pl.DataFrame]:
    return {one.name: pl.concat(one.files.values()) for one in extracts.extracts(LIVES, ERRORS, number)}


days = st.dates(FIRST_DATA_DATE, LAST_DATA_DATE).map(lambda on: (on - as_date(FIRST_DAY)).days + FIRST_DAY)


def unrevised(name: str, frame: pl.DataFrame, known_until: date) -> pl.DataFrame:
    """Return what does not change: without revised columns, or births after an earlier data date."""
    frame = frame.drop(REVISED.get(name, []))
    return frame.with_columns(
        pl.when(pl.col(column) > known_until).then(None).otherwise(column).alias(column)
        for column in frame.columns
        if column in BIRTHS and frame.schema[column] == pl.Date
    )


@settings(max_examples=8, deadline=None)
@given(one=days, other=days)
def test_every_row_of_an_earlier_cut_is_in_the_later_one(one: int, other: int) -> None:
    earlier, later = min(one, other), max(one, other)
    for name, frame in cut(earlier).items():
        before, after = unrevised(name, frame, as_date(earlier)), unrevised(name, cut(later)[name], as_date(earlier))
        gone = before.join(after, on=before.columns, how="anti", nulls_equal=True)
        # a wrong date of birth after the earlier data date was written correctly in the earlier cut
        births = [column for column in gone.columns if column in BIRTHS]
        gone = gone.drop(births).join(
            after.filter(pl.any_horizontal(pl.col(births).is_null())).drop(births) if births else after,
            on=[column for column in gone.columns if column not in births], how="anti", nulls_equal=True,
        )  # fmt: skip
        assert gone.is_empty(), (name, gone)
    mothers = cut(earlier)["births"].join(cut(later)["births"], on="NHS_NUMBER")
    named = mothers.filter(pl.col("MOTHER_NHS_NUMBER").is_not_null())
    assert (named["MOTHER_NHS_NUMBER"] == named["MOTHER_NHS_NUMBER_right"]).all()


@settings(max_examples=8, deadline=None)
@given(on=days)
def test_nothing_in_a_cut_is_later_than_its_day(on: int) -> None:
    for name, frame in cut(on).items():
        for column in frame.columns:
            if column != GRANTED_UNTIL and frame.schema[column] == pl.Date:
                last = frame[column].max()
                assert last is None or last <= as_date(on), (name, column)
    stated = cut(on)["mws"].select(pl.col("DATE_OF_ARRIVAL", "REGISTRATION_DATE").str.to_date("%d/%m/%Y"))
    assert stated.max_horizontal().max() <= as_date(on)


@pytest.mark.parametrize(
    ("on", "hesa", "tax_year", "snapshot"),
    [
        (date(2018, 12, 31), "2017/18", date(2018, 4, 5), date(2018, 7, 31)),
        (date(2018, 11, 1), "2016/17", date(2018, 4, 5), date(2018, 7, 31)),
        (date(2018, 7, 30), "2016/17", date(2017, 4, 5), date(2017, 7, 31)),
        (date(2019, 12, 31), "2018/19", date(2019, 4, 5), date(2019, 7, 31)),
    ],
)
def test_years_are_delivered_some_time_after_their_end(on: date, hesa: str, tax_year: date, snapshot: date) -> None:
    made = cut((on - as_date(FIRST_DAY)).days + FIRST_DAY)
    assert made["hesa"]["ACYEAR"].max() == hesa
    assert made["activity_weeks"]["TAX_YEAR_END"].max() == tax_year
    assert made["pr"]["SNAPSHOT_DATE"].max() == snapshot


@pytest.mark.parametrize(
    ("on", "message"),
    [
        (FIRST_DATA_DATE - timedelta(days=1), "coverage survey of 2017-06-30"),
        (LAST_DATA_DATE + timedelta(days=1), "simulated to 2020-12-31"),
    ],
)
def test_a_day_without_a_survey_or_a_life_is_refused(on: date, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        simulate(1_000, 1, tmp_path, data_date=on)

"""The coverage survey of 30 June 2015 and of 30 June 2017: everybody at the households of a sample is asked.

It finds all who are staying in a household, journeys aside, and asks whether they usually live here: residents are
those who have been here, or mean to be, for more than twelve months.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import survey_design
from synthetic_data.days import NEVER, SURVEY_DAY, as_date, dates, day
from synthetic_data.draws import Days, draws
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.intentions import LONG, MONTH, intended_stay
from synthetic_data.residence import Lives
from synthetic_data.sources import held, nhs, numbers
from synthetic_data.survey_response import answers

SURVEY_DAYS = (day(2015, 6, 30), SURVEY_DAY)
"""Days of the surveys: a chain that reads one takes the later, whose neighbouring years it knows best."""
DELIVERED_AFTER = 184
"""Days from a survey to its delivery at the end of the year."""
INTENDED = ("UNDER_6", "6_TO_12", "12_OR_MORE")
YEAR_AGO = ("SAME", "ELSEWHERE", "ABROAD", "NOT_BORN")


def delivered(sight: Sight) -> list[Extract]:
    """Return the extract of the surveys that are delivered on the data date."""
    file = {"coverage_survey.csv": sight.once(seen_answers)}
    order = ("REFERENCE_DATE", "POSTCODE", "HOUSEHOLD_ID", "PERSON_ID")
    return [Extract("coverage_survey", "coverage_survey", file, "PERSON_ID", "POSTCODE", "DOB", "SEX", order)]


def seen_answers(sight: Sight) -> pl.DataFrame:
    """Return the answers to all surveys that are delivered on the data date."""
    posted = sight.once(nhs.seen_postings)
    return pl.concat([
        coverage_survey(sight.lives, sight.errors, listed_on(sight.lives, posted, one), one)
        for one in surveys_delivered(sight.data_date)
    ])  # fmt: skip


def surveys_delivered(data_date: int) -> list[int]:
    """Return the days of the surveys that are delivered on the data date."""
    return [one for one in SURVEY_DAYS if one + DELIVERED_AFTER <= data_date]


def listed_on(lives: Lives, posted: pl.DataFrame, on: int) -> NDArray[np.bool_]:
    """Return who (row) is on the PDS list on a day: those whom the latest posting has not removed."""
    latest = posted.filter((pl.col("posting") <= on) & (pl.col("type") != nhs.DROP)).group_by("row")
    kept = latest.agg(pl.col("type").sort_by("posting").last()).filter(pl.col("type") != nhs.REMOVAL)
    listed = np.zeros(len(lives.people), dtype=bool)
    listed[kept["row"].to_numpy()] = True
    return listed


def coverage_survey(lives: Lives, errors: Errors, listed: NDArray[np.bool_], on: int = SURVEY_DAY) -> pl.DataFrame:
    """Return the answers to the survey of a day; `listed` says who (row) is on the PDS list that day."""
    everybody = np.arange(len(lives.people))
    rows = np.flatnonzero(lives.is_here(everybody, np.full(len(everybody), on)))
    days = np.full(len(rows), on)
    postcode, household = lives.postcode_at(rows, days), lives.household_on(rows, days)
    sample = survey_design.sample(lives, on)
    key = lives.households["key"].to_numpy()[household]
    # a household is asked as a whole
    asked = (sample.weight[postcode] > 0) & (draws(lives.seed, "survey household", key, on) < sample.households)
    rows, postcode, household = rows[asked], postcode[asked], household[asked]
    found = answers(lives, errors.survey, rows, lives.map.hard_to_count[postcode], listed[rows], on)
    rows, postcode, household = rows[found], postcode[found], household[found]
    named = f"survey {on}"
    person = held.identity(lives, errors, "coverage_survey", rows, np.full(len(rows), on))
    unknown = draws(lives.seed, "nationality not stated", lives.person[rows], on) < errors.survey.nationality_missing
    return pl.DataFrame(
        {
            "row": rows,
            "PERSON_ID": numbers.labels(lives, f"{named} person", rows, f"S{as_date(on):%y}", 9),
            "HOUSEHOLD_ID": numbers.household_labels(lives, f"{named} household", household),
            "FIRST_NAME": person["given_name"],
            "LAST_NAME": person["family_name"],
            "DOB": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": _where(~unknown, _nationality(lives, rows, on)),
            "POSTCODE": pl.Series(lives.postcodes[postcode], dtype=pl.String),
            **_residence(lives, errors, rows, on),
            **_year_ago(lives, rows, postcode, on),
            "REFERENCE_DATE": dates("reference", np.full(len(rows), on)),
            "STRATUM": pl.Series([f"HTC_{one}" for one in lives.map.hard_to_count[postcode]]),
            "CLUSTER": numbers.postcode_labels(lives, "survey cluster", postcode),
            "WEIGHT": np.round(sample.weight[postcode], 6),
        },
        schema_overrides={"STRATUM": pl.String},
    )


def _nationality(lives: Lives, rows: NDArray[np.int64], on: int) -> pl.Series:
    """Return the nationality of people on a day: those who were naturalised call themselves British."""
    held_then = lives.people[rows].select("nationality", "naturalised")
    british = pl.col("naturalised") <= on
    return held_then.select(pl.when(british).then(pl.lit("GB")).otherwise("nationality")).to_series()


def chains_on(lives: Lives, rows: NDArray[np.int64], on: int) -> tuple[Days, Days]:
    """Return when people who are here on a day first came and will last leave, absences of up to a year aside."""
    stays = lives.stays
    row, start, end = (stays[name].to_numpy() for name in ("row", "start", "end"))
    goes_on = np.append(False, (row[1:] == row[:-1]) & (start[1:] - end[:-1] <= 365))
    chain = np.cumsum(~goes_on) - 1
    first = np.flatnonzero(~goes_on)
    last = np.append(first[1:], len(row)) - 1
    inside = np.flatnonzero((start <= on) & (on < end))
    of_row = np.full(len(lives.people), -1, dtype=np.int64)
    of_row[row[inside]] = chain[inside]
    return start[first][of_row[rows]], end[last][of_row[rows]]


def _residence(lives: Lives, errors: Errors, rows: NDArray[np.int64], on: int) -> dict[str, pl.Series]:
    """Return whether people say that they usually live here, the month of arrival, and how long they mean to stay.

    Who has been here for a year says so; newcomers say what they mean to do. Those born here were never asked.
    """
    came, goes = chains_on(lives, rows, on)
    means_to_go = np.where(goes == lives.death[rows], NEVER, goes)  # nobody foresees death
    stated = intended_stay(lives, errors.intentions, rows, came, means_to_go)
    stated = np.maximum(stated, (on - came) / MONTH)
    arrived = came > lives.birth[rows]
    intended = np.array(INTENDED, dtype=object)[(stated >= 6).astype(int) + (stated >= LONG)]
    return {
        "USUAL_RESIDENT": pl.Series(stated >= LONG),
        "ARRIVED": dates("arrived", np.where(arrived, came, NEVER)).dt.month_start(),
        "INTENDED_STAY": _where(arrived, pl.Series(intended, dtype=pl.String)),
    }


def _year_ago(lives: Lives, rows: NDArray[np.int64], postcode: NDArray[np.int64], on: int) -> dict[str, pl.Series]:
    """Return where people lived a year before, and the postcode of those who lived elsewhere in the country."""
    before = np.full(len(rows), on - 365)
    was_here, then = lives.is_here(rows, before), lives.postcode_at(rows, before)
    told = np.select(
        [lives.birth[rows] > before, ~was_here, then == postcode],
        [YEAR_AGO[3], YEAR_AGO[2], YEAR_AGO[0]],
        YEAR_AGO[1],
    )
    return {
        "YEAR_AGO": pl.Series(told, dtype=pl.String),
        "POSTCODE_YEAR_AGO": _where(told == YEAR_AGO[1], pl.Series(lives.postcodes[then], dtype=pl.String)),
    }


def _where(kept: NDArray[np.bool_], values: pl.Series) -> pl.Series:
    return pl.select(pl.when(pl.Series(kept)).then(values)).to_series()

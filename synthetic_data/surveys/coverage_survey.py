"""The coverage surveys of 30 June 2015 and 30 June 2017: everyone in a sample of households is asked.

They include all people staying in a household, journeys aside, and ask whether they usually live here: residents are
those who have been here, or intend to be, for more than twelve months.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.lives.ordinals import ordinals
from synthetic_data.numbers.days import NEVER, SURVEY_DAY, as_date, dates, day
from synthetic_data.numbers.draws import Days, draws
from synthetic_data.numbers.runs import begins, pieces
from synthetic_data.surveys import coverage_design
from synthetic_data.surveys.coverage_response import answers
from synthetic_data.surveys.intentions import LONG, MONTH, intended_stay

SURVEY_DAYS = (day(2015, 6, 30), SURVEY_DAY)
"""Days of the surveys; by default the chain reads the later one, for whose neighbouring years it has most data."""
DELIVERED_AFTER = 184
"""Days from a survey to its delivery at the end of the year."""
INTENDED = ("UNDER_6", "6_TO_12", "12_OR_MORE")
YEAR_AGO = ("SAME", "ELSEWHERE", "ABROAD", "NOT_BORN")
STRATA = [f"HTC_{hardness}" for hardness in range(1, 6)]


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of the surveys delivered by the data date."""
    file = {"coverage_survey.csv": view.once(delivered_answers)}
    order = ("REFERENCE_DATE", "POSTCODE", "HOUSEHOLD_ID", "PERSON_ID")
    return [
        DeliveredExtract(
            "coverage_survey", "coverage_survey", file, "PERSON_ID", "POSTCODE", "DOB", "SEX", order, in_order=True
        )
    ]


def delivered_answers(view: InstitutionView) -> pl.DataFrame:
    """Return the answers to all surveys delivered by the data date."""
    posted = view.once(patient_registers.nhs_postings)
    return pl.concat([
        coverage_survey(view.lives, view.errors, listed_on(view.lives, posted, one), one)
        for one in surveys_delivered(view.data_date)
    ])  # fmt: skip


def surveys_delivered(data_date: int) -> list[int]:
    """Return the days of the surveys delivered by the data date."""
    return [one for one in SURVEY_DAYS if one + DELIVERED_AFTER <= data_date]


def listed_on(lives: Lives, posted: pl.DataFrame, on: int) -> NDArray[np.bool_]:
    """Return who (row) is on the PDS list on a day: people whose latest posting is not a removal."""
    known = posted.select("row", "type").filter(
        (posted["posting"] <= on) & (posted["type"] != patient_registers.DROP)
    )
    # postings are sorted by person and day
    latest = known.filter(pl.col("row") != pl.col("row").shift(-1, fill_value=-1))
    listed = np.zeros(len(lives.people), dtype=bool)
    listed[latest["row"].to_numpy()] = (latest["type"] != patient_registers.REMOVAL).to_numpy()
    return listed


def coverage_survey(lives: Lives, errors: Errors, listed: NDArray[np.bool_], on: int = SURVEY_DAY) -> pl.DataFrame:
    """Return the answers to the survey of a day; `listed` says who (row) is on the PDS list that day."""
    rows = lives.stays.filter((pl.col("start") <= on) & (pl.col("end") > on))["row"].to_numpy()
    days = np.full(len(rows), on)
    postcode, household = lives.postcode_at(rows, days), lives.household_on(rows, days)
    sample = coverage_design.sample(lives, on)
    key = lives.households["key"].to_numpy()[household]
    # a household is asked as a whole
    asked = (sample.weight[postcode] > 0) & (draws(lives.seed, "survey household", key, on) < sample.households)
    rows, postcode, household = rows[asked], postcode[asked], household[asked]
    found = answers(lives, errors.survey, rows, lives.map.hard_to_count[postcode], listed[rows], on)
    rows, postcode, household = rows[found], postcode[found], household[found]
    named = f"survey {on}"
    of_person, of_household = f"{named} person", f"{named} household"
    # in the order of the file
    places = pl.DataFrame({
        "postcode": lives.map.place[postcode],
        "household": identifiers.household_places(lives, of_household, household),
        "person": identifiers.shuffled(lives.seed, of_person, lives.once(ordinals)[rows]),
    })  # fmt: skip
    order = places.select(pl.arg_sort_by("postcode", "household", "person")).to_series().to_numpy()
    rows, postcode, household = rows[order], postcode[order], household[order]
    person = recorded_identity.identity(lives, errors, "coverage_survey", rows, np.full(len(rows), on))
    unknown = draws(lives.seed, "nationality not stated", lives.person[rows], on) < errors.survey.nationality_missing
    return pl.DataFrame(
        {
            "row": rows,
            "PERSON_ID": identifiers.labels(lives, of_person, rows, f"S{as_date(on):%y}", 9),
            "HOUSEHOLD_ID": identifiers.household_labels(lives, of_household, household),
            "FIRST_NAME": person["given_name"],
            "LAST_NAME": person["family_name"],
            "DOB": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": _where(~unknown, _nationality(lives, rows, on)),
            "POSTCODE": lives.map.text[postcode],
            **_residence(lives, errors, rows, on),
            **_year_ago(lives, rows, postcode, on),
            "REFERENCE_DATE": dates("reference", np.full(len(rows), on)),
            "STRATUM": pl.Series(STRATA)[lives.map.hard_to_count[postcode] - 1],
            "CLUSTER": identifiers.postcode_labels(lives, "survey cluster", postcode),
            "WEIGHT": np.round(sample.weight[postcode], 6),
        }
    )


def _nationality(lives: Lives, rows: NDArray[np.int64], on: int) -> pl.Series:
    """Return the nationality of people on a day: people who have naturalised answer British."""
    people = lives.people.select("nationality", "naturalised")[rows]
    british = pl.col("naturalised") <= on
    return people.select(pl.when(british).then(pl.lit("GB")).otherwise("nationality")).to_series()


def chains_on(lives: Lives, rows: NDArray[np.int64], on: int) -> tuple[Days, Days]:
    """Return when people who are here on a day first came and will last leave, ignoring absences of up to a year."""
    stays = lives.stays
    row, start, end = (stays[name].to_numpy() for name in ("row", "start", "end"))
    anew = begins(row) | (start - np.roll(end, 1) > 365)
    chain = np.cumsum(anew) - 1
    first, last = pieces(anew)
    inside = np.flatnonzero((start <= on) & (on < end))
    of_row = np.full(len(lives.people), -1, dtype=np.int64)
    of_row[row[inside]] = chain[inside]
    return start[first][of_row[rows]], end[last][of_row[rows]]


def _residence(lives: Lives, errors: Errors, rows: NDArray[np.int64], on: int) -> dict[str, pl.Series]:
    """Return whether people answer that they usually live here, the month of arrival, and the intended stay.

    People who have been here for a year answer yes; newcomers state their intention. People born here are not asked.
    """
    came, goes = chains_on(lives, rows, on)
    foreseen = np.where(goes == lives.death[rows], NEVER, goes)  # nobody foresees death
    stated = intended_stay(lives, errors.intentions, rows, came, foreseen)
    stated = np.maximum(stated, (on - came) / MONTH)
    arrived = came > lives.birth[rows]
    intended = np.where(arrived, (stated >= 6).astype(np.int64) + (stated >= LONG), len(INTENDED))
    return {
        "USUAL_RESIDENT": pl.Series(stated >= LONG),
        "ARRIVED": dates("arrived", np.where(arrived, came, NEVER)).dt.month_start(),
        "INTENDED_STAY": pl.Series([*INTENDED, None])[intended],
    }


def _year_ago(lives: Lives, rows: NDArray[np.int64], postcode: NDArray[np.int64], on: int) -> dict[str, pl.Series]:
    """Return where people lived a year before, and the postcode of those who lived elsewhere in the country."""
    before = np.full(len(rows), on - 365)
    was_here, then = lives.is_here(rows, before), lives.postcode_at(rows, before)
    same, elsewhere, abroad, not_born = range(len(YEAR_AGO))
    answer = np.select([lives.birth[rows] > before, ~was_here, then == postcode], [not_born, abroad, same], elsewhere)
    return {
        "YEAR_AGO": pl.Series(YEAR_AGO)[answer],
        "POSTCODE_YEAR_AGO": _where(answer == elsewhere, lives.map.text[then]),
    }


def _where(kept: NDArray[np.bool_], values: pl.Series) -> pl.Series:
    return pl.select(pl.when(pl.Series(kept)).then(values)).to_series()

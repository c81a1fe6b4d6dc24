"""Higher education: HESA's student record, international students and those who grew up here."""

from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, LAST_DAY, NEVER, YEAR, calendar_year, dates, year_starts
from synthetic_data.draws import Days, draws
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers

FIRST_ACADEMIC_YEAR = 2010
DELIVERED_AFTER = 120
"""Days from the end of an academic year until its return is delivered."""
HOME_STUDENTS = 0.35
"""Share of those who grow up here that goes to university at 18 or 19."""
STUDENTS_MOVE = 0.7
"""Home students with a term-time address of their own."""
ONWARD_COURSE = 0.15
"""International students of longer courses who take a second course at once."""
DISTANCE_COURSE = 0.03
"""...and who enrol as distance learners after they left the country."""
DISTANCE = 3
"""Number of the distance course."""
PROVIDERS = 24
WALES = "W92000004"


def delivered(sight: Sight) -> list[Extract]:
    """Return the extract of the student record."""
    record = students(sight.lives, sight.errors, sight.data_date)
    return [
        Extract("hesa", "hesa", {"hesa.csv": record},
                "HUSID", "TTPCODE", "BIRTHDTE", "SEXID", ("YEARSTART", "HUSID", "NUMHUS")),
    ]  # fmt: skip


def academic_years(data_date: int) -> range:
    """Return the first years of the academic years whose return has been delivered on the data date."""
    ends = (int(year_starts(year + 1, 8)) for year in count(FIRST_ACADEMIC_YEAR))
    delivered = next(n for n, end in enumerate(ends) if end + DELIVERED_AFTER > data_date)
    return range(FIRST_ACADEMIC_YEAR, FIRST_ACADEMIC_YEAR + delivered)


def students(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the student record: one row an instance and academic year, in order of HUSID and year."""
    courses = pl.concat([_international(lives), _home(lives)])
    frames = [_year(courses, year) for year in academic_years(data_date)]
    enrolled = pl.concat(frames).sort("row", "begin", "year")
    row = enrolled["row"].to_numpy()
    rows, index = np.unique(row, return_inverse=True)
    person = held.identity(lives, errors, "hesa", rows)[index]
    begin, year = enrolled["begin"].to_numpy(), enrolled["year"].to_numpy()
    starts = year_starts(year, 8)
    ends = np.where(enrolled["end"].to_numpy() < year_starts(year + 1, 8), enrolled["end"].to_numpy(), NEVER)
    entities = lives.person[row]
    provider = 10_007_000 + (
        draws(lives.seed, "provider", entities, enrolled["course"].to_numpy()) * PROVIDERS
    ).astype(np.int64)
    nationality = lives.people["nationality"][row]
    home = enrolled["home"]
    return pl.DataFrame(
        {
            "row": row,
            "HUSID": numbers.labels(lives, "student", rows, "", 13)[index],
            "NUMHUS": enrolled["course"].cast(pl.String).str.zfill(2) + "A",
            "UKPRN": pl.Series(provider).cast(pl.String),
            "FNAMES": person["given_name"],
            "SURNAME": person["family_name"],
            "BIRTHDTE": dates("birth", person["birth"]),
            "SEXID": held.sex_number(person["sex"]),
            "NATION": nationality,
            "DOMICILE": pl.select(
                pl.when(home).then(_part_of_country(lives, row, begin)).otherwise(nationality)
            ).to_series(),
            "TTPCODE": _term_address(lives, errors, enrolled),
            "COMDATE": dates("begin", begin),
            "YEARSTU": 1 + np.maximum(0, year - calendar_year(begin - 212)),
            "LOCSDY": pl.select(
                pl.when(enrolled["course"] == DISTANCE).then(pl.lit("D")).otherwise(pl.lit("Z"))
            ).to_series(),
            "ACYEAR": pl.Series([f"{one}/{(one + 1) % 100:02}" for one in year.tolist()], dtype=pl.String),
            "YEARSTART": dates("start", starts),
            "ENDDATE": dates("end", ends),
        }
    )


def _courses(row: NDArray[np.int64], course: int, begin: Days, end: Days, *, home: bool) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": row, "course": course, "begin": begin, "end": end, "home": home},
        schema={"row": pl.Int64, "course": pl.Int64, "begin": pl.Int64, "end": pl.Int64, "home": pl.Boolean},
    )


def _international(lives: Lives) -> pl.DataFrame:
    """Return the courses of students from abroad; who leaves the country early ends early.

    Some take a second course at once, and some who left enrol again from afar.
    """
    begin, finish = lives.course
    row = np.flatnonzero(begin < NEVER)
    begin, finish, person = begin[row], finish[row], lives.person[row]
    leave = lives.stays.group_by("row", maintain_order=True).first()["end"].to_numpy()[row]
    next_year = year_starts(calendar_year(finish + 10), 9, 22)
    next_year = np.where(next_year <= finish, next_year + 365, next_year)
    onward = (leave > next_year + 60) & (draws(lives.seed, "onward course", person) < ONWARD_COURSE)
    after_leaving = year_starts(calendar_year(leave + 366), 9, 22)
    afar = (leave < LAST_DAY) & (draws(lives.seed, "distance course", person) < DISTANCE_COURSE)
    afar &= leave < lives.death[row]
    return pl.concat([
        _courses(row, 1, begin, np.minimum(finish, leave), home=False),
        _courses(row[onward], 2, next_year[onward], np.minimum(next_year + 350, leave)[onward], home=False),
        _courses(row[afar], 3, after_leaving[afar], after_leaving[afar] + 300, home=False),
    ])  # fmt: skip


def _home(lives: Lives) -> pl.DataFrame:
    """Return three-year courses of people who live here at 18."""
    goes = draws(lives.seed, "university", lives.person) < HOME_STUDENTS
    eighteen = (lives.birth + 18 * YEAR).astype(np.int64)
    later = (draws(lives.seed, "gap year", lives.person) < 0.25).astype(np.int64)
    year = calendar_year(eighteen) + (eighteen > year_starts(calendar_year(eighteen), 8, 31)) + later
    begin = year_starts(year, 9, 15) + (draws(lives.seed, "first day", lives.person) * 14).astype(np.int64)
    grew_up = (lives.first_start < begin - 3 * 365) & (lives.purpose != "study") & (begin <= LAST_DAY)
    row = np.flatnonzero(goes & grew_up & (year >= FIRST_ACADEMIC_YEAR - 3))
    row = row[lives.is_here(row, begin[row])]
    end = begin[row] + int(3 * YEAR) - 100 + (draws(lives.seed, "last day", lives.person[row]) * 16).astype(np.int64)
    stays = lives.stays.group_by("row", maintain_order=True).last()["end"].to_numpy()[row]
    return _courses(row, 1, begin[row], np.minimum(end, np.maximum(stays, begin[row] + 20)), home=True)


def _year(courses: pl.DataFrame, year: int) -> pl.DataFrame:
    first, after = int(year_starts(year, 8)), int(year_starts(year + 1, 8))
    return courses.filter((pl.col("begin") < after) & (pl.col("end") > first)).with_columns(year=pl.lit(year))


def _part_of_country(lives: Lives, row: NDArray[np.int64], days: Days) -> pl.Series:
    """Return the code of the country in which home students lived: XI for Wales, XF for England."""
    postcodes = lives.postcodes[lives.postcode_at(row, days)]
    return pl.select(
        pl.when(pl.Series(postcodes, dtype=pl.String).str.starts_with("CF"))
        .then(pl.lit("XI"))
        .otherwise(pl.lit("XF"))
    ).to_series()


def _term_address(lives: Lives, errors: Errors, enrolled: pl.DataFrame) -> pl.Series:
    """Return term-time postcodes: those of international students' homes; halls and flats of home students."""
    row, year = enrolled["row"].to_numpy(), enrolled["year"].to_numpy()
    entities, begin = lives.person[row], enrolled["begin"].to_numpy()
    on = np.maximum(begin, year_starts(year, 10))
    at_home = held.postcode(lives, errors, "hesa", row, on)
    away = enrolled["home"].to_numpy() & (draws(lives.seed, "lives in hall", entities) < STUDENTS_MOVE)
    flat = draws(lives.seed, "student flat", entities, year) ** 2.5 * len(lives.postcodes)
    in_town = pl.Series(lives.postcodes[flat.astype(np.int64)], dtype=pl.String)
    here = enrolled["course"] != DISTANCE
    return pl.select(pl.when(here).then(pl.when(pl.Series(away)).then(in_town).otherwise(at_home))).to_series()

"""Higher education: HESA's student record of everyone enrolled, one row per instance and academic year.

An instance begins with a course, and again with a change of provider, which gives another first year to a student who
has studied here before. Placements fill one year of a course, in the country or abroad; some are distance learners.
"""

from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.universities.other_courses import EXCHANGE, PART_TIME, POSTGRADUATE, other_courses
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives import higher_education
from synthetic_data.lives.higher_education import DISTANCE
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, NEVER, calendar_year, dates, year_starts
from synthetic_data.numbers.draws import Days, draws
from synthetic_data.numbers.equal_rows import distinct
from synthetic_data.numbers.runs import ranges

FIRST_ACADEMIC_YEAR = 2010
INSTANCES = [f"{course:02}{instance}" for course in range(EXCHANGE + 1) for instance in "AB"]
"""Names of the first and second instance of each course, by course number."""
DELIVERED_AFTER = 120
"""Days from the end of an academic year to the delivery of its return."""
PROVIDERS = 24
WALES = 9
"""Number of this part of the country."""
CHANGES_PROVIDER, OF_LONGER_COURSES = 0.02, 600
"""Share of courses of more than these days that continue at another provider after the first year (assumptions)."""
FIRST_YEAR = 270
PART_TIME_POSTGRADUATES, PART_TIME_AT_A_DISTANCE = 0.45, 0.4
"""Shares of home postgraduates who study part-time, and of part-time students at a distance (assumptions)."""
PLACEMENT_ABROAD = 0.45
"""Share of placements that are abroad, of students who need no visa to return."""
FULL_TIME_CODE, PART_TIME_CODE = "01", "31"
AT_PROVIDER, ON_PLACEMENT, ABROAD, DISTANCE_IN_COUNTRY, DISTANCE_ABROAD = "Z", "D", "T", "6", "9"
NOT_EXCHANGE, ERASMUS, OTHER_EXCHANGE = "N", "G", "4"
"""Codes of mode, location of study and exchange (HESA, Student record, 2012/13 to 2018/19)."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of the student record."""
    record = students(view.lives, view.errors, view.data_date)
    return [
        DeliveredExtract("hesa", "hesa", {"hesa.csv": record},
                "HUSID", "TTPCODE", "BIRTHDTE", "SEXID", ("YEARSTART", "HUSID", "NUMHUS")),
    ]  # fmt: skip


def academic_years(data_date: int) -> range:
    """Return the first calendar years of the academic years whose return is delivered by the data date."""
    ends = (int(year_starts(year + 1, 8)) for year in count(FIRST_ACADEMIC_YEAR))
    delivered = next(n for n, end in enumerate(ends) if end + DELIVERED_AFTER > data_date)
    return range(FIRST_ACADEMIC_YEAR, FIRST_ACADEMIC_YEAR + delivered)


def students(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the student record: one row per instance and academic year, in order of person, instance and year."""
    enrolled = _enrolments(_instances(lives), academic_years(data_date))
    row, year, second = (enrolled[name].to_numpy() for name in ("row", "year", "second"))
    begin, course = enrolled["begin"].to_numpy(), enrolled["course"].to_numpy()
    person = recorded_identity.identity(lives, errors, "hesa", row, year_starts(year, 8))
    ends = np.where(enrolled["end"].to_numpy() < year_starts(year + 1, 8), enrolled["end"].to_numpy(), NEVER)
    provider = draws(lives.seed, "provider", lives.person[row], course, second) * PROVIDERS
    nationality = lives.people["nationality"][row]
    lived_in = _part_of_country(lives, row, begin)
    return pl.DataFrame(
        {
            "row": row,
            "HUSID": identifiers.labels(lives, "student", row, "", 13),
            "NUMHUS": pl.Series(INSTANCES)[2 * course + second],
            "UKPRN": pl.Series(10_007_000 + provider.astype(np.int64)).cast(pl.String),
            "FNAMES": person["given_name"],
            "SURNAME": person["family_name"],
            "BIRTHDTE": dates("birth", person["birth"]),
            "SEXID": recorded_identity.sex_number(person["sex"]),
            "NATION": recorded_identity.with_gaps(lives, errors, "hesa", "nationality", row, nationality),
            "DOMICILE": pl.select(pl.when(enrolled["home"]).then(lived_in).otherwise(nationality)).to_series(),
            "TTPCODE": _term_address(lives, errors, enrolled),
            "COMDATE": dates("begin", begin),
            "YEARSTU": 1 + np.maximum(0, year - calendar_year(begin - 212)),
            "MODE": pl.Series([FULL_TIME_CODE, PART_TIME_CODE])[_part_time(lives, row, course).astype(np.int64)],
            "LOCSDY": _location(lives, enrolled),
            "EXCHANGE": pl.Series([NOT_EXCHANGE, ERASMUS, OTHER_EXCHANGE])[
                np.where(course == EXCHANGE, 1 + lives.visa_national[row], 0)
            ],
            "ACYEAR": _academic_year_labels(year),
            "YEARSTART": dates("start", year_starts(year, 8)),
            "ENDDATE": dates("end", ends),
        }
    )


def _academic_year_labels(years: NDArray[np.int64]) -> pl.Series:
    """Return the names of academic years: 2018 begins 2018/19."""
    known, index = distinct(years)
    return pl.Series([f"{one}/{(one + 1) % 100:02}" for one in known.tolist()], dtype=pl.String)[index]


def _instances(lives: Lives) -> pl.DataFrame:
    """Return all courses in order of person and begin; those that continue at another provider are two instances.

    Columns: those of `higher_education.courses`, and `second`: 0 for a first instance, 1 for a second one.
    """
    courses = pl.concat([
        one.select("row", "course", "begin", "end", "home", "placement")
        for one in (lives.once(higher_education.courses), other_courses(lives))
    ])  # fmt: skip
    begin, course = courses["begin"].to_numpy(), courses["course"].to_numpy()
    person = lives.person[courses["row"].to_numpy()]
    changes = draws(lives.seed, "changes provider", person, course) < CHANGES_PROVIDER
    changes &= courses["end"].to_numpy() - begin > OF_LONGER_COURSES
    again = year_starts(calendar_year(begin) + 1, 9, 18)
    first = courses.with_columns(
        second=pl.lit(0, pl.Int64),
        end=pl.when(pl.Series(changes)).then(pl.col("begin") + FIRST_YEAR).otherwise("end"),
    )
    second = courses.with_columns(second=pl.lit(1, pl.Int64), begin=pl.Series(again)).filter(pl.Series(changes))
    return pl.concat([first, second]).sort("row", "begin")


def _enrolments(instances: pl.DataFrame, years: range) -> pl.DataFrame:
    """Return each instance once for each of the given academic years in which it continues, with that `year`."""
    first = np.maximum(_academic_year(instances["begin"].to_numpy()), years.start)
    last = np.minimum(_academic_year(instances["end"].to_numpy() - 1), years.stop - 1)
    instance, year = ranges(first, last)
    return instances[instance].with_columns(year=pl.Series(year))


def _academic_year(days: Days) -> NDArray[np.int64]:
    """Return the year in which the academic year of each day begins, on 1 August."""
    year = calendar_year(days)
    return year - (days < year_starts(year, 8))


def _part_time(lives: Lives, row: NDArray[np.int64], course: NDArray[np.int64]) -> NDArray[np.bool_]:
    by_choice = draws(lives.seed, "part-time", lives.person[row], course) < PART_TIME_POSTGRADUATES
    return (course == PART_TIME) | ((course == POSTGRADUATE) & by_choice)


def _location(lives: Lives, enrolled: pl.DataFrame) -> pl.Series:
    """Return where the year is spent: at the provider, on placement, abroad, or at a distance, here or elsewhere."""
    row, course = enrolled["row"].to_numpy(), enrolled["course"].to_numpy()
    year, placement = enrolled["year"].to_numpy(), enrolled["placement"].to_numpy()
    person = lives.person[row]
    out = (placement >= year_starts(year, 8)) & (placement < year_starts(year + 1, 8))
    # exit checks would have to record the journey of a visa holder
    abroad = ~lives.visa_national[row] & (draws(lives.seed, "placement abroad", person) < PLACEMENT_ABROAD)
    at_distance = (course == PART_TIME) & (draws(lives.seed, "from afar", person) < PART_TIME_AT_A_DISTANCE)
    where = np.select([course == DISTANCE, at_distance, out & abroad, out], [4, 3, 2, 1], 0)
    return pl.Series([AT_PROVIDER, ON_PLACEMENT, ABROAD, DISTANCE_IN_COUNTRY, DISTANCE_ABROAD])[where]


def _part_of_country(lives: Lives, row: NDArray[np.int64], days: Days) -> pl.Series:
    """Return the code of the country in which people lived: XI for Wales, XF for England."""
    welsh = lives.map.part[lives.postcode_at(row, days)] == WALES
    return pl.Series(["XF", "XI"])[welsh.astype(np.int64)]


def _term_address(lives: Lives, errors: Errors, enrolled: pl.DataFrame) -> pl.Series:
    """Return term-time postcodes; null for people who study from another country."""
    on = np.maximum(enrolled["begin"].to_numpy(), year_starts(enrolled["year"].to_numpy(), 10))
    postcode = recorded_identity.postcode(lives, errors, "hesa", enrolled["row"].to_numpy(), on)
    return pl.select(pl.when(enrolled["course"] != DISTANCE).then(postcode)).to_series()

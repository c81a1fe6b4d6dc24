"""Work: registrations for a National Insurance number (Migrant Worker Scan) and weeks of activity."""

from itertools import count

import numpy as np
import polars as pl

from synthetic_data.days import DATA_DATE, age, dates, day, year_starts
from synthetic_data.draws import draws
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers
from synthetic_data.working_lives import WorkingLives

SCAN_BEGAN = day(1975, 1, 1)
FIRST_TAX_YEAR = 2009
DELIVERED_AFTER = 180
"""Days from the end of a tax year until its weeks are delivered."""
PENSION_AGE = 65


def delivered(sight: Sight) -> list[Extract]:
    """Return the extracts of activity and of the Migrant Worker Scan."""
    lives, errors, data_date = sight.lives, sight.errors, sight.data_date
    weeks = activity_weeks(lives, sight.working, errors, data_date)
    active = active_people(lives, weeks, errors, data_date)
    scanned = migrant_workers(lives, sight.working, errors, data_date)
    return [
        Extract("activity_people", "activity", {"activity_people.parquet": active},
                "NINO_ENC", "POSTCODE", "DATE_OF_BIRTH", "SEX", ("NINO_ENC",)),
        Extract("activity_weeks", "activity", {"activity_weeks.parquet": numbered(lives, weeks)},
                "NINO_ENC", order=("NINO_ENC", "TAX_YEAR_START")),
        Extract("mws", "mws", {"mws.csv": scanned}, "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC",)),
    ]  # fmt: skip


def tax_years(data_date: int) -> range:
    """Return the first years of the tax years that have been delivered on the data date."""
    ends = (int(year_starts(year + 1, 4, 6)) for year in count(FIRST_TAX_YEAR))
    delivered = next(n for n, end in enumerate(ends) if end + DELIVERED_AFTER > data_date)
    return range(FIRST_TAX_YEAR, FIRST_TAX_YEAR + delivered)


def migrant_workers(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the Migrant Worker Scan: adult overseas nationals by number, with the arrival that they state."""
    rows = np.flatnonzero(working.overseas & (working.registration <= data_date))
    person = held.identity(lives, errors, "mws", rows)
    registration = np.maximum(working.registration[rows], SCAN_BEGAN)
    entities, arrival = lives.person[rows], lives.first_start[rows]
    memory = draws(lives.seed, "stated arrival", entities)
    off = (draws(lives.seed, "stated arrival off", entities) * 20 - 10).astype(np.int64)
    month = arrival.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    near, rounded = errors.dates.arrival_near, errors.dates.arrival_month
    stated = np.select([memory < near, memory < near + rounded], [arrival + off, month], arrival)
    stated = np.minimum(stated, registration)
    return pl.DataFrame(
        {
            "row": rows,
            "NINO_ENC": numbers.insurance_numbers(lives, rows),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": _day_first(person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": held.code(lives.people["nationality"][rows], "registration_name"),
            "DATE_OF_ARRIVAL": _day_first(stated),
            "REGISTRATION_DATE": _day_first(registration),
            "POSTCODE": held.postcode(lives, errors, "mws", rows, registration, stale=0.0),
        }
    )


def _day_first(days: np.ndarray | pl.Series) -> pl.Series:
    return dates("day", days).dt.strftime("%d/%m/%Y")


def activity_weeks(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return weeks of activity by tax year: the extract's columns but the number."""
    frames = [_weeks_of(lives, working, errors, year) for year in tax_years(data_date)]
    return pl.concat(frames).sort("row", "TAX_YEAR_START")


def _weeks_of(lives: Lives, working: WorkingLives, errors: Errors, year: int) -> pl.DataFrame:
    first, after = int(year_starts(year, 4, 6)), int(year_starts(year + 1, 4, 6))
    stays = lives.stays
    active_from = working.active_from[stays["row"].to_numpy()]
    days = (
        np.minimum(stays["end"].to_numpy(), after)
        - np.maximum(np.maximum(stays["start"].to_numpy(), first), active_from)
    )  # fmt: skip
    present = (
        pl.DataFrame({"row": stays["row"], "days": np.maximum(days, 0)}).group_by("row", maintain_order=True).sum()
    )
    row = present["row"].to_numpy()
    entities = lives.person[row]
    weeks = np.round(present["days"].to_numpy() / 7).astype(np.int64)
    weeks = np.minimum(weeks, 52)
    # a gap is a whole year without a job or a claim
    gap = draws(lives.seed, "activity gap", entities, year) < errors.registration.activity_gap
    seen = (weeks > 0) & ~gap
    row, entities, weeks = row[seen], entities[seen], weeks[seen]
    years_old = age(lives.birth[row], first)
    kind = draws(lives.seed, "kind of activity", entities)
    in_work = np.where(years_old >= PENSION_AGE, 0.1, 0.85)
    part = draws(lives.seed, "part of the year", entities, year)
    benefit = np.select(
        [kind >= in_work, years_old >= PENSION_AGE, part < 0.15], [weeks, weeks, np.ceil(weeks * part * 4)], 0
    ).astype(np.int64)
    tax = np.where(kind >= in_work, 0, np.where(part < 0.15, weeks - benefit // 2, weeks))
    # the two systems overlap, and together they see every week
    tax = np.maximum(tax, weeks - benefit)
    return pl.DataFrame(
        {
            "row": row,
            "TAX_YEAR_START": dates("start", np.full(len(row), first)),
            "TAX_YEAR_END": dates("end", np.full(len(row), after - 1)),
            "WEEKS_TAX": tax,
            "WEEKS_BENEFIT": np.minimum(benefit, weeks),
            "WEEKS_ANY": weeks,
        }
    )


def numbered(lives: Lives, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the extract of weeks, with encrypted numbers."""
    rows, index = np.unique(weeks["row"].to_numpy(), return_inverse=True)
    return weeks.select("row", numbers.insurance_numbers(lives, rows)[index].alias("NINO_ENC"), pl.exclude("row"))


def active_people(lives: Lives, weeks: pl.DataFrame, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the extract of people who were ever active, as tax and benefit systems hold them on the data date."""
    rows = np.unique(weeks["row"].to_numpy())
    person = held.identity(lives, errors, "activity", rows)
    latest = np.full(len(rows), data_date)
    last = lives.stays.group_by("row", maintain_order=True).last()["end"].to_numpy()[rows]
    return pl.DataFrame(
        {
            "row": rows,
            "NINO_ENC": numbers.insurance_numbers(lives, rows),
            "FIRST_NAME": person["given_name"],
            "LAST_NAME": person["family_name"],
            "DATE_OF_BIRTH": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "POSTCODE": held.postcode(lives, errors, "activity", rows, np.minimum(latest, last - 1)),
        }
    )

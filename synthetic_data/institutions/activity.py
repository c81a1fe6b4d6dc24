"""The activity extracts: people ever recorded by tax and benefit systems, and their weeks in every tax year.

The weeks are those of `revenue/activity_weeks.py`. Beside them is the combination of benefits that a person received
for the most days of the year, taken from the benefit spells of the same weeks (`benefits/`), so that two extracts
about one person never disagree. Tax credits are not included: they belong to families and have their own extract.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.benefits.benefit_spells import spells_on_benefit
from synthetic_data.institutions.revenue import activity_weeks
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.numbers.days import dates, year_starts
from synthetic_data.numbers.equal_rows import distinct
from synthetic_data.numbers.runs import begins

NO_BENEFIT = "NONE"


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extracts of activity."""
    weeks = view.once(activity_weeks.all_weeks)
    weeks = weeks[np.flatnonzero(weeks["year"].to_numpy() < activity_weeks.tax_years(view.data_date).stop)]
    people = active_people(view, weeks)
    return [
        DeliveredExtract("activity_people", "activity", {"activity_people.parquet": people},
                "NINO_ENC", "POSTCODE", "DATE_OF_BIRTH", "SEX", ("NINO_ENC",), in_order=True),
        DeliveredExtract("activity_weeks", "activity", {"activity_weeks.parquet": weeks_of_people(view, weeks)},
                "NINO_ENC", order=("NINO_ENC", "TAX_YEAR_START"), in_order=True),
    ]  # fmt: skip


def weeks_of_people(view: InstitutionView, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the extract of weeks; `weeks` are those of `activity_weeks.activity_weeks`."""
    row, place = weeks["row"].to_numpy(), weeks["year"].to_numpy() - activity_weeks.FIRST_TAX_YEAR
    years = np.array(activity_weeks.tax_years(activity_weeks.LAST_OF_ALL))
    return pl.DataFrame(
        {
            "row": row,
            "NINO_ENC": identifiers.insurance_numbers(view, row),
            "TAX_YEAR_START": dates("start", year_starts(years, 4, 6))[place],
            "TAX_YEAR_END": dates("end", year_starts(years + 1, 4, 5))[place],
            "WEEKS_TAX": weeks["WEEKS_TAX"].cast(pl.Int64),
            "WEEKS_BENEFIT": weeks["WEEKS_BENEFIT"].cast(pl.Int64),
            "WEEKS_ANY": weeks["WEEKS_ANY"].cast(pl.Int64),
            "BENEFIT_COMBINATION": combinations(weeks, view.once(spells_on_benefit)),
        }
    )


def combinations(weeks: pl.DataFrame, spells: pl.DataFrame) -> pl.Series:
    """Return the combination of each person and year of `weeks`, `NONE` where the year has no week on benefit.

    `spells` has `row, start, end` (the last day) and `combination`, each person's in order. Of combinations received
    for equally many days the first counts.
    """
    on_benefit = np.flatnonzero(weeks["WEEKS_BENEFIT"].to_numpy())
    row, year = weeks["row"].to_numpy()[on_benefit], weeks["year"].to_numpy()[on_benefit]
    longest = np.full(len(weeks), len(spells))
    for one in distinct(year)[0].tolist():
        those = np.flatnonzero(year == one)
        longest[on_benefit[those]] = _longest(spells, one)[row[those]]
    return spells["combination"].extend_constant(NO_BENEFIT, 1).rechunk()[longest]


def _longest(spells: pl.DataFrame, year: int) -> NDArray[np.int64]:
    """Return each person's longest spell (row of `spells`) in days of a tax year, or the number of spells if none.

    Of equally long spells it is the first.
    """
    row, start, end = (spells[name].to_numpy() for name in ("row", "start", "end"))
    first, after = int(year_starts(year, 4, 6)), int(year_starts(year + 1, 4, 6))
    in_year = np.flatnonzero((start < after) & (end >= first))
    days = np.minimum(end[in_year], after - 1) - np.maximum(start[in_year], first)
    most = np.full(row.max() + 1, -1)
    np.maximum.at(most, row[in_year], days)
    longest = in_year[days == most[row[in_year]]][::-1]
    found = np.full(len(most), len(spells))
    found[row[longest]] = longest
    return found


def active_people(view: InstitutionView, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the extract of people who were ever active, as tax and benefit systems record them on the data date.

    In `weeks` the rows of a person are consecutive.
    """
    lives, errors = view.lives, view.errors
    row = weeks["row"].to_numpy()
    rows = row[begins(row)]
    latest = np.full(len(rows), view.data_date)
    person = recorded_identity.identity(lives, errors, "activity", rows, latest)
    return pl.DataFrame(
        {
            "row": rows,
            "NINO_ENC": identifiers.insurance_numbers(view, rows),
            "FIRST_NAME": person["given_name"],
            "LAST_NAME": person["family_name"],
            "DATE_OF_BIRTH": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "POSTCODE": recorded_identity.postcode(
                lives, errors, "activity", rows, np.minimum(latest, lives.last_end[rows] - 1)
            ),
        }
    )

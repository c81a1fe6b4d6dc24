"""The registrars: births and deaths in the country, once they are registered; those abroad are not registered.

A mother registers her twins on one day. Events of visitors, who are not usually resident, are registered too: their
address is often abroad, which leaves the postcode empty.
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
from synthetic_data.numbers.days import DATA_DATE, FIRST_DAY, dates
from synthetic_data.numbers.draws import draws, exponential

GIVES_ADDRESS_ABROAD = 0.7
"""Share of visitors who give their address abroad when they register an event (an assumption)."""
BIRTH_REGISTERED_WITHIN = 42
DEATH_REGISTERED_AFTER = 6
"""Mean days; few take longer than a month."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extracts of births and deaths."""
    born = births(view.lives, view.once(patient_registers.on_list), view.errors, view.data_date)
    died = deaths(view.lives, view.errors, view.data_date)
    return [
        DeliveredExtract("births", "births", {"births.csv": born}, "NHS_NUMBER",
                "USUAL_ADDRESS_POSTCODE", "DATE_OF_BIRTH", "SEX", ("REGISTRATION_DATE", "NHS_NUMBER")),
        DeliveredExtract("deaths", "deaths", {"deaths.csv": died}, "ENTRY_NUMBER",
                "USUAL_ADDRESS_POSTCODE", "DATE_OF_BIRTH", "SEX", ("REGISTRATION_DATE", "ENTRY_NUMBER")),
    ]  # fmt: skip


def births(lives: Lives, on_nhs: np.ndarray, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return registered births; `on_nhs` says who (row) has an NHS number, by which the mother is identified."""
    mother = lives.people["mother"].to_numpy()
    rows = np.flatnonzero((mother >= 0) & (lives.birth >= FIRST_DAY))
    born = lives.birth[rows]
    lag = draws(lives.seed, "birth registration", lives.person[mother[rows]], born) * (BIRTH_REGISTERED_WITHIN + 1)
    registered = born + lag.astype(np.int64)
    known = registered <= data_date
    rows, registered = rows[known], registered[known]
    child, mothers = recorded_identity.identity(lives, errors, "births", rows), mother[rows]
    postcode = recorded_identity.postcode(lives, errors, "births", rows, lives.birth[rows], stale=0.0)
    number = identifiers.nhs_numbers(lives, mothers)
    return pl.DataFrame(
        {
            "row": rows,
            "NHS_NUMBER": identifiers.nhs_numbers(lives, rows),
            "CHILD_FORENAME": child["given_name"],
            "CHILD_SURNAME": child["family_name"],
            "DATE_OF_BIRTH": dates("birth", child["birth"]),
            "SEX": child["sex"],
            "USUAL_ADDRESS_POSTCODE": _unless_abroad(lives, mothers, postcode),
            "MOTHER_NHS_NUMBER": pl.select(pl.when(pl.Series(on_nhs[mothers])).then(number)).to_series(),
            "REGISTRATION_DATE": dates("registered", registered),
        }
    )


def _unless_abroad(lives: Lives, rows: NDArray[np.int64], postcode: pl.Series) -> pl.Series:
    """Return the postcodes without those of visitors (rows) who give an address abroad."""
    abroad = draws(lives.seed, "usual address abroad", lives.person[rows]) < GIVES_ADDRESS_ABROAD
    abroad &= lives.purpose[rows].are("visit")
    return pl.select(pl.when(pl.Series(~abroad)).then(postcode)).to_series()


def deaths(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return registered deaths."""
    lag = 1 + exponential(draws(lives.seed, "death registration", lives.person), DEATH_REGISTERED_AFTER).astype(
        np.int64
    )
    registered = lives.death + np.minimum(lag, 200)
    rows = np.flatnonzero((lives.death >= FIRST_DAY) & (registered <= data_date))
    person = recorded_identity.identity(lives, errors, "deaths", rows, lives.death[rows])
    postcode = recorded_identity.postcode(lives, errors, "deaths", rows, lives.death[rows] - 1)
    return pl.DataFrame(
        {
            "row": rows,
            "ENTRY_NUMBER": identifiers.labels(lives, "death entry", rows, "D", 10),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DATE_OF_BIRTH": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "USUAL_ADDRESS_POSTCODE": _unless_abroad(lives, rows, postcode),
            "DATE_OF_DEATH": dates("death", lives.death[rows]),
            "REGISTRATION_DATE": dates("registered", registered[rows]),
        }
    )

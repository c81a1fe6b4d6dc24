"""The Migrant Worker Scan: adult overseas nationals who registered for a National Insurance number."""

import numpy as np
import polars as pl

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.numbers.days import dates, day
from synthetic_data.numbers.draws import draws

SCAN_BEGAN = day(1975, 1, 1)


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of the Migrant Worker Scan."""
    return [
        DeliveredExtract(
            "mws", "mws", {"mws.csv": migrant_workers(view)}, "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC",)
        )
    ]


def migrant_workers(view: InstitutionView) -> pl.DataFrame:
    """Return the Migrant Worker Scan: adult overseas nationals by number, with the arrival that they state."""
    lives, working, errors = view.lives, view.working, view.errors
    rows = np.flatnonzero(working.overseas & (working.registration <= view.data_date))
    registration = np.maximum(working.registration[rows], SCAN_BEGAN)
    person = recorded_identity.identity(lives, errors, "mws", rows, registration)
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
            "NINO_ENC": identifiers.insurance_numbers(view, rows),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": _day_first(person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": recorded_identity.code(lives.people["nationality"][rows], "registration_name"),
            "DATE_OF_ARRIVAL": _day_first(stated),
            "REGISTRATION_DATE": _day_first(registration),
            "POSTCODE": recorded_identity.postcode(lives, errors, "mws", rows, registration, stale=0.0),
        }
    )


def _day_first(days: np.ndarray | pl.Series) -> pl.Series:
    return dates("day", days).dt.strftime("%d/%m/%Y")

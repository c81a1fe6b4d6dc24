"""The border: crossings of visa nationals since 8 April 2015, and their permissions.

Crossings are missing where a carrier reports nothing (routes differ), where the journey passes through Ireland, and
where a departure is never matched to the traveller. Refugees cross unrecorded until they have protection, and people
who become British travel on a passport that exit checks do not follow. Nothing is known from before April 2015.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.errors.border_rates import Border
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.home_office.permissions import all_permissions, protected_on
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, EXIT_CHECKS_FROM, dates
from synthetic_data.numbers.draws import Days, draws, pick

ROUTES = {"AIR": 0.93, "RAIL": 0.05, "SEA": 0.02}
"""Share of each route among crossings: an assumption."""
NEITHER_RECORDED, ONLY_BACK_RECORDED = 0.5, 0.25
"""Of journeys abroad through Ireland: shares with no crossing recorded, and with only the return; else the exit."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extracts of exit checks."""
    crossings = travel(view.lives, view.errors, view.data_date)
    granted = visas(view)
    return [
        DeliveredExtract("exit_checks_travel", "exit_checks", {"exit_checks_travel.csv": crossings},
                "PERSON_ID", None, "BIRTH_DATE", "SEX", ("EVENT_DATE", "PERSON_ID", "DIRECTION")),
        DeliveredExtract("exit_checks_visas", "exit_checks", {"exit_checks_visas.csv": granted},
                "PERSON_ID", None, "BIRTH_DATE", "SEX", ("VALID_FROM", "PERSON_ID", "VISA_TYPE")),
    ]  # fmt: skip


def travel(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the crossings that exit checks match to a traveller, journeys abroad included."""
    crossings = _crossings(lives).filter(pl.col("day").is_between(EXIT_CHECKS_FROM, data_date))
    row, on = crossings["row"].to_numpy(), crossings["day"].to_numpy()
    inwards = (crossings["direction"] == "IN").to_numpy()
    # a household travels by one route
    route = pick(draws(lives.seed, "route", lives.household_key[row], on), list(ROUTES.values()))
    crossings = crossings.with_columns(ROUTE=pl.Series(list(ROUTES))[route])
    reported = draws(lives.seed, "carrier tells", lives.household_key[row], on) >= _unreported(errors.border)[
        inwards.astype(np.int64), route
    ]  # fmt: skip
    matched = inwards | (
        draws(lives.seed, "unmatched departure", lives.person[row], on) >= errors.departures.unmatched
    )
    recorded = reported & matched & _documented(lives, row, on)
    recorded &= ~_through_ireland(lives, crossings, inwards, errors.border.by_ireland)
    crossings = crossings.filter(pl.Series(recorded))
    row, on = crossings["row"].to_numpy(), crossings["day"].to_numpy()
    return _traveller(lives, errors, row, on).with_columns(
        EVENT_DATE=dates("event", on),
        DIRECTION=crossings["direction"],
        ROUTE=crossings["ROUTE"],
    )


def visas(view: InstitutionView) -> pl.DataFrame:
    """Return the permissions granted by the data date."""
    granted = view.once(all_permissions).filter(pl.col("valid_from") <= view.data_date)
    row, on = granted["row"].to_numpy(), granted["valid_from"].to_numpy()
    return _traveller(view.lives, view.errors, row, on).with_columns(
        VISA_TYPE=granted["visa"],
        VALID_FROM=dates("from", granted["valid_from"]),
        VALID_TO=dates("to", granted["valid_to"]),
    )


def _crossings(lives: Lives) -> pl.DataFrame:
    """Return every crossing of visa nationals: `row, day, direction, journey` (first day of it), `trip`."""
    stays = lives.stays.filter(pl.Series(lives.visa_national[lives.stays["row"].to_numpy()]))
    alive = stays.filter(pl.col("end") != pl.Series(lives.death)[stays["row"]])
    trips = lives.trips.filter(pl.Series(lives.visa_national[lives.trips["row"].to_numpy()]))
    once, again = pl.lit(value=False).alias("trip"), pl.lit(value=True).alias("trip")
    return pl.concat([
        stays.select("row", once, day="start", direction=pl.lit("IN"), journey="start"),
        alive.select("row", once, day="end", direction=pl.lit("OUT"), journey="end"),
        trips.select("row", again, day="out", direction=pl.lit("OUT"), journey="out"),
        trips.select("row", again, day="back", direction=pl.lit("IN"), journey="out"),
    ])  # fmt: skip


def _unreported(border: Border) -> NDArray[np.float64]:
    """Return the shares of crossings that no carrier reports: outwards and inwards, by route."""
    return np.array([
        [border.air_out, border.rail_out, border.sea_out],
        [border.air_in, border.rail_in, border.sea_in],
    ])  # fmt: skip


def _documented(lives: Lives, row: NDArray[np.int64], on: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the traveller crosses on a known foreign passport: no asylum claim open, not yet British."""
    refugee = lives.route[row].are("protection")
    return (~refugee | (on >= protected_on(lives, row))) & (on < lives.naturalised[row])


def _through_ireland(
    lives: Lives, crossings: pl.DataFrame, inwards: NDArray[np.bool_], share: float
) -> NDArray[np.bool_]:
    """Return which crossings go unrecorded as the household travels within the Common Travel Area."""
    household, journey = lives.household_key[crossings["row"].to_numpy()], crossings["journey"].to_numpy()
    by_ireland = draws(lives.seed, "by Ireland", household, journey) < share
    which = draws(lives.seed, "leg by Ireland", household, journey)
    unrecorded = np.where(
        inwards, (which < NEITHER_RECORDED) | (which >= NEITHER_RECORDED + ONLY_BACK_RECORDED), False
    )
    unrecorded |= ~inwards & (which < NEITHER_RECORDED + ONLY_BACK_RECORDED)
    return by_ireland & (unrecorded | ~crossings["trip"].to_numpy())


def _traveller(lives: Lives, errors: Errors, row: NDArray[np.int64], on: Days) -> pl.DataFrame:
    """Return who the traveller of each row is, as the border records it on the day."""
    person = recorded_identity.identity(lives, errors, "exit_checks", row, on)
    return pl.DataFrame(
        {
            "row": row,
            "PERSON_ID": identifiers.labels(lives, "traveller", row, "T", 12),
            "GIVEN_NAMES": person["given_name"],
            "FAMILY_NAME": person["family_name"],
            "BIRTH_DATE": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": recorded_identity.code(lives.people["nationality"][row], "border_code"),
        }
    )

"""The border: crossings of visa nationals since 8 April 2015, and their permissions."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, EXIT_CHECKS_FROM, FIRST_DAY, NEVER, YEAR, dates
from synthetic_data.draws import Days, between, draws, pick
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers

ROUTES = ("AIR", "RAIL", "SEA")
ROUTE_SHARES = (0.93, 0.05, 0.02)
SETTLES_AFTER = int(5 * YEAR)
EXTENSION = 730
"""Days of one extension."""
FIRST_VISA_DAYS = {"work": 3 * 365, "family": 1004, "study": 0, "visit": 180}
SHORT_STUDY_DAYS = 335
AFTER_COURSE = 120
"""Days that a student's visa lasts beyond the course."""
PARTY_VISAS = {
    "work": "WRK",
    "family": "FAM",
    "study": "STU",
    "visit": "VIS",
    "resident": "WRK",
    "return": "WRK",
    "protection": "FAM",
    "ghost": "WRK",
}


def delivered(sight: Sight) -> list[Extract]:
    """Return the extracts of exit checks."""
    crossings = travel(sight.lives, sight.errors, sight.data_date)
    permissions = visas(sight.lives, sight.errors, sight.data_date)
    return [
        Extract("exit_checks_travel", "exit_checks", {"exit_checks_travel.csv": crossings},
                "PERSON_ID", None, "BIRTH_DATE", "SEX", ("EVENT_DATE", "PERSON_ID", "DIRECTION")),
        Extract("exit_checks_visas", "exit_checks", {"exit_checks_visas.csv": permissions},
                "PERSON_ID", None, "BIRTH_DATE", "SEX", ("VALID_FROM", "PERSON_ID", "VISA_TYPE")),
    ]  # fmt: skip


def travel(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the crossings, journeys abroad included; some departures are never matched to the traveller."""
    stays = lives.stays.filter(pl.Series(lives.visa_national[lives.stays["row"].to_numpy()]))
    alive = stays.filter(pl.col("end") != pl.Series(lives.death)[stays["row"]])
    crossings = pl.concat([
        stays.select("row", day="start", direction=pl.lit("IN")),
        alive.select("row", day="end", direction=pl.lit("OUT")),
        lives.trips.select("row", day="out", direction=pl.lit("OUT")),
        lives.trips.select("row", day="back", direction=pl.lit("IN")),
    ]).filter(pl.col("day").is_between(EXIT_CHECKS_FROM, data_date))  # fmt: skip
    row, on = crossings["row"].to_numpy(), crossings["day"].to_numpy()
    lost = draws(lives.seed, "unmatched departure", lives.person[row], on) < errors.departures.unmatched
    crossings = crossings.filter((pl.col("direction") == "IN") | ~pl.Series(lost)).sort("day", "row", "direction")
    row, on = crossings["row"].to_numpy(), crossings["day"].to_numpy()
    # a household travels by one route
    route = pick(draws(lives.seed, "route", lives.household_key[row], on), ROUTE_SHARES)
    return _traveller(lives, errors, row).with_columns(
        EVENT_DATE=dates("event", on),
        DIRECTION=crossings["direction"],
        ROUTE=pl.Series(np.array(ROUTES, dtype=object)[route], dtype=pl.String),
    )


def _traveller(lives: Lives, errors: Errors, row: NDArray[np.int64]) -> pl.DataFrame:
    rows, index = np.unique(row, return_inverse=True)
    person = held.identity(lives, errors, "exit_checks", rows)
    return pl.DataFrame(
        {
            "row": rows,
            "PERSON_ID": numbers.labels(lives, "traveller", rows, "T", 12),
            "GIVEN_NAMES": person["given_name"],
            "FAMILY_NAME": person["family_name"],
            "BIRTH_DATE": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": held.code(lives.people["nationality"][rows], "border_code"),
        }
    )[index]


def visas(lives: Lives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the permissions granted by the data date: a first visa, extensions, settlement after five years."""
    stays = lives.stays.with_columns(number=pl.int_range(pl.len()).over("row"))
    stays = stays.filter(pl.Series(lives.visa_national[stays["row"].to_numpy()]))
    settled = stays.filter(pl.col("start") < FIRST_DAY - 40)
    chains = pl.concat(
        [_old_settlement(lives, settled), _chain(lives, stays.filter(pl.col("start") >= FIRST_DAY - 40))]
    )
    chains = chains.filter(pl.col("valid_from") <= data_date).unique(
        ["row", "visa", "valid_from"], keep="first", maintain_order=True
    )
    chains = chains.sort("valid_from", "row", "visa")
    return _traveller(lives, errors, chains["row"].to_numpy()).with_columns(
        VISA_TYPE=chains["visa"],
        VALID_FROM=dates("from", chains["valid_from"]),
        VALID_TO=dates("to", chains["valid_to"]),
    )


def _permissions(
    row: NDArray[np.int64], visa: str | NDArray[np.object_], start: Days, end: Days | int
) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": row, "visa": visa, "valid_from": start, "valid_to": end},
        schema={"row": pl.Int64, "visa": pl.String, "valid_from": pl.Int64, "valid_to": pl.Int64},
    )


def _old_settlement(lives: Lives, stays: pl.DataFrame) -> pl.DataFrame:
    """Return the settlement of those who live here on the first day: between their arrival and that day."""
    row, start = stays["row"].to_numpy(), stays["start"].to_numpy()
    since = between(draws(lives.seed, "old settlement", lives.household_key[row]), np.maximum(start, 0), FIRST_DAY)
    return _permissions(row, "ILR", since.astype(np.int64), int(NEVER))


def _chain(lives: Lives, stays: pl.DataFrame) -> pl.DataFrame:
    """Return the permissions of stays that began under observation, one after the other without a gap."""
    row, start, end, number = (stays[name].to_numpy() for name in ("row", "start", "end", "number"))
    household, seed = lives.household_key[row], lives.seed
    purpose = np.where((number > 0) & (lives.purpose[row] == "study"), "work", lives.purpose[row])
    visa = np.array([PARTY_VISAS[one] for one in purpose], dtype=object)
    visa[lives.people["place"].to_numpy()[row] > 0] = "FAM"
    granted = start - between(draws(seed, "visa before arrival", household, number), 1, 40).astype(np.int64)
    finish = lives.course[1][row]
    lasts = np.array([FIRST_VISA_DAYS.get(one, 3 * 365) for one in purpose])
    expires = np.where((purpose == "study") & (finish < NEVER), finish + AFTER_COURSE, granted + lasts)
    long_visit = (purpose == "visit") & (end > granted + lasts)
    visa[long_visit] = "STU"
    expires = np.where(long_visit, granted + SHORT_STUDY_DAYS + 60, expires)
    chain = [_permissions(row, visa, granted, expires)]
    settles = start + SETTLES_AFTER
    for _ in range(4):
        more = (end > expires) & (expires < settles) & (purpose != "visit")
        next_expires = np.where(more, expires + EXTENSION, expires)
        chain.append(_permissions(row[more], "EXT", (expires + 1)[more], next_expires[more]))
        expires = next_expires
    stays_on = (end > settles) & (purpose != "visit")
    chain.append(_permissions(row[stays_on], "ILR", settles[stays_on], int(NEVER)))
    return pl.concat(chain)

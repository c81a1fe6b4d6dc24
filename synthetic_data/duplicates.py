"""Second numbers: from a day of their time in the country on, some people are somebody new to a source.

PDS and PR give a second NHS number, HESA a second HUSID, exit checks a second traveller. The second record of a
person has errors of its own, and the first is never closed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import FIRST_DAY, LAST_DAY, NEVER, dates
from synthetic_data.draws import Days, between, draws
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers
from synthetic_data.sources.nhs import MOVE, REMOVAL


@dataclass(frozen=True)
class _Layout:
    """How an extract dates its rows and heads its names, and which numbers it gives."""

    dated: str
    given_name: str
    family_name: str
    numbers: Callable[[Lives, NDArray[np.int64]], pl.Series]


def _nhs(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    return numbers.nhs_numbers(lives, rows, again=True)


def _husid(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    return numbers.labels(lives, "student", rows, "", 13, again=True)


def _traveller(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    return numbers.labels(lives, "traveller", rows, "T", 12, again=True)


_LAYOUTS = {
    "pds": _Layout("POSTING_DATE", "GIVEN_NAME", "FAMILY_NAME", _nhs),
    "pr": _Layout("SNAPSHOT_DATE", "FORENAME", "SURNAME", _nhs),
    "hesa": _Layout("YEARSTART", "FNAMES", "SURNAME", _husid),
    "exit_checks_travel": _Layout("EVENT_DATE", "GIVEN_NAMES", "FAMILY_NAME", _traveller),
    "exit_checks_visas": _Layout("VALID_FROM", "GIVEN_NAMES", "FAMILY_NAME", _traveller),
}


def with_second_numbers(made: list[Extract], lives: Lives, errors: Errors) -> list[Extract]:
    """Return extracts of an institution with the second numbers of people; in order, for PR lists what PDS posted."""
    sources = {one.source for one in made}
    since = {source: second_days(lives, source, share) for source, share in errors.duplicates if source in sources}
    done = []
    for extract in made:
        days = since.get("pds" if extract.source == "pr" else extract.source)
        if days is None or extract.name not in _LAYOUTS or not (days < NEVER).any():
            done.append(extract)
            continue
        files = dict(extract.files)
        if extract.name == "pds":
            files = {name: _posted_again(frame, lives, days) for name, frame in files.items()}
        done.append(
            replace(
                extract,
                files={name: _renumbered(frame, extract, lives, errors, days) for name, frame in files.items()},
            )
        )
    return done


def second_days(lives: Lives, source: str, share: float) -> Days:
    """Return the day from which a source takes each person for somebody new, or `NEVER`.

    It is drawn from the days of the simulated years between the person's first arrival and last departure.
    """
    last = lives.stays.group_by("row", maintain_order=True).last()["end"].to_numpy()
    begins, ends = np.maximum(lives.first_start, FIRST_DAY), np.minimum(last, LAST_DAY)
    on = between(draws(lives.seed, f"{source} second day", lives.person), begins, ends).astype(np.int64)
    second = (draws(lives.seed, f"{source} second number", lives.person) < share) & (begins < ends)
    return np.where(second, on, NEVER)


def _posted_again(frame: pl.DataFrame, lives: Lives, days: Days) -> pl.DataFrame:
    """Return the postings with a registration on the day, where the person is registered then.

    Who is not gets no second number: the day is set to `NEVER` in `days`, of which PR makes use, too.
    """
    twice = frame.filter(pl.Series(days[frame["row"].to_numpy()] < NEVER))
    on = pl.Series("on", dates("on", days[twice["row"].to_numpy()]))
    before = twice.with_columns(on).filter(pl.col("POSTING_DATE") < pl.col("on"))
    latest = before.sort("POSTING_DATE", maintain_order=True).group_by("row", maintain_order=True).last()
    latest = latest.filter(pl.col("REGISTRATION_TYPE") != REMOVAL)
    registered = np.zeros(len(days), dtype=bool)
    registered[latest["row"].to_numpy()] = True
    days[~registered] = NEVER
    again = latest.with_columns(
        POSTING_DATE="on", REGISTRATION_TYPE=pl.lit(MOVE), REMOVAL_REASON=pl.lit(None, pl.String)
    ).select(frame.columns)
    return pl.concat([frame, again]).unique(
        ["row", "POSTING_DATE", "REGISTRATION_TYPE"], keep="first", maintain_order=True
    )


def _renumbered(frame: pl.DataFrame, extract: Extract, lives: Lives, errors: Errors, days: Days) -> pl.DataFrame:
    """Return the rows of a file with the second number, and its name and date of birth, from the day on."""
    layout = _LAYOUTS[extract.name]
    row, on = frame["row"].to_numpy(), frame[layout.dated].to_physical().to_numpy().astype(np.int64)
    later = np.flatnonzero(on >= days[row])
    person = held.identity(lives, errors, extract.source, row[later], on[later], again=True)
    second = {
        extract.key: layout.numbers(lives, row[later]),
        layout.given_name: person["given_name"],
        layout.family_name: person["family_name"],
        str(extract.birth): dates("birth", person["birth"]),
    }
    return frame.with_columns(frame[name].scatter(later, values).alias(name) for name, values in second.items())

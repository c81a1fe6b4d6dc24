"""Second numbers: from some day of their time in the country, some people are registered again by a source.

PDS and PR give a second NHS number, HESA a second HUSID, exit checks a second traveller. The second record of a
person has errors of its own, and the first is never closed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.nhs.posting_events import MOVE, REMOVAL
from synthetic_data.institutions.view import DeliveredExtract
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, dates
from synthetic_data.numbers.draws import Days, between, draws


@dataclass(frozen=True)
class _Layout:
    """The headers of date and names in an extract, and the numbers that it gives."""

    dated: str
    given_name: str
    family_name: str
    numbers: Callable[[Lives, NDArray[np.int64]], pl.Series]


def _nhs(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    return identifiers.nhs_numbers(lives, rows, again=True)


def _husid(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    return identifiers.labels(lives, "student", rows, "", 13, again=True)


def _traveller(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    return identifiers.labels(lives, "traveller", rows, "T", 12, again=True)


_LAYOUTS = {
    "pds": _Layout("POSTING_DATE", "GIVEN_NAME", "FAMILY_NAME", _nhs),
    "pr": _Layout("SNAPSHOT_DATE", "FORENAME", "SURNAME", _nhs),
    "hesa": _Layout("YEARSTART", "FNAMES", "SURNAME", _husid),
    "exit_checks_travel": _Layout("EVENT_DATE", "GIVEN_NAMES", "FAMILY_NAME", _traveller),
    "exit_checks_visas": _Layout("VALID_FROM", "GIVEN_NAMES", "FAMILY_NAME", _traveller),
}


def with_second_numbers(
    made: list[DeliveredExtract], lives: Lives, errors: Errors, data_date: int
) -> list[DeliveredExtract]:
    """Return the extracts of an institution with the second numbers that people were given by the data date."""
    sources = {one.source for one in made}
    since = {source: second_days(lives, source, share) for source, share in errors.duplicates if source in sources}
    since = {source: np.where(days <= data_date, days, NEVER) for source, days in since.items()}
    again = pl.DataFrame()
    if "pds" in since:
        postings = pl.concat([frame for one in made if one.name == "pds" for frame in one.files.values()])
        again = _posted_again(postings, since["pds"])
        # people not registered on the day are given no number, and PR lists only people with a posting on PDS
        given = np.zeros(len(lives.people), dtype=bool)
        given[again["row"].to_numpy()] = True
        since["pds"] = since["pr"] = np.where(given, since["pds"], NEVER)
    done = []
    for extract in made:
        files = dict(extract.files)
        if extract.name == "pds":
            files = {name: _joined(frame, again) for name, frame in files.items()}
        if extract.name in _LAYOUTS:
            files = _renumbered(files, extract, lives, errors, since[extract.source])
        done.append(replace(extract, files=files))
    return done


def second_days(lives: Lives, source: str, share: float) -> Days:
    """Return the day from which a source treats each person as a new one, or `NEVER`.

    It is drawn from the days of the simulated years between the person's first arrival and last departure.
    """
    begins, ends = np.maximum(lives.first_start, FIRST_DAY), np.minimum(lives.last_end, LAST_DAY)
    on = between(draws(lives.seed, f"{source} second day", lives.person), begins, ends).astype(np.int64)
    second = (draws(lives.seed, f"{source} second number", lives.person) < share) & (begins < ends)
    return np.where(second, on, NEVER)


def _posted_again(postings: pl.DataFrame, days: Days) -> pl.DataFrame:
    """Return the registrations under a second number, of people who are registered on their day."""
    twice = postings.filter(pl.Series(days[postings["row"].to_numpy()] < NEVER))
    on = dates("on", days[twice["row"].to_numpy()])
    before = twice.with_columns(on).filter(pl.col("POSTING_DATE") < pl.col("on"))
    latest = before.sort("POSTING_DATE", maintain_order=True).group_by("row", maintain_order=True).last()
    return (
        latest.filter(pl.col("REGISTRATION_TYPE") != REMOVAL)
        .with_columns(POSTING_DATE="on", REGISTRATION_TYPE=pl.lit(MOVE), REMOVAL_REASON=pl.lit(None, pl.String))
        .select(postings.columns)
    )


def _joined(postings: pl.DataFrame, again: pl.DataFrame) -> pl.DataFrame:
    """Return all postings; if a move is posted on the day anyway, it is the registration under the second number."""
    once = ["row", "POSTING_DATE", "REGISTRATION_TYPE"]
    posted = postings.select(once).filter(pl.col("row").is_in(again["row"].implode()))
    new = again.join(posted, on=once, how="anti", maintain_order="left")
    return pl.concat([postings, new], rechunk=True)


def _renumbered(
    files: dict[str, pl.DataFrame], extract: DeliveredExtract, lives: Lives, errors: Errors, days: Days
) -> dict[str, pl.DataFrame]:
    """Return files with the second number, and its name and date of birth, in the rows from the day onwards.

    Files that were in the order of numbers are sorted again.
    """
    layout = _LAYOUTS[extract.name]
    dated = {name: frame[layout.dated].to_physical().to_numpy() for name, frame in files.items()}
    later = {name: np.flatnonzero(dated[name] >= days[frame["row"].to_numpy()]) for name, frame in files.items()}
    row = np.concatenate([frame["row"].to_numpy()[later[name]] for name, frame in files.items()])
    on = np.concatenate([dated[name][later[name]] for name in files]).astype(np.int64)
    person = recorded_identity.identity(lives, errors, extract.source, row, on, again=True)
    second = {
        extract.key: layout.numbers(lives, row),
        layout.given_name: person["given_name"],
        layout.family_name: person["family_name"],
        str(extract.birth): dates("birth", person["birth"]),
    }
    ends = dict(zip(files, np.cumsum([len(one) for one in later.values()]), strict=True))
    done = {}
    for name, frame in files.items():
        of_file = slice(ends[name] - len(later[name]), ends[name])
        changed = frame.with_columns(
            frame[column].scatter(later[name], values[of_file]).alias(column) for column, values in second.items()
        )
        done[name] = _reordered(changed, extract.order, later[name]) if extract.in_order else changed
    return done


def _reordered(frame: pl.DataFrame, order: tuple[str, ...], moved: NDArray[np.int64]) -> pl.DataFrame:
    """Return a frame in order, after a few rows (`moved`) got new first keys."""
    those = moved[frame[moved].select(pl.arg_sort_by(order, maintain_order=True)).to_series().to_numpy()]
    others = np.delete(np.arange(len(frame)), moved)
    key = frame[order[0]]
    places = key[others].search_sorted(key[those]).to_numpy().astype(np.int64)
    return frame[np.insert(others, places, those)]

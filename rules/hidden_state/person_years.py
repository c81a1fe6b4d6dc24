"""What is seen of every person in every year, from the tables of the rules: the input of the hidden states."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.tables import query
from rules.hidden_state.histories import ENDED, Histories, Symbols
from rules.sql_text import among, position_in

UNKNOWN_AGE_BAND = 1
"""People without a month of birth are taken to be of working age."""


@dataclass(frozen=True)
class PersonYears:
    """People in order of `person_id`, with `alive` by person and year (on 30 June) and `first_year`, the place of it.

    `histories` are their distinct histories, with `row_of` each person.
    """

    years: tuple[int, ...]
    person_id: np.ndarray
    first_year: np.ndarray
    alive: np.ndarray
    bands: int
    histories: Histories

    def content(self) -> bytes:
        """Return what identifies everything that is seen."""
        one, symbols = self.histories, self.histories.symbols
        arrays = (
            self.person_id,
            self.alive,
            self.first_year,
            one.start,
            one.group,
            one.codes,
            one.people,
            one.row_of,
        )
        seen = (symbols.band, symbols.seen, symbols.died, np.asarray(symbols.shown))
        digest = hashlib.sha256(repr(self.years).encode())
        for array in (*arrays, *seen):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()


def person_years(
    connection: duckdb.DuckDBPyConnection,
    signs: Sequence[str],
    years: range,
    ages: Sequence[int],
    delivered_share: float,
) -> PersonYears:
    """Return what is seen of every person on 30 June of consecutive years, from `person` and `residence_sign`.

    `ages` are the first of each age band but the youngest; people are grouped by nationality and by their band in the
    first year, on which their first state depends. A source counts as delivered for a year if at least
    `delivered_share` as many people give a sign by it as in the year with most.
    """
    groups = position_in(NATIONALITY_GROUPS, "CAST(nationality_group AS VARCHAR)")
    people = query(
        connection,
        f"""
        SELECT person_id, {groups} AS "group",
            coalesce(year(birth_month) + CAST(month(birth_month) > 6 AS INTEGER), 0) AS first_june,
            coalesce(year(death_date) + CAST(death_date > make_date(year(death_date), 6, 30) AS INTEGER), 9999)
                AS dead
        FROM person ORDER BY person_id
        """,
    )
    given = query(
        connection,
        f"""
        SELECT person_id, year(reference_date) - {years[0]} AS "year",
            bit_or(1::BIGINT << ({position_in(signs, "sign")})) AS shown
        FROM residence_sign WHERE counts AND {among("sign", signs)}
            AND year(reference_date) BETWEEN {years[0]} AND {years[-1]}
        GROUP BY ALL
        """,
    )
    person_id = people["person_id"].to_numpy()
    shown = np.zeros((len(person_id), len(years)), dtype=np.int64)
    shown[np.searchsorted(person_id, given["person_id"].to_numpy()), given["year"].to_numpy()] = given[
        "shown"
    ].to_numpy()
    born, dead = people["first_june"].to_numpy()[:, None], people["dead"].to_numpy()[:, None]
    year = np.array(years)[None]
    kept = (born <= years[-1])[:, 0] & (dead >= years[0])[:, 0]
    alive, died = (born <= year) & (year < dead), (born <= year) & (year == dead)
    band = np.where(born == 0, UNKNOWN_AGE_BAND, (year[..., None] - born[..., None] >= np.array(ages)).sum(axis=-1))
    codes, symbols = _symbols(shown, len(signs), alive, died, band, delivered_share)
    start = np.clip(born[:, 0] - years[0], 0, None)
    rows, bands = np.flatnonzero(kept), len(ages) + 1
    group = people["group"].to_numpy().astype(np.int64) * bands + band[:, 0]
    histories = Histories.distinct(
        (start[rows] > 0).astype(np.int64),
        group[rows],
        _since_birth(codes[rows], start[rows]),
        np.ones(len(rows)),
        symbols,
        len(NATIONALITY_GROUPS) * bands,
    )
    return PersonYears(tuple(years), person_id[rows], start[rows], alive[rows], bands, histories)


def _symbols(
    shown: np.ndarray, signs: int, alive: np.ndarray, died: np.ndarray, band: np.ndarray, delivered_share: float
) -> tuple[np.ndarray, Symbols]:
    """Return the symbol of each person and year (`ENDED` where not alive), and the symbols."""
    bits = np.arange(signs)
    cases = np.stack([((shown >> bit) & 1).sum(axis=0) for bit in bits], axis=1)
    delivered = cases >= delivered_share * np.maximum(cases.max(axis=0), 1)
    distinct, of_year = np.unique(delivered, axis=0, return_inverse=True)
    key = ((of_year.ravel()[None] * 8 + band) * 2 + died) << signs | shown
    lived = alive | died
    symbol, which = np.unique(key[lived], return_inverse=True)
    codes = np.full(shown.shape, ENDED)
    codes[lived] = which
    above = symbol >> signs
    seen = distinct[above // 16]
    return codes, Symbols(
        above // 2 % 8, seen, ((symbol[:, None] >> bits) & 1).astype(bool) & seen, (above % 2).astype(bool)
    )


def _since_birth(codes: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return codes moved so that the first year of every person is the first column."""
    years = np.arange(codes.shape[1])
    moved = np.minimum(years[None] + start[:, None], codes.shape[1] - 1)
    return np.where(years[None] + start[:, None] < codes.shape[1], np.take_along_axis(codes, moved, axis=1), ENDED)

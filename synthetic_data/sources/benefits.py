"""Benefit spells: which benefits a person holds together, from when to when, and the regime of Universal Credit.

Spells cover the weeks on benefit that the extract of activity counts, in the tax year in which it counts them, so
the two extracts agree. State Pension is among them; Child Benefit and tax credits are not (see `families`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import LONG_AGO, NEVER, YEAR, calendar_year, dates, day, year_starts
from synthetic_data.draws import Days, Floats, draws, exponential, pick
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers, work
from synthetic_data.sources.earnings import FIRST_DAY_OF_ALL, weeks_of_all_years
from synthetic_data.sources.universal_credit import (
    LIVE_SERVICE_CLOSED,
    authority_at,
    full_service,
    live_service,
    moves_over,
)

FULL_YEAR = 52
WHOLE = 3
"""Days by which weeks, rounded, can differ from the days that they stand for."""
MEAN_YEARS_BEFORE = 6.0
"""...of spells that are open when the first tax year begins; an assumption."""
PIP_FROM = day(2013, 6, 10)
"""New claims for help with disability: Personal Independence Payment instead of Disability Living Allowance."""

OUT_OF_WORK = {"ESA": 0.55, "IS": 0.15, "JSA": 0.15, "CA+IS": 0.15}
"""What those hold who are on benefit all year; of others, between two jobs, all hold JSA."""
KINDS = (*OUT_OF_WORK, "RP")
HOUSING = {"ESA": 0.6, "IS": 0.75, "JSA": 0.4, "CA+IS": 0.5, "RP": 0.2}
"""Of them with Housing Benefit; the share of jobseekers between two jobs is half of it."""
DISABILITY = {"ESA": 0.55, "IS": 0.05, "JSA": 0.03, "CA+IS": 0.05}
PENSION_CREDIT, ATTENDANCE = 0.18, 0.12
"""Shares of pensioners; all shares are assumptions, of the size of DWP, Benefit combinations, February 2019."""
REGIMES = {
    "ESA": {"NWR": 0.7, "WP": 0.3},
    "IS": {"NWR": 0.3, "WFI": 0.3, "WP": 0.3, "IWS": 0.1},
    "JSA": {"IWS": 0.75, "LT": 0.15, "WE": 0.1},
    "CA+IS": {"NWR": 0.9, "WFI": 0.1},
}
"""Labour market regimes of Universal Credit by what the claim would have been for; assumptions."""
CLAIM = {"row": pl.Int64, "start": pl.Int64, "end": pl.Int64, "all_year": pl.Boolean}
SIMPLE_CLAIMS = 0.6
"""Claims of jobseekers that the live service takes: of single people without children, nearly."""
SERVICES = ("FULL", "LIVE")


def delivered(sight: Sight) -> list[Extract]:
    """Return the extract of benefit spells."""
    return [
        Extract("benefit_spells", "benefits", {"benefit_spells.parquet": benefit_spells(sight)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC", "START_DATE"))
    ]  # fmt: skip


def benefit_spells(sight: Sight) -> pl.DataFrame:
    """Return the spells that had begun by the data date: one row a person and combination held, open ones endless."""
    lives, errors = sight.lives, sight.errors
    spells = sight.once(spells_on_benefit).filter(pl.col("start") <= sight.data_date)
    row, start, end = (spells[name].to_numpy() for name in ("row", "start", "end"))
    person = held.identity(lives, errors, "benefits", row, start)
    return pl.DataFrame(
        {
            "row": row,
            "NINO_ENC": numbers.insurance_numbers(lives, row),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": held.born_by(lives, row, person["birth"], start),
            "SEX": held.sex_number(person["sex"]),
            "POSTCODE": held.postcode(lives, errors, "benefits", row, start),
            "BEN_COMB": spells["combination"],
            "START_DATE": dates("start", start),
            "END_DATE": dates("end", np.where(end > sight.data_date, NEVER, end)),
            "UC_SERVICE": spells["service"],
            "UC_REGIME": spells["regime"],
        }
    )


def spells_on_benefit(sight: Sight) -> pl.DataFrame:
    """Return all spells: `row, start, end` (the last day), `combination`, `service`, `regime`, in order."""
    lives, seed = sight.lives, sight.lives.seed
    claims = _split(lives, sight.once(claimed))
    row, start, claim = (claims[name].to_numpy() for name in ("row", "start", "claim"))
    person, pensioner = lives.person[row], start >= work.pension_from(lives, row)
    kind = pick(draws(seed, "kind of benefit", person, claim - LONG_AGO), list(OUT_OF_WORK.values()))
    kind = np.select([pensioner, claims["all_year"].to_numpy()], [KINDS.index("RP"), kind], KINDS.index("JSA"))
    authority = authority_at(lives, row, start)
    full = start >= full_service(authority)
    live = (kind == KINDS.index("JSA")) & (start >= live_service(authority)) & (start < LIVE_SERVICE_CLOSED) & ~full
    live &= draws(seed, "simple claim", person, claim - LONG_AGO) < SIMPLE_CLAIMS
    # a claim that goes on is on the new benefit only from the day it moves over
    credit = ~pensioner & (((claim == start) & (full | live)) | claims["moved"].to_numpy())
    on_credit = pl.Series(credit)
    return pl.DataFrame({
        "row": row,
        "start": start,
        "end": claims["end"].to_numpy() - 1,
        "combination": _combination(lives, claims, kind, credit),
        "service": pl.select(pl.when(on_credit).then(_named(SERVICES, live.astype(np.int64)))).to_series(),
        "regime": pl.select(pl.when(on_credit).then(_regime(seed, person, start, kind))).to_series(),
    })  # fmt: skip


def _named(names: tuple[str, ...], index: NDArray[np.int64]) -> pl.Series:
    return pl.Series(names, dtype=pl.String)[index]


def claimed(sight: Sight) -> pl.DataFrame:
    """Return the claims: `row, start, end` (the day after the last), `all_year` (out of work), in order.

    A tax year's weeks on benefit lie somewhere in the days that the systems see of it; those of a whole year join
    those of the next. Claims that are open when observation begins began before it.
    """
    lives, active_from = sight.lives, sight.working.active_from
    weeks = sight.once(weeks_of_all_years).filter(pl.col("WEEKS_BENEFIT") > 0)
    stays = lives.stays
    of_stay = stays["row"].to_numpy()
    came = np.maximum(stays["start"].to_numpy(), active_from[of_stay])
    pieces = [pl.DataFrame(schema=CLAIM)]
    for (first,), of_year in weeks.group_by("year_start", maintain_order=True):
        after = int(year_starts(int(calendar_year(first)) + 1, 4, 6))
        wanted, all_year = np.zeros(len(lives.people), dtype=np.int64), np.zeros(len(lives.people), dtype=bool)
        row = of_year["row"].to_numpy()
        wanted[row] = of_year["WEEKS_BENEFIT"].to_numpy()
        all_year[row] = of_year["WEEKS_TAX"].to_numpy() == 0
        start, end = np.maximum(came, first), np.minimum(stays["end"].to_numpy(), after)
        there = np.flatnonzero((end > start) & (wanted[of_stay] > 0))
        row, start, days = of_stay[there], start[there], (end - start)[there]
        low, high = _within(lives, row, days, wanted[row], int(first))
        some = high > low
        pieces.append(
            pl.DataFrame({
                "row": row[some], "start": (start + low)[some], "end": (start + high)[some],
                "all_year": all_year[row[some]],
            })
        )  # fmt: skip
    claims = pl.concat(pieces).sort("row", "start")
    begins = (pl.col("row") != pl.col("row").shift(1)) | (pl.col("start") > pl.col("end").shift(1))
    claims = (
        claims.with_columns(number=begins.fill_null(value=True).cum_sum())
        .group_by("number", maintain_order=True)
        .agg(pl.col("row", "start", "all_year").first(), pl.col("end").last())
    )
    start = _before_observation(lives, claims["row"].to_numpy(), claims["start"].to_numpy(), came, of_stay)
    return claims.select("row", pl.Series("start", start), "end", "all_year")


def _within(
    lives: Lives, row: NDArray[np.int64], days: NDArray[np.int64], weeks: NDArray[np.int64], year: int
) -> tuple[Days, Days]:
    """Return which days of each piece of a person's year are on benefit, counted from the piece's first day.

    `days` are those of each piece, `weeks` those on benefit in the whole year; a person's pieces stand together.
    """
    first = np.flatnonzero(np.diff(row, prepend=-1) != 0)
    sizes = np.diff(np.append(first, len(row)))
    before = np.cumsum(days) - days
    before = before - np.repeat(before[first], sizes)
    whole = np.repeat(np.add.reduceat(days, first), sizes) if len(row) else days
    wanted = weeks * 7
    everything = (whole - wanted <= WHOLE) | (weeks == FULL_YEAR)
    wanted = np.where(everything, whole, wanted)
    begins = (draws(lives.seed, "claim in the year", lives.person[row], year) * (whole - wanted + 1)).astype(np.int64)
    low, high = np.clip(begins - before, 0, days), np.clip(begins + wanted - before, 0, days)
    return low, high


def _before_observation(
    lives: Lives, row: NDArray[np.int64], start: Days, came: Days, of_stay: NDArray[np.int64]
) -> Days:
    """Return the first days of claims, those that were open on the first day of all set back."""
    earliest = np.full(len(lives.people), NEVER)
    np.minimum.at(earliest, of_stay, came)
    years = exponential(draws(lives.seed, "years on benefit", lives.person[row]), MEAN_YEARS_BEFORE)
    pension = work.pension_from(lives, row)
    back = np.where(start >= pension, pension, (start - years * YEAR).astype(np.int64))
    back = np.maximum(np.maximum(back, earliest[row]), day(1970, 1, 1))
    return np.where(start == FIRST_DAY_OF_ALL, np.minimum(back, start), start)


def _split(lives: Lives, claims: pl.DataFrame) -> pl.DataFrame:
    """Return claims cut where they change: at State Pension, and at the move to Universal Credit (`moved`).

    `claim` is the day on which the whole claim began.
    """
    row, start, end = (claims[name].to_numpy() for name in ("row", "start", "end"))
    pension = np.clip(work.pension_from(lives, row), start, end)
    opens = full_service(authority_at(lives, row, start))
    moves = np.where(start < opens, np.maximum(moves_over(lives, row, start), start), NEVER)
    moves = np.where(moves < pension, moves, pension)
    parts = [
        pl.DataFrame({
            "row": row, "start": begin, "end": until, "claim": start, "all_year": claims["all_year"],
            "moved": np.full(len(row), moved),
        }).filter(pl.col("end") > pl.col("start"))
        for begin, until, moved in ((start, moves, False), (moves, pension, True), (pension, end, False))
    ]  # fmt: skip
    return pl.concat(parts).sort("row", "start")


def _combination(lives: Lives, claims: pl.DataFrame, kind: NDArray[np.int64], credit: NDArray[np.bool_]) -> pl.Series:
    """Return the benefits held together, as `ESA+PIP+HB`; Universal Credit holds the help with rent in itself."""
    row, start, claim = (claims[name].to_numpy() for name in ("row", "start", "claim"))
    seed, person, number = lives.seed, lives.person[row], claim - LONG_AGO
    pensioner = kind == KINDS.index("RP")
    chance = np.where(claims["all_year"].to_numpy() | pensioner, 1.0, 0.5)
    rents = draws(seed, "housing benefit", person, number) < _of_kind(HOUSING, kind) * chance
    disabled = draws(seed, "disability benefit", person, number) < _of_kind(DISABILITY, kind)
    holds = {
        "UC": credit,
        "JSA": (kind == KINDS.index("JSA")) & ~credit,
        "ESA": (kind == KINDS.index("ESA")) & ~credit,
        "IS": ((kind == KINDS.index("IS")) | (kind == KINDS.index("CA+IS"))) & ~credit,
        "CA": kind == KINDS.index("CA+IS"),
        "RP": pensioner,
        "PC": pensioner & (draws(seed, "pension credit", person) < PENSION_CREDIT),
        "AA": pensioner & (draws(seed, "attendance allowance", person) < ATTENDANCE),
        "DLA": disabled & (start < PIP_FROM),
        "PIP": disabled & (start >= PIP_FROM),
        "HB": rents & ~credit,
    }
    code = sum(held.astype(np.int64) << place for place, held in enumerate(holds.values()))
    codes, index = np.unique(code, return_inverse=True)
    words = ["+".join(name for place, name in enumerate(holds) if one >> place & 1) for one in codes.tolist()]
    return pl.Series(words, dtype=pl.String)[index]


def _of_kind(shares: dict[str, float], kind: NDArray[np.int64]) -> Floats:
    return np.array([shares.get(name, 0.0) for name in KINDS])[kind]


def _regime(seed: int, person: NDArray[np.int64], start: Days, kind: NDArray[np.int64]) -> pl.Series:
    uniform = draws(seed, "regime", person, start - LONG_AGO)
    names = tuple(dict.fromkeys(name for shares in REGIMES.values() for name in shares))
    found = np.zeros(len(person), dtype=np.int64)
    for one, shares in REGIMES.items():
        those = kind == KINDS.index(one)
        found[those] = pick(uniform[those], [shares.get(name, 0.0) for name in names])
    return _named(names, found)

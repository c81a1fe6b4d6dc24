"""Benefit spells: which benefits a person receives together, from when to when, and the Universal Credit regime.

Spells cover the weeks on benefit that the activity extract counts, in the tax year in which it counts them, so the
two extracts agree. They include State Pension, but not Child Benefit and tax credits, which have their own modules.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.benefits.universal_credit import (
    LIVE_SERVICE_CLOSED,
    full_service,
    live_service,
    transfer_day,
)
from synthetic_data.institutions.revenue import activity_weeks
from synthetic_data.institutions.revenue.earnings import FIRST_DAY_OF_ALL
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers import runs
from synthetic_data.numbers.days import LONG_AGO, NEVER, YEAR, dates, day, year_starts
from synthetic_data.numbers.draws import Days, Floats, draws, exponential, pick
from synthetic_data.numbers.equal_rows import distinct

FULL_YEAR = 52
WHOLE = 3
"""Days by which rounded weeks can differ from the days that they represent."""
MEAN_YEARS_BEFORE = 6.0
"""Mean years since the start of spells that are open when the first tax year begins; an assumption."""
PIP_FROM = day(2013, 6, 10)
"""New claims for help with disability: Personal Independence Payment instead of Disability Living Allowance."""

OUT_OF_WORK = {"ESA": 0.55, "IS": 0.15, "JSA": 0.15, "CA+IS": 0.15}
"""Benefits of people who are on benefit all year; all others, between two jobs, receive JSA."""
KINDS = (*OUT_OF_WORK, "RP")
HOUSING = {"ESA": 0.6, "IS": 0.75, "JSA": 0.4, "CA+IS": 0.5, "RP": 0.2}
"""Shares with Housing Benefit; the share of jobseekers between two jobs is half of that."""
DISABILITY = {"ESA": 0.55, "IS": 0.05, "JSA": 0.03, "CA+IS": 0.05}
PENSION_CREDIT, ATTENDANCE = 0.18, 0.12
"""Shares of pensioners. All shares here are assumptions, of the size of DWP, Benefit combinations, February 2019."""
REGIMES = {
    "ESA": {"NWR": 0.7, "WP": 0.3},
    "IS": {"NWR": 0.3, "WFI": 0.3, "WP": 0.3, "IWS": 0.1},
    "JSA": {"IWS": 0.75, "LT": 0.15, "WE": 0.1},
    "CA+IS": {"NWR": 0.9, "WFI": 0.1},
}
"""Labour market regimes of Universal Credit by the benefit that it replaces; assumptions."""
SIMPLE_CLAIMS = 0.6
"""Share of jobseekers' claims that the live service takes: roughly those of single people without children."""
SERVICES = ("FULL", "LIVE")


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of benefit spells."""
    return [
        DeliveredExtract("benefit_spells", "benefits", {"benefit_spells.parquet": benefit_spells(view)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC", "START_DATE"), in_order=True)
    ]  # fmt: skip


def benefit_spells(view: InstitutionView) -> pl.DataFrame:
    """Return the spells that had begun by the data date: one row per person and combination; some are open."""
    lives, errors = view.lives, view.errors
    spells = view.once(spells_on_benefit).filter(pl.col("start") <= view.data_date)
    row, start, end = (spells[name].to_numpy() for name in ("row", "start", "end"))
    person = recorded_identity.identity(lives, errors, "benefits", row, start)
    return pl.DataFrame(
        {
            "row": row,
            "NINO_ENC": identifiers.insurance_numbers(view, row),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": recorded_identity.born_by(lives, row, person["birth"], start),
            "SEX": recorded_identity.sex_number(person["sex"]),
            "POSTCODE": recorded_identity.postcode(lives, errors, "benefits", row, start),
            "BEN_COMB": spells["combination"],
            "START_DATE": dates("start", start),
            "END_DATE": dates("end", np.where(end > view.data_date, NEVER, end)),
            "UC_SERVICE": spells["service"],
            "UC_REGIME": spells["regime"],
        }
    )


def spells_on_benefit(view: InstitutionView) -> pl.DataFrame:
    """Return all spells: `row, start, end` (the last day), `combination`, `service`, `regime`.

    They are in the order of people's National Insurance numbers, then of days.
    """
    lives, seed = view.lives, view.lives.seed
    claims = _split(view, view.once(claimed))
    row, start, claim = (claims[name].to_numpy() for name in ("row", "start", "claim"))
    person, pensioner = lives.person[row], start >= view.once(activity_weeks.pensions_from)[row]
    kind = pick(draws(seed, "kind of benefit", person, claim - LONG_AGO), list(OUT_OF_WORK.values()))
    kind = np.where(claims["all_year"].to_numpy(), kind, KINDS.index("JSA"))
    kind[pensioner] = KINDS.index("RP")
    authority = claims["authority"].to_numpy()
    full = start >= full_service(authority)
    live = (kind == KINDS.index("JSA")) & (start >= live_service(authority)) & (start < LIVE_SERVICE_CLOSED) & ~full
    live &= draws(seed, "simple claim", person, claim - LONG_AGO) < SIMPLE_CLAIMS
    # a continuing claim is on the new benefit only from the day it is transferred
    credit = ~pensioner & (((claim == start) & (full | live)) | claims["transferred"].to_numpy())
    return pl.DataFrame({
        "row": row,
        "start": start,
        "end": claims["end"].to_numpy() - 1,
        "combination": _combination(lives, claims, kind, credit),
        "service": _named(SERVICES, np.where(credit, live, len(SERVICES))),
        "regime": _regime(seed, person, start, kind, np.flatnonzero(credit)),
    })  # fmt: skip


def _named(names: tuple[str, ...], index: NDArray[np.int64]) -> pl.Series:
    """Return the names at the given indices; the index after the last one gives null."""
    return pl.Series([*names, None], dtype=pl.String)[index]


def claimed(view: InstitutionView) -> pl.DataFrame:
    """Return the claims: `row, start, end` (the day after the last), `all_year` (out of work).

    They are in the order of people's National Insurance numbers, then of days. A tax year's weeks on benefit lie
    somewhere in the observed days of that year; those of a whole year join those of the next. Claims that are open
    when observation begins started earlier.
    """
    weeks = view.once(activity_weeks.all_weeks)
    weeks = weeks[np.flatnonzero(weeks["WEEKS_BENEFIT"].to_numpy())]
    row, all_year = weeks["row"].to_numpy(), weeks["WEEKS_TAX"].to_numpy() == 0
    year, wanted = (weeks[name].to_numpy().astype(np.int64) for name in ("year", "WEEKS_BENEFIT"))
    of, start, end = _days_on_benefit(view, row, year, wanted)
    row = row[of]
    first, last = runs.pieces(runs.begins(row) | (start > np.roll(end, 1)))
    row, start, all_year = row[first], start[first], all_year[of[first]]
    start = _before_observation(view, row, start)
    return pl.DataFrame({"row": row, "start": start, "end": end[last], "all_year": all_year})


def _days_on_benefit(
    view: InstitutionView, row: NDArray[np.int64], year: NDArray[np.int64], weeks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Days, Days]:
    """Return the times on benefit in tax years with the given weeks of it: index of the year, first day, day after.

    A year is observed in as many pieces as the person has stays in it, and the weeks lie somewhere in all of them.
    """
    lives = view.lives
    first, after = year_starts(year, 4, 6), year_starts(year + 1, 4, 6)
    stays = np.bincount(lives.stays["row"].to_numpy())
    last = np.cumsum(stays) - 1
    of, stay = runs.ranges((last - stays + 1)[row], last[row])
    begins = np.cumsum(stays[row]) - stays[row]
    observed_from = np.maximum(lives.stays["start"].to_numpy()[stay], view.working.active_from[row][of])
    start = np.maximum(observed_from, first[of])
    days = np.maximum(np.minimum(lives.stays["end"].to_numpy()[stay], after[of]) - start, 0)
    before = np.cumsum(days) - days
    before -= before[begins][of]
    whole, wanted = np.add.reduceat(days, begins) if len(row) else days, weeks * 7
    everything = (whole - wanted <= WHOLE) | (weeks == FULL_YEAR)
    wanted = np.where(everything, whole, wanted)
    from_day, some = np.zeros(len(row), dtype=np.int64), np.flatnonzero(~everything)
    drawn = draws(lives.seed, "claim in the year", lives.person[row[some]], first[some])
    from_day[some] = (drawn * (whole - wanted + 1)[some]).astype(np.int64)
    low, high = np.clip(from_day[of] - before, 0, days), np.clip((from_day + wanted)[of] - before, 0, days)
    some = np.flatnonzero(high > low)
    return of[some], (start + low)[some], (start + high)[some]


def _before_observation(view: InstitutionView, row: NDArray[np.int64], start: Days) -> Days:
    """Return the first days of claims; claims that were open when observation begins are moved back."""
    lives, found = view.lives, start.copy()
    open_ones = np.flatnonzero(start == FIRST_DAY_OF_ALL)
    row, start = row[open_ones], start[open_ones]
    years = exponential(draws(lives.seed, "years on benefit", lives.person[row]), MEAN_YEARS_BEFORE)
    pension = view.once(activity_weeks.pensions_from)[row]
    back = np.where(start >= pension, pension, (start - years * YEAR).astype(np.int64))
    earliest = np.maximum(lives.first_start, view.working.active_from)[row]
    found[open_ones] = np.minimum(np.maximum(np.maximum(back, earliest), day(1970, 1, 1)), start)
    return found


def _split(view: InstitutionView, claims: pl.DataFrame) -> pl.DataFrame:
    """Return claims split at State Pension, and at the transfer to Universal Credit (`transferred`).

    `claim` is the day on which the whole claim began, `authority` that of the claimant's home on the first day.
    """
    lives = view.lives
    row, start, end, all_year = (claims[name].to_numpy() for name in ("row", "start", "end", "all_year"))
    pension = np.clip(view.once(activity_weeks.pensions_from)[row], start, end)
    authority = lives.authority_at(row, start)
    opens = full_service(authority)
    moves = np.where(start < opens, np.maximum(transfer_day(lives, row, opens), start), NEVER)
    moves = np.minimum(moves, pension)
    begins, ends = np.stack([start, moves, pension], axis=1), np.stack([moves, pension, end], axis=1)
    parts = np.flatnonzero(ends > begins)
    claim, part = np.divmod(parts, begins.shape[1])
    begins, authority = begins.ravel()[parts], authority[claim]
    later = np.flatnonzero(part)
    authority[later] = lives.authority_at(row[claim[later]], begins[later])
    return pl.DataFrame({
        "row": row[claim], "start": begins, "end": ends.ravel()[parts], "claim": start[claim],
        "all_year": all_year[claim], "transferred": part == 1, "authority": authority,
    })  # fmt: skip


def _combination(lives: Lives, claims: pl.DataFrame, kind: NDArray[np.int64], credit: NDArray[np.bool_]) -> pl.Series:
    """Return the benefits received together, as `ESA+PIP+HB`;Universal Credit covers rent."""
    row, start, claim = (claims[name].to_numpy() for name in ("row", "start", "claim"))
    seed, person, number = lives.seed, lives.person[row], claim - LONG_AGO
    pensioner = kind == KINDS.index("RP")
    factor = np.where(claims["all_year"].to_numpy() | pensioner, 1.0, 0.5)
    rents = draws(seed, "housing benefit", person, number) < _of_kind(HOUSING, kind) * factor
    disabled = draws(seed, "disability benefit", person, number) < _of_kind(DISABILITY, kind)
    receives = {
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
    code = sum(received.astype(np.int64) << place for place, received in enumerate(receives.values()))
    codes, index = distinct(code)
    words = ["+".join(name for place, name in enumerate(receives) if one >> place & 1) for one in codes.tolist()]
    return pl.Series(words, dtype=pl.String)[index]


def _of_kind(shares: dict[str, float], kind: NDArray[np.int64]) -> Floats:
    return np.array([shares.get(name, 0.0) for name in KINDS])[kind]


def _regime(
    seed: int, person: NDArray[np.int64], start: Days, kind: NDArray[np.int64], credit: NDArray[np.int64]
) -> pl.Series:
    """Return the regime of each spell; null unless it is on Universal Credit (`credit`: row numbers of these)."""
    uniform = draws(seed, "regime", person[credit], start[credit] - LONG_AGO)
    names = tuple(dict.fromkeys(name for shares in REGIMES.values() for name in shares))
    found = np.full(len(person), len(names))
    for one, shares in REGIMES.items():
        those = np.flatnonzero(kind[credit] == KINDS.index(one))
        found[credit[those]] = pick(uniform[those], [shares.get(name, 0.0) for name in names])
    return _named(names, found)

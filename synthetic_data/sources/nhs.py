"""The NHS: postings on the Personal Demographics Service, and the Patient Register that follows from them.

Nobody tells the NHS of many departures. Lists hold more people than live here, and ever more of them: leavers whom no
practice noticed, ghosts who left before the first day, and visitors, until a letter comes back and the cleaning of
lists takes them off as gone away (FP69).
"""

from collections.abc import Iterable
from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, FIRST_DAY, LAST_DAY, LONG_AGO, NEVER, YEAR, age, dates, day
from synthetic_data.distinct import distinct
from synthetic_data.draws import Days, Floats, draws, exponential, log_normal
from synthetic_data.errors import Errors, Leavers, group_rate
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers
from synthetic_data.working_lives import WorkingLives

BIRTH, FIRST_IN_COUNTRY, MOVE, FIRST_FROM_ABROAD, REMOVAL = "1", "2", "3", "4", "9"
DROP = "drop"
NHS_BEGAN = day(1948, 7, 5)
FLAG_BEGAN = day(1990, 1, 1)
"""The type of a first registration from abroad is younger than the oldest arrivals (the day is an assumption)."""
FIRST_SNAPSHOT = 2014
VISITORS_REGISTER = 0.2
"""Visitors of one to twelve months who see a doctor at all."""
ONE_CONTRACTOR = day(2015, 9, 1)
"""From then on one contractor served all practices, and cleaned their lists less (the pace is an assumption)."""
SURELY, NEARLY_NONE = 1 - 1e-12, 1e-12
ABROAD_BEFORE_RETURN = 5.0
"""Mean years that British returners were away."""


def delivered(sight: Sight) -> list[Extract]:
    """Return the extracts of the Personal Demographics Service and of the Patient Register."""
    lives, errors, posted = sight.lives, sight.errors, sight.once(seen_postings)
    years = list(snapshot_years(sight.data_date))
    wanted = years[-(sight.snapshots or len(years)) :]
    snapshots = {
        f"pr_{year}.parquet": listed for year, listed in patient_registers(lives, posted, errors, wanted).items()
    }
    return [
        Extract("pds", "pds", {"pds.parquet": pds(lives, posted, errors)}, "NHS_NUMBER",
                "POSTCODE", "DATE_OF_BIRTH", "GENDER", ("NHS_NUMBER", "POSTING_DATE", "REGISTRATION_TYPE")),
        Extract("pr", "pr", snapshots, "NHS_NO", "PCODE", "DOB", "SEX", ("NHS_NO",)),
    ]  # fmt: skip


def seen_postings(sight: Sight) -> pl.DataFrame:
    """Return the postings up to the data date: see `postings`."""
    return postings(sight.lives, sight.working, sight.errors, sight.data_date)


def on_list(sight: Sight) -> NDArray[np.bool_]:
    """Return who has an NHS number: everybody whom the NHS ever posted."""
    posted = sight.once(seen_postings)
    on_nhs = np.zeros(len(sight.lives.people), dtype=bool)
    on_nhs[posted.filter(pl.col("type") != DROP)["row"].to_numpy()] = True
    return on_nhs


def postings(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return `row, posting (day), type, reason, postcode`, by NHS number and posting, up to the data date.

    Type `DROP` is no posting: a practice lets a patient go, and only the Patient Register shows it.
    """
    stays = _registered_stays(lives, errors)
    events = pl.concat([
        _former_lives(lives, stays, errors),
        _registrations(lives, stays),
        _moves(lives, stays, errors),
        _ends(lives, stays, working, errors),
    ])  # fmt: skip
    # two events of one day that would be one posting are one
    events = events.filter(pl.col("posting") <= data_date)
    place = pl.Series(lives.nhs_place[events["row"].to_numpy()])
    events = events.sort(place, "posting", "type", maintain_order=True).filter(
        (pl.col("row") != pl.col("row").shift(fill_value=-1))
        | (pl.col("posting") != pl.col("posting").shift())
        | (pl.col("type") != pl.col("type").shift())
    )
    return events.with_columns(postcode=_addresses(lives, events))


def _addresses(lives: Lives, events: pl.DataFrame) -> pl.Series:
    """Return the postcode of each posting: where the person lived, or once lived before coming back."""
    row, posting = events["row"].to_numpy(), events["posting"].to_numpy()
    here = lives.postcode_at(row, posting)
    before = lives.purpose[row].are("return") & (posting < lives.first_start[row])
    once = (draws(lives.seed, "address before leaving", lives.person[row]) * len(lives.postcodes)).astype(np.int64)
    return lives.map.text[np.where(before, once, here)]


def _registered_stays(lives: Lives, errors: Errors) -> pl.DataFrame:
    """Return the stays in which people register: `row, start, end, number (of the stay), registered (day)`."""
    rates, seed = errors.registration, lives.seed
    stays = lives.stays.with_columns(number=pl.Series(lives.stay_number))
    row, start, number = (stays[name].to_numpy() for name in ("row", "start", "number"))
    person, group = lives.person[row], lives.group[row]
    born_here = start == lives.birth[row]
    child = age(lives.birth[row], start) < 16
    never = np.where(child, rates.nhs_never_child, group_rate(rates.nhs_never, group))
    never = never * np.where(start < FIRST_DAY, rates.nhs_never_settled, 1.0)
    visit = lives.purpose[row].are("visit")
    never = np.where(visit, np.maximum(never, 1 - VISITORS_REGISTER), never)
    median = np.where(child, rates.nhs_median_days_child, group_rate(rates.nhs_median_days, group))
    lag = log_normal(draws(seed, "nhs lag", person, number), np.maximum(median, 1e-9), rates.nhs_sigma)
    registered = np.maximum(start + 1 + lag.astype(np.int64), NHS_BEGAN)
    at_birth = np.maximum(start + (draws(seed, "nhs birth", person) * 5).astype(np.int64), NHS_BEGAN)
    registered = np.where(born_here, at_birth, registered)
    registers = born_here | (draws(seed, "nhs never", person, number) >= never)
    # a ghost of the lists was on one
    end, ghost = stays["end"].to_numpy(), lives.people["ghost"].to_numpy()[row]
    registered = np.where(ghost, np.minimum(registered, end - 1), registered)
    return stays.with_columns(registered=pl.Series(registered)).filter(
        pl.Series((registers | ghost) & (registered < end))
    )


def _events(
    row: NDArray[np.int64], posting: Days, kind: str | NDArray[np.object_], reason: str | None = None
) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": row, "posting": posting, "type": kind, "reason": reason},
        schema={"row": pl.Int64, "posting": pl.Int64, "type": pl.String, "reason": pl.String},
    )


def _former_lives(lives: Lives, stays: pl.DataFrame, errors: Errors) -> pl.DataFrame:
    """Return what the NHS knew of British returners before 2010: their birth, and of some of them that they left."""
    first = stays.filter((pl.col("number") == 0) & pl.Series(lives.purpose[stays["row"].to_numpy()].are("return")))
    row, start = first["row"].to_numpy(), first["start"].to_numpy()
    person, birth, seed = lives.person[row], lives.birth[row], lives.seed
    away = (365 + exponential(draws(seed, "years away", person), ABROAD_BEFORE_RETURN * YEAR)).astype(np.int64)
    lived_here = start - away > birth + 30
    known = np.maximum(birth + 3, NHS_BEGAN)
    told = draws(seed, "left before", person) < errors.leavers.told_active + errors.leavers.dropped_active
    gone = np.maximum(start - away + 90, known + 1)
    off = _cleaned_off(draws(seed, "cleaned off before", person), np.maximum(gone, FIRST_DAY), errors.leavers)
    cleaned = lived_here & ~told & (off < start)
    told &= lived_here & (gone < start)
    return pl.concat([
        _events(row[lived_here], known[lived_here], np.where(birth < NHS_BEGAN, FIRST_IN_COUNTRY, BIRTH)[lived_here]),
        _events(row[told], gone[told], REMOVAL, "EMB"),
        _events(row[cleaned], off[cleaned], REMOVAL, "CGA"),
    ])  # fmt: skip


def _registrations(lives: Lives, stays: pl.DataFrame) -> pl.DataFrame:
    """Return the first posting of each stay: at birth, in the country, or from abroad."""
    row, start, registered = (stays[name].to_numpy() for name in ("row", "start", "registered"))
    born_here = start == lives.birth[row]
    at_birth = np.where(lives.birth[row] < NHS_BEGAN, FIRST_IN_COUNTRY, BIRTH)
    from_abroad = np.where(registered < FLAG_BEGAN, FIRST_IN_COUNTRY, FIRST_FROM_ABROAD)
    return _events(row, registered, np.where(born_here, at_birth, from_abroad).astype(object))


def _moves(lives: Lives, stays: pl.DataFrame, errors: Errors) -> pl.DataFrame:
    """Return the moves that the NHS hears of, after a lag, during the stay."""
    rates, seed = errors.addresses, lives.seed
    people = lives.people
    moved = lives.moves.filter(pl.col("start").is_between(FIRST_DAY, LAST_DAY))
    members = pl.concat([
        people.select(pl.int_range(pl.len()).alias("row"), household=of, since=since, until=until)
        for of, since, until in (
            ("household", pl.lit(LONG_AGO, pl.Int64), pl.min_horizontal("leaves_home", "married")),
            ("own_household", "leaves_home", "married"),
            ("joint_household", "married", pl.lit(NEVER, pl.Int64)),
        )
    ]).filter((pl.col("household") >= 0) & (pl.col("since") < pl.col("until")))  # fmt: skip
    # leaving the parents' home, or for a partner's, is a move, too
    leaving = members.filter(pl.col("since") > LONG_AGO).select("row", moved="since")
    moves = members.join(moved.select("household", moved="start"), on="household").filter(
        (pl.col("moved") > pl.col("since")) & (pl.col("moved") < pl.col("until"))
    )
    moves = (
        pl.concat([moves.select("row", "moved"), leaving])
        .join(stays.select("row", "start", "end", "registered"), on="row")
        .filter((pl.col("moved") > pl.col("start")) & (pl.col("moved") < pl.col("end")))
        .sort("row", "moved")
    )
    rows, on = moves["row"].to_numpy(), moves["moved"].to_numpy()
    person = lives.person[rows]
    young_man = (people["sex"].to_numpy()[rows] == "M") & (age(lives.birth[rows], on) < 35)
    never = rates.nhs_never * np.where(young_man, 2, 1)
    studies = lives.households["course_begin"].to_numpy()[lives.household_on(rows, on)] == on
    never = np.where(studies, rates.nhs_never_student, never)
    lag = log_normal(draws(seed, "nhs move lag", person, on), max(rates.nhs_median_days, 1e-9), 1.2).astype(np.int64)
    told = (draws(seed, "nhs move never", person, on) >= never) & (on + lag < moves["end"].to_numpy())
    told &= on + lag > moves["registered"].to_numpy()
    return _events(rows[told], (on + lag)[told], MOVE)


def _ends(lives: Lives, stays: pl.DataFrame, working: WorkingLives, errors: Errors) -> pl.DataFrame:
    """Return removals after death and departure; most leavers are never posted, and some are dropped in silence."""
    rates, seed = errors.leavers, lives.seed
    row, end, number = (stays[name].to_numpy() for name in ("row", "end", "number"))
    person = lives.person[row]
    dies = end == lives.death[row]
    posted = dies & (draws(seed, "death posted", person) >= rates.death_never_posted)
    lag = exponential(draws(seed, "death posting lag", person), 8).astype(np.int64)
    death = _events(row[posted], (end + 1 + lag)[posted], REMOVAL, "DEA")
    leaves = ~dies & (end < NEVER)
    active = working.active_from[row] < end
    ghost = lives.people["ghost"].to_numpy()[row]
    told = np.where(ghost, 0.0, np.where(active, rates.told_active, rates.told_inactive))
    dropped = np.where(ghost, 0.0, np.where(active, rates.dropped_active, rates.dropped_inactive))
    fate = draws(seed, "nhs leaver", person, number)
    lag = log_normal(draws(seed, "nhs leaver lag", person, number), max(rates.median_days, 1e-9), 0.8).astype(
        np.int64
    )
    on = end + 1 + lag
    nxt = np.where(np.append(row[1:] == row[:-1], False), np.append(stays["start"].to_numpy()[1:], NEVER), NEVER)
    removed = leaves & (fate < told) & (on < nxt)
    gone_away = draws(seed, "gone away", person, number) < 0.3
    lost = leaves & (fate >= told) & (fate < told + dropped) & (on < nxt)
    unnoticed = (leaves & (fate >= told + dropped)) | (dies & ~posted)
    off = _cleaned_off(draws(seed, "cleaned off", person, number), np.maximum(end + 1, FIRST_DAY), rates)
    cleaned = unnoticed & (off < nxt)
    departures = _events(row[removed], on[removed], REMOVAL).with_columns(
        reason=pl.Series(np.where(gone_away[removed], "CGA", "EMB").astype(object), dtype=pl.String)
    )
    return pl.concat([
        death, departures, _events(row[lost], on[lost], DROP), _events(row[cleaned], off[cleaned], REMOVAL, "CGA"),
    ])  # fmt: skip


def _cleaned_off(uniform: Floats, since: Days, leavers: Leavers) -> Days:
    """Return the day on which the cleaning of lists takes off those who are gone since a day.

    A constant share of them a year, and another one from the day on which one contractor served all practices.
    """
    before, after = (-np.log1p(-min(share, SURELY)) for share in (leavers.cleaned_a_year, leavers.cleaned_later))
    due = exponential(uniform, 1.0)
    spent = before * np.maximum(ONE_CONTRACTOR - since, 0) / YEAR
    early = since + due * YEAR / max(before, NEARLY_NONE)
    late = np.maximum(since, ONE_CONTRACTOR) + (due - spent) * YEAR / max(after, NEARLY_NONE)
    return np.minimum(np.where(due < spent, early, late), NEVER).astype(np.int64)


def pds(lives: Lives, events: pl.DataFrame, errors: Errors) -> pl.DataFrame:
    """Return the extract of the Personal Demographics Service: one row a posting."""
    posted = events.filter(pl.col("type") != DROP)
    row = posted["row"].to_numpy()
    rows, index = distinct(row)
    person = held.identity(lives, errors, "pds", row, posted["posting"].to_numpy())
    country = lives.people["country_of_birth"][row]
    missing = (
        draws(lives.seed, "birth country missing", lives.person[rows]) < errors.registration.birth_country_missing
    )
    return pl.DataFrame(
        {
            "row": posted["row"],
            "NHS_NUMBER": numbers.nhs_numbers(lives, row),
            "GIVEN_NAME": person["given_name"],
            "FAMILY_NAME": person["family_name"],
            "DATE_OF_BIRTH": dates("birth", person["birth"]),
            "GENDER": held.sex_number(person["sex"]),
            "BIRTH_COUNTRY": pl.select(pl.when(pl.Series(~missing[index])).then(country)).to_series(),
            "POSTCODE": held.with_gaps(lives, errors, "pds", "postcode", row, posted["postcode"]),
            "REGISTRATION_TYPE": posted["type"],
            "POSTING_DATE": dates("posting", posted["posting"]),
            "REMOVAL_REASON": posted["reason"],
        }
    )


def snapshot_years(data_date: int) -> range:
    """Return the years whose snapshot has been taken on the data date."""
    return range(FIRST_SNAPSHOT, next(year for year in count(FIRST_SNAPSHOT) if day(year, 7, 31) > data_date))


def patient_registers(
    lives: Lives, events: pl.DataFrame, errors: Errors, years: Iterable[int]
) -> dict[int, pl.DataFrame]:
    """Return the snapshot of 31 July of each year: everybody on the list of a practice.

    Flag 4 is that of a first acceptance from abroad within the year, and goes with the practice that gave it.
    """
    listed = pl.concat([_listed(lives, events, errors, year) for year in years])
    row, snapshot = listed["row"].to_numpy(), listed["snapshot"].to_numpy()
    person = held.identity(lives, errors, "pr", row, snapshot)
    rows = pl.DataFrame(
        {
            "row": row,
            "NHS_NO": numbers.nhs_numbers(lives, row),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": dates("birth", person["birth"]),
            "SEX": held.sex_number(person["sex"]),
            "PCODE": held.with_gaps(lives, errors, "pr", "postcode", row, listed["postcode"]),
            "ACCEPT_DATE": dates("acceptance", listed.select(pl.coalesce("flagged", "posting")).to_series()),
            "FLAG4": listed["flagged"].is_not_null(),
            "SNAPSHOT_DATE": dates("snapshot", snapshot),
        }
    )
    return {year: rows.filter(pl.Series(snapshot == day(year, 7, 31))) for year in years}


def _listed(lives: Lives, events: pl.DataFrame, errors: Errors, year: int) -> pl.DataFrame:
    """Return `row, postcode, posting, flagged` (day or null) and `snapshot` of those on the list in a year."""
    snapshot = day(year, 7, 31)
    until = events.filter(pl.col("posting") <= snapshot)
    latest = until.filter(pl.col("row") != pl.col("row").shift(-1, fill_value=-1))
    listed = latest.filter(~pl.col("type").is_in([REMOVAL, DROP]))
    no_gp = draws(lives.seed, "no practice", lives.person[listed["row"].to_numpy()]) < errors.registration.no_gp
    flagged = _flagged(lives, until.filter(pl.col("posting") > day(year - 1, 7, 31)), errors)
    return (
        listed.filter(pl.Series(~no_gp))
        .select("row", "postcode", "posting", snapshot=pl.lit(snapshot))
        .join(flagged, on="row", how="left", maintain_order="left")
    )


def _flagged(lives: Lives, events: pl.DataFrame, errors: Errors) -> pl.DataFrame:
    """Return `row, flagged` (day): who bears flag 4 after the events of a year.

    A move to another practice loses it, a move within reach of the same practice does not.
    """
    accepted = events.filter(pl.col("type") == FIRST_FROM_ABROAD).group_by("row").agg(flagged=pl.col("posting").max())
    moves = (
        events.filter(pl.col("type") == MOVE).join(accepted, on="row").filter(pl.col("posting") > pl.col("flagged"))
    )
    row, on = moves["row"].to_numpy(), moves["posting"].to_numpy()
    lost = draws(lives.seed, "another practice", lives.person[row], on) < errors.registration.flag_lost
    return accepted.join(moves.filter(pl.Series(lost)), on="row", how="anti")

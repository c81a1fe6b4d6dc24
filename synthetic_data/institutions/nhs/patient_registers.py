"""The NHS extracts: the Personal Demographics Service, and the Patient Register that follows from its postings."""

from collections.abc import Iterable
from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.nhs.posting_events import DROP, FIRST_FROM_ABROAD, MOVE, REMOVAL, TYPES
from synthetic_data.institutions.nhs.postings import postings
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import NEVER, dates, day
from synthetic_data.numbers.draws import Days, draws
from synthetic_data.numbers.equal_rows import distinct

FIRST_SNAPSHOT = 2014


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extracts of the Personal Demographics Service and of the Patient Register."""
    posted = view.once(nhs_postings)
    years = list(snapshot_years(view.data_date))
    wanted = years[-(view.snapshots or len(years)) :]
    snapshots = {f"pr_{year}.parquet": listed for year, listed in patient_registers(view, posted, wanted).items()}
    return [
        DeliveredExtract("pds", "pds", {"pds.parquet": pds(view, posted)}, "NHS_NUMBER",
                "POSTCODE", "DATE_OF_BIRTH", "GENDER", ("NHS_NUMBER", "POSTING_DATE", "REGISTRATION_TYPE"),
                in_order=True),
        DeliveredExtract("pr", "pr", snapshots, "NHS_NO", "PCODE", "DOB", "SEX", ("NHS_NO",), in_order=True),
    ]  # fmt: skip


def nhs_postings(view: InstitutionView) -> pl.DataFrame:
    """Return what the NHS posted by the data date: see `postings`."""
    return postings(view.lives, view.working, view.errors, view.data_date)


def on_list(view: InstitutionView) -> NDArray[np.bool_]:
    """Return who (row) has an NHS number: everyone with at least one posting."""
    posted = view.once(nhs_postings)
    on_nhs = np.zeros(len(view.lives.people), dtype=bool)
    on_nhs[posted.filter(posted["type"] != DROP)["row"].to_numpy()] = True
    return on_nhs


def _numbers(view: InstitutionView) -> pl.Series:
    return identifiers.nhs_numbers(view.lives, np.arange(len(view.lives.people)))


def pds(view: InstitutionView, events: pl.DataFrame) -> pl.DataFrame:
    """Return the extract of the Personal Demographics Service: one row per posting."""
    lives, errors = view.lives, view.errors
    posted = events[np.flatnonzero((events["type"] != DROP).to_numpy())]
    row = posted["row"].to_numpy()
    rows, index = distinct(row)
    person = recorded_identity.identity(lives, errors, "pds", row, posted["posting"].to_numpy())
    uniform = draws(lives.seed, "birth country missing", lives.person[rows])
    missing = np.flatnonzero(uniform < errors.registration.birth_country_missing)
    return pl.DataFrame(
        {
            "row": posted["row"],
            "NHS_NUMBER": view.once(_numbers)[row],
            "GIVEN_NAME": person["given_name"],
            "FAMILY_NAME": person["family_name"],
            "DATE_OF_BIRTH": dates("birth", person["birth"]),
            "GENDER": recorded_identity.sex_number(person["sex"]),
            "BIRTH_COUNTRY": lives.people["country_of_birth"][rows].scatter(missing, None)[index],
            "POSTCODE": recorded_identity.with_gaps(lives, errors, "pds", "postcode", row, posted["postcode"]),
            "REGISTRATION_TYPE": posted["type"].cast(pl.String),
            "POSTING_DATE": dates("posting", posted["posting"]),
            "REMOVAL_REASON": posted["reason"],
        }
    )


def snapshot_years(data_date: int) -> range:
    """Return the years whose snapshot has been taken by the data date."""
    return range(FIRST_SNAPSHOT, next(year for year in count(FIRST_SNAPSHOT) if day(year, 7, 31) > data_date))


def patient_registers(view: InstitutionView, events: pl.DataFrame, years: Iterable[int]) -> dict[int, pl.DataFrame]:
    """Return the snapshot of 31 July of each year: everyone on the list of a practice.

    Flag 4 marks a first acceptance from abroad within the year; it is lost when the patient changes practice.
    """
    lives, errors = view.lives, view.errors
    patient = draws(lives.seed, "no practice", lives.person) >= errors.registration.no_gp
    row, posting = events["row"].to_numpy(), events["posting"].to_numpy()
    until = np.where(row[1:] == row[:-1], posting[1:], NEVER)
    events = events.with_columns(until=np.append(until, NEVER))
    found = {year: _listed(lives, events, errors, year, patient) for year in years}
    latest, accepted = (np.concatenate(parts) for parts in zip(*found.values(), strict=True))
    row, posting = row[latest], posting[latest]
    sizes = [len(those) for those, _ in found.values()]
    snapshot = np.repeat([day(year, 7, 31) for year in found], sizes)
    flagged = accepted < NEVER
    person = recorded_identity.identity(lives, errors, "pr", row, snapshot)
    rows = pl.DataFrame(
        {
            "row": row,
            "NHS_NO": view.once(_numbers)[row],
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": dates("birth", person["birth"]),
            "SEX": recorded_identity.sex_number(person["sex"]),
            "PCODE": recorded_identity.with_gaps(lives, errors, "pr", "postcode", row, events["postcode"][latest]),
            "ACCEPT_DATE": dates("acceptance", np.where(flagged, accepted, posting)),
            "FLAG4": flagged,
            "SNAPSHOT_DATE": dates("snapshot", snapshot),
        }
    )
    ends = np.cumsum(sizes).tolist()
    return {year: rows[end - size : end] for year, size, end in zip(found, sizes, ends, strict=True)}


def _listed(
    lives: Lives, events: pl.DataFrame, errors: Errors, year: int, patient: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Days]:
    """Return the latest events (row numbers) of people listed in a year, and the day of their flag 4 or `NEVER`.

    `patient` says who (row) has a practice; an event counts `until` the same person's next one. A move to another
    practice loses the flag, a move within reach of the same practice does not.
    """
    row, posting = events["row"].to_numpy(), events["posting"].to_numpy()
    kind = events["type"].to_physical().to_numpy()
    before, snapshot = day(year - 1, 7, 31), day(year, 7, 31)
    # removals and drops are the last two of the types
    latest = np.flatnonzero(
        (posting <= snapshot) & (events["until"].to_numpy() > snapshot) & (kind < TYPES.index(REMOVAL))
    )
    latest = latest[np.flatnonzero(patient[row[latest]])]
    recent = np.flatnonzero((posting > before) & (posting <= snapshot))
    first = recent[kind[recent] == TYPES.index(FIRST_FROM_ABROAD)]
    # of two acceptances the later one is the last in order
    accepted = np.full(len(lives.people), NEVER)
    accepted[row[first]] = posting[first]
    moves = recent[kind[recent] == TYPES.index(MOVE)]
    moves = moves[posting[moves] > accepted[row[moves]]]
    lost = draws(lives.seed, "another practice", lives.person[row[moves]], posting[moves])
    accepted[row[moves[lost < errors.registration.flag_lost]]] = NEVER
    return latest, accepted[row[latest]]

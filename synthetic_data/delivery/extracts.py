"""All extracts of a study, and the list of institutions and surveys that deliver them (`SOURCES`)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from synthetic_data.delivery.second_numbers import with_second_numbers
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import activity, border, registrars
from synthetic_data.institutions.benefits import benefit_spells, child_benefit, tax_credits
from synthetic_data.institutions.home_office import leave_applications, settlement_scheme
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.institutions.revenue import earnings, migrant_worker_scan
from synthetic_data.institutions.universities import student_record
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, as_date, dates
from synthetic_data.numbers.draws import draws
from synthetic_data.scenarios.scenario import DATED, Loss
from synthetic_data.surveys import clerical_review, coverage_survey, passenger_survey

IMPOSSIBLE_BIRTH = date(2099, 1, 1)
IMPOSSIBLE_WEEKS = 60


SOURCES = (
    activity,
    benefit_spells,
    border,
    earnings,
    child_benefit,
    tax_credits,
    leave_applications,
    patient_registers,
    passenger_survey,
    registrars,
    clerical_review,
    settlement_scheme,
    coverage_survey,
    student_record,
    migrant_worker_scan,
)
"""Each module has `deliver(view)`, which returns the extracts of the institution or survey as of the data date."""


def extracts(
    lives: Lives,
    errors: Errors,
    data_date: int = DATA_DATE,
    losses: tuple[Loss, ...] = (),
    snapshots: int | None = None,
) -> Iterator[DeliveredExtract]:
    """Yield all extracts as of the data date, one at a time: in a large country each is large."""
    view = InstitutionView(lives, errors, data_date, snapshots)
    for source in SOURCES:
        for made in with_second_numbers(source.deliver(view), lives, errors, data_date):
            yield _finished(made, lives, errors.broken_share(made.source), data_date, losses)


def _finished(
    extract: DeliveredExtract, lives: Lives, broken: float, data_date: int, losses: tuple[Loss, ...]
) -> DeliveredExtract:
    files = {}
    for name, frame in extract.files.items():
        known = _without_births_to_come(frame, extract, lives, data_date)
        ordered = known if extract.in_order else known.sort(extract.order, maintain_order=True)
        delivered = _with_broken_rows(ordered, extract, lives, name, broken)
        for loss in losses:
            if loss.extract == extract.name:
                delivered = _without_lost_rows(delivered, lives, loss)
        files[name] = delivered
    return replace(extract, files=files)


def _without_births_to_come(
    frame: pl.DataFrame, extract: DeliveredExtract, lives: Lives, data_date: int
) -> pl.DataFrame:
    """Correct dates of birth that are wrong and after the data date: nothing could have recorded them yet.

    Dates as text are left as they are: only MWS has them, and it contains adults only.
    """
    if not extract.birth or frame.schema[extract.birth] != pl.Date:
        return frame
    to_come = np.flatnonzero((frame[extract.birth] > as_date(data_date)).to_numpy())
    if not len(to_come):
        return frame
    born = dates("born", lives.birth[frame["row"].to_numpy()[to_come]])
    return frame.with_columns(frame[extract.birth].scatter(to_come, born))


def _without_lost_rows(frame: pl.DataFrame, lives: Lives, loss: Loss) -> pl.DataFrame:
    """Remove a share of the rows that are dated in one year."""
    dated = frame[DATED[loss.extract]]
    if dated.dtype == pl.String:
        dated = dated.str.to_date("%d/%m/%Y")
    person = lives.person[frame["row"].to_numpy()]
    lost = draws(lives.seed, f"{loss.extract} lost", person, dated.to_physical().to_numpy()) < loss.share
    return frame.filter(~(pl.Series(lost) & (dated.dt.year() == loss.year)))


def _with_broken_rows(
    frame: pl.DataFrame, extract: DeliveredExtract, lives: Lives, file: str, share: float
) -> pl.DataFrame:
    """Break the contract in a share of rows: an unknown code for sex, a future birth, too many weeks in a year.

    Which rows depends on the person and day of the row only, not on the others in the file.
    """
    if not share:
        return frame
    person = lives.person[frame["row"].to_numpy()]
    dated = [frame[one].to_physical().to_numpy() for one in extract.order if frame.schema[one] == pl.Date]
    drawn = draws(lives.seed, f"{file} broken", person, *dated)
    broken = np.flatnonzero(drawn < share)
    first = drawn[broken] < share / 2
    changes = []
    if extract.sex:
        changes.append(frame[extract.sex].scatter(broken[first], "X"))
    if extract.birth:
        as_text = frame.schema[extract.birth] == pl.String
        future = IMPOSSIBLE_BIRTH.strftime("%d/%m/%Y") if as_text else IMPOSSIBLE_BIRTH
        changes.append(frame[extract.birth].scatter(broken[~first], future))
    if "WEEKS_ANY" in frame.columns:
        changes.append(frame["WEEKS_ANY"].scatter(broken, IMPOSSIBLE_WEEKS))
    return frame.with_columns(changes)


def known_people(extract: DeliveredExtract) -> pl.DataFrame:
    """Return `source, person_key, row, postcode`: every key in an extract, with its latest address."""
    postcode = pl.col(extract.postcode) if extract.postcode else pl.lit(None, pl.String)
    return _latest(
        pl.concat(
            frame.select("row", source=pl.lit(extract.source), person_key=pl.col(extract.key), postcode=postcode)
            for frame in extract.files.values()
        )
    )


def _latest(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("source", "person_key").agg(pl.col("row").last(), pl.col("postcode").drop_nulls().last())


ADDRESSES_COMPARED_WITH = "pds"
"""The extract whose latest addresses say who moved, in the truth: the register of all people with an NHS number."""


def latest_addresses(pds: DeliveredExtract) -> pl.DataFrame:
    """Return `row, on_spine`: the address of each person (row) in the latest posting on the spine."""
    return (
        pl.concat(pds.files.values())
        .sort("POSTING_DATE", maintain_order=True)
        .group_by("row")
        .agg(on_spine=pl.col("POSTCODE").drop_nulls().last())
    )


def identities(lives: Lives, known: Iterable[pl.DataFrame], spine: pl.DataFrame) -> pl.DataFrame:
    """Return `source, person_key, person, moved`: the true person of each key of each source.

    `known` are the `known_people` of all extracts, `spine` the `latest_addresses` of PDS. `moved` is true where the
    source's latest address differs from that of the spine.
    """
    return (
        _latest(pl.concat(known).filter(pl.col("source") != "review_sample"))
        .join(spine, on="row", how="left")
        .join(pl.DataFrame({"row": np.arange(len(lives.person)), "person": lives.person}), on="row", how="left")
        .select(
            "source",
            "person_key",
            "person",
            moved=(pl.col("postcode") != pl.col("on_spine")).fill_null(value=False),
        )
        .sort("source", "person_key")
    )

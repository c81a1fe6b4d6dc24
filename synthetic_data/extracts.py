"""The extracts: what each source delivers on the data date, in its own layout."""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import survey
from synthetic_data.days import DATA_DATE, as_date, dates
from synthetic_data.draws import draws
from synthetic_data.duplicates import with_second_numbers
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.scenarios import DATED, Loss
from synthetic_data.sources import border, nhs, registrars, university, work

IMPOSSIBLE_BIRTH = date(2099, 1, 1)
IMPOSSIBLE_WEEKS = 60


SOURCES = (border, nhs, registrars, survey, university, work)
"""Each has `delivered(sight)`: the extracts of the institution, as they stand on the data date."""


def extracts(
    lives: Lives,
    survey_residents: NDArray[np.int64],
    errors: Errors,
    data_date: int = DATA_DATE,
    losses: tuple[Loss, ...] = (),
    snapshots: int | None = None,
) -> list[Extract]:
    """Return all extracts as they stand on the data date, in order of name; the order of rows tells nothing."""
    sight = Sight(lives, errors, survey_residents, data_date, snapshots)
    made = sorted((one for source in SOURCES for one in source.delivered(sight)), key=lambda one: one.name)
    made = with_second_numbers(made, lives, errors)
    return [_finished(one, lives, errors.broken_share(one.source), data_date, losses) for one in made]


def _finished(extract: Extract, lives: Lives, broken: float, data_date: int, losses: tuple[Loss, ...]) -> Extract:
    files = {}
    for name, frame in extract.files.items():
        known = _without_births_to_come(frame, extract, lives, data_date).sort(extract.order, maintain_order=True)
        delivered = _with_broken_rows(known, extract, lives, name, broken)
        for loss in losses:
            if loss.extract == extract.name:
                delivered = _without_lost_rows(delivered, lives, loss)
        files[name] = delivered
    return Extract(extract.name, extract.source, files, extract.key, extract.postcode)


def _without_births_to_come(frame: pl.DataFrame, extract: Extract, lives: Lives, data_date: int) -> pl.DataFrame:
    """Put right what nobody had written yet: a wrong date of birth that lies behind the data date.

    Texts are left alone: MWS alone writes them, and holds adults only.
    """
    if not extract.birth or frame.schema[extract.birth] != pl.Date:
        return frame
    born = dates("born", lives.birth[frame["row"].to_numpy()])
    to_come = frame[extract.birth] > as_date(data_date)
    return frame.with_columns(pl.when(to_come).then(born).otherwise(extract.birth).alias(extract.birth))


def _without_lost_rows(frame: pl.DataFrame, lives: Lives, loss: Loss) -> pl.DataFrame:
    """Lose a share of the rows that are dated in one year."""
    dated = frame[DATED[loss.extract]]
    if dated.dtype == pl.String:
        dated = dated.str.to_date("%d/%m/%Y")
    person = lives.person[frame["row"].to_numpy()]
    lost = draws(lives.seed, f"{loss.extract} lost", person, dated.to_physical().to_numpy()) < loss.share
    return frame.filter(~(pl.Series(lost) & (dated.dt.year() == loss.year)))


def _with_broken_rows(frame: pl.DataFrame, extract: Extract, lives: Lives, file: str, share: float) -> pl.DataFrame:
    """Break the contract in a share of rows: an unknown code for sex, a birth to come, more weeks than a year has.

    Which ones goes with the person and the number of the row among the person's own, whoever else is in the file.
    """
    if not share:
        return frame
    person = lives.person[frame["row"].to_numpy()]
    number = frame.select(pl.int_range(pl.len()).over("row")).to_series().to_numpy()
    broken = pl.Series(draws(lives.seed, f"{file} broken", person, number) < share)
    first = pl.Series(draws(lives.seed, f"{file} kind of break", person, number) < 0.5)
    changes: dict[str, pl.Expr | pl.Series] = {}
    if extract.sex:
        changes[extract.sex] = pl.when(broken & first).then(pl.lit("X")).otherwise(pl.col(extract.sex))
    if extract.birth:
        future = pl.lit(IMPOSSIBLE_BIRTH)
        if frame.schema[extract.birth] == pl.String:
            future = pl.lit(IMPOSSIBLE_BIRTH.strftime("%d/%m/%Y"))
        changes[extract.birth] = pl.when(broken & ~first).then(future).otherwise(pl.col(extract.birth))
    if "WEEKS_ANY" in frame.columns:
        changes["WEEKS_ANY"] = pl.when(broken).then(IMPOSSIBLE_WEEKS).otherwise(pl.col("WEEKS_ANY"))
    return frame.with_columns(**changes)


def identities(lives: Lives, made: list[Extract]) -> pl.DataFrame:
    """Return `source, person_key, person, moved`: who is behind each key of each source.

    `moved` says that the source's latest address is another one than the latest of the spine (PDS).
    """
    person = pl.Series(lives.person)
    frames = []
    for source in sorted({one.source for one in made} - {"review_sample"}):
        rows = pl.concat([
            frame.select(
                "row",
                pl.col(one.key).alias("person_key"),
                (pl.col(one.postcode) if one.postcode else pl.lit(None, pl.String)).alias("postcode"),
            )
            for one in made if one.source == source for frame in one.files.values()
        ])  # fmt: skip
        latest = rows.group_by("person_key", maintain_order=True).agg(
            pl.col("row").last(), pl.col("postcode").drop_nulls().last()
        )
        frames.append(latest.with_columns(source=pl.lit(source)))
    held = pl.concat(frames)
    (pds,) = (frame for one in made if one.name == "pds" for frame in one.files.values())
    # a person with two NHS numbers lives where the latest posting of both says
    spine = pds.sort("POSTING_DATE", maintain_order=True).group_by("row", maintain_order=True)
    spine = spine.agg(on_spine=pl.col("POSTCODE").drop_nulls().last())
    return (
        held.join(spine, on="row", how="left")
        .with_columns(
            person=person[held["row"]], moved=(pl.col("postcode") != pl.col("on_spine")).fill_null(value=False)
        )
        .select("source", "person_key", "person", "moved")
        .sort("source", "person_key")
    )

"""A synthetic study of a few people, to work out by hand what targets measure."""

from datetime import date
from pathlib import Path

import polars as pl

from pipeline.study import ExtractFiles, Study
from synthetic_data.benchmarks.observed_study import ObservedStudy

ALWAYS = date(1990, 1, 1)


def study_with(**tables) -> ObservedStudy:
    """Return a study with these tables: of the truth by name, of sources by `source` (all columns)."""
    study = Study(
        path=Path("study.toml"), name="a few people", synthetic=True, data_date=date(2019, 12, 31),
        area_lookup="areas.csv", extract=(ExtractFiles(name="mws", files=("mws.csv",)),),
    )  # fmt: skip
    observed = ObservedStudy(study)
    truth = {name: pl.DataFrame(rows) for name, rows in tables.items() if name in {
        "people", "presence", "migrations", "residents", "statuses", "postcodes"}}  # fmt: skip
    observed.truth = truth.__getitem__  # ty: ignore[invalid-assignment]
    observed.records = lambda source, *columns: pl.DataFrame(tables[source]).select("person", *columns)  # ty: ignore
    return observed


def people_rows(*persons, **more):
    plain = {"sex": "F", "birth_date": ALWAYS, "nationality_group": "non_EU", "country_of_birth": "IN"}
    plain |= {"death_date": None, "mother": None}
    return [{"person": person, **plain, **more} for person in persons]


def presence_rows(*spells):
    return pl.DataFrame(list(spells), schema={"person": pl.Int64, "start": pl.Date, "end": pl.Date}, orient="row")


def visas(*rows):
    columns = ("person", "visa_type", "valid_from", "valid_to")
    return [dict(zip(columns, row, strict=True)) | {"event_date": None, "direction": None} for row in rows]

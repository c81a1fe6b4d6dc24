"""A synthetic study to be measured: its truth, and the records of each source joined to true people."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError, first_line
from pipeline.ingest.areas import areas_of
from pipeline.ingest.columns import Column
from pipeline.ingest.contracts import Extract, SourceContract
from pipeline.ingest.days import calendar_day
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.study import Study, read_study
from pipeline.tables import read_table, scan_table
from synthetic_data.benchmarks.counting import NotMeasurableError
from synthetic_data.country.tables import table
from synthetic_data.numbers.days import LAST_DAY, as_date

HORIZON = as_date(LAST_DAY) + timedelta(days=1)
LONG = pl.duration(days=365)


@dataclass
class ObservedStudy:
    """One synthetic study; each table is read once, when it is first needed."""

    study: Study
    _tables: dict[object, Any] = field(default_factory=dict, repr=False)

    def truth(self, name: str) -> pl.DataFrame:
        """Return a table of the truth folder; raises `UserError` where there is none."""
        return self._once(("truth", name), lambda: self._read_truth(name))

    def _read_truth(self, name: str) -> pl.DataFrame:
        path = self.study.folder / "truth" / f"{name}.parquet"
        try:
            return read_table(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UserError(
                f"{path}: the truth cannot be read ({first_line(error)}), and targets are measured on it. "
                "Make the study with `sojourn simulate`."
            ) from None

    def _once(self, key: object, make: Any) -> Any:
        if key not in self._tables:
            self._tables[key] = make()
        return self._tables[key]

    @property
    def chains(self) -> pl.DataFrame:
        """Spells of presence joined over absences of at most 365 days: `person, start, end, long_term`.

        `end` is null for those who are here to the last simulated day; `long_term` ones last over 365 days.
        """
        return self._once("chains", self._chains)

    def _chains(self) -> pl.DataFrame:
        spells = self.truth("presence").sort("person", "start")
        left = pl.col("end").shift(1).over("person")
        begins = left.is_null() | (pl.col("start") - left > LONG)
        joined = spells.group_by(chain=begins.cum_sum()).agg(
            pl.col("person").first(),
            pl.col("start").min(),
            pl.when(pl.col("end").is_null().any()).then(None).otherwise(pl.col("end").max()).alias("end"),
        )
        lasts = pl.col("end").fill_null(HORIZON) - pl.col("start")
        return joined.drop("chain").with_columns(long_term=lasts > LONG)

    def residents(self, on: date) -> pl.DataFrame:
        """Return the usual residents on a day: the columns of `people`, `age` (whole years), `born_here`.

        Nationality is that on the day: people who have naturalised are British. On a reference date there are also
        `region` and `local_authority`.
        """
        return self._once(("residents", on), lambda: self._residents(on))

    def _residents(self, on: date) -> pl.DataFrame:
        here = self.chains.filter(
            pl.col("long_term"), pl.col("start") <= on, pl.col("end").is_null() | (pl.col("end") > on)
        ).select("person")
        people = self.truth("people")
        placed = self.truth("residents").filter(pl.col("reference_date") == on).drop("reference_date")
        found = here.join(people.drop("region", strict=False), on="person").join(placed, on="person", how="left")
        if placed.is_empty():
            found = found.drop("region", "local_authority", strict=False)
        if "naturalised_on" in people.columns:
            british = pl.col("naturalised_on") <= on
            groups = [name for name in ("nationality_group", "fine_group") if name in people.columns]
            found = found.with_columns(
                pl.when(british).then(pl.lit("British")).otherwise(pl.col(name)).alias(name) for name in groups
            )
        return found.with_columns(age=age(pl.col("birth_date"), on), born_here=pl.col("country_of_birth") == "GB")

    def records(self, source: str, *columns: str) -> pl.DataFrame:
        """Return columns of a source's records, named and typed as in its contract, with `person`.

        All extracts of the source that have the columns are read. A value that breaks the contract is null.
        Raises `NotMeasurableError` if the study has no such source.
        """
        return self._once((source, *columns), lambda: self._records(source, columns))

    def _records(self, source: str, columns: Iterable[str]) -> pl.DataFrame:
        contract = self._once("contracts", lambda: delivered_contracts(self.study)).get(source)
        if contract is None:
            raise NotMeasurableError(f"the study has no extract of '{source}'")
        frames = [
            _read(path, extract, contract, tuple(columns))
            for name, extract in contract.extracts.items()
            if {*columns} <= {*extract.columns}
            for path in self.study.files_of(name)
        ]
        who = self.truth("identities").filter(pl.col("source") == source).select("person_key", "person")
        return pl.concat(frames).join(who, on="person_key", how="inner").drop("person_key")

    def known_until(self, needed: date) -> None:
        """Raise `NotMeasurableError` if the study's extracts are too old for a figure."""
        if self.study.data_date < needed:
            raise NotMeasurableError(f"it needs data up to {needed}, and the data date is {self.study.data_date}")

    @property
    def areas(self) -> dict[str, str]:
        """The area of each postcode district, from the study's look-up."""
        if self.study.area_lookup is None:
            raise NotMeasurableError("the study has no area_lookup")
        return self._once("areas", lambda: areas_of(self.study))


def open_study(path: Path) -> ObservedStudy:
    """Return the study of a file, or of its folder; raises `UserError` if it is not synthetic."""
    study = read_study(path)
    if not study.synthetic:
        raise UserError(
            f"{study.path}: not a synthetic study, so its truth is unknown. Make one with `sojourn simulate`."
        )
    return ObservedStudy(study)


def age(birth: pl.Expr, on: date) -> pl.Expr:
    """Return ages in whole years."""
    day_of_year = birth.dt.month().cast(pl.Int32) * 100 + birth.dt.day()
    had_birthday = day_of_year <= on.month * 100 + on.day
    return on.year - birth.dt.year() - (~had_birthday).cast(pl.Int32)


def group_of(country: pl.Expr) -> pl.Expr:
    """Return the nationality group of a country of the table of countries."""
    known = table("countries")
    return country.replace_strict(
        known["country"], known["nationality_group"], default="non_EU", return_dtype=pl.String
    )


def _read(path: Path, extract: Extract, contract: SourceContract, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return `person_key` and the given columns of one file, typed."""
    frame = scan_table(path) if path.suffix == ".parquet" else pl.scan_csv(path, glob=False, infer_schema=False)
    schema = frame.collect_schema()
    layouts = (one for one in extract.layouts.values() if {c.header for c in one.delivered.values()} <= {*schema})
    layout = next(layouts, None)
    if layout is None:
        raise UserError(f"{path}: its columns are in no layout of '{contract.source}'. Simulate the study again.")
    key = pl.col(layout.columns[contract.own_key].header).cast(pl.String).alias("person_key")
    typed = [
        _typed(layout.columns[name], schema).alias(name)
        if name in layout.delivered
        else pl.lit(None, pl.String).alias(name)
        for name in columns
    ]
    return frame.select(key, *typed).collect()


def _typed(column: Column, schema: pl.Schema) -> pl.Expr:
    value = pl.col(column.header)
    if column.type == "date":
        return calendar_day(value, column.format) if schema[column.header] == pl.String else value
    if column.type == "code":
        return value.cast(pl.String).replace_strict(column.meaning_of, default=None, return_dtype=pl.String)
    if column.type == "integer":
        return value.cast(pl.Int64, strict=False)
    return value.cast(pl.String)

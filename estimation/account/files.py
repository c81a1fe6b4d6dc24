"""Reads the files of an account: stocks and flows on Lexis triangles, their errors, what is exact, and the biases.

A folder contains `population.csv`, `immigration.csv`, `emigration.csv`, `births.csv`, `deaths.csv`, the standard
deviations of the independent errors (`population_sd.csv`, `immigration_sd.csv`, `emigration_sd.csv`),
`bias_terms.csv` and, where biases are correlated, `bias_covariance.csv`; it may contain `prior_immigration.csv`,
`prior_emigration.csv`, `internal.csv` and `group_changes.csv`. `time` is the year in which a period ends.
docs/account.md describes every column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from estimation.account.bias_terms import BiasTerms, read_bias_terms, refuse_terms_without_cells
from estimation.account.columns import (
    EXACT,
    NOISY,
    PLACE_KEYS,
    SERIES,
    read_columns,
    refuse_ages,
    refuse_blanks,
    refuse_rows,
    to_numbers,
    to_sex_codes,
)
from estimation.account.expected_flows import with_expected_flows
from estimation.account.files_agree import (
    refuse_disagreement,
    refuse_unknown_values,
    refuse_without_series,
    series_of,
)
from estimation.account.smoothed_counts import with_smoothed_counts
from pipeline.errors import UserError

ACCOUNT_CELL = [*SERIES, "age", "time"]
"""A stock has one age in a year; a flow has two, the triangles before and after the year's birthday."""
ALL_OF_ONE = "all"
"""Area or nationality group of files that do not divide people by it."""
WHOLE_NUMBERS = {"age": pl.Int32, "cohort": pl.Int32, "time": pl.Int32}
OF_STOCK, OF_FLOW = ((0,), "time - age"), ((0, 1), "time - age, or that less 1")
"""By how many years `time` may be later than age and cohort together."""
TRANSFERS = {"internal": ("area", "area_from", "area_to"), "group_changes": ("nationality_group", "from", "to")}
"""Optional files of moves between series: the key that changes, and its columns before and after."""
FILES = (
    *NOISY, *EXACT, *(f"{name}_sd" for name in NOISY), "bias_terms", "bias_covariance", "prior_immigration",
    "prior_emigration", *TRANSFERS,
)  # fmt: skip
"""The files that an account reads, those that it can do without included."""
TRANSFER_TYPES = pl.Schema(
    dict.fromkeys(SERIES[:3], pl.String) | {"cohort": pl.Int32, "time": pl.Int32, "count": pl.Float64}
)
"""A move is two rows: one out of a series, negative, and one into another."""


@dataclass(frozen=True)
class AccountFiles:
    """Cells by measure, in the order of their files, and the biases.

    Cells have `ACCOUNT_CELL` and `count`, noisy ones also `sd` and `smoothed_count`, flows of a folder that expects
    them also `expected` and `expected_variance`. `given` has their keys as they are written in the files, for output.
    `transfers` are moves between series (`SERIES`, `time`, `count`), counted once
    with each sign, so that they add up to 0.
    """

    cells: dict[str, pl.DataFrame]
    biases: BiasTerms
    transfers: pl.DataFrame = field(default_factory=TRANSFER_TYPES.to_frame)
    given: dict[str, pl.DataFrame] = field(default_factory=dict)


def read_account_files(folder: Path) -> AccountFiles:
    """Return the account files of a folder; raises `UserError` that names a missing file, column, row or value."""
    places = _places(folder / "population.csv")
    given = {name: _read_counts(folder / f"{name}.csv", places) for name in NOISY + EXACT}
    known = {name: (name, given["population"][name]) for name in (*places, "sex")}
    for name in (*NOISY, *EXACT):
        if given["population"].height:
            refuse_unknown_values(given[name], folder / f"{name}.csv", known)
    cells = {name: _with_all_keys(frame) for name, frame in given.items()}
    refuse_disagreement(cells, folder)
    for name in NOISY:
        cells[name] = _with_errors(cells[name], given[name], folder, name, places)
    cells["births"] = _newborn(cells["births"])
    cells |= with_expected_flows(cells, folder, places)
    keys = {name: given[name].select(*places, "sex_as_given", "cohort", "age", "time") for name in NOISY}
    as_given = {name: frame.rename({"sex_as_given": "sex"}) for name, frame in keys.items()}
    biases = read_bias_terms(folder, {name: set(given["population"][name]) for name in places})
    refuse_terms_without_cells(biases, cells, folder / "bias_terms.csv")
    areas = sorted(set(given["population"]["area"])) if "area" in places else [None]
    expected = [name for name in NOISY if "expected" in cells[name].columns]
    return AccountFiles(
        cells,
        biases.with_levels(expected, areas),
        _read_transfers(folder, places, cells),
        as_given,
    )


def _places(path: Path) -> list[str]:
    """Return the keys beside sex and cohort that a folder has: those of its population, which all files need."""
    return [name for name in PLACE_KEYS if name in read_columns(path, [], _columns_with("count")).columns]


def _columns_with(value: str) -> list[str]:
    return [*PLACE_KEYS, "age", "sex", "cohort", "time", value]


def _read_counts(path: Path, places: Sequence[str], value: str = "count") -> pl.DataFrame:
    """Return one file with numbers as numbers and sexes as codes (`sex_as_given` is what the file says).

    Flows without `age` are one cell for each cohort and year, whose age is that at its end.
    """
    measure = path.stem.removesuffix("_sd")
    needed = {"population": ["age"], "births": []}.get(measure, ["cohort"])
    frame = read_columns(path, [*places, "sex", *needed, "time", value], _columns_with(value))
    frame = to_numbers(frame, path, {**WHOLE_NUMBERS, value: pl.Float64}).with_columns(sex_as_given=pl.col("sex"))
    frame = to_sex_codes(frame, path)
    refuse_blanks(frame, path, [*places, "sex", *needed, "time", value])
    refuse_rows(frame, path, pl.col(value) < 0, f"{value} {{{value}}} is negative. Give 0 or more.")
    if measure == "births":
        return _checked_births(frame, path, places)
    ends = pl.col("time") - pl.col("age" if measure == "population" else "cohort")
    for name in ("age", "cohort"):
        frame = frame if name in frame.columns else frame.with_columns(ends.alias(name))
    refuse_ages(frame, path, *(OF_STOCK if measure == "population" else OF_FLOW))
    _refuse_twice(frame, path, [*places, "sex", "cohort", "age", "time"])
    return frame


def _refuse_twice(frame: pl.DataFrame, path: Path, keys: Sequence[str]) -> None:
    """Raise `UserError` for a row whose keys another row has."""
    again = ~pl.struct(keys).is_first_distinct()
    named = ", ".join(f"{key} {{{key}}}" for key in keys)
    refuse_rows(frame, path, again, f"{named} has a row already.")


def _checked_births(frame: pl.DataFrame, path: Path, places: Sequence[str]) -> pl.DataFrame:
    """Return births; age and cohort, where the file has them, are the mother's, and fit each other and the year."""
    _refuse_twice(frame, path, [name for name in (*places, "sex", "age", "cohort", "time") if name in frame.columns])
    if {"age", "cohort"} <= set(frame.columns):
        refuse_ages(frame, path, OF_FLOW[0], f"the mother's, {OF_FLOW[1]}")
    return frame


def _with_all_keys(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a file's rows with every key of a cell, `all` where the file does not divide people."""
    absent = [name for name in PLACE_KEYS if name not in frame.columns]
    frame = frame.with_columns(pl.lit(ALL_OF_ONE).alias(name) for name in absent)
    return frame.select(*(name for name in ACCOUNT_CELL if name in frame.columns), "count")


def _with_errors(
    cells: pl.DataFrame, given: pl.DataFrame, folder: Path, name: str, places: Sequence[str]
) -> pl.DataFrame:
    """Return noisy cells with the standard deviations of their errors and their smoothed counts."""
    path = folder / f"{name}_sd.csv"
    keys = [*places, "sex", "cohort", "age", "time"]
    errors = _read_counts(path, places, value="sd")
    missing = given.join(errors, on=keys, how="anti", maintain_order="left")
    if missing.height:
        first = missing.row(0, named=True)
        raise UserError(
            f"{path}: {missing.height:,} cells of {name}.csv have no standard deviation, the first "
            f"{', '.join(f'{key}={first[key]}' for key in keys)}. Add them."
        )
    surplus = pl.struct(keys).is_in(given.select(pl.struct(keys)).to_series().implode())
    refuse_rows(errors, path, ~surplus, f"sex {{sex_as_given}}, age {{age}}, time {{time}} is not in {name}.csv.")
    sds = given.select(keys).join(errors.select(*keys, "sd"), on=keys, how="left", maintain_order="left")["sd"]
    return with_smoothed_counts(cells.with_columns(sds), stock=name == "population")


def _newborn(births: pl.DataFrame) -> pl.DataFrame:
    """Return births as the beginning of their cohorts, whatever age and cohort of the mother the file contains."""
    keys = ["area", "sex", "nationality_group", "time"]
    total = births.sort(keys, maintain_order=True).group_by(keys, maintain_order=True).agg(pl.col("count").sum())
    return total.select(
        "area", "sex", "nationality_group", pl.col("time").alias("cohort"), pl.lit(0, pl.Int32).alias("age"), "time",
        "count",
    )  # fmt: skip


def _read_transfers(folder: Path, places: Sequence[str], cells: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return moves between areas and between nationality groups, each out of one series and into another."""
    parts, series = [TRANSFER_TYPES.to_frame()], series_of(cells)
    for name, (key, before, after) in TRANSFERS.items():
        path = folder / f"{name}.csv"
        if not path.exists():
            continue
        if key not in places:
            raise UserError(f"{path}: moves between {key} need that column in all files of cells. Add it, or leave "
                            f"{path.name} out.")  # fmt: skip
        others = [one for one in places if one != key]
        columns = [*others, "age", "sex", "cohort", "time", before, after, "count"]
        frame = to_numbers(read_columns(path, columns), path, {**WHOLE_NUMBERS, "count": pl.Float64})
        frame = to_sex_codes(frame, path)
        refuse_blanks(frame, path, columns)
        refuse_rows(frame, path, pl.col("count") < 0, "count {count} is negative. Give 0 or more.")
        refuse_rows(
            frame, path, pl.col(before) == pl.col(after), f"goes from {{{before}}} to {{{after}}}, which is the same."
        )
        refuse_ages(frame, path, *OF_FLOW)
        _refuse_twice(frame, path, [one for one in columns if one != "count"])
        columns_of = {**{one: one for one in others}, before: key, after: key}
        known = {column: (column, cells["population"][one]) for column, one in columns_of.items()}
        refuse_unknown_values(frame, path, known)
        flows = cells["immigration"]["time"]
        late = ~pl.col("time").is_between(flows.min(), flows.max())
        refuse_rows(
            frame, path, late, f"time {{time}} is no year of flows, which are {flows.min()} to {flows.max()}."
        )
        frame = frame.with_columns(pl.lit(ALL_OF_ONE).alias(one) for one in PLACE_KEYS if one not in places)
        for side, sign in ((before, -1.0), (after, 1.0)):
            signed = frame.with_columns(pl.col(side).alias(key), count=sign * pl.col("count"))
            refuse_without_series(signed, path, series)
            parts.append(signed.select(TRANSFER_TYPES.names()).cast(dict(TRANSFER_TYPES)))
    return pl.concat(parts)

"""Reads the files of an account: stocks and flows on Lexis triangles, their errors, what is exact, and the biases.

A folder contains `population.csv`, `immigration.csv`, `emigration.csv`, `births.csv`, `deaths.csv`, the standard
deviations of the independent errors (`population_sd.csv`, `immigration_sd.csv`, `emigration_sd.csv`),
`bias_terms.csv` and, where biases are correlated, `bias_covariance.csv`; it may contain `prior_immigration.csv`,
`prior_emigration.csv`, `internal.csv` and `group_changes.csv`. `time` is the year in which a period ends.
docs/account.md describes every column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import polars as pl

from estimation.account.bias_terms import BiasTerms, read_bias_terms, refuse_terms_without_cells
from estimation.account.columns import (
    PLACE_KEYS,
    read_columns,
    refuse_blanks,
    refuse_rows,
    to_numbers,
    to_sex_codes,
)
from estimation.account.expected_flows import with_expected_flows
from estimation.account.smoothed_counts import with_smoothed_counts
from pipeline.errors import UserError, unknown

SERIES = ["area", "sex", "nationality_group", "cohort"]
"""What a series of the account is: people of one birth cohort, sex, nationality group and area."""
ACCOUNT_CELL = [*SERIES, "age", "time"]
"""A stock has one age in a year; a flow has two, the triangles before and after the year's birthday."""
NOISY = ("population", "immigration", "emigration")
EXACT = ("births", "deaths")
"""Measures observed with error, and measures taken as exact."""
ALL_OF_ONE = "all"
"""Area or nationality group of files that do not divide people by it."""
OLD, MANY = 80, 100
"""An age from which people die within years, and how many of them make a file without deaths a mistake."""
WHOLE_NUMBERS = {"age": pl.Int32, "cohort": pl.Int32, "time": pl.Int32}
TRANSFERS = {"internal": ("area", "area_from", "area_to"), "group_changes": ("nationality_group", "from", "to")}
"""Optional files of moves between series: the key that changes, and its columns before and after."""


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
    for name in (*NOISY, *EXACT):
        _refuse_unknown_places(given[name], given["population"], folder / f"{name}.csv", places)
    cells = {name: _with_all_keys(frame) for name, frame in given.items()}
    _check_years(cells, folder)
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
        _read_transfers(folder, places),
        as_given,
    )


def _places(path: Path) -> list[str]:
    """Return the keys beside sex and cohort that a folder has: those of its population, which all files need."""
    return [name for name in PLACE_KEYS if name in read_columns(path, [], _columns_with("count")).columns]


def _refuse_unknown_places(frame: pl.DataFrame, population: pl.DataFrame, path: Path, places: Sequence[str]) -> None:
    """Raise `UserError` for an area or group without stocks: misspelt, it would leave the right one without flows."""
    for name in places:
        known = set(population[name])
        for value in frame[name].unique().sort():
            if value not in known:
                row = (frame[name].index_of(value) or 0) + 1
                raise unknown(name, str(value), known, f"{path}: row {row}, not in population.csv")


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
    if value == "sd" or measure in EXACT:
        refuse_rows(frame, path, pl.col(value) < 0, f"{value} {{{value}}} is negative. Give 0 or more.")
    if measure == "births":
        return _checked_births(frame, path, places)
    ends = pl.col("time") - pl.col("age" if measure == "population" else "cohort")
    for name in ("age", "cohort"):
        frame = frame if name in frame.columns else frame.with_columns(ends.alias(name))
    years = pl.col("time") - pl.col("age") - pl.col("cohort")
    possible, rule = ((0,), "time - age") if measure == "population" else ((0, 1), "time - age, or that less 1")
    wrong = ~years.is_in(possible)
    refuse_rows(frame, path, wrong, f"cohort {{cohort}} at age {{age}} in {{time}}: a cohort is {rule}.")
    refuse_rows(frame, path, pl.col("age") < 0, "age {age} is negative: nobody is counted before birth.")
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
        wrong = ~(pl.col("time") - pl.col("age") - pl.col("cohort")).is_in((0, 1))
        refuse_rows(
            frame, path, wrong, "cohort {cohort} at age {age} in {time}: the mother's is time - age, or that less 1."
        )
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


def _check_years(cells: dict[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` for a year that is missing between others, in a file or in one series of a file."""
    for name, frame in cells.items():
        years = sorted(frame["time"].unique())
        for before, year in pairwise(years):
            if year > before + 1:
                row = frame["time"].index_of(year)
                raise UserError(
                    f"{folder / f'{name}.csv'}: row {(row or 0) + 1}: the years go from {before} to {year}. "
                    f"Add {before + 1}, or end the account before it."
                )
        _refuse_missing_years(frame, folder / f"{name}.csv", years)
    flows = sorted(cells["immigration"]["time"].unique())
    _refuse_without_events(cells, folder)
    for name in EXACT:
        years = sorted(cells[name]["time"].unique())
        if years and years != flows:
            raise UserError(
                f"{folder / f'{name}.csv'}: has the years {years[0]} to {years[-1]}, but immigration.csv those from "
                f"{flows[0]} to {flows[-1]}. Give both the same years."
            )
    for name in NOISY:
        rows = cells[name].with_row_index("row", offset=1).sort(*SERIES, "time", maintain_order=True)
        gaps = rows.filter((pl.col("time").diff() > 1).over(SERIES)).sort("row")
        if gaps.height:
            first = gaps.row(0, named=True)
            raise UserError(
                f"{folder / f'{name}.csv'}: row {first['row']}: cohort {first['cohort']}, sex {first['sex']} has no "
                f"row for the year before {first['time']}, though for earlier ones. Add it."
            )


def _refuse_without_events(cells: dict[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` for files without any row of births or deaths where there must have been some."""
    stocks = cells["population"]
    born = stocks.filter(pl.col("age") == 0, pl.col("time") > pl.col("time").min())["count"].sum()
    old = stocks.filter(pl.col("age") >= OLD, pl.col("time") < pl.col("time").max())["count"].sum()
    for name, people, whom in (("births", born, "newborn people"), ("deaths", old, f"people of {OLD} or older")):
        if cells[name].is_empty() and people >= MANY:
            raise UserError(
                f"{folder / f'{name}.csv'}: has no row, but population.csv has {people:,.0f} {whom}. An account "
                f"takes {name} as exact: add them, or rows of 0."
            )


def _refuse_missing_years(frame: pl.DataFrame, path: Path, years: Sequence[int]) -> None:
    """Raise `UserError` if people of a sex and place have no row in a year for which others have some.

    A year without any row of theirs would be one without anybody: a file that was cut says so in silence.
    """
    of_people = ["area", "sex", "nationality_group"]
    for people, rows in frame.group_by(of_people, maintain_order=True):
        missing = sorted(set(years) - set(rows["time"]))
        if missing:
            named = ", ".join(f"{key} {value}" for key, value in zip(of_people, people, strict=True))
            row = frame["time"].index_of(missing[0])
            raise UserError(
                f"{path}: {named} has no row for {missing[0]}, though others have some (row {(row or 0) + 1}). Add "
                "its rows, with 0 where there is nobody."
            )


def _read_transfers(folder: Path, places: Sequence[str]) -> pl.DataFrame:
    """Return moves between areas and between nationality groups, each out of one series and into another."""
    parts = [TRANSFER_TYPES.to_frame()]
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
        wrong = ~(pl.col("time") - pl.col("age") - pl.col("cohort")).is_in((0, 1))
        refuse_rows(
            frame, path, wrong, "cohort {cohort} at age {age} in {time}: a cohort is time - age, or that less 1."
        )
        _refuse_twice(frame, path, [one for one in columns if one != "count"])
        frame = frame.with_columns(pl.lit(ALL_OF_ONE).alias(one) for one in PLACE_KEYS if one not in places)
        for side, sign in ((before, -1.0), (after, 1.0)):
            signed = frame.with_columns(pl.col(side).alias(key), count=sign * pl.col("count"))
            parts.append(signed.select(TRANSFER_TYPES.names()).cast(dict(TRANSFER_TYPES)))
    return pl.concat(parts)

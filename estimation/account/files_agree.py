"""Refuses files of an account that do not fit one another: years, people and cohorts that one has and another lacks.

A flow without a row is exactly 0 to an account, so a file that was cut, or a name that is misspelt, would give wrong
figures in silence. Rows are counted from 1, the header apart; cells are in the order of their files.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl

from estimation.account.columns import EXACT, NOISY, PEOPLE, SERIES
from pipeline.errors import UserError, unknown

OLD, MANY = 80, 100
"""An age from which people die within years, and how many of them make a file without deaths a mistake."""
STOCKS, *FLOWS = NOISY


def refuse_disagreement(cells: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` that names the file, and where there is one the row, that does not fit the others."""
    for name in NOISY:
        if cells[name].is_empty():
            raise UserError(f"{folder / f'{name}.csv'}: has no row. Add its cells, with 0 where there is nobody.")
    _refuse_gaps(cells, folder)
    _refuse_gaps_of_series(cells, folder)
    _refuse_other_years(cells, folder)
    _refuse_absent_people(cells, folder)
    _refuse_without_events(cells, folder)
    series = series_of(cells)
    for name in EXACT:
        born = cells[name].with_columns(cohort="time") if name == "births" else cells[name]
        refuse_without_series(born, folder / f"{name}.csv", series)


def refuse_unknown_values(
    frame: pl.DataFrame,
    path: Path,
    valid: Mapping[str, tuple[str, pl.Series]],
    where: str = ", not in population.csv",
) -> None:
    """Raise `UserError` for a value of a column without stocks: misspelt, the right one would be without flows.

    `valid` has for each column of the frame what it is called, and the values of it that have stocks.
    """
    for name, (called, values) in valid.items():
        wrong = frame[name].is_in(values.unique().implode()).not_()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise unknown(called, str(frame[name][row]), values.unique(), f"{path}: row {row + 1}{where}")


def series_of(cells: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return every series that has a stock or a flow."""
    return pl.concat([cells[name].select(SERIES) for name in NOISY]).unique()


def refuse_without_series(frame: pl.DataFrame, path: Path, series: pl.DataFrame) -> None:
    """Raise `UserError` for a row with people of a cohort that has neither stocks nor flows."""
    rows = frame.select(*SERIES, "time", "count").with_row_index("row", offset=1).filter(pl.col("count") != 0)
    lost = rows.join(series, on=SERIES, how="anti", maintain_order="left")
    if lost.height:
        first = lost.row(0, named=True)
        keys = ", ".join(f"{key} {first[key]}" for key in (*SERIES, "time"))
        others = f" ({lost.height:,} rows are wrong in this way.)" if lost.height > 1 else ""
        raise UserError(
            f"{path}: row {first['row']}: {keys} has no stocks or flows to enter. Add rows of it to population.csv, "
            f"immigration.csv and emigration.csv.{others}"
        )


def _refuse_gaps(cells: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` for a year that is missing between others of a file."""
    for name, frame in cells.items():
        years = sorted(frame["time"].unique())
        for before, year in pairwise(years):
            if year > before + 1:
                raise UserError(
                    f"{folder / f'{name}.csv'}: row {_first_row(frame, year)}: the years go from {before} to {year}. "
                    f"Add {before + 1}, or end the account before it."
                )
        _refuse_missing_years(frame, folder / f"{name}.csv", years)


def _refuse_other_years(cells: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` unless both flows, and births and deaths if there are any, have all years after a stock."""
    years = {name: sorted(cells[name]["time"].unique()) for name in (*NOISY, *EXACT)}
    first, last = years[STOCKS][0], max(years[name][-1] for name in NOISY)
    if first == last:
        raise UserError(
            f"{folder / 'population.csv'}: row 1: all stocks are those of {first}, and no flow is later. An account "
            f"begins with a stock: add that of {first - 1}."
        )
    for name in FLOWS:
        frame, path = cells[name], folder / f"{name}.csv"
        if years[name][0] <= first:
            early = years[name][0]
            raise UserError(
                f"{path}: row {_first_row(frame, early)}: is of {early}, but the first stock is that of {first}. "
                f"Leave out what is not later, or add the stock of {early - 1}."
            )
        missing = sorted(set(range(first + 1, last + 1)) - set(years[name]))
        if missing:
            raise UserError(
                f"{path}: has the years {years[name][0]} to {years[name][-1]}, but an account whose first stock is "
                f"that of {first} needs every year from {first + 1} to {last}. Add the missing years or remove "
                "stocks."
            )
    for name in EXACT:
        if years[name] and years[name] != years[FLOWS[0]]:
            raise UserError(
                f"{folder / f'{name}.csv'}: has the years {years[name][0]} to {years[name][-1]}, but immigration.csv "
                f"those from {years[FLOWS[0]][0]} to {years[FLOWS[0]][-1]}. Give both the same years."
            )


def _refuse_missing_years(frame: pl.DataFrame, path: Path, years: Sequence[int]) -> None:
    """Raise `UserError` if people of a sex and place have no row in a year for which others have some.

    A year without any row of theirs would be one without anybody: a file that was cut says so in silence.
    """
    for people, rows in frame.group_by(PEOPLE, maintain_order=True):
        missing = sorted(set(years) - set(rows["time"]))
        if missing:
            raise UserError(
                f"{path}: {_named(people)} has no row for {missing[0]}, though others have some "
                f"(row {_first_row(frame, missing[0])}). Add its rows, with 0 where there is nobody."
            )


def _refuse_absent_people(cells: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` if people of a sex and place who have stocks have no row at all among a flow."""
    stocks = cells[STOCKS].select(PEOPLE).unique(maintain_order=True)
    for name in FLOWS:
        absent = stocks.join(cells[name].select(PEOPLE).unique(), on=PEOPLE, how="anti", maintain_order="left")
        if absent.height:
            raise UserError(
                f"{folder / f'{name}.csv'}: {_named(absent.row(0))} has no row, but has stocks. Add its rows, with 0 "
                "where there is nobody."
            )


def _refuse_without_events(cells: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` for people of a sex and place without any birth or death where there must have been some."""
    stocks = cells[STOCKS]
    born = stocks.filter(pl.col("age") == 0, pl.col("time") > pl.col("time").min())
    old = stocks.filter(pl.col("age") >= OLD, pl.col("time") < pl.col("time").max())
    for name, members, whom in (("births", born, "newborn people"), ("deaths", old, f"people of {OLD} or older")):
        people = members.group_by(PEOPLE, maintain_order=True).agg(pl.col("count").sum())
        without = people.join(cells[name].select(PEOPLE).unique(), on=PEOPLE, how="anti", maintain_order="left")
        count, whose = float(without["count"].sum()), ""
        if cells[name].height and without.height:
            *first, count = without.row(int(without["count"].arg_max() or 0))
            whose = f" of {_named(first)}"
        if count >= MANY:
            raise UserError(
                f"{folder / f'{name}.csv'}: has no row{whose}, but population.csv has {count:,.0f} {whom}{whose}. An "
                f"account takes {name} as exact: add them, or rows of 0."
            )


def _refuse_gaps_of_series(cells: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Raise `UserError` for a cohort that lacks a year between others."""
    for name in NOISY:
        rows = cells[name].with_row_index("row", offset=1).sort(*SERIES, "time", maintain_order=True)
        gaps = rows.filter((pl.col("time").diff() > 1).over(SERIES)).sort("row")
        if gaps.height:
            first = gaps.row(0, named=True)
            raise UserError(
                f"{folder / f'{name}.csv'}: row {first['row']}: cohort {first['cohort']}, sex {first['sex']} has no "
                f"row for the year before {first['time']}, though for earlier ones. Add it."
            )


def _named(people: Sequence[object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in zip(PEOPLE, people, strict=True))


def _first_row(frame: pl.DataFrame, year: int) -> int:
    return int(frame["time"].index_of(year) or 0) + 1

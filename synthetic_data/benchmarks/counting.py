"""From rows to one figure: filters (as data), counts, shares and medians."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import polars as pl

Where = Mapping[str, Any]
"""A filter: column -> a value, a list of values, or `{from, to}`, both inclusive and either optional."""


class NotMeasurableError(Exception):
    """A figure cannot be measured in a study; the message says why."""


@dataclass(frozen=True)
class MeasuredFigure:
    """A figure of a study: its value at the size of the study, and the number of events on which it is based."""

    value: float
    events: int


def counted(rows: pl.DataFrame, where: Where | None = None, among: Where | None = None) -> MeasuredFigure:
    """Return the number of rows or, with `among`, their share of the rows of that filter."""
    if among is None:
        number = len(chosen(rows, where))
        return MeasuredFigure(number, number)
    whole = chosen(rows, among)
    part = len(chosen(whole, where))
    if whole.is_empty():
        raise NotMeasurableError("the study contains no one in this group")
    return MeasuredFigure(part / len(whole), part)


def median(rows: pl.DataFrame, column: str, where: Where | None = None) -> MeasuredFigure:
    """Return the median of a column."""
    values = chosen(rows, where)[column].drop_nulls()
    found = values.median()
    if not isinstance(found, int | float):
        raise NotMeasurableError("the study contains no one in this group")
    return MeasuredFigure(float(found), len(values))


def chosen(rows: pl.DataFrame, where: Where | None) -> pl.DataFrame:
    """Return the rows that a filter keeps; raises `NotMeasurableError` if the study lacks a column."""
    for column in where or ():
        if column not in rows.columns:
            raise NotMeasurableError(f"the truth of this study does not contain '{column}'; simulate it again")
    tests = [_test(column, value) for column, value in (where or {}).items()]
    return rows.filter(reduce(and_, tests)) if tests else rows


def _test(column: str, value: Any) -> pl.Expr:
    of = pl.col(column)
    if isinstance(value, Mapping):
        ends = [of >= value["from"]] if "from" in value else []
        ends += [of <= value["to"]] if "to" in value else []
        return reduce(and_, ends)
    if isinstance(value, list | tuple):
        return of.is_in(list(value))
    return of == value

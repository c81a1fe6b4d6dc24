"""Draws what becomes of cases: whether true ones are found, missed or in doubt, and which others count beside them.

The outcomes of a cell have an order, and a case has a number between 0 and 1 that says how visible it is. Whoever has
the same number in another year has the same place in that order.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers

NOTHING = -1


def true_outcomes(outcomes: pl.DataFrame, cells: pl.DataFrame, number: Floats, more_missed: float) -> Integers:
    """Return the row of `outcomes` that happens to each true case, `NOTHING` where none was ever measured.

    `outcomes` are rows of `MeasuredRates.outcomes` of one measure and year; `cells` has the columns that they have in
    common, for every case. The lowest `number` are missed, `more_missed` times as many as usual.
    """
    rates, missable = outcomes["rate"].to_numpy(), (outcomes["twentieth"] == 0).to_numpy()
    chosen = np.full(len(number), NOTHING)
    for rows, cases in _by_cell(outcomes, cells):
        usual = rates[rows]
        missed = float(usual[missable[rows]].sum())
        now = min(missed * more_missed, 1.0)
        rate = np.where(missable[rows], usual * more_missed, usual * (1 - now) / max(1 - missed, 1e-9))
        place = np.searchsorted(np.cumsum(rate), number[cases], side="right")
        chosen[cases] = rows[np.minimum(place, len(rows) - 1)]
    return chosen


def false_outcomes(
    outcomes: pl.DataFrame, true: pl.DataFrame, cells: pl.DataFrame, number: Floats, more_false: float
) -> Integers:
    """Return the row of `outcomes` that happens to each person of `cells` who is no true case, or `NOTHING`.

    `true` has the cells of true cases. As many people of a cell are false as the rates say of so many true cases, as
    far as there are people; the lowest `number` are the most probable.
    """
    chosen = np.full(len(number), NOTHING)
    expected = _expected(outcomes, true, more_false)
    for rows, cases in _by_cell(outcomes, cells):
        likeliest_first = rows[::-1]
        ends = np.cumsum(expected[likeliest_first]) / len(cases)
        place = np.searchsorted(ends, number[cases], side="right")
        chosen[cases] = np.append(likeliest_first, NOTHING)[place]
    return chosen


def numbers_of_invented(
    outcomes: pl.DataFrame, true: pl.DataFrame, more_false: float, random: np.random.Generator
) -> Integers:
    """Return how many cases there are of each of the `outcomes`, a Poisson number; `true` has those of true cases."""
    return random.poisson(_expected(outcomes, true, more_false))


def values(outcomes: pl.DataFrame, name: str, chosen: Integers) -> np.ndarray:
    """Return a column of the chosen `outcomes`; 0 (or False) where it is `NOTHING`."""
    column = outcomes[name].to_numpy()
    return np.append(column, np.zeros(1, dtype=column.dtype))[chosen]


def _expected(outcomes: pl.DataFrame, true: pl.DataFrame, more_false: float) -> Floats:
    """Return the expected number of each outcome; `more_false` is measured of certain ones, and is theirs alone."""
    sizes = true.group_by(true.columns).agg(true=pl.len())
    joined = outcomes.join(sizes, on=true.columns, how="left", maintain_order="left")
    factor = pl.when("certain").then(more_false).otherwise(1.0)
    return joined.select(pl.col("rate") * pl.col("true").fill_null(0) * factor).to_series().to_numpy()


def _by_cell(outcomes: pl.DataFrame, cells: pl.DataFrame) -> Iterator[tuple[Integers, Integers]]:
    """Return the rows of `outcomes` of each cell that cases are in, and these cases."""
    rows, cases = (
        {
            key: part["at"].to_numpy().astype(np.int64)
            for key, part in one.with_row_index("at").group_by(cells.columns, maintain_order=True)
        }
        for one in (outcomes, cells)
    )
    return ((rows[key], of) for key, of in cases.items() if key in rows)

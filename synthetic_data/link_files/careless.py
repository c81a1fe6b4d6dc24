"""Careless sources: how mistakes get into the cells of a file."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.link_files import mistakes
from synthetic_data.link_files.link_file import LinkFile
from synthetic_data.link_files.mistakes import Mistake
from synthetic_data.numbers.draws import Floats, draws, pick

OF_A_NAME = (
    mistakes.missing, mistakes.neighbouring_key, mistakes.misread, mistakes.misheard, mistakes.not_a_name,
    mistakes.letter_left_out, mistakes.letters_swapped,
)  # fmt: skip
OF_A_PLACE = (
    mistakes.missing, mistakes.neighbouring_key, mistakes.misread, mistakes.misheard, mistakes.letter_added,
)  # fmt: skip
OF_A_NUMBER = (mistakes.missing, mistakes.wrong_digit, mistakes.misread)
OF_A_DATE = (
    mistakes.missing, mistakes.wrong_digit, mistakes.month_and_day_swapped, mistakes.neighbouring_key,
    mistakes.misread, mistakes.impossible_date,
)  # fmt: skip


def changed(cells: pl.Series, rows: NDArray[np.int64], mistake: Mistake, first: Floats, second: Floats) -> pl.Series:
    """Return the cells with one mistake in each of the given rows, but those that are empty."""
    before = cells[rows].to_list()
    after = [mistake(*one) if one[0] else "" for one in zip(before, first, second, strict=True)]
    return cells.clone().scatter(rows, pl.Series(after, dtype=pl.String))


def with_mistakes(
    file: LinkFile, of_column: Mapping[str, Sequence[Mistake]], copied: Sequence[str], rate: float, seed: int
) -> LinkFile:
    """Return a file in which every cell has each of the mistakes of its column with probability `rate`.

    Columns that are `copied` have the value of another member of the household with the same probability.
    """
    rows, row = file.rows, np.arange(file.rows.height)
    mate = _household_member(file.household)
    for name, kinds in of_column.items():
        cells = rows[name]
        if name in copied:
            some = np.flatnonzero(draws(seed, f"{file.source} {name} copied", row) < rate)
            cells = cells.clone().scatter(some, cells[mate[some]])
        for one in kinds:
            stream = f"{file.source} {name} {one.__name__}"
            some = np.flatnonzero(draws(seed, stream, row) < rate)
            how = (draws(seed, f"{stream} {which}", some) for which in ("first", "second"))
            cells = changed(cells, some, one, *how)
        rows = rows.with_columns(cells)
    return file.with_rows(rows)


def _household_member(household: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for each row, the next row of its household, in a circle: the row itself where there is no other."""
    order = np.argsort(household, kind="stable")
    homes = household[order]
    begin, end = np.searchsorted(homes, homes), np.searchsorted(homes, homes, side="right")
    mate = np.empty_like(order)
    mate[order] = order[begin + (np.arange(len(order)) - begin + 1) % (end - begin)]
    return mate


def with_some_mistakes(
    rows: pl.DataFrame,
    of_column: Mapping[str, tuple[float, Sequence[Mistake]]],
    exchanged: Mapping[str, str],
    record: NDArray[np.int64],
    seed: int,
) -> pl.DataFrame:
    """Return rows with one to four mistakes each, at most two of them in one column.

    `of_column` has the weight of each column and its mistakes; `exchanged` the column with which one is sometimes
    exchanged instead. `record` numbers the rows in the random streams. A mistake in an empty cell changes nothing.
    """
    names, weights = list(of_column), [weight for weight, _ in of_column.values()]
    number = 1 + pick(draws(seed, "mistakes", record), _ONE_TO_FOUR)
    row, already = np.arange(rows.height), np.zeros((rows.height, len(names)), dtype=np.int64)
    for turn in range(len(_ONE_TO_FOUR)):
        column = pick(draws(seed, "column", record, turn), weights)
        # of four mistakes only one column can have two before the last one is made
        column = (column + (already[row, column] == 2)) % len(names)
        already[row, column] += number > turn
        swap, kind, first, second = (draws(seed, one, record, turn) for one in ("swap", "kind", "first", "second"))
        for at, name in enumerate(names):
            some = np.flatnonzero((number > turn) & (column == at))
            if name in exchanged:
                rows = _exchanged(rows, name, exchanged[name], some[swap[some] < _EXCHANGED])
                some = some[swap[some] >= _EXCHANGED]
            kinds = of_column[name][1]
            of_kind = (kind[some] * len(kinds)).astype(np.int64)
            for which, one in enumerate(kinds):
                these = some[of_kind == which]
                rows = rows.with_columns(changed(rows[name], these, one, first[these], second[these]))
    return rows


_ONE_TO_FOUR = (0.3, 0.3, 0.25, 0.15)
_EXCHANGED = 0.12  # of the mistakes of a column that can be exchanged with another


def _exchanged(rows: pl.DataFrame, one: str, other: str, some: NDArray[np.int64]) -> pl.DataFrame:
    return rows.with_columns(
        rows[one].clone().scatter(some, rows[other][some]), rows[other].clone().scatter(some, rows[one][some])
    )

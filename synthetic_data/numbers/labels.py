"""A small set of texts, one for each of many rows: stored as small numbers, so that comparing them is cheap."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST = np.iinfo(np.int8).max
"""The largest number of texts that labels can distinguish."""


@dataclass(frozen=True, eq=False)
class Labels:
    """One of a few texts for each row: `numbers` are places in `texts`, which are distinct."""

    texts: tuple[str, ...]
    numbers: NDArray[np.int8]

    def __post_init__(self) -> None:
        """Raise `ValueError` for more texts than there are numbers."""
        if len(self.texts) > MOST:
            raise ValueError(f"{len(self.texts)} texts are too many for labels: at most {MOST} can be distinguished.")

    @classmethod
    def looked_up(cls, table: Iterable[str], index: NDArray[np.integer]) -> "Labels":
        """Return the text at each index of a table, in which texts may be repeated."""
        of_index = list(table)
        texts = tuple(dict.fromkeys(of_index))
        return cls(texts, np.array([texts.index(one) for one in of_index], dtype=np.int8)[index])

    @classmethod
    def of(cls, column: pl.Series, texts: Collection[str]) -> "Labels":
        """Return the texts of a column, all of them among `texts`.

        Raises `ValueError` for nulls and `InvalidOperationError` for any other text.
        """
        if column.has_nulls():
            raise ValueError(f"The column '{column.name}' has nulls, which cannot be labels.")
        return cls(tuple(texts), column.cast(pl.Enum(list(texts))).to_physical().to_numpy().astype(np.int8))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def __getitem__(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Labels":
        """Return the labels of some rows."""
        return Labels(self.texts, self.numbers[rows])

    def are(self, text: str) -> NDArray[np.bool_]:
        """Return which rows have the text; raises `ValueError` for a text that is not among `texts`."""
        return self.numbers == self.texts.index(text)

    def are_any(self, *some: str) -> NDArray[np.bool_]:
        """Return which rows have one of the texts."""
        return np.array([text in some for text in self.texts])[self.numbers]

    def values(self, of_text: Mapping[str, float]) -> NDArray[np.float64]:
        """Return the value of each row's text; raises `KeyError` where a text has none."""
        return np.array([of_text[text] for text in self.texts], dtype=np.float64)[self.numbers]

    def changed(self, rows: NDArray[np.bool_], text: str) -> "Labels":
        """Return labels in which some rows are changed to another of the texts."""
        return Labels(self.texts, np.where(rows, np.int8(self.texts.index(text)), self.numbers))

    def series(self, name: str) -> pl.Series:
        """Return the texts as a column."""
        return pl.Series(name, self.texts, dtype=pl.String)[self.numbers.astype(np.int64)]

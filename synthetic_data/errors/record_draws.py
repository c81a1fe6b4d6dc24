"""The records of some people in a source, with the random draws and the rates of errors in them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.numbers.draws import Floats, draws


@dataclass(frozen=True, eq=False)
class Records:
    """The records of `entities` in a source; `stream` distinguishes a person's first record from the second."""

    errors: Errors
    seed: int
    source: str
    stream: str
    entities: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.entities)

    def __getitem__(self, rows: NDArray[np.int64]) -> "Records":
        """Return some of the records."""
        return replace(self, entities=self.entities[rows])

    def draws(self, what: str) -> Floats:
        """Return a uniform number for each record; `what` names the decision."""
        return draws(self.seed, f"{self.stream} {what}", self.entities)

    def rate(self, kind: str, name: str) -> float:
        """Return a rate of the catalogue for the source."""
        return self.errors.rate(kind, name, self.source)

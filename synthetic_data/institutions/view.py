"""What every source is given, and what it hands over: the lives it may look at, and its extracts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import polars as pl

from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions.working_lives import WorkingLives, working_lives
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Extract:
    """One extract of a source: its files by name, each a frame in the source's layout.

    Every frame begins with `row`, the true person, which is never written. `key` and `postcode` are headers;
    `birth` and `sex` those whose values can break the contract; `order` those by which the files are sorted, which a
    source that makes its rows `in_order` spares them.
    """

    name: str
    source: str
    files: Mapping[str, pl.DataFrame]
    key: str
    postcode: str | None = None
    birth: str | None = None
    sex: str | None = None
    order: tuple[str, ...] = ()
    in_order: bool = False


@dataclass(frozen=True)
class Sight:
    """All that sources see: the lives, with which errors, and until when.

    `snapshots` is how many of the last snapshots of the Patient Register are wanted, or None for all.
    """

    lives: Lives
    errors: Errors
    data_date: int = DATA_DATE
    snapshots: int | None = None
    _shared: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def working(self) -> WorkingLives:
        """The working lives of all people."""
        return working_lives(self.lives, self.errors)

    def once(self, see: Callable[["Sight"], Seen]) -> Seen:
        """Return what a function of this sight returns, and make it once however many sources look at it."""
        if see not in self._shared:
            self._shared[see] = see(self)
        return self._shared[see]

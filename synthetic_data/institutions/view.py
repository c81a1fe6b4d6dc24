"""What every institution is given, an InstitutionView of the lives, and what it returns, DeliveredExtracts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import polars as pl

from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions.working_lives import WorkingLives, working_lives
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE

Derived = TypeVar("Derived")


@dataclass(frozen=True)
class DeliveredExtract:
    """One extract as an institution delivers it: its files by name, each a frame in the current layout.

    Every frame begins with `row`, the true person, which is never written. `key` and `postcode` are headers; `birth`
    and `sex` are those whose values can break the contract; `order` are those by which the files are sorted, unless
    the institution makes its rows `in_order`.
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
class InstitutionView:
    """All that institutions can observe: the lives, with which errors, and until when.

    `snapshots` is the number of latest snapshots of the Patient Register to deliver, or None for all.
    """

    lives: Lives
    errors: Errors
    data_date: int = DATA_DATE
    snapshots: int | None = None
    _derived: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def working(self) -> WorkingLives:
        """The working lives of all people."""
        return working_lives(self.lives, self.errors)

    def once(self, derive: Callable[["InstitutionView"], Derived]) -> Derived:
        """Return the result of a function of this view, computed once however many institutions need it."""
        if derive not in self._derived:
            self._derived[derive] = derive(self)
        return self._derived[derive]

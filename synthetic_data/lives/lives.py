"""The record of lives: people, their households, stays, journeys and addresses, and look-ups on them.

The record knows nothing of what others derive from it: `once` computes a function of lives and keeps its result.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import geography
from synthetic_data.country.geography import Map
from synthetic_data.country.migrant_groups import GROUPS, MIGRANT_GROUPS
from synthetic_data.country.names import COUNTRIES, ORIGINS
from synthetic_data.lives import membership
from synthetic_data.numbers.days import NEVER, row_days
from synthetic_data.numbers.draws import Days
from synthetic_data.numbers.labels import Labels
from synthetic_data.numbers.runs import numbered

Derived = TypeVar("Derived")


@dataclass(frozen=True)
class Lives:
    """All true lives of the simulated country, or of some of its parts.

    stays: row (of people), start, end (day of departure or death; journeys abroad do not end a stay). trips: row,
    out, back. moves: household (row), start, postcode (number), in order. The module `households` describes `people`
    and `households`. `residents` is the number of people in the whole country on the first day.
    """

    seed: int
    residents: int
    people: pl.DataFrame
    households: pl.DataFrame
    stays: pl.DataFrame
    trips: pl.DataFrame
    moves: pl.DataFrame
    _kept: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, derive: Callable[["Lives"], Derived]) -> Derived:
        """Return the result of a function of these lives, computed on the first call and kept."""
        if derive not in self._kept:
            self._kept[derive] = derive(self)
        return self._kept[derive]

    @cached_property
    def map(self) -> Map:
        """The map of the whole country."""
        return geography.country_map(self.residents)

    @property
    def postcodes(self) -> NDArray[np.object_]:
        """The postcodes of the whole country, as text."""
        return self.map.postcode

    @cached_property
    def part(self) -> NDArray[np.int64]:
        """The part of the country in which each person first lives: nine regions of England, and Wales."""
        return self.people["part"].to_numpy()

    @cached_property
    def person(self) -> NDArray[np.int64]:
        """The number of each person, the entity of all draws."""
        return self.people["person"].to_numpy()

    @cached_property
    def birth(self) -> Days:
        """The day of birth of each person."""
        return self.people["birth"].to_numpy()

    @cached_property
    def death(self) -> Days:
        """The day of death in the country, or `NEVER`."""
        return self.people["death"].to_numpy()

    @cached_property
    def group(self) -> Labels:
        """The nationality group of each person."""
        return Labels.of(self.people["group"], GROUPS)

    @cached_property
    def female(self) -> NDArray[np.bool_]:
        """Who is a woman or a girl."""
        return (self.people["sex"] == "F").to_numpy()

    @cached_property
    def born_abroad(self) -> NDArray[np.bool_]:
        """Who was born abroad."""
        return (self.people["country_of_birth"] != "GB").to_numpy()

    @cached_property
    def country_of_birth(self) -> Labels:
        """The country in which each person was born (ISO 3166-1 alpha-2)."""
        return Labels.of(self.people["country_of_birth"], COUNTRIES)

    @cached_property
    def name_origin(self) -> Labels:
        """The origin of each person's names."""
        return Labels.of(self.people["origin"], ORIGINS)

    @cached_property
    def naturalised(self) -> Days:
        """The day on which each person becomes British, or `NEVER`."""
        return self.people["naturalised"].to_numpy()

    @cached_property
    def visa_national(self) -> NDArray[np.bool_]:
        """Who needs a visa."""
        return self.people["visa_national"].to_numpy()

    @cached_property
    def renamed(self) -> Days:
        """The day from which each person has another family name by marriage, or `NEVER`."""
        takes_another = self.people["married_name"].is_not_null().to_numpy()
        return np.where(takes_another, self.people["married"].to_numpy(), NEVER)

    @cached_property
    def home(self) -> NDArray[np.int64]:
        """The household (row) in which each person came, or was born."""
        return self.people["household"].to_numpy()

    @cached_property
    def migrant_group(self) -> NDArray[np.int64]:
        """The number of the migrant group with which each person came (that of the parents' home)."""
        return self.households["migrant_group"].to_numpy()[self.home]

    @cached_property
    def household_key(self) -> NDArray[np.int64]:
        """The key of the household in which each person came."""
        return self.households["key"].to_numpy()[self.home]

    @cached_property
    def purpose(self) -> Labels:
        """Why each person's migrant group came: a `Purpose`, or `resident`, or `ghost` (left before 2010)."""
        return self._of_migrant_group(group.purpose for group in MIGRANT_GROUPS)

    @cached_property
    def stay_number(self) -> NDArray[np.int64]:
        """The number, from 0, of each stay (row of `stays`) among those of its person."""
        return numbered(self.stays["row"].to_numpy())

    @cached_property
    def first_start(self) -> Days:
        """The first day of each person's first stay."""
        return self.stays["start"].to_numpy()[self.stay_number == 0]

    @cached_property
    def first_end(self) -> Days:
        """The last day of each person's first stay."""
        return self.stays["end"].to_numpy()[self.stay_number == 0]

    @cached_property
    def last_end(self) -> Days:
        """The last day of each person's last stay."""
        return self.stays["end"].to_numpy()[np.diff(self.stays["row"].to_numpy(), append=-1) != 0]

    @cached_property
    def route(self) -> Labels:
        """The visa route by which each person's migrant group first came; its purpose where it has none."""
        return self._of_migrant_group(group.route or group.purpose for group in MIGRANT_GROUPS)

    def _of_migrant_group(self, texts: Iterable[str]) -> Labels:
        return Labels.looked_up([*texts, "resident", "ghost"], self.migrant_group)

    def authority_at(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the local authority (row of `geography.authorities`) where each person lives, or lived last."""
        return self.map.authority[self.postcode_at(rows, days)]

    @cached_property
    def _first_move(self) -> NDArray[np.int64]:
        """The first address (row of `moves`) of each household, and the number of all rows."""
        addresses = np.bincount(self.moves["household"].to_numpy(), minlength=len(self.households))
        return np.append(0, np.cumsum(addresses))

    def postcode_at(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the number of the postcode at which each person (row) lives, or lived last, on each day."""
        household = membership.household_on(self.people, rows, days)
        address, last = self._first_move[household], self._first_move[household + 1] - 1
        start = self.moves["start"].to_numpy()
        # most households have few addresses: stepping through them is cheaper than a search among all
        moving = np.flatnonzero(address < last)
        while len(moving):
            moving = moving[start[address[moving] + 1] <= days[moving]]
            address[moving] += 1
            moving = moving[address[moving] < last[moving]]
        return self.moves["postcode"].to_numpy()[address]

    def household_on(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the household (row) to which each person (row) belongs on each day."""
        return membership.household_on(self.people, rows, days)

    def is_here(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
        """Return whether each person (row) is in a stay on each day, disregarding journeys."""
        stay = self.stay_by(rows, days)
        return (stay >= 0) & (days < self.stays["end"].to_numpy()[stay])

    def stay_by(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the last stay (row of `stays`) that each person (row) had begun by each day, or -1."""
        index = np.searchsorted(self._stay_keys, row_days(rows, days), side="right") - 1
        return np.where(self.stays["row"].to_numpy()[index] == rows, index, -1)

    def stay_ending_after(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the first stay (row of `stays`) of each person (row) that ends after each day, or -1."""
        row, end = self.stays["row"].to_numpy(), self.stays["end"].to_numpy()
        index = np.searchsorted(row_days(row, end), row_days(rows, days), side="right")
        return np.where(np.append(row, -1)[index] == rows, index, -1)

    @cached_property
    def _stay_keys(self) -> NDArray[np.int64]:
        return row_days(self.stays["row"].to_numpy(), self.stays["start"].to_numpy())

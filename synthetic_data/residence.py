"""Whole lives: people, their households, and when and where each of them lives."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import events, places, population
from synthetic_data.country import MOVES, PARTIES, RESIDENT
from synthetic_data.days import FIRST_DAY, LAST_DAY, LONG_AGO, NEVER, YEAR, YEARS, year_starts
from synthetic_data.draws import Days, draws
from synthetic_data.scenarios import Scenario

NEWCOMER_SKEW = {"British": 1.0, "Irish": 1.6, "EU": 2.2, "non_EU": 2.2}
"""Postcodes stand in order of their share of newcomers; a draw to this power leans to the first of them."""
_DAY_BITS = 18


@dataclass(frozen=True)
class Lives:
    """Everything that is true of the simulated country; sources see parts of it.

    stays: row (of people), start, end (day of the departure, or of death): journeys abroad do not end a stay.
    trips: row, out, back. moves: household (row), start, postcode (number), in order.
    """

    seed: int
    people: pl.DataFrame
    households: pl.DataFrame
    stays: pl.DataFrame
    trips: pl.DataFrame
    moves: pl.DataFrame
    postcodes: NDArray[np.object_]

    @cached_property
    def person(self) -> NDArray[np.int64]:
        """The number of each person, the entity of all draws."""
        return self.people["person"].to_numpy()

    @cached_property
    def ordinal(self) -> NDArray[np.int64]:
        """A number of each person, below 10**9 and unlike any other's: the rank of the person's number."""
        ordinal = np.empty(len(self.person), dtype=np.int64)
        ordinal[np.argsort(self.person)] = np.arange(len(self.person))
        return ordinal

    @cached_property
    def birth(self) -> Days:
        """The day of birth of each person."""
        return self.people["birth"].to_numpy()

    @cached_property
    def death(self) -> Days:
        """The day of death in the country, or `NEVER`."""
        return self.people["death"].to_numpy()

    @cached_property
    def group(self) -> NDArray[np.object_]:
        """The nationality group of each person."""
        return self.people["group"].to_numpy()

    @cached_property
    def party(self) -> NDArray[np.int64]:
        """The number of the party with which each person came (that of the parents' home)."""
        return self.households["party"].to_numpy()[self.people["household"].to_numpy()]

    @cached_property
    def household_key(self) -> NDArray[np.int64]:
        """The key of the household in which each person came."""
        return self.households["key"].to_numpy()[self.people["household"].to_numpy()]

    @cached_property
    def course(self) -> tuple[Days, Days]:
        """The first and the last day of each person's first course as a student from abroad, or `NEVER`."""
        home = self.people["household"].to_numpy()
        student = self.people["place"].to_numpy() == 0
        begin, end = self.households["course_begin"].to_numpy()[home], self.households["course_end"].to_numpy()[home]
        return np.where(student, begin, NEVER), np.where(student, end, NEVER)

    @cached_property
    def purpose(self) -> NDArray[np.object_]:
        """Why each person's party came: work, study, family, return, visit, or resident."""
        return np.array([*(party.purpose for party in PARTIES), "resident"], dtype=object)[self.party]

    @cached_property
    def first_start(self) -> Days:
        """The first day of each person's first stay."""
        return self.stays.group_by("row", maintain_order=True).first()["start"].to_numpy()

    @cached_property
    def visa_national(self) -> NDArray[np.bool_]:
        """Who needs a visa."""
        return events.is_visa_national(self.people)

    @cached_property
    def _move_keys(self) -> NDArray[np.int64]:
        return _key(self.moves["household"].to_numpy(), self.moves["start"].to_numpy())

    def postcode_at(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the number of the postcode at which each person (row) lives, or lived last, on each day."""
        household = events.household_on(self.people, rows, days)
        index = np.searchsorted(self._move_keys, _key(household, days), side="right") - 1
        # a day before the household's first address gives the first address
        index = np.where(self.moves["household"].to_numpy()[index] == household, index, index + 1)
        return self.moves["postcode"].to_numpy()[index]

    def household_on(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the household (row) to which each person (row) belongs on each day."""
        return events.household_on(self.people, rows, days)

    def is_here(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
        """Return whether each person (row) is in a stay on each day, journeys aside."""
        index = np.searchsorted(self._stay_keys, _key(rows, days), side="right") - 1
        found = self.stays["row"].to_numpy()[index] == rows
        return found & (index >= 0) & (days < self.stays["end"].to_numpy()[index])

    @cached_property
    def _stay_keys(self) -> NDArray[np.int64]:
        return _key(self.stays["row"].to_numpy(), self.stays["start"].to_numpy())

    @cached_property
    def presence(self) -> pl.DataFrame:
        """Spells of presence (`row, start, end`): stays without the journeys inside them."""
        starts = pl.concat([self.stays.select("row", "start"), self.trips.select("row", start="back")])
        ends = pl.concat([self.stays.select("row", "end"), self.trips.select("row", end="out")])
        # stays and journeys are disjoint, so the n-th start and the n-th end of a person make a spell
        spells = pl.concat([starts.sort("row", "start"), ends.sort("row", "end").select("end")], how="horizontal")
        return spells.filter(pl.col("start") <= LAST_DAY)


def _key(rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    return (rows << _DAY_BITS) + np.clip(days, LONG_AGO, NEVER) - LONG_AGO


def live(seed: int, residents: int, scenario: Scenario | None = None) -> Lives:
    """Return the lives of `residents` people on the first day, and of all who are born or come until the last."""
    households, people = population.residents(seed, residents)
    households = events.emigrations(seed, households, households["arrive"].to_numpy())
    foreign, newcomers = population.newcomers(seed, residents, scenario)
    newcomers = newcomers.with_columns(pl.col("household") + len(households))
    households, people = pl.concat([households, foreign]), pl.concat([people, newcomers])
    households, people = events.leaving_home(seed, households, people)
    arrive = households["arrive"].to_numpy()[people["household"].to_numpy()]
    death = events.deaths(seed, people, np.maximum(arrive, FIRST_DAY))
    children = events.births(seed, households, people, death)
    death = np.concatenate([death, events.deaths(seed, children, children["birth"].to_numpy())])
    people = pl.concat([people, children])
    stays = _stays(households, people, death)
    # a death abroad reaches no source, and ends no stay
    dies_here = np.zeros(len(people), dtype=bool)
    last = stays.filter(pl.col("end") == pl.Series(death)[stays["row"]])
    dies_here[last["row"].to_numpy()] = True
    people = people.with_columns(death=pl.Series(np.where(dies_here & (death <= LAST_DAY), death, NEVER)))
    postcodes = places.postcodes(seed, residents)
    return Lives(
        seed, people, households, stays,
        trips=events.trips(seed, households, people, stays),
        moves=_moves(seed, households, len(postcodes)),
        postcodes=postcodes,
    )  # fmt: skip


def _stays(households: pl.DataFrame, people: pl.DataFrame, death: Days) -> pl.DataFrame:
    """Return the stays of people: with the parents' household, then with their own, until death."""
    birth, leaves_home = people["birth"].to_numpy(), people["leaves_home"].to_numpy()
    rows, starts, ends = [], [], []
    for household, after, before in (("household", birth, leaves_home), ("own_household", leaves_home, NEVER)):
        of = people[household].to_numpy()
        for arrive, leave in (("arrive", "leave"), ("arrive_again", "leave_again")):
            start = np.maximum(households[arrive].to_numpy()[of], after)
            end = np.minimum(np.minimum(households[leave].to_numpy()[of], before), death)
            there = np.flatnonzero((start < end) & (start <= LAST_DAY) & (of >= 0))
            rows.append(there)
            starts.append(start[there])
            ends.append(end[there])
    row, start, end = np.concatenate(rows), np.concatenate(starts), np.concatenate(ends)
    order = np.lexsort((start, row))
    row, start, end = row[order], start[order], end[order]
    # a stay that goes on in one's own household is one stay
    begins = (np.diff(row, prepend=-1) != 0) | (start > np.roll(end, 1))
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(row)) - 1
    return pl.DataFrame({"row": row[first], "start": start[first], "end": end[last]})


def _moves(seed: int, households: pl.DataFrame, postcodes: int) -> pl.DataFrame:
    """Return every address of every household with its first day; at most one move a year."""
    key, arrive = households["key"].to_numpy(), households["arrive"].to_numpy()
    again = households["arrive_again"].to_numpy()
    resident = households["party"].to_numpy() == RESIDENT
    every = np.arange(len(key))
    rows, starts = [every, every[again < NEVER]], [np.full(len(key), LONG_AGO), again[again < NEVER]]
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        young = (first - households["head_birth"].to_numpy()) / YEAR < 35
        often = np.where(resident, np.where(young, MOVES["young"], MOVES["settled"]), MOVES["migrant"])
        on = first + (draws(seed, "move day", key, year) * 365).astype(np.int64)
        here = events.is_here(households, every, on) & (on > arrive + 45)
        happens = here & (draws(seed, "move", key, year) < often)
        rows.append(every[happens])
        starts.append(on[happens])
    row, start = np.concatenate(rows), np.concatenate(starts)
    order = np.lexsort((start, row))
    row, start = row[order], start[order]
    skew = np.ones(len(key))
    for group, power in NEWCOMER_SKEW.items():
        skew[households["group"].to_numpy() == group] = power
    place = draws(seed, "address", key[row], start - LONG_AGO) ** skew[row]
    return pl.DataFrame({"household": row, "start": start, "postcode": (place * postcodes).astype(np.int64)})

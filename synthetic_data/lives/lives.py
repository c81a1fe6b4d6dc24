"""Whole lives: people, their households, and when and where each of them lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import geography
from synthetic_data.country.geography import Map
from synthetic_data.country.names import COUNTRIES, ORIGINS
from synthetic_data.country.rates import GHOST, PARTIES
from synthetic_data.errors import susceptibility
from synthetic_data.lives import addresses, couples, events, first_residents, newcomers, studies
from synthetic_data.lives.households import GROUPS, PLACES, SPELLS, SURGE_BIT, stacked
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, YEARS, day_of, row_days, row_of
from synthetic_data.numbers.draws import Days, Floats, draws
from synthetic_data.numbers.labels import Labels
from synthetic_data.numbers.runs import begins, numbered, pieces
from synthetic_data.scenarios.scenario import Scenario

PART_ORDINALS = 10**8
_PERSON_BITS = 48
_BORN_LATER = 10**7
"""Numbers of people: below this those who were born or came first, above it the children of their women."""


@dataclass(frozen=True)
class Lives:
    """Everything that is true of the simulated country, or of some of its parts; sources see parts of it.

    stays: row (of people), start, end (day of the departure, or of death): journeys abroad do not end a stay.
    trips: row, out, back. moves: household (row), start, postcode (number), in order. `residents` is the number of
    people in the whole country on the first day.
    """

    seed: int
    residents: int
    people: pl.DataFrame
    households: pl.DataFrame
    stays: pl.DataFrame
    trips: pl.DataFrame
    moves: pl.DataFrame

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
    def ordinal(self) -> NDArray[np.int64]:
        """A number below 10**9 for each person, the same in every scenario and whichever parts are simulated.

        Within a part, those who are not born in the simulated years are ranked by their own numbers, people
        added by a surge last; a child's number follows from its mother's rank among the women, and its year.
        """
        person, part = self.person, self.part
        born = person >= events.BIRTH_KEYS
        added = (person // PLACES >> SURGE_BIT) & 1
        ordinal = np.empty(len(person), dtype=np.int64)
        first = np.flatnonzero(~born)
        in_order = first[
            np.argsort(((2 * part[first] + added[first]) << _PERSON_BITS) + person[first], kind="stable")
        ]
        ordinal[in_order] = numbered(part[in_order])
        women = in_order[self.female[in_order]]
        among_women = np.zeros(len(person), dtype=np.int64)
        among_women[women] = numbered(part[women])
        slot = (person - events.BIRTH_KEYS) % events.BIRTH_SLOTS
        mother = self.people["mother"].to_numpy()
        child = _BORN_LATER + among_women[np.maximum(mother, 0)] * (2 * len(YEARS)) + slot
        return part * PART_ORDINALS + np.where(born, child, ordinal)

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
        """Who was born in another country."""
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
    def renamed(self) -> Days:
        """The day from which each person has another family name by marriage, or `NEVER`."""
        takes_another = self.people["married_name"].is_not_null().to_numpy()
        return np.where(takes_another, self.people["married"].to_numpy(), NEVER)

    @cached_property
    def names_in_capitals(self) -> pl.DataFrame:
        """The `given_name` and the `family_name` of birth of each person, as many sources write them."""
        return self.people.select(pl.col("given_name", "family_name").str.to_uppercase())

    @cached_property
    def error_groups(self) -> NDArray[np.uint8]:
        """To which groups whose records go wrong more often each person belongs: a bit for each."""
        return susceptibility.groups(self.birth, self.female, self.part)

    @cached_property
    def prone_draw(self) -> Floats:
        """The draw that says who is prone to errors."""
        return draws(self.seed, "prone to errors", self.person)

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
    def purpose(self) -> Labels:
        """Why each person's party came: a purpose of `country.Party`, resident, or ghost (left before 2010)."""
        return Labels.looked_up([*(party.purpose for party in PARTIES), "resident", "ghost"], self.party)

    @cached_property
    def stay_number(self) -> NDArray[np.int64]:
        """The number, from 0 on, of each stay (row of `stays`) among those of its person."""
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
    def courses(self) -> pl.DataFrame:
        """Every course of higher education: `row, course, begin, end, home, placement`."""
        return studies.courses(self)

    @cached_property
    def route(self) -> Labels:
        """The visa route by which each person's party first came; its purpose where it has none."""
        return Labels.looked_up(
            [*(party.route or party.purpose for party in PARTIES), "resident", "ghost"], self.party
        )

    @cached_property
    def overstays(self) -> NDArray[np.bool_]:
        """Whether each stay (row of `stays`) goes on after every permission has ended: a party's first one."""
        row = self.stays["row"].to_numpy()
        stays_on = self.households["overstays"].to_numpy()[self.people["household"].to_numpy()]
        return stays_on[row] & (self.stay_number == 0)

    def authority_at(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the local authority (row of `geography.authorities`) where each person lives, or lived last."""
        return self.map.authority[self.postcode_at(rows, days)]

    @cached_property
    def visa_national(self) -> NDArray[np.bool_]:
        """Who needs a visa."""
        return events.is_visa_national(self.people)

    @cached_property
    def _first_move(self) -> NDArray[np.int64]:
        """The first address (row of `moves`) of each household, and the end of them all."""
        addresses = np.bincount(self.moves["household"].to_numpy(), minlength=len(self.households))
        return np.append(0, np.cumsum(addresses))

    def postcode_at(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the number of the postcode at which each person (row) lives, or lived last, on each day."""
        household = events.household_on(self.people, rows, days)
        address, last = self._first_move[household], self._first_move[household + 1] - 1
        start = self.moves["start"].to_numpy()
        # most households have few addresses: to walk through them is cheaper than to search among all
        moving = np.flatnonzero(address < last)
        while len(moving):
            moving = moving[start[address[moving] + 1] <= days[moving]]
            address[moving] += 1
            moving = moving[address[moving] < last[moving]]
        return self.moves["postcode"].to_numpy()[address]

    def household_on(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the household (row) to which each person (row) belongs on each day."""
        return events.household_on(self.people, rows, days)

    def is_here(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
        """Return whether each person (row) is in a stay on each day, journeys aside."""
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

    @cached_property
    def presence(self) -> pl.DataFrame:
        """Spells of presence (`row, start, end`): stays without the journeys inside them."""
        stays, trips = ([frame[name].to_numpy() for name in frame.columns] for frame in (self.stays, self.trips))
        row, start, end = stays
        away, out, back = trips
        # stays and journeys are disjoint, so the n-th start and the n-th end of a person make a spell
        starts = np.sort(np.append(row_days(row, start), row_days(away, back)), kind="stable")
        ends = np.sort(np.append(row_days(row, end), row_days(away, out)), kind="stable")
        spells = pl.DataFrame({"row": row_of(starts), "start": day_of(starts), "end": day_of(ends)})
        return spells.filter(pl.col("start") <= LAST_DAY)


def live(seed: int, residents: int, scenario: Scenario | None = None, parts: Sequence[int] | None = None) -> Lives:
    """Return the lives of a country of `residents` people on the first day, and of all who are born or come later.

    With `parts` (numbers 0 to 9), only the people who first live in these parts, each as in the whole country.
    """
    of = list(geography.PARTS) if parts is None else sorted(set(parts))
    households, people = first_residents.residents(seed, residents, of)
    households = events.emigrations(seed, households, households["arrive"].to_numpy())
    households, people = stacked([(households, people), *newcomers.newcomers(seed, residents, of, scenario)])
    households, people = events.leaving_home(seed, households, people)
    people = couples.living_together(seed, households, people)
    arrive = households["arrive"].to_numpy()[people["household"].to_numpy()]
    death = events.deaths(seed, people, np.maximum(arrive, FIRST_DAY))
    people = people.with_columns(twin=pl.lit(value=False))
    children = events.births(seed, households, people, death)
    death = np.concatenate([death, events.deaths(seed, children, children["birth"].to_numpy())])
    people = pl.concat([people, children], rechunk=True)
    people = people.with_columns(naturalised=pl.Series(events.naturalisations(seed, households, people)))
    stays = _stays(households, people, death)
    # a death abroad reaches no source, and ends no stay
    dies_here = np.zeros(len(people), dtype=bool)
    row, end = stays["row"].to_numpy(), stays["end"].to_numpy()
    dies_here[row[end == death[row]]] = True
    ghost = (households["party"] == GHOST).to_numpy()[people["household"].to_numpy()]
    people = people.with_columns(
        death=pl.Series(np.where(dies_here & (death <= LAST_DAY), death, NEVER)), ghost=pl.Series(ghost)
    )
    return Lives(
        seed, residents, people, households, stays,
        trips=events.trips(seed, households, people, stays),
        moves=addresses.moves(seed, households, people, geography.country_map(residents)),
    )  # fmt: skip


def _stays(households: pl.DataFrame, people: pl.DataFrame, death: Days) -> pl.DataFrame:
    """Return the stays of people: in the parents' household, in their own, in that of a couple; until death."""
    birth, leaves_home, married = (people[name].to_numpy() for name in ("birth", "leaves_home", "married"))
    rows, starts, ends = [], [], []
    periods = (
        ("household", birth, np.minimum(leaves_home, married)),
        ("own_household", leaves_home, married),
        ("joint_household", married, np.full(len(people), NEVER)),
    )
    for household, after, before in periods:
        belongs = np.flatnonzero(people[household].to_numpy() >= 0)
        of = people[household].to_numpy()[belongs]
        for arrive, leave in SPELLS:
            arrives = households[arrive].to_numpy()[of]
            some = np.flatnonzero(arrives <= LAST_DAY)
            comes = belongs[some]
            start = np.maximum(arrives[some], after[comes])
            end = np.minimum(np.minimum(households[leave].to_numpy()[of[some]], before[comes]), death[comes])
            there = np.flatnonzero((start < end) & (start <= LAST_DAY))
            rows.append(comes[there])
            starts.append(start[there])
            ends.append(end[there])
    row, start, end = np.concatenate(rows), np.concatenate(starts), np.concatenate(ends)
    # merging pieces that are in order themselves
    order = np.argsort(row_days(row, start), kind="stable")
    row, start, end = row[order], start[order], end[order]
    # a stay that goes on in another household is one stay
    first, last = pieces(begins(row) | (start > np.roll(end, 1)))
    return pl.DataFrame({"row": row[first], "start": start[first], "end": end[last]})

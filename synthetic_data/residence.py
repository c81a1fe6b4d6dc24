"""Whole lives: people, their households, and when and where each of them lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import education, events, name_forms, newcomers, places, population, proneness
from synthetic_data.country import GHOST, MOVES, OTHER_AUTHORITY, OTHER_REGION, PARTIES, RESIDENT, table
from synthetic_data.days import FIRST_DAY, LAST_DAY, LONG_AGO, NEVER, YEAR, YEARS, year_starts
from synthetic_data.draws import Days, Floats, draws
from synthetic_data.households import GROUPS, PLACES, SPELLS, SURGE_BIT
from synthetic_data.labels import Labels
from synthetic_data.places import Map
from synthetic_data.runs import begins, numbered
from synthetic_data.scenarios import Scenario

NEWCOMER_SKEW = {"British": 1.0, "Irish": 1.6, "EU": 2.2, "non_EU": 2.2}
"""Postcodes of an authority stand in order of their share of newcomers; a draw to this power leans to the first."""
AFTER_UNIVERSITY = 30
"""Days after the course on which home students look for another place."""
STAYS_IN_TOWN = 0.35
_DAY_BITS = 18
PART_ORDINALS = 10**8
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
        return places.country_map(self.residents)

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
        in_order = first[np.lexsort((person[first], part[first] * 2 + added[first]))]
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
        return Labels.of(self.people["country_of_birth"], table("countries")["country"].to_list())

    @cached_property
    def name_origin(self) -> Labels:
        """The origin of each person's names."""
        return name_forms.origins(self.people["origin"])

    @cached_property
    def names_in_capitals(self) -> pl.DataFrame:
        """The `given_name` and the `family_name` of birth of each person, as many sources write them."""
        return self.people.select(pl.col("given_name", "family_name").str.to_uppercase())

    @cached_property
    def error_groups(self) -> NDArray[np.uint8]:
        """To which groups whose records go wrong more often each person belongs: a bit for each."""
        return proneness.groups(self.birth, self.female, self.part)

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
        return education.courses(self)

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
        """Return the local authority (row of `places.authorities`) where each person lives, or lived last."""
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
        index = np.searchsorted(self._stay_keys, _key(rows, days), side="right") - 1
        return np.where(self.stays["row"].to_numpy()[index] == rows, index, -1)

    def stay_ending_after(self, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
        """Return the first stay (row of `stays`) of each person (row) that ends after each day, or -1."""
        row, end = self.stays["row"].to_numpy(), self.stays["end"].to_numpy()
        index = np.searchsorted(_key(row, end), _key(rows, days), side="right")
        return np.where(np.append(row, -1)[index] == rows, index, -1)

    @cached_property
    def _stay_keys(self) -> NDArray[np.int64]:
        return _key(self.stays["row"].to_numpy(), self.stays["start"].to_numpy())

    @cached_property
    def presence(self) -> pl.DataFrame:
        """Spells of presence (`row, start, end`): stays without the journeys inside them."""
        stays, trips = ([frame[name].to_numpy() for name in frame.columns] for frame in (self.stays, self.trips))
        row, start, end = stays
        away, out, back = trips
        # stays and journeys are disjoint, so the n-th start and the n-th end of a person make a spell
        starts = np.sort(np.append(_key(row, start), _key(away, back)), kind="stable")
        ends = np.sort(np.append(_key(row, end), _key(away, out)), kind="stable")
        spells = pl.DataFrame({"row": starts >> _DAY_BITS, "start": _day_of(starts), "end": _day_of(ends)})
        return spells.filter(pl.col("start") <= LAST_DAY)


def _key(rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    return (rows << _DAY_BITS) + np.clip(days, LONG_AGO, NEVER) - LONG_AGO


def _day_of(keys: NDArray[np.int64]) -> Days:
    return (keys & ((1 << _DAY_BITS) - 1)) + LONG_AGO


def live(seed: int, residents: int, scenario: Scenario | None = None, parts: Sequence[int] | None = None) -> Lives:
    """Return the lives of a country of `residents` people on the first day, and of all who are born or come later.

    With `parts` (numbers 0 to 9), only the people who first live in these parts, each as in the whole country.
    """
    of = list(places.PARTS) if parts is None else sorted(set(parts))
    households, people = population.residents(seed, residents, of)
    households = events.emigrations(seed, households, households["arrive"].to_numpy())
    foreign, those = newcomers.newcomers(seed, residents, of, scenario)
    those = those.with_columns(pl.col("household") + len(households))
    # columns in one piece: each is read many times, which is dear in pieces
    households, people = pl.concat([households, foreign], rechunk=True), pl.concat([people, those], rechunk=True)
    households, people = events.leaving_home(seed, households, people)
    people = events.living_together(seed, households, people)
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
        moves=_moves(seed, households, people, places.country_map(residents)),
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
    order = np.argsort(_key(row, start), kind="stable")
    row, start, end = row[order], start[order], end[order]
    # a stay that goes on in another household is one stay
    first = np.flatnonzero(begins(row) | (start > np.roll(end, 1)))
    last = np.append(first[1:], len(row)) - 1
    return pl.DataFrame({"row": row[first], "start": start[first], "end": end[last]})


def _moves(seed: int, households: pl.DataFrame, people: pl.DataFrame, country: Map) -> pl.DataFrame:
    """Return every address of every household with its first day; at most one move a year, and those of students."""
    key, group = households["key"].to_numpy(), Labels.of(households["group"], GROUPS)
    with_founders = (people["own_household"], people["household"], people["leaves_home"])
    founders = np.flatnonzero(people["own_household"].to_numpy() >= 0)
    founded, home, leaves_home = (one.to_numpy()[founders] for one in with_founders)
    row, start, authority = _moves_of(seed, households, np.arange(len(key) - len(founded)))
    at = np.searchsorted(_key(row, start), _key(home, leaves_home), side="right") - 1
    own = _moves_of(seed, households, founded, authority[np.maximum(at, 0)])
    # founded households stand after those of the parents
    row, start, authority = (np.append(*both) for both in zip((row, start, authority), own, strict=True))
    place = draws(seed, "address", key[row], start - LONG_AGO)
    skew = group.values(NEWCOMER_SKEW)[row]
    skewed = np.flatnonzero(skew != 1)
    place[skewed] **= skew[skewed]
    return pl.DataFrame({"household": row, "start": start, "postcode": country.at(authority, place)})


def _moves_of(
    seed: int, households: pl.DataFrame, rows: NDArray[np.int64], left: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], Days, NDArray[np.int64]]:
    """Return household, start and authority of the addresses of some households; `left` is the parents' authority."""
    of = households[rows]
    key, part, arrive, party, birth = (
        of[name].to_numpy() for name in ("key", "part", "arrive", "party", "head_birth")
    )
    resident, again = party == RESIDENT, [of[name].to_numpy() for name, _ in SPELLS[1:]]
    course_end = np.where(resident, of["course_end"].to_numpy(), NEVER)
    home_student = course_end < NEVER
    uniform = draws(seed, "first authority", key)
    if left is None:
        goes_to = Labels.looked_up([*(one.goes_to for one in PARTIES), "residents", "residents"], party)
        goes_to = goes_to.changed(resident & (of["group"] != "British").to_numpy(), "newcomers")
        now = np.zeros(len(rows), dtype=np.int64)
        for column in goes_to.texts:
            those = goes_to.are(column)
            now[those] = places.draw_authority(uniform[those], column, part[those])
    else:
        now = np.where(home_student, places.draw_authority(uniform, "students"), _next(seed, key, 0, left))
    gone = np.max([np.where(of[come].to_numpy() < NEVER, of[go].to_numpy(), LONG_AGO) for come, go in SPELLS], axis=0)
    found = [(rows, np.full(len(rows), LONG_AGO), now.copy())]
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        chance = np.ones(len(rows))
        here = np.flatnonzero((arrive < first + 365) & (gone >= first))
        chance[here] = draws(seed, "move", key[here], year)
        graduates = (course_end + AFTER_UNIVERSITY >= first) & (course_end + AFTER_UNIVERSITY < first + 365)
        returning = [(comes >= first) & (comes < first + 365) for comes in again]
        some = np.flatnonzero(np.logical_or.reduce([chance < max(MOVES.values()), graduates, *returning]))
        young = (first - birth[some]) / YEAR < 35
        often = np.where(resident[some], np.where(young, MOVES["young"], MOVES["settled"]), MOVES["migrant"])
        wants, graduate = chance[some] < often, graduates[some]
        wants[graduate] |= draws(seed, "stays in town", key[some[graduate]]) > STAYS_IN_TOWN
        on = first + (draws(seed, "move day", key[some], year) * 365).astype(np.int64)
        on = np.where(graduate, course_end[some] + AFTER_UNIVERSITY, on)
        happens = wants & (on > arrive[some] + 45) & ~(home_student[some] & (on < course_end[some]))
        happens &= events.is_here(households, rows[some], on)
        # who comes back from abroad finds another home
        for comes, returns in zip(again, returning, strict=True):
            on, happens = np.where(returns[some], comes[some], on), happens | returns[some]
        there, on, far = some[happens], on[happens], graduate[happens]
        to = _next(seed, key[there], year, now[there])
        to[far] = places.draw_far_authority(draws(seed, "after university", key[there[far]]))
        now[there] = to
        found.append((rows[there], on, to))
    row, start, authority = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(_key(row, start), kind="stable")
    return row[order], start[order], authority[order]


def _next(seed: int, key: NDArray[np.int64], year: int, now: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the authority into which each household moves: its own, another of the region, or one elsewhere."""
    to, how = now.copy(), draws(seed, "how far", key, year)
    leaves = np.flatnonzero(how < OTHER_AUTHORITY)
    far = how[leaves] < OTHER_AUTHORITY * OTHER_REGION
    where, part = draws(seed, "whereto", key[leaves], year), places.authorities()["part"].to_numpy()[now[leaves]]
    to[leaves[far]] = places.draw_far_authority(where[far])
    to[leaves[~far]] = places.draw_authority(where[~far], "moves_in", part[~far])
    return to

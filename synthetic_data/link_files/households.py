"""People in households: who lives with whom at which address, with twins, and sons who are named as their fathers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.link_files.name_lists import GROUPS, family_names, given_names, ranked, streets, towns
from synthetic_data.numbers.draws import Floats, draws, pick

SHARES = (0.56, 0.18, 0.1, 0.07, 0.09)
"""The shares of the groups of names, in their order."""
ALONE, COUPLE, FAMILY, SHARING = range(4)
KINDS = (0.3, 0.28, 0.36, 0.06)
"""The shares of these kinds of household."""
CHILDREN = (0.35, 0.4, 0.17, 0.08)
"""The shares of families with one child, two, three and four."""
SHARERS = (0.5, 0.3, 0.2)
"""The shares of shared households of two people, three and four."""
ONE_PARENT, MIXED_COUPLES, NAME_KEPT, SAME_SEX = 0.2, 0.25, 0.2, 0.05
TWINS, NAMED_AS_FATHER, NO_MIDDLE_NAME = 0.04, 0.06, 0.15
STREETS_OF_A_POSTCODE = 14
STREET_TYPES = ("Street", "Avenue", "Road", "Drive", "Court", "Lane", "Place")
REFERENCE_DAY = np.datetime64("2020-04-01")
_YEAR = 365.25

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Country:
    """How addresses are written: the number of towns, of postcodes in each and of digits of a postcode; states."""

    towns: int
    postcodes_of_a_town: int
    digits: int
    states: tuple[str, ...]


@dataclass(frozen=True)
class _Members:
    """Everyone, in the order of households: the household's number, kind and adults, and the place of each in it."""

    seed: int
    household: Numbers
    kind: Numbers
    adults: Numbers

    @property
    def person(self) -> Numbers:
        return np.arange(len(self.household))

    @property
    def first(self) -> Numbers:
        """The first member of the household of each person."""
        return np.searchsorted(self.household, self.household)

    @property
    def place(self) -> Numbers:
        return self.person - self.first

    @property
    def adult(self) -> Flags:
        return self.place < self.adults

    @property
    def partner(self) -> Flags:
        """Whether each is the second of a couple."""
        return self.adult & (self.place == 1) & (self.kind != SHARING)

    def by_person(self, stream: str) -> Floats:
        return draws(self.seed, stream, self.person)

    def by_household(self, stream: str) -> Floats:
        return draws(self.seed, stream, self.household)


def people(seed: int, number: int, country: Country) -> pl.DataFrame:
    """Return `number` people, one row each, in the order of their households; the last household may be cut off.

    Columns `person`, `household` (whole numbers), `born` (a date), `adult`, and as text `given_name`, `middle_name`
    (empty for some), `family_name`, `sex` (Male or Female) and the address of the household.
    """
    everyone = _members(seed, number)
    group = _groups(everyone)
    female = everyone.by_person("sex") < 0.5
    with_partner = np.flatnonzero(everyone.partner)
    female[with_partner] = female[with_partner - 1] == (everyone.by_person("same sex")[with_partner] < SAME_SEX)
    family, given = _family_names(everyone, group), _given_names(everyone, group, female, "given name")
    _name_sons(everyone, female, given, family)
    middle = _given_names(everyone, group, female, "middle name")
    middle[everyone.by_person("no middle name") < NO_MIDDLE_NAME] = ""
    return pl.DataFrame(
        {
            "person": everyone.person,
            "household": everyone.household,
            "born": _births(everyone),
            "adult": everyone.adult,
            "given_name": given.astype(str),
            "middle_name": middle.astype(str),
            "family_name": family.astype(str),
            "sex": np.where(female, "Female", "Male"),
        }
    ).hstack(addresses(seed, np.arange(number), country)[everyone.household])


def addresses(seed: int, homes: Numbers, country: Country) -> pl.DataFrame:
    """Return the address of each home as text: `house`, `street`, `unit` (mostly empty), `town`, `state`, `postcode`.

    A postcode has streets of its own; their names recur in other postcodes.
    """
    town = pick(draws(seed, "town", homes), (np.arange(country.towns) + 3.0) ** -0.8)
    area = town * country.postcodes_of_a_town + _whole(draws(seed, "postcode", homes), country.postcodes_of_a_town)
    lowest = 10 ** (country.digits - 1)
    codes = lowest + _whole(draws(seed, "code", np.arange(country.towns * country.postcodes_of_a_town)), 9 * lowest)
    street = _whole(draws(seed, "street", homes), STREETS_OF_A_POSTCODE)
    named = _whole(draws(seed, "name of street", area, street) ** 1.5, len(streets()))
    kind = _whole(draws(seed, "type of street", area, street), len(STREET_TYPES))
    unit = np.where(draws(seed, "in a block", homes) < 0.15, 1 + _whole(draws(seed, "unit", homes), 40), 0)
    types = np.array(STREET_TYPES, dtype=object)[kind]
    return pl.DataFrame(
        {
            "house": (1 + _whole(draws(seed, "house", homes) ** 2, 240)).astype(str),
            "street": (np.array(streets(), dtype=object)[named] + " " + types).astype(str),
            "unit": np.where(unit > 0, unit.astype(str), ""),
            "town": np.array(towns(), dtype=object)[town].astype(str),
            "state": np.array(country.states)[_whole(draws(seed, "state", town) ** 1.6, len(country.states))],
            "postcode": codes[area].astype(str),
        }
    )


def _whole(uniform: Floats, below: int) -> Numbers:
    """Return a whole number from 0 up to `below` for each draw."""
    return (uniform * below).astype(np.int64)


def _members(seed: int, number: int) -> _Members:
    homes = np.arange(number)  # more than are needed
    kind = pick(draws(seed, "household kind", homes), KINDS)
    children = np.where(kind == FAMILY, 1 + pick(draws(seed, "children", homes), CHILDREN), 0)
    sharers = 2 + pick(draws(seed, "sharers", homes), SHARERS)
    one_parent = (kind == FAMILY) & (draws(seed, "one parent", homes) < ONE_PARENT)
    adults = np.select([(kind == ALONE) | one_parent, kind == SHARING], [np.ones_like(kind), sharers], 2)
    household = np.repeat(homes, adults + children)[:number]
    return _Members(seed, household, kind[household], adults[household])


def _groups(everyone: _Members) -> Numbers:
    """Return the group of names of each person: that of the household, but for sharers and some partners."""
    of_household = pick(everyone.by_household("group"), SHARES)
    mixed = everyone.partner & (everyone.by_person("mixed couple") < MIXED_COUPLES)
    own = pick(everyone.by_person("own group"), SHARES)
    return np.where(mixed | (everyone.kind == SHARING), own, of_household)


def _family_names(everyone: _Members, group: Numbers) -> Texts:
    kept = everyone.partner & (everyone.by_person("name kept") < NAME_KEPT)
    own = kept | (everyone.kind == SHARING)
    uniform = np.where(own, everyone.by_person("own family name"), everyone.by_household("family name"))
    return _of_groups(np.where(own, group, group[everyone.first]), uniform, family_names, shift=8.0, slope=0.9)


def _given_names(everyone: _Members, group: Numbers, female: Flags, stream: str) -> Texts:
    uniform = everyone.by_person(stream)
    girls = _of_groups(group, uniform, lambda name: given_names(name, "F"), shift=6.0, slope=1.0)
    boys = _of_groups(group, uniform, lambda name: given_names(name, "M"), shift=6.0, slope=1.0)
    return np.where(female, girls, boys)


def _of_groups(
    group: Numbers, uniform: Floats, names: Callable[[str], tuple[str, ...]], *, shift: float, slope: float
) -> Texts:
    found = np.empty(len(group), dtype=object)
    for number, name in enumerate(GROUPS):
        of_group = np.flatnonzero(group == number)
        found[of_group] = ranked(names(name), uniform[of_group], shift=shift, slope=slope)
    return found


def _name_sons(everyone: _Members, female: Flags, given: Texts, family: Texts) -> None:
    """Give some first children who are sons both names of their father."""
    sons = np.flatnonzero((everyone.place == everyone.adults) & ~female)
    first = everyone.first[sons]
    father = first + (female[first] & (everyone.adults[sons] > 1))
    named = ~female[father] & (everyone.by_household("named as father")[sons] < NAMED_AS_FATHER)
    given[sons[named]], family[sons[named]] = given[father[named]], family[father[named]]


def _births(everyone: _Members) -> NDArray[np.datetime64]:
    """Return dates of birth: partners are of similar age, children 17 to 40 years younger than the first adult.

    Some second children are the first one's twin.
    """
    kinds = [everyone.kind == FAMILY, everyone.kind == SHARING]
    parents, sharers = (everyone.by_household("age of parent"), everyone.by_person("age of sharer"))
    oldest = np.select(kinds, [22 + 38 * parents, 19 + 21 * sharers], 20 + 72 * everyone.by_household("age"))
    partners = np.maximum(oldest + 8 * (everyone.by_person("age of partner") - 0.6), 18)
    youngest, eldest = np.maximum(oldest - 40, 0), np.minimum(oldest - 17, 24)
    children = youngest + np.maximum(eldest - youngest, 0.5) * everyone.by_person("age of child")
    age = np.where(everyone.adult, np.where(everyone.partner, partners, oldest), children)
    second = np.flatnonzero(everyone.place == everyone.adults + 1)
    twins = second[everyone.by_household("twins")[second] < TWINS]
    age[twins] = age[twins - 1]
    return REFERENCE_DAY - (age * _YEAR).astype(np.int64)

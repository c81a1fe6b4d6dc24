"""Households and their people: who lives here on the first day, who comes from abroad later, and who left before.

A household is a set of people who move and migrate together. Frames hold one row each, and other modules
point to rows by number; `key` and `person` are numbers that never depend on how many others there are.

households: key, part (0 to 9), party (number in `PARTIES`, `RESIDENT` or `GHOST`), group, fine_group, country
    (nationality), origin (of names), family_name, head_birth, course_begin, course_end (of a student from abroad),
    overstays, and three stays at most: arrive, leave, arrive_again, leave_again, arrive_third, leave_third (days;
    `NEVER` where nothing happens).
people: person, part, household (row), place (0 head, 1 partner, 2.. children), sex, birth, nationality, group,
    fine_group, country_of_birth, origin, given_name, family_name, mother (row or -1), naturalised (day).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import names
from synthetic_data.country import (
    BACK_FROM_STUDY,
    COURSE_YEARS,
    FAMILIES_LEAVE,
    FIRST_SHARES,
    GHOST,
    GHOSTS,
    GROUP_OF,
    MEAN_RETURN_DAYS,
    MEAN_SETTLED_YEARS,
    NATURALISED,
    NATURALISED_BEFORE,
    PARTIES,
    PERMITTED_AFTER_COURSE,
    RESIDENT,
    STUDENT_DROPS_OUT,
    STUDENT_EXTENDS,
    STUDENT_LINGERS,
    Party,
    table,
    trend,
)
from synthetic_data.days import FIRST_DAY, LAST_DAY, LONG_AGO, NEVER, YEAR, YEARS, calendar_year, day, year_starts
from synthetic_data.draws import Days, Floats, between, draws, exponential, log_normal, pick
from synthetic_data.places import part_residents, share_of_parts
from synthetic_data.scenarios import LongerStays, Scenario

PLACES = 8
"""Numbers of people kept free for each household."""
PART_BITS, PARTY_BITS, SURGE_BIT = 40, 32, 31
"""A household's key: its part, its party, whether a surge added it, and its number."""
SPELLS = (("arrive", "leave"), ("arrive_again", "leave_again"), ("arrive_third", "leave_third"))
FOREIGN_ANCESTRY = 0.06
"""British households of people born here with names from elsewhere."""
HEAD_FEMALE = 0.48
"""...of those who come from abroad; that of residents depends on the kind of household."""
GIRLS = 0.488
OLDEST_CHILD = 21
EARLIEST_BEFORE_COURSE = 25
"""Days before the first of a course by which students arrive at the earliest."""
CHILDREN_OF_A_FAMILY = (0.5, 0.35, 0.15)
GHOSTS_FOREIGN = 0.5
"""Of the people who left and are listed still (assumption); the others were British."""
OVERSTAY_DAYS = 240
"""Median days that people stay on after their last permission (assumption)."""


def first_keys(part: int, party: int, number: int, *, surge: bool = False) -> NDArray[np.int64]:
    """Return the keys of so many households of one part and party."""
    return (part << PART_BITS) + (party << PARTY_BITS) + (int(surge) << SURGE_BIT) + np.arange(number)


def residents(seed: int, number: int, parts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people on the first day, of the given parts of a country of `number` residents.

    Their migration comes later.
    """
    of_parts = part_residents(number)
    return _together([_residents_of(seed, part, of_parts[part]) for part in parts])


def _together(made: list[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stack households, and people with the rows of their households moved on."""
    starts = np.cumsum([0, *(len(households) for households, _ in made[:-1])])
    people = [
        one.with_columns(pl.col("household") + int(start)) for (_, one), start in zip(made, starts, strict=True)
    ]
    return pl.concat([households for households, _ in made]), pl.concat(people)


def _residents_of(seed: int, part: int, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    types = table("households")
    keys = first_keys(part, RESIDENT, int(number / 1.4) + 10)
    factor = table("areas")["born_abroad"][part]
    fine, naturalised = _first_groups(draws(seed, "group", keys), factor)
    british = fine == "British"
    settled = pick(draws(seed, "household type", keys), types["british"].to_numpy())
    foreign = pick(draws(seed, "household type", keys), types["foreign"].to_numpy())
    kind = np.where(british & ~naturalised, settled, foreign)
    kind = np.where(naturalised, pick(draws(seed, "household type", keys), types["naturalised"].to_numpy()), kind)
    adults, children = types["adults"].to_numpy()[kind], types["children"].to_numpy()[kind]
    cut = int(np.searchsorted(np.cumsum(adults + children), number)) + 1
    keys, fine, british, naturalised, kind = (one[:cut] for one in (keys, fine, british, naturalised, kind))
    adults, children = adults[:cut], children[:cut]
    from_age, to_age = types["head_from"].to_numpy()[kind], types["head_to"].to_numpy()[kind]
    head_age = between(draws(seed, "head age", keys), from_age, to_age)
    country = _nationalities(seed, keys, fine, "residents")
    elsewhere = names.countries("non_EU", "residents", draws(seed, "ancestry country", keys))
    with_names = british & (naturalised | (draws(seed, "ancestry", keys) < FOREIGN_ANCESTRY))
    ancestry = np.where(with_names, elsewhere, country)
    since = np.minimum(exponential(draws(seed, "years since arrival", keys), 9.0), head_age - 16.5)
    since = np.where(naturalised, np.minimum(since + NATURALISED_BEFORE, head_age - 0.5), since) * YEAR
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = _households(seed, keys, RESIDENT, fine, country, ancestry, head_birth)
    came = ~british | naturalised
    households = households.with_columns(
        arrive=pl.Series(np.where(came, FIRST_DAY - 20 - since, LONG_AGO).astype(np.int64))
    )
    head_female = types["head_female"].to_numpy()[kind]
    people = _people(seed, households, adults, children, np.full(cut, FIRST_DAY), head_female).head(number)
    # children of households from abroad may have been born after the household came
    abroad = households["arrive"][people["household"]] > people["birth"]
    people = _british_if_born_here(_born(people, ancestry, abroad.to_numpy()))
    return households, people


def _first_groups(uniform: Floats, factor: float) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return the finer nationality group of each household of the first day, and who has become British before."""
    shares = np.array([*FIRST_SHARES.values(), NATURALISED]) * factor
    labels = np.array([*FIRST_SHARES, "naturalised", "British"], dtype=object)
    drawn = labels[pick(uniform, [*shares, 1 - shares.sum()])]
    return np.where(drawn == "naturalised", "British", drawn), drawn == "naturalised"


def newcomers(
    seed: int, number: int, parts: Sequence[int], scenario: Scenario | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people who come from abroad to the given parts of a country of `number` residents.

    Those whom a surge adds come last and have keys of their own, so that nobody else's draws change.
    """
    longer = scenario.longer_stays if scenario else None
    surge = scenario.surge if scenario else None
    of_parts = part_residents(number)
    made = []
    for index, party in enumerate(PARTIES):
        each = party.per_1000 * number / 1000 * len(YEARS) * share_of_parts(party.goes_to)
        made.append(_party(seed, index, _keys(seed, index, parts, each), FIRST_DAY, longer))
    made.append(_ghosts(seed, _keys(seed, GHOST, parts, GHOSTS * np.array(of_parts))))
    if surge:
        index = [party.name for party in PARTIES].index(surge.party)
        begins = day(surge.begins.year, surge.begins.month, surge.begins.day)
        a_year = PARTIES[index].per_1000 * number / 1000 * (surge.factor - 1)
        each = a_year * share_of_parts(PARTIES[index].goes_to) * (LAST_DAY + 1 - begins) / YEAR
        made.append(_party(seed, index, _keys(seed, index, parts, each, surge=True), begins, longer))
    return _together(made)


def _keys(seed: int, party: int, parts: Sequence[int], each: Floats, *, surge: bool = False) -> NDArray[np.int64]:
    """Return the keys of a party's households in the given parts; `each` has the expected number of every part.

    Numbers are rounded up or down by chance, so that the mean over parts and seeds is kept.
    """
    stream = f"number of households, {party}" + (", surge" if surge else "")
    numbers = np.floor(each + draws(seed, stream, np.arange(len(each)))).astype(np.int64)
    return np.concatenate([first_keys(part, party, numbers[part], surge=surge) for part in parts])


def _party(
    seed: int, index: int, keys: NDArray[np.int64], begins: int, longer: LongerStays | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the households with the given keys of one party, which arrive from the day `begins` on."""
    party, count = PARTIES[index], len(keys)
    fine = np.full(count, party.fine_group, dtype=object)
    country = _nationalities(seed, keys, fine, party.weights)
    head_age = party.youngest + (party.oldest - party.youngest) * draws(seed, "head age", keys) ** 1.5
    with_children = (draws(seed, "family", keys) < party.children) & (head_age >= 24)
    arrive = _arrival(draws(seed, "arrival", keys), party, begins)
    begin, end = np.full(count, NEVER), np.full(count, NEVER)
    if party.purpose == "study":
        begin, end = _course(seed, keys, party.group, calendar_year(arrive), begins)
        arrive = begin - between(draws(seed, "early arrival", keys), 2, EARLIEST_BEFORE_COURSE).astype(np.int64)
        leave = _leaving_after_course(seed, keys, begin, end)
    else:
        leave = arrive + _stay_days(seed, keys, party, "stay", arrive, longer, with_children)
    overstays = draws(seed, "overstays", keys) < party.overstays
    on = log_normal(draws(seed, "overstay", keys), OVERSTAY_DAYS, 1.0).astype(np.int64)
    leave = np.where(overstays, leave + on, leave)
    again, leave_again = _next_stay(seed, keys, party, "second stay", leave, longer)
    third, leave_third = _next_stay(seed, keys, party, "third stay", leave_again, longer)
    head_birth = (arrive - head_age * YEAR).astype(np.int64)
    households = _households(seed, keys, index, fine, country, country, head_birth).with_columns(
        course_begin=pl.Series(begin), course_end=pl.Series(end), overstays=pl.Series(overstays),
        arrive=pl.Series(arrive), leave=pl.Series(leave),
        arrive_again=pl.Series(again), leave_again=pl.Series(leave_again),
        arrive_third=pl.Series(third), leave_third=pl.Series(leave_third),
    )  # fmt: skip
    partner = draws(seed, "partner", keys) < party.partners
    many = 1 + pick(draws(seed, "children", keys), CHILDREN_OF_A_FAMILY)
    children = np.where(with_children, many, 0)
    people = _people(seed, households, 1 + partner, children, arrive, np.full(count, HEAD_FEMALE))
    return households, _born(people, country, np.ones(len(people), dtype=bool))


def _arrival(uniform: Floats, party: Party, begins: int) -> Days:
    """Return the day of arrival: years by the party's trend, days evenly within a year; of a surge, all evenly."""
    if begins > FIRST_DAY:
        return between(uniform, begins, LAST_DAY + 1).astype(np.int64)
    ends = np.cumsum(trend(party.trend))
    year = np.minimum(np.searchsorted(ends, uniform, side="right"), len(ends) - 1)
    within = (uniform - (ends - trend(party.trend))[year]) / trend(party.trend)[year]
    first = year_starts(YEARS)[year]
    return first + (np.clip(within, 0, 1 - 1e-9) * (year_starts(YEARS + 1)[year] - first)).astype(np.int64)


def _ghosts(seed: int, keys: NDArray[np.int64]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return people who lived here once, left in the years before the first day, and never told a doctor."""
    number = len(keys)
    foreign = draws(seed, "group", keys) < GHOSTS_FOREIGN
    fine = np.where(foreign, np.array(["EU8", "EU14", "non_EU"], dtype=object)[
        pick(draws(seed, "ghost group", keys), (0.25, 0.25, 0.5))
    ], "British")  # fmt: skip
    country = _nationalities(seed, keys, fine, "residents")
    head_age = between(draws(seed, "head age", keys), 21, 62)
    gone = np.minimum(exponential(draws(seed, "gone for", keys), 3 * YEAR), 15 * YEAR)
    leave = FIRST_DAY - 30 - gone.astype(np.int64)
    stayed = log_normal(draws(seed, "stay", keys), 900, 0.8).astype(np.int64) + 200
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = _households(seed, keys, GHOST, fine, country, country, head_birth).with_columns(
        arrive=pl.Series(np.where(foreign, leave - stayed, LONG_AGO)), leave=pl.Series(leave)
    )
    alone = np.ones(number, dtype=np.int64)
    people = _people(seed, households, alone, 0 * alone, np.full(number, FIRST_DAY), np.full(number, 0.4))
    return households, _born(people, country, foreign)


def _leaving_after_course(
    seed: int, keys: NDArray[np.int64], begin: NDArray[np.int64], finish: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the day on which students leave the country: most within months, some years after their course."""
    fate = draws(seed, "after the course", keys)
    soon = 1 - np.exp(-PERMITTED_AFTER_COURSE / STUDENT_LINGERS)
    lingers = exponential(soon * draws(seed, "leaving", keys), STUDENT_LINGERS)
    extends = log_normal(draws(seed, "extension", keys), 700, 0.8) + 60
    settles = exponential(draws(seed, "settling", keys), MEAN_SETTLED_YEARS * YEAR)
    extends = np.where(draws(seed, "settles", keys) < 0.3, settles + 365, extends)
    drops_out = between(draws(seed, "dropping out", keys), 20, np.maximum(finish - begin - 30, 40))
    leave = np.select(
        [fate < STUDENT_DROPS_OUT, fate < STUDENT_DROPS_OUT + STUDENT_EXTENDS],
        [begin + drops_out, finish + extends],
        finish + 1 + lingers,
    )
    return leave.astype(np.int64)


def _course(
    seed: int, keys: NDArray[np.int64], group: str, year: NDArray[np.int64], begins: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last day of the courses that students begin in a year, or in the next if that is too soon."""
    years = 1 + pick(draws(seed, "course years", keys), COURSE_YEARS[group])
    january = (draws(seed, "january start", keys) < 0.15) & (years == 1)
    begin = np.where(january, year_starts(year, 1, 12), year_starts(year, 9, 17))
    year = year + (begin - EARLIEST_BEFORE_COURSE < begins) * (begins > FIRST_DAY)
    begin = np.where(january, year_starts(year, 1, 12), year_starts(year, 9, 17))
    begin = begin + (draws(seed, "first day", keys) * 14).astype(np.int64)
    # a master's year ends with a dissertation in September, longer courses with examinations in June
    finish = begin + np.where(years == 1, 352, (years * YEAR - 100).astype(np.int64))
    return begin, finish + (draws(seed, "last day", keys) * 16).astype(np.int64)


def _next_stay(
    seed: int,
    keys: NDArray[np.int64],
    party: Party,
    stream: str,
    leave: NDArray[np.int64],
    longer: LongerStays | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return arrival and departure of the stay after the one that ended: never within 365 days of it."""
    comes_back = (draws(seed, f"{stream} comes", keys) < party.returns) & (leave < NEVER)
    again = leave + 366 + exponential(draws(seed, f"{stream} absence", keys), MEAN_RETURN_DAYS).astype(np.int64)
    if party.name == "eu_circular":
        again = leave + 366 + between(draws(seed, f"{stream} absence", keys), 0, 250).astype(np.int64)
    back = BACK_FROM_STUDY if party.purpose == "study" else party
    stay = _stay_days(seed, keys, back, stream, again, longer)
    return np.where(comes_back, again, NEVER), np.where(comes_back, again + stay, NEVER)


def _stay_days(
    seed: int,
    keys: NDArray[np.int64],
    party: Party,
    stream: str,
    arrive: NDArray[np.int64],
    longer: LongerStays | None,
    family: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    median = np.full(len(keys), float(party.median_days))
    if longer and party.purpose != "visit":
        begins = day(longer.begins.year, longer.begins.month, longer.begins.day)
        median = np.where(arrive >= begins, median * longer.factor, median)
    limited = np.clip(log_normal(draws(seed, stream, keys), median, party.sigma), party.shortest, party.longest)
    for_good = 366 + exponential(draws(seed, f"{stream} for good", keys), MEAN_SETTLED_YEARS * YEAR)
    leaves = np.where(family, FAMILIES_LEAVE, 1.0) if family is not None else 1.0
    settles = draws(seed, f"{stream} settles", keys) < 1 - (1 - party.settles) * leaves
    return np.where(settles, for_good, limited).astype(np.int64)


def _nationalities(
    seed: int, keys: NDArray[np.int64], fine: NDArray[np.object_], weights: str
) -> NDArray[np.object_]:
    country = np.empty(len(keys), dtype=object)
    uniform = draws(seed, "country", keys)
    for one in GROUP_OF:
        those = fine == one
        if those.any():
            country[those] = names.countries(one, weights, uniform[those])
    return country


def _households(
    seed: int,
    keys: NDArray[np.int64],
    party: int,
    fine: NDArray[np.object_],
    country: NDArray[np.object_],
    ancestry: NDArray[np.object_],
    head_birth: NDArray[np.int64],
) -> pl.DataFrame:
    """Return households in which nothing happens yet."""
    origin = names.origin_of(ancestry, draws(seed, "name origin", keys))
    never = np.full(len(keys), NEVER)
    days = dict.fromkeys(("course_begin", "course_end", *(day for spell in SPELLS for day in spell)), never)
    return pl.DataFrame(
        {
            "key": keys,
            "part": keys >> PART_BITS,
            "party": np.full(len(keys), party, dtype=np.int64),
            "fine_group": fine,
            "country": country,
            "origin": origin,
            "family_name": names.family_names(origin, draws(seed, "family name", keys)),
            "head_birth": head_birth,
            "overstays": np.zeros(len(keys), dtype=bool),
            **days,
        },
        schema_overrides=dict.fromkeys(["fine_group", "country", "origin", "family_name"], pl.String),
    ).with_columns(group=pl.col("fine_group").replace_strict(GROUP_OF, return_dtype=pl.String))


def _people(
    seed: int,
    households: pl.DataFrame,
    adults: NDArray[np.int64],
    children: NDArray[np.int64],
    on: NDArray[np.int64],
    head_female: Floats,
) -> pl.DataFrame:
    """Return the members of households on the day `on` of each, all with the household's nationality."""
    sizes = adults + children
    household = np.repeat(np.arange(len(households)), sizes)
    within = np.arange(len(household)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.where(within < adults[household], within, within - adults[household] + 2)
    person = households["key"].to_numpy()[household] * PLACES + place
    head_birth = households["head_birth"].to_numpy()[household]
    head_age = (on[household] - head_birth) / YEAR
    partner_birth = head_birth + (draws(seed, "partner age", person) - 0.5) * 6 * YEAR
    partner_birth = np.minimum(partner_birth, on[household] - 18 * YEAR)
    # the eldest first, and years apart
    spacing = (children[household] - (place - 2) - draws(seed, "child age", person)) / np.maximum(
        children[household], 1
    )
    child_age = spacing * np.clip(head_age - 18, 0.5, OLDEST_CHILD)
    birth = np.select([place == 0, place == 1], [head_birth, partner_birth], on[household] - child_age * YEAR)
    head_is_female = draws(seed, "sex", person - place) < head_female[household]
    girl = draws(seed, "sex", person) < GIRLS
    female = np.select([place == 0, place == 1], [head_is_female, ~head_is_female], girl)
    sex = np.where(female, "F", "M").astype(object)
    origin = households["origin"].to_numpy()[household]
    own_name = (place == 1) & (draws(seed, "keeps own name", person) < 0.2)
    family_name = np.where(
        own_name,
        names.family_names(origin, draws(seed, "own family name", person)),
        households["family_name"].to_numpy()[household],
    )
    return pl.DataFrame(
        {
            "person": person,
            "part": households["part"].to_numpy()[household],
            "household": household,
            "place": place,
            "sex": sex,
            "birth": birth.astype(np.int64),
            "nationality": households["country"].to_numpy()[household],
            "group": households["group"].to_numpy()[household],
            "fine_group": households["fine_group"].to_numpy()[household],
            "origin": origin,
            "given_name": names.given_names(origin, sex, draws(seed, "given name", person)),
            "family_name": family_name,
            "mother": np.full(len(person), -1, dtype=np.int64),
        },
        schema_overrides=dict.fromkeys(
            ["sex", "nationality", "group", "fine_group", "origin", "given_name", "family_name"], pl.String
        ),
    )


def _british_if_born_here(people: pl.DataFrame) -> pl.DataFrame:
    """Make children of foreign households British who were born here before observation begins.

    Most parents had settled, and no source could tell the others: births name mothers from 2010 on only.
    """
    here = pl.col("country_of_birth") == "GB"
    british = {"nationality": "GB", "group": "British", "fine_group": "British"}
    return people.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(name).alias(name) for name, value in british.items()
    )


def _born(people: pl.DataFrame, ancestry: NDArray[np.object_], abroad: NDArray[np.bool_]) -> pl.DataFrame:
    """Add the country of birth: that of the household for those born abroad."""
    country = np.where(abroad, ancestry[people["household"].to_numpy()], "GB").astype(object)
    return people.with_columns(country_of_birth=pl.Series(country, dtype=pl.String))

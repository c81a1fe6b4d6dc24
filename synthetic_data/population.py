"""Households and their people: who lives here on the first day, and who comes from abroad later.

A household is a set of people who move and migrate together. Frames hold one row each, and other modules
point to rows by number; `key` and `person` are numbers that never depend on how many others there are.

households: key, party (number in `PARTIES`, or `RESIDENT`), group, country (nationality), origin (of names),
    family_name, head_birth, course_begin, course_end (of a student from abroad), arrive, leave, arrive_again,
    leave_again (days; `NEVER` where nothing happens).
people: person, household (row), place (0 head, 1 partner, 2.. children), sex, birth, nationality, group,
    country_of_birth, origin, given_name, family_name, mother (row or -1).
"""

from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import names
from synthetic_data.country import (
    BACK_FROM_STUDY,
    COURSE_YEARS,
    GROUP_SHARES,
    MEAN_RETURN_DAYS,
    MEAN_SETTLED_YEARS,
    PARTIES,
    RESIDENT,
    STUDENT_DROPS_OUT,
    STUDENT_EXTENDS,
    Party,
    table,
)
from synthetic_data.days import FIRST_DAY, LAST_DAY, LONG_AGO, NEVER, YEAR, YEARS, calendar_year, day, year_starts
from synthetic_data.draws import Floats, between, draws, exponential, log_normal, pick
from synthetic_data.scenarios import LongerStays, Scenario

PLACES = 8
"""Numbers of people kept free for each household."""
PARTY_KEYS = 10**8
SURGE_KEYS = PARTY_KEYS // 2
FOREIGN_ANCESTRY = 0.06
"""British households with names from elsewhere."""
HEAD_FEMALE = 0.48
"""...of those who come from abroad; that of residents depends on the kind of household."""
GIRLS = 0.488
OLDEST_CHILD = 21
EARLIEST_BEFORE_COURSE = 25
"""Days before the first of a course by which students arrive at the earliest."""
CHILDREN_OF_A_FAMILY = (0.5, 0.35, 0.15)


def residents(seed: int, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people of `number` residents on the first day; migration of theirs comes later."""
    types = table("household_types")
    keys = np.arange(ceil(number / 1.5) + 10)
    group = np.array(list(GROUP_SHARES))[pick(draws(seed, "group", keys), list(GROUP_SHARES.values()))].astype(object)
    british = group == "British"
    kind = np.where(
        british,
        pick(draws(seed, "household type", keys), types["british"].to_numpy()),
        pick(draws(seed, "household type", keys), types["foreign"].to_numpy()),
    )
    adults, children = types["adults"].to_numpy()[kind], types["children"].to_numpy()[kind]
    cut = int(np.searchsorted(np.cumsum(adults + children), number)) + 1
    keys, group, british, kind = keys[:cut], group[:cut], british[:cut], kind[:cut]
    adults, children = adults[:cut], children[:cut]
    from_age, to_age = types["head_from"].to_numpy()[kind], types["head_to"].to_numpy()[kind]
    power = np.where(from_age >= 60, 1.4, 1.0)
    head_age = between(draws(seed, "head age", keys) ** power, from_age, to_age)
    country = _nationalities(seed, keys, group, "residents")
    ancestry = np.where(
        british & (draws(seed, "ancestry", keys) < FOREIGN_ANCESTRY),
        names.countries("non_EU", "residents", draws(seed, "ancestry country", keys)),
        country,
    )
    since = np.minimum(exponential(draws(seed, "years since arrival", keys), 9.0), head_age - 16.5) * YEAR
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = _households(seed, keys, RESIDENT, group, country, ancestry, head_birth)
    households = households.with_columns(
        course_begin=pl.lit(NEVER, pl.Int64), course_end=pl.lit(NEVER, pl.Int64),
        arrive=pl.Series(np.where(~british, FIRST_DAY - 20 - since, LONG_AGO).astype(np.int64)),
        leave=pl.lit(NEVER, pl.Int64), arrive_again=pl.lit(NEVER, pl.Int64), leave_again=pl.lit(NEVER, pl.Int64),
    )  # fmt: skip
    head_female = types["head_female"].to_numpy()[kind]
    people = _people(seed, households, adults, children, np.full(cut, FIRST_DAY), head_female)
    people = people.head(number)
    # children of foreign households may have been born after the household came
    abroad = households["arrive"][people["household"]] > people["birth"]
    return households, _british_if_born_here(_born(people, country, abroad.to_numpy()))


def newcomers(seed: int, number: int, scenario: Scenario | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people who come from abroad to a country of `number` residents.

    Those whom a surge adds come last and have keys of their own, so that nobody else's draws change.
    """
    longer = scenario.longer_stays if scenario else None
    surge = scenario.surge if scenario else None
    parties = []
    for index, party in enumerate(PARTIES):
        count = ceil(party.per_1000 * number / 1000 * len(YEARS))
        parties.append(_party(seed, index, (index + 1) * PARTY_KEYS + np.arange(count), FIRST_DAY, longer))
    if surge:
        index = [party.name for party in PARTIES].index(surge.party)
        begins = day(surge.begins.year, surge.begins.month, surge.begins.day)
        a_year = PARTIES[index].per_1000 * number / 1000 * (surge.factor - 1)
        count = ceil(a_year * (LAST_DAY + 1 - begins) / YEAR)
        keys = (index + 1) * PARTY_KEYS + SURGE_KEYS + np.arange(count)
        parties.append(_party(seed, index, keys, begins, longer))
    households = pl.concat([one for one, _ in parties])
    sizes = np.cumsum([0, *(len(one) for one, _ in parties[:-1])])
    people = pl.concat(
        [
            people.with_columns(pl.col("household") + int(start))
            for (_, people), start in zip(parties, sizes, strict=True)
        ]
    )
    return households, people


def _party(
    seed: int, index: int, keys: NDArray[np.int64], begins: int, longer: LongerStays | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the households with the given keys of one party, which arrive from the day `begins` on."""
    party, count = PARTIES[index], len(keys)
    group = np.full(count, party.group, dtype=object)
    country = _nationalities(seed, keys, group, party.weights)
    head_age = party.youngest + (party.oldest - party.youngest) * draws(seed, "head age", keys) ** 1.5
    arrive = between(draws(seed, "arrival", keys), begins, LAST_DAY + 1).astype(np.int64)
    begin, end = np.full(count, NEVER), np.full(count, NEVER)
    if party.purpose == "study":
        begin, end = _course(seed, keys, party.group, calendar_year(arrive), begins)
        arrive = begin - between(draws(seed, "early arrival", keys), 2, EARLIEST_BEFORE_COURSE).astype(np.int64)
        leave = _leaving_after_course(seed, keys, begin, end)
    else:
        leave = arrive + _stay_days(seed, keys, party, "stay", arrive, longer)
    again, leave_again = _second_stay(seed, keys, party, leave, longer)
    head_birth = (arrive - head_age * YEAR).astype(np.int64)
    households = _households(seed, keys, index, group, country, country, head_birth).with_columns(
        course_begin=pl.Series(begin), course_end=pl.Series(end),
        arrive=pl.Series(arrive), leave=pl.Series(leave),
        arrive_again=pl.Series(again), leave_again=pl.Series(leave_again),
    )  # fmt: skip
    partner = draws(seed, "partner", keys) < party.partners
    many = 1 + pick(draws(seed, "children", keys), CHILDREN_OF_A_FAMILY)
    with_children = (draws(seed, "family", keys) < party.children) & (head_age >= 24)
    children = np.where(with_children, many, 0)
    people = _people(seed, households, 1 + partner, children, arrive, np.full(count, HEAD_FEMALE))
    return households, _born(people, country, np.ones(len(people), dtype=bool))


def _leaving_after_course(
    seed: int, keys: NDArray[np.int64], begin: NDArray[np.int64], finish: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the day on which students leave the country: most within months, some years after their course."""
    fate = draws(seed, "after the course", keys)
    lingers = exponential(draws(seed, "leaving", keys), 50)
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


def _second_stay(
    seed: int, keys: NDArray[np.int64], party: Party, leave: NDArray[np.int64], longer: LongerStays | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    comes_back = draws(seed, "comes back", keys) < party.returns
    again = leave + 366 + exponential(draws(seed, "absence", keys), MEAN_RETURN_DAYS).astype(np.int64)
    back = BACK_FROM_STUDY if party.purpose == "study" else party
    stay = _stay_days(seed, keys, back, "second stay", again, longer)
    return np.where(comes_back, again, NEVER), np.where(comes_back, again + stay, NEVER)


def _stay_days(
    seed: int,
    keys: NDArray[np.int64],
    party: Party,
    stream: str,
    arrive: NDArray[np.int64],
    longer: LongerStays | None,
) -> NDArray[np.int64]:
    median = np.full(len(keys), float(party.median_days))
    if longer and party.purpose != "visit":
        begins = day(longer.begins.year, longer.begins.month, longer.begins.day)
        median = np.where(arrive >= begins, median * longer.factor, median)
    limited = np.clip(log_normal(draws(seed, stream, keys), median, party.sigma), party.shortest, party.longest)
    for_good = 366 + exponential(draws(seed, f"{stream} for good", keys), MEAN_SETTLED_YEARS * YEAR)
    settles = draws(seed, f"{stream} settles", keys) < party.settles
    return np.where(settles, for_good, limited).astype(np.int64)


def _nationalities(
    seed: int, keys: NDArray[np.int64], group: NDArray[np.object_], weights: str
) -> NDArray[np.object_]:
    country = np.empty(len(keys), dtype=object)
    uniform = draws(seed, "country", keys)
    for one in GROUP_SHARES:
        country[group == one] = names.countries(one, weights, uniform[group == one])
    return country


def _households(
    seed: int,
    keys: NDArray[np.int64],
    party: int,
    group: NDArray[np.object_],
    country: NDArray[np.object_],
    ancestry: NDArray[np.object_],
    head_birth: NDArray[np.int64],
) -> pl.DataFrame:
    origin = names.origin_of(ancestry)
    return pl.DataFrame(
        {
            "key": keys,
            "party": np.full(len(keys), party, dtype=np.int64),
            "group": group,
            "country": country,
            "origin": origin,
            "family_name": names.family_names(origin, draws(seed, "family name", keys)),
            "head_birth": head_birth,
        },
        schema_overrides=dict.fromkeys(["group", "country", "origin", "family_name"], pl.String),
    )


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
            "household": household,
            "place": place,
            "sex": sex,
            "birth": birth.astype(np.int64),
            "nationality": households["country"].to_numpy()[household],
            "group": households["group"].to_numpy()[household],
            "origin": origin,
            "given_name": names.given_names(origin, sex, draws(seed, "given name", person)),
            "family_name": family_name,
            "mother": np.full(len(person), -1, dtype=np.int64),
        },
        schema_overrides=dict.fromkeys(
            ["sex", "nationality", "group", "origin", "given_name", "family_name"], pl.String
        ),
    )


def _british_if_born_here(people: pl.DataFrame) -> pl.DataFrame:
    """Make children of foreign households British who were born here before observation begins.

    Most parents had settled, and no source could tell the others: births name mothers from 2010 on only.
    """
    here = pl.col("country_of_birth") == "GB"
    return people.with_columns(
        nationality=pl.when(here).then(pl.lit("GB")).otherwise("nationality"),
        group=pl.when(here).then(pl.lit("British")).otherwise("group"),
    )


def _born(people: pl.DataFrame, ancestry: NDArray[np.object_], abroad: NDArray[np.bool_]) -> pl.DataFrame:
    """Add the country of birth: that of the household for those born abroad."""
    country = np.where(abroad, ancestry[people["household"].to_numpy()], "GB").astype(object)
    return people.with_columns(country_of_birth=pl.Series(country, dtype=pl.String))

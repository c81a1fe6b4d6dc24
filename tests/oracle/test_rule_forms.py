"""The SQL of two forms of stay rules against slow and obvious Python, on hundreds of random people."""

import datetime as dt
import random
from itertools import pairwise

import polars as pl
import pytest
from rule_timelines import DATA_DATE, default_rules, observed, outcomes_of, tax_year

D = dt.date
NEVER = D(9999, 12, 31)
DAY = dt.timedelta(1)
Spell = tuple[dt.date, dt.date]


def joined(presence: list[Spell], absent_days: int) -> list[Spell]:
    """Intervals in order; two of them are one spell if at most `absent_days` lie between."""
    spells: list[Spell] = []
    for start, stop in sorted(presence):
        if spells and (start - spells[-1][1]).days <= absent_days:
            spells[-1] = (spells[-1][0], max(spells[-1][1], stop))
        else:
            spells.append((start, stop))
    return spells


# --- first arrival to last departure, without permissions -----------------------------------------


def net_ways(crossings: list[tuple[dt.date, str]]) -> list[tuple[dt.date, int]]:
    """Each day with a crossing that is not undone on the same day: 1 inwards, -1 outwards."""
    net: dict[dt.date, int] = {}
    for day, way in crossings:
        net[day] = net.get(day, 0) + (1 if way == "border_in" else -1)
    return [(day, 1 if way > 0 else -1) for day, way in sorted(net.items()) if way]


def returns_by_weeks(ways: list[tuple[dt.date, int]], weeks: dict[int, int]) -> list[tuple[dt.date, int]]:
    """Returns that the border did not record, by the weeks that do not fit before a departure that seems final."""
    opens = {year: D(year, 4, 6) for year in range(2008, 2021)}
    found = []
    for number, (departed, way) in enumerate(ways):
        following, next_way = ways[number + 1] if number + 1 < len(ways) else (NEVER, 0)
        if way > 0 or (next_way < 0) or (next_way > 0 and (following - departed).days <= 365):
            continue
        days = []
        for year, count in weeks.items():
            if opens[year + 1] <= departed or opens[year] >= following:
                continue
            if opens[min(weeks)] < departed:
                after = 7 * count - max(0, (departed - opens[year]).days)
                if after >= 60:
                    days.append((0, max(departed, opens[year + 1] - after * DAY)))
            elif (opens[year] - departed).days >= 60:
                days.append((1, departed))
        days = [one for one in days if one[1] + DAY < following]
        if days:
            found.append((min(days)[1] + DAY, 1))
    return found


def crossing_spells(
    crossings: list[tuple[dt.date, str]], weeks: dict[int, int] | None = None, *, cut: bool = True
) -> list[Spell]:
    rule = next(one for one in default_rules().people.stays if one.id == "first_arrival_last_departure")
    ways = net_ways(crossings)
    ways = sorted([*ways, *returns_by_weeks(ways, weeks or {})])
    presence = []
    inside_since = None
    for day, way in ways:
        if way > 0:
            if inside_since:  # came in twice: the first stay ended without a record
                presence.append((inside_since, min(inside_since + rule.unpermitted_days.value * DAY, day)))
            inside_since = day
        else:  # a departure without an arrival shows presence on that day, and not since when
            presence.append((inside_since or day, day))
            inside_since = None
    if inside_since:
        presence.append((inside_since, inside_since + rule.unpermitted_days.value * DAY))
    spells = joined(presence, rule.absent_more_than_days.value)
    return [(start, NEVER if cut and stop > DATA_DATE else stop) for start, stop in spells]


def completed_spells(crossings: list[tuple[dt.date, str]], weeks: dict[int, int]) -> list[Spell]:
    """The spells of a person without permissions: by crossings, and by weeks where no crossing shows start or end."""
    ways = net_ways(crossings)
    inwards = {day: way > 0 for day, way in [*ways, *returns_by_weeks(ways, weeks)]}
    own = crossing_spells(crossings, weeks, cut=False)
    others = active_spells(weeks)
    told = []
    for number, (start, stop) in enumerate(own):
        before = own[number - 1][1] if number else D(1, 1, 1)
        after = own[number + 1][0] if number + 1 < len(own) else NEVER
        last_one = max(day for day in inwards if start <= day <= stop)
        end_is_assumed = inwards[last_one]
        for begins, ends in others:
            comes_back = end_is_assumed and begins < start - 183 * DAY and ends >= start
            if begins < start and ends >= before and (not inwards[start] or comes_back):
                told.append((max(begins, before), min(ends, start)))
            if end_is_assumed and ends > start and begins < after:
                told.append((max(begins, start), min(ends, after)))
    return [(start, NEVER if stop > DATA_DATE else stop) for start, stop in joined(own + told, 365)]


def random_crossings(rng: random.Random) -> list[tuple[dt.date, str]]:
    day, crossings, way = D(2015, 4, 8) + rng.randrange(900) * DAY, [], rng.choice(["border_in", "border_out"])
    for _ in range(rng.randrange(1, 9)):
        crossings.append((day, way))
        if rng.random() < 0.85:  # one in seven crossings is not recorded
            way = "border_out" if way == "border_in" else "border_in"
        day += rng.choice([0, 1, 20, 90, 180, 181, 364, 365, 366, 367, 500]) * DAY
        if day > DATA_DATE or crossings[-1] == (day, way):
            break
    return crossings


def test_first_to_last() -> None:
    rng = random.Random(1)
    people = [random_crossings(rng) for _ in range(400)]
    outcomes = outcomes_of([[observed(rule, day) for day, rule in crossings] for crossings in people], group="non_EU")
    for crossings, one in zip(people, outcomes, strict=True):
        spells = one.stays.filter(definition="first_arrival_last_departure").sort("start")
        found = [(start, end or NEVER) for start, end in spells.select("start", "end").rows()]
        assert found == crossing_spells(crossings), crossings
        by_arrival = [number > 0 or (start, "border_in") in crossings for number, (start, _) in enumerate(found)]
        assert spells["starts_by_arrival"].to_list() == by_arrival, crossings
        long = [(stop - start).days > 365 for start, stop in found if stop < NEVER]
        assert [status == "long_term" for status in spells.filter(pl.col("end") <= DATA_DATE)["status"]] == long


# --- weeks of activity, no other evidence -----------------------------------------------------------------


def active_spells(weeks: dict[int, int]) -> list[Spell]:
    """The rules of `docs/rules.md` on weeks, year by year."""
    rule = next(one for one in default_rules().people.stays if one.id == "weeks_of_activity")
    opens = {year: D(year, 4, 6) for year in range(2008, 2021)}
    length = {year: (opens[year + 1] - opens[year]).days for year in range(2008, 2020)}
    days = {year: length[year] if count >= rule.full_year_weeks.value else 7 * count for year, count in weeks.items()}
    absence = rule.absent_more_than_days.value
    missing = {year: length[year] - days[year] for year in weeks}
    breaks = {
        year for year in weeks
        if year + 1 in weeks
        and (missing[year] if year - 1 in weeks else 0)
        + (missing[year + 1] if year + 2 in weeks else missing[year + 1] // 2) >= absence
    }  # fmt: skip
    presence = []
    for year, active in days.items():
        first = year - 1 not in weeks or year - 1 in breaks
        last = year + 1 not in weeks or year in breaks
        start = opens[year + 1] - active * DAY if first else opens[year]
        # the day of a departure that nobody saw is the last day of activity
        stop = opens[year + 1] if not last else (opens[year + 1] if first else opens[year] + active * DAY) - DAY
        if year == 2018 and (first or active == length[year]):
            stop = NEVER
        presence.append((start, stop))
        if active == length[year] and year + 1 not in weeks and days.get(year + 2) == length.get(year + 2, 0):
            presence.append((opens[year + 1], opens[year + 2]))  # a single empty year between whole ones
    return joined(presence, absence)


def test_weeks_of_activity() -> None:
    rng = random.Random(2)
    people = []
    while len(people) < 400:
        weeks = {year: rng.choice([0, 0, 3, 12, 20, 26, 30, 40, 49, 50, 52, 52, 52]) for year in range(2010, 2019)}
        if weeks := {year: count for year, count in weeks.items() if count}:
            people.append(weeks)
    outcomes = outcomes_of([[tax_year(year, count) for year, count in weeks.items()] for weeks in people])
    for weeks, one in zip(people, outcomes, strict=True):
        spells = one.stays.filter(definition="weeks_of_activity").sort("start")
        found = [(start, end or NEVER) for start, end in spells.select("start", "end").rows()]
        assert found == active_spells(weeks), weeks


def test_crossings_completed_by_weeks() -> None:
    rng = random.Random(6)
    people = []
    for _ in range(400):
        weeks = {year: rng.choice([0, 12, 26, 40, 52, 52]) for year in range(2012, 2019)}
        people.append((random_crossings(rng), {year: count for year, count in weeks.items() if count}))
    outcomes = outcomes_of(
        [
            [observed(rule, day) for day, rule in crossings]
            + [tax_year(year, count) for year, count in weeks.items()]
            for crossings, weeks in people
        ],
        group="non_EU",
    )
    for (crossings, weeks), one in zip(people, outcomes, strict=True):
        found = [(start, end or NEVER) for start, end in one.composite.select("start", "end").rows()]
        assert found == completed_spells(crossings, weeks), (crossings, weeks)


# --- what is true of all stays -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [3, 4])
def test_stays_and_migrations_are_consistent(seed: int) -> None:
    """Stays of a person are more than a year apart, and no one arrives twice without leaving in between."""
    rng = random.Random(seed)
    people = [
        [observed(rule, day) for day, rule in random_crossings(rng)]
        + [tax_year(year, rng.choice([10, 30, 52])) for year in rng.sample(range(2009, 2019), rng.randrange(4))]
        for _ in range(150)
    ]
    for one in outcomes_of(people, group="non_EU"):
        for definition in one.stays["definition"].unique():
            spells = one.stays.filter(definition=definition).sort("start").select("start", "end").rows()
            for (_, end), (start, _) in pairwise(spells):
                assert end is not None
                assert (start - end).days > 365
        certain = [text.split()[0] for text in one.migrations if text.endswith("certain")]
        assert all(before != after for before, after in pairwise(certain))
        assert (one.stays["probability"].is_between(0, 1)).all()
        assert set(one.classes) <= {"long_term", "short_term", "unfinished", "conflict"}


def test_the_order_of_evidence_and_the_number_of_others_do_not_matter() -> None:
    rng = random.Random(5)
    people = [[observed(rule, day) for day, rule in random_crossings(rng)] + [tax_year(2016, 20)] for _ in range(40)]
    plain = outcomes_of(people, group="non_EU")
    turned = outcomes_of([rows[::-1] for rows in people], group="non_EU")
    for one, other in zip(plain, turned, strict=True):
        columns = ["definition", "start", "end", "status", "end_reason", "probability"]
        assert (
            one.stays.select(columns)
            .sort("definition", "start")
            .equals(other.stays.select(columns).sort("definition", "start"))
        )
        assert one.migrations == other.migrations

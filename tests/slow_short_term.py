"""The slow, obvious way to find short-term stays and circular moves: one person, one spell after the other.

It shares nothing with the code that it checks. Days are any whole numbers that count days; a duration is a function
from the day on which it begins to the day on which it is over.
Sources: ONS, Short-term international migration (2017); UNECE, Defining and measuring circular migration (2016).
"""

from tests.slow_stays import with_missing_crossings


def spells_of(since, crossings, resident_before):
    """Return of each spell start, end, how it starts (resident, unknown, seen, unseen) and whether its end was seen.

    `since` is the first day of the earliest permission, None without one; the end is None while the person is here.
    """
    complete = with_missing_crossings(crossings)
    spells, first = [], crossings[0]
    if not first.is_arrival:
        resident = since is not None and first.day - since >= resident_before
        start = since if resident else first.day
        spells.append((start, first.day, "resident" if resident else "unknown", True))
    for place, crossing in enumerate(complete):
        if not crossing.is_arrival:
            continue
        seen = crossing in crossings
        start = crossing.day if seen else max(crossing.day, complete[place - 1].day + 1)
        following = complete[place + 1] if place + 1 < len(complete) else None
        end = None if following is None else following.day
        spells.append((start, end, "seen" if seen else "unseen", following is not None and following in crossings))
    return spells


def short_term_branches(spells, died, rule, observed_to):
    """Return why each spell counts or not, without regard to reasons; `rule` has least, under, longer and absence."""
    chains = []
    for spell in spells:
        if chains and spell[0] - (chains[-1][-1][1]) <= rule["absence"]:
            chains[-1].append(spell)
        else:
            chains.append([spell])
    found = []
    for chain in chains:
        last_end = chain[-1][1]
        length = (observed_to if last_end is None else last_end) - chain[0][0]
        can_grow = died is None and (last_end is None or observed_to - last_end <= rule["absence"])
        for start, end, how, _ in chain:
            until = observed_to if end is None else end
            if length > rule["longer"] or until >= rule["under"](start) or how == "resident":
                found.append("residence")
            elif died is not None and end == died:
                found.append("died_before")
            elif how == "unknown" or (end is not None and end < rule["least"](start)):
                found.append("too_brief")
            elif end is None:
                found.append("may_go_on")
            else:
                found.append("may_return" if can_grow else "short_enough")
    return found


def changes_that_count(changes, number, over):
    """Return of each change of residence, `(day, certain)` in order, whether it is at least the last of so many.

    The others must lie before it, and not be over `over` days after they began; None if the change is not certain.
    """
    result = []
    for place, (day, certain) in enumerate(changes):
        before = changes[max(place - number + 1, 0) : place + 1]
        many = len(before) == number and day <= over(before[0][0])
        result.append((True if certain else None) if many else False)
    return result

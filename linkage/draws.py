"""Alternative sets of links: who is one person if the links are not what they most probably are.

Draw 0 is the best set of links. Draws 1 to K each say for every uncertain subject, person and pair of people what the
evidence allows, with the probabilities of `joined_pairs`: a subject stays with its person with the probability q of
its likeliest pair there, goes to another person with that of the pair that was left apart, or is on its own; two
people who can be one become one with the probability that they are. So the share of draws in which two subjects are
one person is about the probability that they are (exactly if one side alone has rivals), and what a count differs
between draws is its variance by uncertain links (multiple imputation: D. Rubin 1987). Where q and a pair left apart
claim more than a subject has, q is kept: it rests on all evidence, the pair on that of two sources. So subjects that
are one for certain are never parted. Subjects that share a direct identifier move together, and no draw has two
subjects of one person in a source in which people have one. Pairs that no rule proposed are in no draw: they are a
term of their own, `link_errors.counted_twice_unseen`.

The random numbers are functions of seed, draw, source and subject number, never of an order.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

CERTAIN = 0.9999
"""The probability from which a subject stays with its person in all draws."""
LEAST = 0.001
"""The probability below which a pair that was left apart is one person in no draw."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def draw_clusters(
    people: pl.DataFrame,
    unit: np.ndarray,
    joined: pl.DataFrame,
    missed: pl.DataFrame,
    several: Collection[int],
    draws: int,
    seed: int,
) -> pl.DataFrame:
    """Return `draw, node, person` of the subjects whose person in a draw (1 to `draws`) is not that of draw 0.

    `people` has `node` (0, 1, ...), `source` (number), `source_name`, `subject_id` and `person`; `unit` the number of
    the unit of every node (subjects that share an identifier); `joined` and `missed` come from `joined_pairs`.
    `several` are the numbers of sources in which a person may have several subjects. A new person is numbered after
    the greatest of draw 0, by the first of its nodes.
    """
    schema = {"draw": pl.Int32, "node": pl.Int64, "person": pl.Int64}
    if not draws:
        return pl.DataFrame(schema=schema)
    source = people["source"].to_numpy()
    once = ~np.isin(source, sorted(several))
    person = people["person"].to_numpy()
    first_new = int(person.max(initial=0)) + 1
    # only people of whom something is uncertain are held in memory: few of a large country
    uncertain = pl.concat([
        side for table in (joined.filter(pl.col("q") < CERTAIN), missed.filter(pl.col("p") >= LEAST))
        for side in (table["l"], table["r"])
    ]).to_numpy()  # fmt: skip
    is_at_stake = np.isin(person, person[uncertain])
    joined = joined.filter(pl.Series(is_at_stake[joined["l"].to_numpy()]))
    at_stake = np.flatnonzero(is_at_stake)
    members, of_person = _members(unit, at_stake), _members(person, at_stake)
    best = _Draw(person, source, once, members, of_person, first_new, unit)
    events = _events(people, unit, joined, missed, best)
    token = _tokens(people, [members[mover][0] for mover, _, _ in events], [whole for _, whole, _ in events])
    found = []
    for draw in range(1, draws + 1):
        moved = _Draw(person, source, once, members, of_person, first_new, unit)
        for (mover, whole, options), uniform in zip(events, _uniform(token, seed, draw).tolist(), strict=True):
            _apply(moved, mover, whole, options, uniform)
        found += [(draw, node, of) for node, of in sorted(moved.person.items()) if of != person[node]]
    return pl.DataFrame(found, schema=schema, orient="row")


def _members(group: np.ndarray, nodes: np.ndarray) -> dict[int, list[int]]:
    """Return which of the nodes are in each group."""
    members: dict[int, list[int]] = {}
    for node, of in zip(nodes.tolist(), group[nodes].tolist(), strict=True):
        members.setdefault(of, []).append(node)
    return members


Event = tuple[int, bool, list[tuple[float, int]]]
"""The unit that moves, whether its whole person does, and the units to which it may go, each with its probability.

The probability of going nowhere comes first, with its own unit; what is left of 1 is on its own, or stays for a
person.
"""


def _events(
    people: pl.DataFrame, unit: np.ndarray, joined: pl.DataFrame, missed: pl.DataFrame, best: "_Draw"
) -> list[Event]:
    """Return what may happen in a draw, in the order of the first nodes of the units that move.

    A unit goes to others at most as often as it does not stay: what is held by all evidence together is not lost to a
    rival that two sources alone speak for.
    """
    person = people["person"].to_numpy()
    first = np.full(int(unit.max(initial=-1)) + 1, len(unit))
    np.minimum.at(first, unit, np.arange(len(unit)))
    own = [pl.Series(name, unit[joined[side].to_numpy()]) for side, name in (("l", "a"), ("r", "b"))]
    pairs = joined.select("q").with_columns(own).filter(pl.col("a") != pl.col("b"))
    both = pl.concat([pairs.select("a", "b", "q"), pairs.select(a="b", b="a", q="q")])
    stays = both.group_by("a").agg(pl.col("q").max(), pl.col("q").sort().sum().alias("held"))
    likely = missed.filter(pl.col("p") >= LEAST).sort("l", "r")
    stay = dict(zip(stays["a"].to_list(), stays["q"].to_list(), strict=True))
    contested = _contested(unit, likely.filter("conflict"), stay, best)
    # one unit of each person stays where it is: the one that the others hold most, and that nobody contests
    by_person = stays.with_columns(
        pl.Series("person", person[first[stays["a"].to_numpy()]]),
        pl.col("a").is_in(sorted({of for of, _, _ in contested})).alias("contested"),
    ).sort(["person", "contested", "held", "a"], descending=[False, False, True, False])
    anchors = by_person.group_by("person", maintain_order=True).first()
    anchor_of = dict(zip(anchors["person"].to_list(), anchors["a"].to_list(), strict=True))
    anchor = set(anchor_of.values())
    options: dict[tuple[int, bool], list[tuple[float, int]]] = {}
    size = np.bincount(person[first])  # units of each person
    for mover, target, probability in contested:
        options.setdefault((mover, False), []).append((probability, target))
    merged: dict[tuple[int, int], tuple[float, int, int]] = {}
    for left, right, probability in likely.filter(~pl.col("conflict")).select("l", "r", "p").iter_rows():
        # a person goes with the unit that stays in it, to the unit that stays in the other
        one, other = (anchor_of.get(int(person[node]), int(unit[node])) for node in (left, right))
        lesser, greater = sorted((one, other), key=lambda of: (size[person[first[of]]], first[of]))
        key = (int(person[first[lesser]]), int(person[first[greater]]))
        if probability > merged.get(key, (0.0, 0, 0))[0]:
            merged[key] = probability, lesser, greater
    mergers = sorted(merged.values(), key=lambda merger: (int(first[merger[1]]), int(first[merger[2]])))
    for probability, lesser, greater in _in_turn(mergers, best):
        options.setdefault((lesser, True), []).append((probability, greater))
    for of, probability in stay.items():
        if of not in anchor and probability < CERTAIN:
            options.setdefault((of, False), [])
    events: list[Event] = []
    for (mover, whole), targets in options.items():
        total = sum(probability for probability, _ in targets)
        most = 1.0 if whole else 1 - stay.get(mover, 0.0)
        share = min(1.0, most / total) if total else 1.0
        going = [(probability * share, target) for probability, target in sorted(targets, reverse=True)]
        remains = whole or mover in anchor or mover not in stay
        events.append((mover, whole, [(1 - total * share if remains else stay[mover], mover), *going]))
    return sorted(events, key=lambda event: (int(first[event[0]]), event[1]))


def _in_turn(mergers: Sequence[tuple[float, int, int]], best: "_Draw") -> list[tuple[float, int, int]]:
    """Return mergers with the probability that each happens if no earlier one made it impossible.

    A merger is its probability, the unit whose person goes and a unit of the person that it joins, in the order in
    which they happen. Two people with subjects of one source are rivals for a third: p1 and p2 for either are p1 for
    the first, and p2 / (1 − p1) for the second where the first did not happen.
    """
    seats = [
        [(best.of(best.unit(greater)[0]), source) for source in best.sources(best.of(best.unit(lesser)[0]))]
        for _, lesser, greater in mergers
    ]
    wanted: dict[tuple[int, int], float] = {}
    for (probability, _, _), of_merger in zip(mergers, seats, strict=True):
        for seat in of_merger:
            wanted[seat] = wanted.get(seat, 0.0) + probability
    taken: dict[tuple[int, int], float] = {}
    found = []
    for (probability, lesser, greater), of_merger in zip(mergers, seats, strict=True):
        likely = probability / max([1.0, *(wanted[seat] for seat in of_merger)])
        free = 1 - max((taken.get(seat, 0.0) for seat in of_merger), default=0.0)
        found.append((min(likely / free, 1.0) if free > 0 else 0.0, lesser, greater))
        for seat in of_merger:
            taken[seat] = taken.get(seat, 0.0) + likely
    return found


def _contested(
    unit: np.ndarray, conflicts: pl.DataFrame, stay: Mapping[int, float], best: "_Draw"
) -> list[tuple[int, int, float]]:
    """Return units, another unit that each may go to, and how likely that is, for pairs of people who cannot be one.

    Either of the two may go, and takes the place of those in its way. No one leaves a person more often than `stay`
    allows, so the one goes that is held less; of equals, the one whose person has a rival of the other, a subject of
    the other's source. What is less likely than a pair that is left apart is not there.
    """
    found = []
    for left, right, probability in conflicts.select("l", "r", "p").iter_rows():
        ways = []
        for goes, to in ((left, right), (right, left)):
            nodes, person = best.unit(int(unit[goes])), best.of(to)
            leave = {int(unit[goes])} | {int(unit[node]) for node in best.conflicting(nodes, person)}
            likely = min(probability, *(1 - stay.get(one, 0.0) for one in leave))
            ways.append((likely, best.has_rival(goes, to), int(unit[goes]), int(unit[to])))
        likely, _, mover, target = max(ways, key=lambda way: way[:2])
        if likely >= LEAST:
            found.append((mover, target, likely))
    return found


class _Draw:
    """The people of one draw, as they change: `person` has the nodes that were moved."""

    def __init__(
        self,
        person: np.ndarray,
        source: np.ndarray,
        once: np.ndarray,
        members: Mapping[int, list[int]],
        of_person: Mapping[int, list[int]],
        first_new: int,
        unit: np.ndarray,
    ) -> None:
        self._unit = unit
        self._best, self._source, self._once, self._members = person, source, once, members
        self._of_person, self._first_new = of_person, first_new
        self._changed: dict[int, list[int]] = {}
        self.person: dict[int, int] = {}

    def of(self, node: int) -> int:
        return self.person.get(node, int(self._best[node]))

    def nodes(self, person: int) -> list[int]:
        """Return the nodes of a person as they are now."""
        return self._changed.get(person, self._of_person.get(person, []))

    def move(self, nodes: Sequence[int], person: int) -> None:
        for node in nodes:
            before = self.of(node)
            self._changed[before] = [one for one in self.nodes(before) if one != node]
            self.person[node] = person
            self._changed[person] = [*self.nodes(person), node]

    def fits(self, nodes: Sequence[int], person: int) -> bool:
        """Return whether a person has no subject of a source that the nodes have, where people have one."""
        sources = {int(self._source[node]) for node in nodes if self._once[node]}
        return not sources & {int(self._source[node]) for node in self.nodes(person) if self._once[node]}

    def conflicting(self, nodes: Sequence[int], person: int) -> list[int]:
        """Return the nodes of a person that are in the way of others, with all that share their identifiers."""
        sources = {int(self._source[node]) for node in nodes if self._once[node]}
        units = {
            int(self._unit[node])
            for node in self.nodes(person)
            if self._once[node] and int(self._source[node]) in sources
        }
        return [node for node in self.nodes(person) if int(self._unit[node]) in units]

    def sources(self, person: int) -> list[int]:
        """Return the sources of a person's nodes in which people have one."""
        return sorted({int(self._source[node]) for node in self.nodes(person) if self._once[node]})

    def has_rival(self, node: int, other: int) -> bool:
        """Return whether a node's person has a subject of another node's source."""
        return any(self._source[one] == self._source[other] for one in self.nodes(self.of(node)))

    def were_with(self, target: int, nodes: Sequence[int]) -> bool:
        """Return whether all nodes are of a target's person in draw 0."""
        return all(self._best[node] == self._best[target] for node in nodes)

    def unit(self, mover: int) -> list[int]:
        return self._members[mover]

    def new_person(self, nodes: Sequence[int]) -> int:
        """Return the number of a person whom nobody is."""
        number = self._first_new + min(nodes)
        while self.nodes(number):
            number += len(self._source)
        return number


def _apply(draw: _Draw, mover: int, whole: bool, options: list[tuple[float, int]], uniform: float) -> None:
    """Let one thing happen, or not, by a number between 0 and 1."""
    unit = draw.unit(mover)
    at = draw.of(unit[0])
    if any(draw.of(node) != at for node in unit):
        return
    upper = 0.0
    for place, (probability, target) in enumerate(options):
        upper += probability
        if uniform < upper:
            if place:
                _go(draw, draw.nodes(at) if whole else unit, draw.unit(target)[0], whole=whole)
            return
    if not whole and len(draw.nodes(at)) > len(unit):
        draw.move(unit, draw.new_person(unit))


def _go(draw: _Draw, nodes: Sequence[int], target: int, *, whole: bool) -> None:
    """Move nodes to the person of another; those in the way take their place, or are on their own if they do not fit.

    Nobody gives way to a whole person, nor does anybody who came to the target's person by an earlier event.
    """
    here, person = draw.of(nodes[0]), draw.of(target)
    if person == here:
        return
    in_the_way = draw.conflicting(nodes, person)
    if in_the_way and (whole or not draw.were_with(target, in_the_way)):
        return
    if in_the_way:
        draw.move(in_the_way, draw.new_person(in_the_way))
    draw.move(nodes, person)
    if in_the_way and draw.nodes(here) and draw.fits(in_the_way, here):
        draw.move(in_the_way, here)


def _tokens(people: pl.DataFrame, nodes: Sequence[int], whole: Sequence[bool]) -> np.ndarray:
    """Return a number for what may happen to each node, by its source and subject number alone.

    A unit that may move and whose whole person may move too has a number for either.
    """
    subjects = people[list(nodes)]
    names = {name: zlib.crc32(name.encode()) for name in subjects["source_name"].unique()}
    of_source = subjects["source_name"].replace_strict(names, return_dtype=pl.UInt64).to_numpy()
    token = (of_source << np.uint64(32)) ^ subjects["subject_id"].to_numpy().astype(np.uint64)
    return np.where(np.array(whole, dtype=bool), ~token, token)


def _uniform(token: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """Return a number in [0, 1) for every token, by seed and draw (splitmix64: G. Steele and others 2014)."""
    with np.errstate(over="ignore"):
        state = token * _GOLDEN + np.uint64(seed) + np.uint64(draw) * np.uint64(0xBF58476D1CE4E5B9)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return (state >> np.uint64(11)).astype(np.float64) / 2.0**53


def clusters_of(clusters: pl.DataFrame, draw: int) -> pl.DataFrame:
    """Return `source, subject_id, person_id` of one draw of `clusters`: draw 0 with what the draw changes."""
    best = clusters.filter(pl.col("draw") == 0).drop("draw")
    if draw == 0:
        return best
    changed = clusters.filter(pl.col("draw") == draw).select("source", "subject_id", changed="person_id")
    return best.join(changed, on=["source", "subject_id"], how="left", maintain_order="left").select(
        "source", "subject_id", pl.coalesce("changed", "person_id").alias("person_id")
    )

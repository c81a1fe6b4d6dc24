"""Alternative sets of links: who is one person if the links are not what they most probably are.

Draw 0 is the best set of links. Draws 1 to K each say for every uncertain subject, person and pair of people what the
evidence allows, with the probabilities of `joined_pairs`: a subject stays with its person with the probability q of
its likeliest pair there, goes to another person with that of the pair that was left apart, or is on its own; two
people who can be one become one with the probability that they are. So the share of draws in which two subjects are
one person is the probability that they are, and what a count differs between draws is its variance by uncertain links
(multiple imputation: D. Rubin 1987). Whoever is certain never changes. Subjects that share a direct identifier move
together, and no draw has two subjects of one person in a source in which people have one. Pairs that no rule proposed
are in no draw: they are a term of their own, `link_errors.counted_twice_unseen`.

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
    events = _events(people, unit, joined, missed)
    source = people["source"].to_numpy()
    once = ~np.isin(source, sorted(several))
    person = people["person"].to_numpy()
    first_new = int(person.max(initial=0)) + 1
    token = _tokens(people)
    members, of_person = _members(unit), _members(person)
    found = []
    for draw in range(1, draws + 1):
        uniform = _uniform(token, seed, draw)
        moved = _Draw(person, source, once, members, of_person, first_new, unit)
        for mover, whole, options in events:
            _apply(moved, mover, whole, options, float(uniform[members[mover][0]]))
        found += [(draw, node, of) for node, of in sorted(moved.person.items()) if of != person[node]]
    return pl.DataFrame(found, schema=schema, orient="row")


def _members(group: np.ndarray) -> dict[int, list[int]]:
    """Return the nodes of each group."""
    members: dict[int, list[int]] = {}
    for node, of in enumerate(group.tolist()):
        members.setdefault(of, []).append(node)
    return members


Event = tuple[int, bool, list[tuple[float, int]]]
"""The unit that moves, whether its whole person does, and the units to which it may go, each with its probability.

The probability of going nowhere comes first, with its own unit; what is left of 1 is on its own, or stays for a
person.
"""


def _events(people: pl.DataFrame, unit: np.ndarray, joined: pl.DataFrame, missed: pl.DataFrame) -> list[Event]:
    """Return what may happen in a draw, in the order of the first nodes of the units that move."""
    person = people["person"].to_numpy()
    first = np.full(int(unit.max(initial=-1)) + 1, len(unit))
    np.minimum.at(first, unit, np.arange(len(unit)))
    own = [pl.Series(name, unit[joined[side].to_numpy()]) for side, name in (("l", "a"), ("r", "b"))]
    pairs = joined.select("q").with_columns(own).filter(pl.col("a") != pl.col("b"))
    both = pl.concat([pairs.select("a", "b", "q"), pairs.select(a="b", b="a", q="q")])
    stays = both.group_by("a").agg(pl.col("q").max(), pl.col("q").sort().sum().alias("held"))
    likely = missed.filter(pl.col("p") >= LEAST).sort("l", "r")
    contested = _contested(people, unit, likely)
    # one unit of each person stays where it is: the one that the others hold most, and that nobody contests
    by_person = stays.with_columns(
        pl.Series("person", person[first[stays["a"].to_numpy()]]),
        pl.col("a").is_in(sorted({of for of, _, _ in contested})).alias("contested"),
    ).sort(["person", "contested", "held", "a"], descending=[False, False, True, False])
    anchor = set(by_person.group_by("person", maintain_order=True).first()["a"].to_list())
    stay = dict(zip(stays["a"].to_list(), stays["q"].to_list(), strict=True))
    options: dict[tuple[int, bool], list[tuple[float, int]]] = {}
    size = np.bincount(np.unique(np.column_stack([person, unit]), axis=0)[:, 0]) if len(unit) else np.zeros(1, int)
    for mover, target, probability in contested:
        options.setdefault((mover, False), []).append((probability, target))
    merged: dict[tuple[int, int], tuple[float, int, int]] = {}
    for left, right, probability in likely.filter(~pl.col("conflict")).select("l", "r", "p").iter_rows():
        one, other = int(unit[left]), int(unit[right])
        lesser, greater = sorted((one, other), key=lambda of: (size[person[first[of]]], first[of]))
        key = (int(person[first[lesser]]), int(person[first[greater]]))
        if probability > merged.get(key, (0.0, 0, 0))[0]:
            merged[key] = probability, lesser, greater
    for probability, lesser, greater in merged.values():
        options.setdefault((lesser, True), []).append((probability, greater))
    for of, probability in stay.items():
        if of not in anchor and probability < CERTAIN:
            options.setdefault((of, False), [])
    events: list[Event] = []
    for (mover, whole), targets in options.items():
        staying = 1 - sum(probability for probability, _ in targets) if whole else stay.get(mover, 0.0)
        if not whole and (mover in anchor or mover not in stay):
            staying = 1 - sum(probability for probability, _ in targets)
        events.append((mover, whole, [(max(staying, 0.0), mover), *sorted(targets, reverse=True)]))
    return sorted(events, key=lambda event: (int(first[event[0]]), event[1]))


def _contested(people: pl.DataFrame, unit: np.ndarray, likely: pl.DataFrame) -> list[tuple[int, int, float]]:
    """Return units, another unit that each may go to, and how likely that is, for pairs of people who cannot be one.

    The one that goes is the one whose own person has a rival of the other: a subject of the other's source.
    """
    conflicts = likely.filter("conflict").select("l", "r", "source_l", "source_r", "p")
    rivals = people.select("person", "source").unique().with_columns(pl.lit(value=True).alias("rival"))
    whose = people.select("node", "person")
    found = conflicts.join(whose.rename({"node": "r", "person": "person_r"}), on="r").join(
        rivals, left_on=["person_r", "source_l"], right_on=["person", "source"], how="left"
    )
    return [
        (int(unit[right]), int(unit[left]), probability)
        if rival
        else (int(unit[left]), int(unit[right]), probability)
        for left, right, probability, rival in found.sort("l", "r").select("l", "r", "p", "rival").iter_rows()
    ]


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
    total = max(sum(probability for probability, _ in options), 1.0)
    upper = 0.0
    for place, (probability, target) in enumerate(options):
        upper += probability / total
        if uniform < upper:
            if place:
                _go(draw, unit, draw.nodes(at) if whole else unit, draw.of(draw.unit(target)[0]))
            return
    if not whole and len(draw.nodes(at)) > len(unit):
        draw.move(unit, draw.new_person(unit))


def _go(draw: _Draw, unit: Sequence[int], nodes: Sequence[int], person: int) -> None:
    """Move nodes to a person; those in the way take their place, or are on their own where they do not fit."""
    here = draw.of(unit[0])
    if person == here:
        return
    in_the_way = draw.conflicting(nodes, person)
    if in_the_way and len(nodes) > len(unit):
        return  # two people whom an earlier event has made impossible
    if in_the_way:
        draw.move(in_the_way, draw.new_person(in_the_way))
    draw.move(nodes, person)
    if in_the_way and draw.nodes(here) and draw.fits(in_the_way, here):
        draw.move(in_the_way, here)


def _tokens(people: pl.DataFrame) -> np.ndarray:
    """Return a number for every subject, by its source and number alone."""
    names = {name: zlib.crc32(name.encode()) for name in people["source_name"].unique()}
    of_source = people["source_name"].replace_strict(names, return_dtype=pl.UInt64).to_numpy()
    return (of_source << np.uint64(32)) ^ people["subject_id"].to_numpy().astype(np.uint64)


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

"""How many pairs of one person no blocking rule proposed, from how the rules overlap on those that were proposed.

A rule proposes a pair that agrees on its columns, and these are parts of a given name, a family name, a date of birth
and a place. In how many ways each part agrees (its state) is counted over the pairs of one person, each with its
match probability. If the parts agree independently of one another, that table tells what stands in the cells which no
rule reaches: this is the model of quasi-independence of an incomplete table (L. Goodman 1968, "The analysis of
cross-classified data", Journal of the American Statistical Association 63; Y. Bishop, S. Fienberg and P. Holland
1975, Discrete Multivariate Analysis, chapter 5), which is capture-recapture with parts of identifiers as the
occasions.

People who are written down carelessly are wrong in several parts at once, and independence would then find far too
few. So there are classes of pairs: careful, careless, and very careless ones where the table tells of them (by the
criterion of G. Schwarz 1978, Annals of Statistics 6; compare L. Pledger 2000, "Unified maximum likelihood estimates
for closed capture-recapture models using mixtures", Biometrics 56). In each a part is as it should be with a
probability of its own; the ways in which it can be wrong are the same in all, which is what makes the classes
identifiable. They are fitted by expectation-maximisation with the unseen cells as missing data. Where the table
hardly tells how many are careless, the estimate stays near the shares with which it starts; it is more often too low
than too high, as estimates of the unseen by mixtures are (A. Chao 1987, Biometrics 43).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from linkage.blocking import Rule, RuleCost
from linkage.subjects import SUBJECTS, Subjects
from pipeline.ingest.features import CODES, COMPOSITES, LISTS

ITERATIONS = 400
TOLERANCE = 1e-6
TWO_CLASSES = ((0.85, 0.6), (0.15, 3.0))
"""The share of each class, and how often a part is wrong in it, as a multiple of how often in all, at the start."""
THREE_CLASSES = ((0.75, 0.4), (0.2, 2.0), (0.05, 5.0))
"""The same. Two classes found half of the pairs in countries of careless people, three most, and four no more."""
MOST_WRONG = 0.9
"""No part starts as wrong more often than this."""
PRIOR_PAIRS = 50.0
"""What the shares of all pairs of sources together are worth in the table of two of them."""
WHOLE_NAME = "whole name"
_AT_ONCE = 1_000_000
_NAMES = ("given", "family")
_PLACES = frozenset({"postcode", "street", "locality", "house", "house_street", "house_postcode", "area"})
_SAME = {"birth_day": "birth_decade_month_day", "birth_year": "birth_year_from"}
_NAMES_ALONE = frozenset({"first_name", "family_name"})
_EXACT = {"given": "first_name", "family": "family_name"}


def _part_of(attribute: str) -> str:
    """Return which part of an identity an attribute describes: errors in one part may go together."""
    if attribute in ("name_parts", "full_name"):
        return WHOLE_NAME
    if attribute in ("first_name", "given_name") or attribute.startswith("given_"):
        return "given name"
    if attribute.startswith("family_"):
        return "family name"
    if attribute.startswith(("birth_", "date_of_birth")):
        return "date of birth"
    return "place" if attribute in _PLACES else attribute


def _attributes(column: str) -> tuple[str, ...]:
    """Return the attributes on which a pair agrees that agrees on a column of a rule."""
    column = column.removesuffix("[]")
    parts = COMPOSITES.get(column, ())
    if len(parts) < 2 or column.startswith("house_"):
        return (column,)
    return tuple(_SAME.get(part, part) for part in parts)


@dataclass(frozen=True)
class _Reach:
    """What rules need of each part: `needs` by part, and `rules` as the numbers of needs by part, -1 for none.

    A rule on any part of a name, or on a whole one, reaches pairs in other ways too: it has several rows.
    """

    parts: tuple[str, ...]
    needs: tuple[tuple[frozenset[str], ...], ...]
    rules: tuple[tuple[int, tuple[int, ...]], ...]

    @classmethod
    def of(cls, plan: Sequence[Rule]) -> "_Reach":
        ways = []
        for number, rule in enumerate(plan):
            agreed = frozenset(attribute for column in rule.columns for attribute in _attributes(column))
            ways.append((number, agreed))
            if "name_parts" in agreed:
                ways += [(number, agreed - {"name_parts"} | {one}) for one in ("first_name", "family_name")]
            if "full_name" in agreed:
                ways.append((number, agreed - {"full_name"} | {"first_name", "family_name"}))
        parts = tuple(sorted({_part_of(attribute) for _, agreed in ways for attribute in agreed}))
        needs: list[list[frozenset[str]]] = [[] for _ in parts]
        rows = []
        for number, agreed in ways:
            row = []
            for at, part in enumerate(parts):
                need = frozenset(attribute for attribute in agreed if _part_of(attribute) == part)
                if need and need not in needs[at]:
                    needs[at].append(need)
                row.append(needs[at].index(need) if need else -1)
            rows.append((number, tuple(row)))
        return cls(parts, tuple(map(tuple, needs)), tuple(rows))


@dataclass(frozen=True)
class Table:
    """Pairs of one person of two sources by the state of each part of their identities.

    `state` has a row for each pair and a column for each part: the needs that it meets, as bits. `weight` is the
    match probability of each pair. A rule of `whole` proposes every pair that agrees on its columns. `recorded` are
    the columns that both sources have.
    """

    reach: _Reach
    state: np.ndarray
    weight: np.ndarray
    whole: tuple[int, ...]
    recorded: frozenset[str]

    def parts(self) -> set[str]:
        """Return the parts of an identity by which rules reach pairs; a whole name is its parts."""
        return {
            part
            for rule, needs in self.reach.rules
            if rule in self.whole
            for at, part in enumerate(self.reach.parts)
            if needs[at] >= 0
            and part != WHOLE_NAME
            and self.recorded >= self.reach.needs[at][needs[at]] & _NAMES_ALONE
        }

    def needed(self) -> set[str]:
        """Return the parts without which no rule proposes a pair: a whole name is needed as either of its parts."""
        ways = [
            {part for at, part in enumerate(self.reach.parts) if needs[at] >= 0}
            for rule, needs in self.reach.rules
            if rule in self.whole
        ]
        return set.intersection(*ways) if ways else set()


@dataclass(frozen=True)
class Unproposed:
    """The expected pairs of one person that no rule proposed, and what each proposed pair stands for of them.

    `of_pair` has the pairs of the table in their order, and adds up to `pairs`.
    """

    pairs: float
    of_pair: np.ndarray
    classes: "_Classes"


@dataclass(frozen=True)
class _Classes:
    """Classes of pairs: their `share`, how often each part is wrong (classes by parts), and how (by part)."""

    share: np.ndarray
    wrong: np.ndarray
    ways: tuple[dict[int, float], ...]


def states(
    subjects: Subjects, plan: Sequence[Rule], costs: Sequence[RuleCost], left: np.ndarray, right: np.ndarray,
    weight: np.ndarray, shared: set[str],
) -> Table:  # fmt: skip
    """Return the table of pairs (nodes `left`, `right`, with their match probability `weight`) of two sources.

    `shared` are the columns that both sources record.
    """
    reach = _Reach.of(plan)
    agreed = _agreements(subjects, {one for needs in reach.needs for need in needs for one in need}, left, right)
    state = np.zeros((len(left), len(reach.parts)), dtype=np.int64)
    for at, needs in enumerate(reach.needs):
        for number, need in enumerate(needs):
            met = np.logical_and.reduce([agreed[attribute] for attribute in need])
            state[:, at] |= met.astype(np.int64) << number
    whole = tuple(
        number
        for number, (rule, cost) in enumerate(zip(plan, costs, strict=True))
        if cost.is_whole and {column.removesuffix("[]") for column in rule.columns} <= shared
    )
    return Table(reach, state, weight, whole, frozenset(shared))


def _agreements(
    subjects: Subjects, attributes: set[str], left: np.ndarray, right: np.ndarray
) -> dict[str, np.ndarray]:
    """Return which pairs agree on each attribute; on a code of a name as far as a composite with it shows."""
    stored = {*COMPOSITES, *LISTS} | {name for columns in subjects.columns.values() for name in columns}
    seen = {
        attribute: [attribute]
        if attribute in stored
        else [
            name
            for name, parts in COMPOSITES.items()
            if attribute in [_SAME.get(part, part) for part in parts] and len(parts) > 1
        ]
        for attribute in attributes
    }
    columns = sorted({name for names in seen.values() for name in names} | {"first_name", "family_name"})
    tests = ", ".join(
        (f"list_has_any(l.{name}, r.{name})" if name in LISTS else f"l.{name} = r.{name}") + f" IS TRUE AS {name}"
        for name in columns
    )
    found = {name: np.zeros(len(left), dtype=bool) for name in columns}
    for start in range(0, len(left), _AT_ONCE):
        inside = slice(start, start + _AT_ONCE)
        pairs = pl.DataFrame({"l": left[inside], "r": right[inside]}).with_row_index("place", offset=start)
        subjects.connection.register("agreeing", pairs)
        batch = subjects.connection.execute(
            f"SELECT p.place, {tests} FROM agreeing p "
            f"JOIN {SUBJECTS} l ON l.node = p.l JOIN {SUBJECTS} r ON r.node = p.r"
        ).fetchnumpy()
        subjects.connection.unregister("agreeing")
        place = np.ma.getdata(batch["place"])
        for name in columns:
            found[name][place] = np.ma.getdata(batch[name])
    agreed = {attribute: np.logical_or.reduce([found[one] for one in names]) for attribute, names in seen.items()}
    for name in _NAMES:
        for code in (*CODES, "initial"):
            if (
                f"{name}_{code}" in agreed
            ):  # names that are equal have equal codes, whether or not a composite shows it
                agreed[f"{name}_{code}"] = agreed[f"{name}_{code}"] | found[_EXACT[name]]
    both = found["first_name"] & found["family_name"]
    either = found["first_name"] | found["family_name"]
    # what these say beyond the names themselves: order, and parts that moved
    return agreed | {
        name: agreed[name] & ~known for name, known in (("name_parts", either), ("full_name", both)) if name in agreed
    }


def unproposed(table: Table, prior: _Classes | None = None) -> Unproposed:
    """Return how many pairs of one person no rule proposed; `prior` comes from `pooled`, for tables of few pairs."""
    cells = _Cells.of(table, prior)
    if cells is None:
        return Unproposed(0.0, np.zeros(len(table.weight)), _Classes(np.ones(2) / 2, np.zeros((2, 0)), ()))
    share, wrong, ways = cells.fit()
    joint = cells.joint(share, wrong, ways)
    both = joint.sum(axis=0)
    by_class = joint[:, cells.unseen].sum(axis=1) / np.maximum(joint.sum(axis=1), 1e-300)
    # each pair stands for the unseen pairs of its class
    ratio = np.minimum(by_class / np.maximum(1 - by_class, 1e-6), 1e3)
    likely = np.divide(joint, both, out=np.zeros_like(joint), where=both > 0)
    per_pair = (ratio @ likely)[cells.place] * table.weight * ~cells.unseen[cells.place]
    by_others = float(table.weight[cells.unseen[cells.place]].sum())
    estimated = float(per_pair.sum())
    if estimated > 0:  # rules that are not whole found some of them
        per_pair = per_pair * max(estimated - by_others, 0.0) / estimated
    classes = _Classes(share, wrong, tuple(
        {int(value): float(way) for value, way in zip(values, of_part, strict=True)}
        for values, of_part in zip(cells.values, ways, strict=True)
    ))  # fmt: skip
    return Unproposed(float(per_pair.sum()), per_pair, classes)


def pooled(found: Sequence[tuple[float, Unproposed]]) -> _Classes | None:
    """Return the classes of several pairs of sources together, each with its number of pairs as weight."""
    usable = [(pairs, one.classes) for pairs, one in found if len(one.classes.ways)]
    if not usable:
        return None
    total = sum(pairs for pairs, _ in usable)
    ways: list[dict[int, float]] = [{} for _ in usable[0][1].ways]
    for pairs, classes in usable:
        for at, of_part in enumerate(classes.ways):
            for value, way in of_part.items():
                ways[at][value] = ways[at].get(value, 0.0) + pairs / total * way
    return _Classes(
        np.sum([pairs / total * classes.share for pairs, classes in usable], axis=0),
        np.sum([pairs / total * classes.wrong for pairs, classes in usable], axis=0),
        tuple(ways),
    )


_Fit = tuple[np.ndarray, np.ndarray, list[np.ndarray]]
"""The share of each class, how often each part is wrong in it (classes by parts), and in which ways (by part)."""


@dataclass(frozen=True)
class _Cells:
    """The cells of a table: all combinations of the states of its parts.

    `values` are the states of each part, the `best` of which is that of a part that is as it should be; `number` has
    the place of the state of every part (parts by cells), `observed` the weight of the pairs in each cell, `unseen`
    whether no rule reaches it, and `place` the cell of every pair. `prior` are classes of all pairs of sources.
    """

    values: tuple[np.ndarray, ...]
    best: tuple[int, ...]
    number: np.ndarray
    observed: np.ndarray
    unseen: np.ndarray
    place: np.ndarray
    prior: _Classes | None

    @classmethod
    def of(cls, table: Table, prior: _Classes | None) -> "_Cells | None":
        """Return the cells of a table, None if no pair is in any that a rule reaches."""
        if not table.weight.sum() > 0:
            return None
        values, places = [], []
        for at in range(table.state.shape[1]):
            known = np.array(sorted(prior.ways[at]) if prior else [], dtype=np.int64)
            of_part = np.union1d(table.state[:, at], known)
            values.append(of_part)
            places.append(np.searchsorted(of_part, table.state[:, at]))
        shape = tuple(map(len, values))
        number = np.indices(shape).reshape(len(shape), -1)
        reached = np.zeros(number.shape[1], dtype=bool)
        for rule, needs in table.reach.rules:
            if rule in table.whole:
                met = [(values[at][number[at]] >> need) & 1 == 1 for at, need in enumerate(needs) if need >= 0]
                reached |= np.logical_and.reduce(met)
        place = np.ravel_multi_index(tuple(places), shape)
        observed = np.bincount(place, weights=table.weight, minlength=number.shape[1])
        observed[~reached] = 0.0
        if not observed.sum() > 0:
            return None
        marginal = [np.bincount(number[at], weights=observed, minlength=size) for at, size in enumerate(shape)]
        return cls(
            tuple(values), tuple(int(one.argmax()) for one in marginal), number, observed, ~reached, place, prior
        )

    def fit(self) -> _Fit:
        """Return the share, the rates of errors and the ways of three classes, the third of share 0 if two do."""
        three = self.maximised(THREE_CLASSES)
        if self.prior is not None:
            return three
        two = self.maximised(TWO_CLASSES)
        more = 1 + sum(len(values) > 1 for values in self.values)
        if self.likelihood(three) - self.likelihood(two) > more / 2 * np.log(self.observed.sum()):
            return three
        share, wrong, ways = two
        return np.append(share, 0.0), np.vstack([wrong, wrong[-1]]), ways

    def maximised(self, classes: Sequence[tuple[float, float]]) -> _Fit:
        """Return the classes by expectation-maximisation, with the pairs of the unseen cells as missing data."""
        share, wrong, ways = self.start(classes)
        total = self.observed.sum()
        for _ in range(ITERATIONS):
            joint = self.joint(share, wrong, ways)
            both = joint.sum(axis=0)
            # pairs expected in a cell, as a multiple of its probability: of the unseen in proportion to those seen
            multiple = np.divide(self.observed, both, out=np.zeros_like(both), where=both > 0)
            multiple[self.unseen] = total / (1 - both[self.unseen].sum())
            before = wrong
            share, wrong, ways = self.fitted(joint * multiple)
            if np.abs(wrong - before).max() < TOLERANCE:
                break
        return share, wrong, ways

    def likelihood(self, fit: _Fit) -> float:
        """Return the logarithm of the likelihood of the pairs that rules proposed, given that they did."""
        both = self.joint(*fit).sum(axis=0)
        seen = self.observed > 0
        return float((self.observed[seen] * np.log(both[seen] / both[~self.unseen].sum())).sum())

    def start(self, classes: Sequence[tuple[float, float]]) -> _Fit:
        """Return where expectation-maximisation starts: the share of each class, and how often a part is wrong."""
        total = self.observed.sum()
        times = np.array([one for _, one in classes])
        ways, wrong = [], np.zeros((len(classes), len(self.values)))
        for at, (values, best) in enumerate(zip(self.values, self.best, strict=True)):
            marginal = np.bincount(self.number[at], weights=self.observed, minlength=len(values)) / total
            rate = max(1 - marginal[best], 1e-6)
            wrong[:, at] = np.minimum(rate * times, MOST_WRONG)
            marginal[best] = 0.0
            ways.append(marginal / max(marginal.sum(), 1e-12))
        return np.array([share for share, _ in classes]), wrong, ways

    def joint(self, share: np.ndarray, wrong: np.ndarray, ways: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of each cell together with each class (classes by cells)."""
        joint = share
        for at, best in enumerate(self.best):  # an axis a part, in the order of `number`
            of_state = wrong[:, at, None] * ways[at][None, :]
            of_state[:, best] = 1 - wrong[:, at]
            joint = joint[..., None] * of_state.reshape(len(share), *(1 for _ in range(at)), -1)
        return joint.reshape(len(share), -1)

    @cached_property
    def begins(self) -> np.ndarray:
        """Where the states of each part begin in an array of the states of all parts."""
        return np.cumsum([0, *map(len, self.values)])[:-1]

    @cached_property
    def has_state(self) -> np.ndarray:
        """1 where a cell has a state (cells by the states of all parts)."""
        return np.concatenate(
            [np.eye(len(values))[number] for values, number in zip(self.values, self.number, strict=True)], axis=1
        )

    @cached_property
    def prior_pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The prior's pairs: of each class, those in which a part is wrong, and these by the states of the parts."""
        number = len(self.values)
        if self.prior is None:
            return np.zeros(1), np.zeros((1, number)), np.zeros(self.has_state.shape[1])
        added = PRIOR_PAIRS * self.prior.share
        wrong = added[:, None] * self.prior.wrong
        ways = [
            [total * of_part.get(int(value), 0.0) for value in values]
            for values, of_part, total in zip(self.values, self.prior.ways, wrong.sum(axis=0), strict=True)
        ]
        return added, wrong, np.concatenate(ways)

    def fitted(self, pairs: np.ndarray) -> _Fit:
        """Return the parameters by which `pairs` (classes by cells) are most likely, with the prior's pairs added."""
        added, wrong_before, ways_before = self.prior_pairs
        size, best = pairs.sum(axis=1), self.begins + self.best
        in_state = pairs @ self.has_state
        bad = size[:, None] - in_state[:, best] + wrong_before
        total = size + added
        way = in_state.sum(axis=0) + ways_before
        way[best] = 0.0
        of_part = np.maximum(np.add.reduceat(way, self.begins), 1e-12)
        ways = np.split(way / np.repeat(of_part, np.diff(self.begins, append=len(way))), self.begins[1:])
        wrong = np.clip(bad / np.maximum(total, 1e-12)[:, None], 0.0, 1.0)
        return total / total.sum(), wrong, ways

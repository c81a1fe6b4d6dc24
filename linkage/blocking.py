"""Which pairs of subjects are compared: blocking rules derived from what the sources record, within a budget.

A rule proposes every pair that agrees on its columns. Each rule leaves most identifiers out, and for every identifier
there are rules without it, so that no single one that is missing or wrong hides a pair. The pairs that a rule costs
are counted before any is made: blocks that cost too much are split by further columns, and dropped, with a warning,
if they are still too large (compare G. Papadakis et al. 2020, "Blocking and filtering techniques for entity
resolution: a survey", ACM Computing Surveys 53, on limiting the size of blocks).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from linkage.subjects import SUBJECTS, Subjects
from pipeline.errors import UserError
from pipeline.ingest.features import COMPOSITES
from pipeline.tables import query

# Columns by which large blocks are split, in order: first those on which records of one person agree most often.
SPLIT_BY = ("sex", "birth_year_from", "family_sound_birth_year", "given_sound_birth_year", "area", "postcode")


_BITS = np.uint64(6)
"""Bits for the number of a rule beside a pair in 64 bits, which leaves 29 for each node."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""An odd number that spreads the bits of a key (D. Knuth 1998, The Art of Computer Programming 3, section 6.4)."""


@dataclass(frozen=True)
class Rule:
    """Columns on all of which a pair must agree; of a list (`name[]`), on any of its values.

    The pairs of a rule with `trains_all_but` train every comparison that is not among these. A rule that is
    `for_undated` is limited, if it costs too much, to pairs of which one subject has no date of birth. A rule that is
    `sampled` stands for a random share of its blocks, made for training alone.
    """

    columns: tuple[str, ...]
    trains_all_but: frozenset[str] | None = None
    for_undated: bool = False
    sampled: bool = False

    @property
    def name(self) -> str:
        """The columns, for messages."""
        return " + ".join(self.columns)


# names go with a sex and an origin
_ORIGIN = frozenset({"sex", "middle_name", "nationality", "ethnic_group"})
NAMES = _ORIGIN | {"given_name", "family_name"}
MOST_BLOCKS = 62
"""Rules have a bit each, of 64: a rule that trains may need two."""
RELATIVES = frozenset({"*"})
"""A rule whose pairs train what relatives have in common, and nothing else."""
RULES = (
    # The first rules are the most general: those that follow are needed where these cost too much.
    # a date of birth
    Rule(("date_of_birth",), trains_all_but=frozenset({"date_of_birth"})),
    Rule(("date_of_birth", "name_parts[]")),
    Rule(("date_of_birth", "postcode")),
    Rule(("initials_date_of_birth",)),
    # both names, and no date
    Rule(("first_name", "family_name"), trains_all_but=NAMES),
    Rule(("full_name",), for_undated=True),
    # one name, and part of a date
    Rule(("name_parts[]", "birth_decade_month_day")),
    Rule(("name_parts[]", "birth_month")),
    Rule(("first_name", "birth_decade_month_day")),
    Rule(("family_name", "birth_decade_month_day")),
    Rule(("first_name", "birth_month")),
    Rule(("family_name", "birth_month")),
    # places
    Rule(("family_name", "postcode"), trains_all_but=RELATIVES),
    Rule(("house_street", "family_name"), trains_all_but=RELATIVES),
    Rule(("first_name", "postcode"), trains_all_but=_ORIGIN | {"given_name", "address"}),
    Rule(("house_street", "first_name"), trains_all_but=_ORIGIN | {"given_name", "address"}),
    Rule(("postcode", "birth_month"), trains_all_but=frozenset({"date_of_birth", "address"})),
    Rule(("postcode", "birth_decade_month_day")),
    Rule(("house_postcode",), for_undated=True),
    Rule(("house_street",), for_undated=True),
    Rule(("postcode", "street"), for_undated=True),
    Rule(("street", "locality"), for_undated=True),
    Rule(("name_parts[]", "postcode"), for_undated=True),
    Rule(("name_parts[]", "street"), for_undated=True),
    Rule(("street", "birth_decade_month_day")),
    Rule(("street", "birth_month")),
    Rule(("locality", "birth_decade_month_day")),
    Rule(("name_parts[]", "locality", "birth_year_from")),
    Rule(("given_beginning_postcode", "family_beginning_postcode"), for_undated=True),
    Rule(("given_sound_postcode", "family_sound_postcode"), for_undated=True),
    # two names that are alike, and a part of a date
    Rule(("first_name", "family_sound_birth_year")),
    Rule(("family_name", "given_sound_birth_year")),
    Rule(("given_sound_birth_day", "family_sound_birth_day")),
    Rule(("given_beginning_birth_day", "family_beginning_birth_day")),
    Rule(("given_ending_birth_day", "family_ending_birth_day")),
    Rule(("given_beginning_birth_year", "family_beginning_birth_year")),
    Rule(("given_ending_birth_year", "family_ending_birth_year")),
    Rule(("given_beginning_birth_year", "family_ending_birth_year")),
    Rule(("given_ending_birth_year", "family_beginning_birth_year")),
    # names alone
    Rule(("given_beginning_family_name",), for_undated=True),
    Rule(("family_beginning_first_name",), for_undated=True),
    Rule(("given_sound_family_name",), for_undated=True),
    Rule(("family_sound_first_name",), for_undated=True),
    Rule(("given_ending_family_name",), for_undated=True),
    Rule(("family_ending_first_name",), for_undated=True),
)


# On which columns a pair agrees that agrees on a column: a rule is left out if others propose all of its pairs.
_IMPLIED: dict[str, tuple[str, ...]] = {
    "date_of_birth": ("birth_month", "birth_decade_month_day", "birth_year_from"),
    "birth_month": ("birth_year_from",),
    "birth_year": ("birth_year_from",),
    "birth_day": ("birth_decade_month_day",),
    "first_name": ("name_parts[]",),
    "family_name": ("name_parts[]",),
} | {name: parts for name, parts in COMPOSITES.items() if len(parts) > 1}


@dataclass(frozen=True)
class RuleCost:
    """What a rule costs: the pairs that it proposes, and those that it leaves out because its blocks were too large.

    `split_by` are the columns by which large blocks were split, `blocks_dropped` is the number of blocks that were
    still too large, and `for_undated` says that only pairs with an undated subject are proposed. `pairs_left_out`
    counts the pairs lost in any of these ways.
    """

    rule: str
    pairs: int
    split_by: tuple[str, ...]
    blocks_dropped: int
    pairs_dropped: int = 0
    pairs_left_out: int = 0
    for_undated: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every pair that agrees on the rule's columns is proposed."""
        return not self.pairs_left_out


@dataclass(frozen=True)
class Candidates:
    """The pairs to compare: nodes `left` and `right`, the number of their `pair` of sources, and the bits of `rules`.

    `plan` has the rules that proposed them, one for each bit, and `costs` what each of them costs. `training` has the
    bit of all pairs that agree on the columns of a training rule, or of a sample of its blocks.
    """

    left: np.ndarray
    right: np.ndarray
    pair: np.ndarray
    rules: np.ndarray
    plan: tuple[Rule, ...]
    costs: tuple[RuleCost, ...]
    training: Mapping[Rule, int]


def implied_by(columns: Collection[str]) -> set[str]:
    """Return the columns on which every pair agrees that agrees on `columns`, these included."""
    implied, fresh = set(columns), list(columns)
    while fresh:
        further = set(_IMPLIED.get(fresh.pop(), ())) - implied
        implied |= further
        fresh += further
    return implied


def propose(
    subjects: Subjects, pairs: Sequence[tuple[int, int]], pairs_per_record: float, training_pairs: int
) -> Candidates:
    """Return the candidate pairs of the given `pairs` of sources (numbers in `subjects.sources`, left at most right).

    A pair is proposed unless a subject is linked for certain with another subject of the other's source
    (`certain_sources`). All rules together cost at most `pairs_per_record` for each subject, and those that train
    models up to `training_pairs` more. The table `subjects` has the column `certain_sources`: a bit for each source.
    """
    plan = _Plan(subjects, pairs, pairs_per_record, training_pairs)
    # an identifier that is not unique is an attribute like any other
    weak = [one.name for one in subjects.comparisons if one.stated_as == "identifier"]
    for rule in (*RULES, *(Rule((kind,)) for kind in weak)):
        plan.add(rule)
    return plan.candidates()


class _Plan:
    """The rules of a study, and the pairs that they propose: one number for each, so that millions fit in memory."""

    def __init__(
        self, subjects: Subjects, pairs: Sequence[tuple[int, int]], pairs_per_record: float, training_pairs: int
    ) -> None:
        self.subjects, self.training_pairs = subjects, training_pairs
        linked = sorted({number for pair in pairs for number in pair})
        self.inside = f"source IN ({', '.join(map(str, linked))})"
        self.source = subjects.source
        by_pair = [
            subjects.columns[subjects.sources[one]] & subjects.columns[subjects.sources[two]] for one, two in pairs
        ]
        self.columns = set().union(*by_pair)
        records = int(np.isin(self.source, linked).sum())
        # one rule may cost a fifteenth of the budget, which leaves some for those that follow
        self.limit = max(pairs_per_record * records / 15, 1.0)
        self.budget = pairs_per_record * records
        self.rules: list[Rule] = []
        self.costs: list[RuleCost] = []
        self.training: dict[Rule, int] = {}
        self.proposed: list[np.ndarray] = []
        # the number of each pair of sources, -1 of those that are not linked
        self.number = np.full((len(subjects.sources), len(subjects.sources)), -1)
        self.number[tuple(zip(*pairs, strict=True))] = range(len(pairs))
        known = self._of_nodes("certain_sources, birth_year_from IS NOT NULL AS dated, hash(node) % 1000000 AS draw")
        self.certain, self.draw = known["certain_sources"].to_numpy(), known["draw"].to_numpy()
        self.sides = _Sides(self.source, known["dated"].to_numpy(), np.diagonal(self.number) >= 0)
        self._codes: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, rule: Rule) -> None:
        """Add a rule, unless a column of it is not recorded or others propose all of its pairs."""
        plain = {column.removesuffix("[]") for column in rule.columns}
        if not plain <= self.columns:
            return
        agreed = implied_by(rule.columns)
        if any(
            cost.is_whole and set(other.columns) <= agreed for other, cost in zip(self.rules, self.costs, strict=True)
        ):
            return
        if len(self.rules) >= MOST_BLOCKS:
            raise UserError(
                "Too many direct identifiers repeat among different people to be used as evidence. Leave some of "
                "them out of the contracts: columns under 'ignore' are not read."
            )
        blocks = self._blocks(rule)
        pairs = blocks.pairs(self.sides)
        total = float(pairs.sum())
        limit = min(self.limit, self.budget)
        if rule.trains_all_but is not None and total > limit:
            if total > self.training_pairs:
                self._train_on_sample(rule, blocks, pairs)
            else:
                limit = total
        undated = rule.for_undated and total > limit
        if undated:
            pairs = blocks.pairs(self.sides, undated=True)
        cost, blocks = self._within(rule, limit, blocks, pairs, undated)
        cost = replace(cost, pairs_left_out=int(total) - cost.pairs, for_undated=undated)
        # what training takes beyond a rule's share comes on top of the budget
        self.budget = max(self.budget - min(cost.pairs, self.limit), 0.0)
        if rule.trains_all_but is not None and cost.is_whole:
            self.training[rule] = len(self.rules)
        if cost.pairs:
            self._propose(blocks, undated)
        self.rules.append(rule)
        self.costs.append(cost)

    def candidates(self) -> Candidates:
        """Return the pairs of all blocks, each once, ordered by its nodes."""
        packed = np.concatenate([np.zeros(0, dtype=np.uint64), *self.proposed])
        self.proposed = []
        packed.sort()
        pairs = packed >> _BITS
        first = np.flatnonzero(np.diff(pairs, prepend=~pairs[:1]))
        pairs, bits = pairs[first], np.uint64(1) << (packed & np.uint64(2**_BITS - 1))
        rules = np.bitwise_or.reduceat(bits, first) if len(first) else bits
        left, right = (side.astype(np.int64) for side in np.divmod(pairs, self._nodes))
        pair = self.number[self.source[left], self.source[right]].astype(np.uint16)
        return Candidates(left, right, pair, rules, tuple(self.rules), tuple(self.costs), self.training)

    @property
    def _nodes(self) -> np.uint64:
        return np.uint64(max(len(self.source), 1))

    def _propose(self, blocks: "_Blocks", undated: bool) -> None:
        """Keep the pairs of blocks that may be linked, as numbers in the order of left, right, and the rule's bit."""
        left, right = blocks.undated_pairs(self.sides) if undated else blocks.all_pairs(self.sides)
        one, other = self.source[left], self.source[right]
        kept = self.number[one, other] >= 0
        linked = (self.certain[left] >> other.astype(np.uint64)) | (self.certain[right] >> one.astype(np.uint64))
        kept &= (one == other) | ((linked & np.uint64(1)) == 0)
        left, right = left[kept].astype(np.uint64), right[kept].astype(np.uint64)
        self.proposed.append((left * self._nodes + right) << _BITS | np.uint64(len(self.rules)))

    def _of_nodes(self, columns: str) -> pl.DataFrame:
        """Return expressions over the table of subjects for every node, in order."""
        return query(self.subjects.connection, f"SELECT {columns} FROM {SUBJECTS} ORDER BY node")

    def _blocks(self, rule: Rule) -> "_Blocks":
        lists = [column.removesuffix("[]") for column in rule.columns if column.endswith("[]")]
        plain = [column for column in rule.columns if not column.endswith("[]")]
        unnested = "".join(f", unnest({name}) AS part" for name in lists)
        known = " AND ".join([self.inside, *(f"{name} IS NOT NULL" for name in plain)])
        hashed = ", ".join([*plain, *(["part"] if lists else [])])
        found = query(
            self.subjects.connection,
            f"SELECT node, hash({hashed}) AS key FROM (SELECT *{unnested} FROM {SUBJECTS} WHERE {known})",
        )
        return _Blocks.of(found["node"].to_numpy(), found["key"].to_numpy())

    def _splits(self, rule: Rule) -> list[str]:
        agreed = implied_by(rule.columns)
        return [name for name in SPLIT_BY if name in self.columns and name not in agreed]

    def _split_codes(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a number for the value of a column of every node, and whether it is known."""
        if column not in self._codes:
            found = self._of_nodes(f"hash({column}) AS code, {column} IS NOT NULL AS known")
            self._codes[column] = found["code"].to_numpy(), found["known"].to_numpy()
        return self._codes[column]

    def _train_on_sample(self, rule: Rule, blocks: "_Blocks", pairs: np.ndarray) -> None:
        """Keep a random share of the rule's blocks whole: drawn by their first node, never by a token.

        A block that alone has more pairs than the sample is never drawn: one date can stand for many.
        """
        small = pairs <= self.training_pairs
        share = self.training_pairs / max(float(pairs[small].sum()), 1.0)
        self.training[rule] = len(self.rules)
        drawn = small & (self.draw[blocks.node[blocks.start]] < share * 1_000_000)
        self._propose(blocks.only(drawn), undated=False)
        self.rules.append(replace(rule, sampled=True))
        self.costs.append(RuleCost(f"{rule.name} (sample)", 0, (), 0, pairs_left_out=1))

    def _within(
        self, rule: Rule, limit: float, blocks: "_Blocks", pairs: np.ndarray, undated: bool
    ) -> tuple[RuleCost, "_Blocks"]:
        """Split the large blocks of a rule until its pairs are within a limit, then drop those that are too large."""
        split_by: list[str] = []
        for column in self._splits(rule):
            if pairs.sum() <= limit:
                break
            blocks = blocks.split(pairs > _largest(pairs, limit), *self._split_codes(column))
            split_by.append(column)
            pairs = blocks.pairs(self.sides, undated=undated)
        dropped, before = 0, int(pairs.sum())
        if before > limit:
            kept = pairs <= _largest(pairs, limit)
            dropped = int((~kept).sum())
            blocks, pairs = blocks.only(kept), pairs[kept]
        kept_pairs = int(pairs.sum())
        return RuleCost(rule.name, kept_pairs, tuple(split_by), dropped, before - kept_pairs), blocks


@dataclass(frozen=True)
class _Sides:
    """What decides whether two nodes are a pair: `source` and `dated` of nodes, and which sources pair `within`."""

    source: np.ndarray
    dated: np.ndarray
    within: np.ndarray


@dataclass(frozen=True)
class _Blocks:
    """The blocks of a rule with more than one subject: `node` and `key` of each, ordered by both; `start` of blocks.

    As nodes are numbered source by source, the subjects of one source follow one another in a block.
    """

    node: np.ndarray
    key: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, node: np.ndarray, key: np.ndarray) -> "_Blocks":
        """Return the blocks of nodes, each with the key of its block."""
        order = np.argsort(key, kind="stable") if (np.diff(node) >= 0).all() else np.lexsort((node, key))
        node, key = node[order], key[order]
        start = np.flatnonzero(_changes(key))
        size = np.diff(start, append=len(key))
        together = np.repeat(size > 1, size)
        return cls(node[together], key[together], _starts(size[size > 1]))

    @property
    def size(self) -> np.ndarray:
        """The number of subjects of every block."""
        return np.diff(self.start, append=len(self.node))

    def only(self, kept: np.ndarray) -> "_Blocks":
        """Return those blocks alone that are `kept`."""
        inside = np.repeat(kept, self.size)
        return _Blocks(self.node[inside], self.key[inside], _starts(self.size[kept]))

    def split(self, large: np.ndarray, code: np.ndarray, known: np.ndarray) -> "_Blocks":
        """Return the blocks, those that are `large` split by a `code` of nodes, without nodes where it is unknown."""
        divided = np.repeat(large, self.size)
        key = np.where(divided, (self.key * _MIX) ^ code[self.node], self.key)
        kept = ~divided | known[self.node]
        return _Blocks.of(self.node[kept], key[kept])

    def pairs(self, sides: _Sides, *, undated: bool = False) -> np.ndarray:
        """Return the number of pairs of each block: all, or those with an undated subject."""
        first = np.flatnonzero(_changes(self.key) | _changes(sides.source[self.node]))
        block = np.searchsorted(self.start, first, side="right") - 1
        inside = sides.within[sides.source[self.node[first]]]

        def number(size: np.ndarray) -> np.ndarray:
            def total(of: np.ndarray) -> np.ndarray:
                return np.bincount(block, weights=of, minlength=len(self.start))

            size = size.astype(np.float64)
            return (total(size) ** 2 - total(size**2)) / 2 + total(np.where(inside, size * (size - 1) / 2, 0.0))

        pairs = number(np.diff(first, append=len(self.node)))
        if not undated or not len(first):
            return pairs
        return pairs - number(np.add.reduceat(sides.dated[self.node].astype(np.int64), first))

    def all_pairs(self, sides: _Sides) -> tuple[np.ndarray, np.ndarray]:
        """Return the left and the right node of all pairs."""
        source, places = sides.source[self.node], np.arange(len(self.node))
        first = np.flatnonzero(_changes(self.key) | _changes(source))
        size = np.diff(first, append=len(self.node))
        partner = np.where(sides.within[source], places + 1, np.repeat(first + size, size))
        end = np.repeat(self.start + self.size, self.size)
        left, right = _ranges(places, partner, end - partner)
        return self.node[left], self.node[right]

    def undated_pairs(self, sides: _Sides) -> tuple[np.ndarray, np.ndarray]:
        """Return the left and the right node of all pairs with an undated subject."""
        places = np.flatnonzero(~sides.dated[self.node])
        block = np.searchsorted(self.start, places, side="right") - 1
        one, other = _ranges(places, self.start[block], self.size[block])
        one, other = self.node[one], self.node[other]
        # a pair of two undated subjects is found from both
        kept = (sides.dated[other] | (one < other)) & (one != other)
        kept &= (sides.source[one] != sides.source[other]) | sides.within[sides.source[one]]
        return np.minimum(one, other)[kept], np.maximum(one, other)[kept]


def _changes(values: np.ndarray) -> np.ndarray:
    """Return which values differ from the one before; the first does."""
    changes = np.ones(len(values), dtype=bool)
    changes[1:] = values[1:] != values[:-1]
    return changes


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.cumsum(sizes) - sizes


def _ranges(places: np.ndarray, first: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return every place together with each of a `number` of others from its `first` on."""
    offset = np.arange(int(number.sum())) - np.repeat(_starts(number), number)
    return np.repeat(places, number), np.repeat(first, number) + offset


def _largest(pairs: np.ndarray, limit: float) -> float:
    """Return the pairs of the largest block that can be kept if all no larger ones are kept within a limit."""
    sizes, blocks = np.unique(pairs, return_counts=True)
    kept = sizes[np.cumsum(sizes * blocks) <= limit]
    return float(kept[-1]) if len(kept) else 0.0

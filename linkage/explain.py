"""Why two subjects are one person, or are not: the evidence of a pair level by level, and who else it could be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from linkage.blocking import Candidates
from linkage.clusters import WEAK
from linkage.compare import UNKNOWN, Compared, compare
from linkage.model import PairModel
from linkage.scoring import OTHER_IDENTIFIER, Scored, contributions
from linkage.subjects import Subjects

MOST_RIVALS = 5
LEAST = -10.0
"""The match weight below which a candidate is nobody's rival."""


@dataclass(frozen=True)
class Explained:
    """What a run of linkage keeps to explain a pair: `scored` is by pair of sources (numbers).

    `names` are the supposed frequencies of the names of every node, `identified` the bits of its direct identifiers.
    """

    candidates: Candidates
    compared: Compared
    names: np.ndarray
    identified: np.ndarray
    scored: dict[tuple[int, int], Scored]


@dataclass(frozen=True)
class Step:
    """One step of the waterfall: a `part`, the `level` of a comparison with m and u, its `bits`, and the `total`."""

    part: str
    level: str | None
    m: float | None
    u: float | None
    bits: float
    total: float


@dataclass(frozen=True)
class Rival:
    """Another candidate of one of the two subjects, in the other's source."""

    of: tuple[str, str | int]
    source: str
    subject: str | int
    match_weight: float
    match_probability: float
    joined: bool


@dataclass(frozen=True)
class Explanation:
    """Why a pair is one person or is not.

    `links` are the methods by which it is linked for certain or by keys; `proposed_by` the blocking rules. `steps`
    lead from the odds of any pair to `unrivalled_weight`; rivals lead from that to `match_weight`. Both are null for
    sources that no model compares. `joined` says whether the two are one person, `reason` why.
    """

    left: tuple[str, str | int]
    right: tuple[str, str | int]
    links: tuple[str, ...]
    proposed_by: tuple[str, ...]
    steps: tuple[Step, ...]
    unrivalled_weight: float | None
    match_weight: float | None
    match_probability: float | None
    rivals: tuple[Rival, ...]
    joined: bool
    reason: str


def explain_pair(
    subjects: Subjects,
    kept: Explained | None,
    models: Mapping[tuple[int, int], PairModel],
    links: pl.DataFrame,
    person: np.ndarray,
    pair: tuple[int, int],
    accept: float,
    rival_margin: float,
    several: Collection[int],
) -> Explanation:
    """Return why the nodes of a `pair` (left less than right) are one person or not.

    `person` is the person of every node by the links; `several` are the numbers of sources in which people may have
    several subjects.
    """
    left, right = pair
    sources = int(subjects.source[left]), int(subjects.source[right])
    names = _named(subjects, left), _named(subjects, right)
    methods = _methods(links, *names)
    joined = bool(person[left] == person[right])
    model, scored = models.get(sources), kept.scored.get(sources) if kept else None
    if model is None or kept is None or scored is None:
        reason = _reason(subjects, person, pair, None, methods, accept, rival_margin, several, ())
        return Explanation(*names, methods, (), (), None, None, None, (), joined, reason)
    place = np.flatnonzero((kept.candidates.left == left) & (kept.candidates.right == right))
    steps = _steps(subjects, kept, model, scored.prior, left, right, place)
    at = np.flatnonzero((scored.left == left) & (scored.right == right))
    weight = float(scored.weight[at[0]]) if len(at) else None
    probability = float(scored.probability[at[0]]) if len(at) else None
    rivals = _rivals(subjects, scored, person, left, right, names)
    reason = _reason(subjects, person, pair, (weight, probability), methods, accept, rival_margin, several, rivals)
    return Explanation(
        *names, methods, _rules(kept.candidates, place), steps, steps[-1].total, weight, probability, rivals, joined,
        reason,
    )  # fmt: skip


def _named(subjects: Subjects, node: int) -> tuple[str, int]:
    return subjects.nodes.row(node, named=True)["source"], int(subjects.nodes.row(node, named=True)["subject_id"])


def _methods(links: pl.DataFrame, left: tuple[str, int], right: tuple[str, int]) -> tuple[str, ...]:
    ends = ("source_l", "subject_id_l", "source_r", "subject_id_r")
    found = [
        links.filter(*(pl.col(name) == value for name, value in zip(ends, values, strict=True)))
        for values in ((*left, *right), (*right, *left))
    ]
    methods = pl.concat(found)["method"].unique().sort().to_list()
    return tuple(method for method in methods if not method.startswith("model:"))


def _rules(candidates: Candidates, place: np.ndarray) -> tuple[str, ...]:
    if not len(place):
        return ()
    bits = int(candidates.rules[place[0]])
    return tuple(rule.name for number, rule in enumerate(candidates.plan) if (bits >> number) & 1)


def _steps(
    subjects: Subjects, kept: Explained, model: PairModel, prior: float, left: int, right: int, place: np.ndarray
) -> tuple[Step, ...]:
    """Return the waterfall of a pair, compared anew if no rule proposed it."""
    if len(place):
        candidates, compared, at = kept.candidates, kept.compared, place[:1]
    else:
        nodes = np.array([left]), np.array([right])
        compared, at = compare(subjects, *nodes), np.zeros(1, dtype=np.int64)
        candidates = replace(
            kept.candidates, left=nodes[0], right=nodes[1], pair=np.zeros(1, np.uint16), rules=np.zeros(1, np.uint64)
        )
    parts = {
        name: float(bits[0]) for name, bits in contributions(model, candidates, compared, at, kept.names).items()
    }
    if model.left != model.right and kept.identified[left] & kept.identified[right]:
        parts["another value of a direct identifier"] = float(np.log2(OTHER_IDENTIFIER))
    levels = {
        comparison.name: (number, int(compared.levels[at[0], number]))
        for number, comparison in enumerate(model.comparisons)
    }
    steps = [Step("any two subjects", None, None, None, round(prior, 6), round(prior, 6))]
    for name, bits in parts.items():
        number, level = levels.get(name, (0, UNKNOWN))
        if name in levels and level == UNKNOWN:
            steps.append(Step(name, "cannot be compared", None, None, 0.0, steps[-1].total))
        elif name in levels:
            steps.append(
                Step(
                    name, model.comparisons[number].levels[level].name, float(model.m[number, level]),
                    float(model.u[number, level]), round(bits, 6), round(steps[-1].total + bits, 6),
                )
            )  # fmt: skip
        elif bits:
            steps.append(Step(name, None, None, None, round(bits, 6), round(steps[-1].total + bits, 6)))
    return tuple(steps)


def _rivals(
    subjects: Subjects, scored: Scored, person: np.ndarray, left: int, right: int,
    names: tuple[tuple[str, int], tuple[str, int]],
) -> tuple[Rival, ...]:  # fmt: skip
    """Return the likeliest other candidates of either subject."""
    found = []
    for own, other, node, (source, subject_id) in (
        (scored.left, scored.right, left, names[0]),
        (scored.right, scored.left, right, names[1]),
    ):
        at = np.flatnonzero((own == node) & (other != (right if node == left else left)) & (scored.weight > LEAST))
        for one in at[np.argsort(-scored.weight[at], kind="stable")][:MOST_RIVALS]:
            rival = int(other[one])
            found.append(
                Rival(
                    (source, subject_id), *_named(subjects, rival), float(scored.weight[one]),
                    float(scored.probability[one]), bool(person[rival] == person[node]),
                )
            )  # fmt: skip
    return tuple(found)


def _reason(
    subjects: Subjects,
    person: np.ndarray,
    pair: tuple[int, int],
    decided: tuple[float | None, float | None] | None,
    methods: Sequence[str],
    accept: float,
    rival_margin: float,
    several: Collection[int],
    rivals: Sequence[Rival],
) -> str:
    """Return in a sentence why the two are one person or not: the first that holds."""
    left, right = pair
    weight, probability = decided if decided is not None else (None, None)
    likely, joined = probability is not None and probability >= accept, bool(person[left] == person[right])
    both = _sources_of_both(subjects, person, pair, several)
    rival = weight is not None and any(abs(one.match_weight - weight) <= rival_margin for one in rivals)
    sentences = (
        (joined and bool(methods), f"They are linked by {', '.join(methods)}."),
        (joined and likely, "Their link was accepted."),
        (joined, "Other subjects that both are linked with make them one person."),
        (decided is None, "No model compares their sources, and neither an identifier nor a key links them."),
        (weight is None, "Too little speaks for them to be weighed, or no rule proposed them."),
        (not likely, f"The match probability is below {accept:g} ('accept')."),
        (bool(both), f"Their people both have a subject of {', '.join(both)}, by links that weigh more."),
        (rival, f"A rival weighs as much, within {rival_margin:g} ('rival_margin')."),
        (
            weight is not None and weight < WEAK,
            f"The link is weak (below {WEAK:g} bits), and few others join the people.",
        ),
        (True, "A rival of another subject of one of the two people weighs as much."),
    )
    return next(sentence for holds, sentence in sentences if holds)


def _sources_of_both(
    subjects: Subjects, person: np.ndarray, pair: tuple[int, int], several: Collection[int]
) -> list[str]:
    """Return the sources of which either person has a subject, and people have one."""
    left, right = (set(subjects.source[person == person[node]].tolist()) for node in pair)
    return [subjects.sources[source] for source in sorted((left & right).difference(several))]

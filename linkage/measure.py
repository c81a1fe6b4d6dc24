"""The quality of all links of a run: `linkage_quality`, `link_errors`, and estimates that contradict one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from linkage.alarms import alarms, single_points
from linkage.assess import Assessed, assess
from linkage.blocking import Candidates
from linkage.contradicted_identifiers import contradicted_identifiers
from linkage.draws import draw_clusters
from linkage.held_out import HeldOut
from linkage.joined_pairs import edges_of, units_of
from linkage.known_keys import pairs_by_keys
from linkage.link_counts import LinkCounts
from linkage.link_errors import link_errors, two_who_may_be_one
from linkage.link_groups import DIMENSIONS, groups_of_subjects, with_moved
from linkage.model import PairModel
from linkage.plan import DECISIONS, SURVEY, has_review
from linkage.quality import linkage_quality, read_review, with_identifiers, with_keys, with_review, with_single_pairs
from linkage.quality_by_decisions import review_of_links, with_decisions
from linkage.review_verdicts import read_decisions
from linkage.stages import LinkStudy
from linkage.subjects import Subjects

Pair = tuple[int, int]


@dataclass(frozen=True)
class LinkedSubjects:
    """What a run of linkage leaves behind: its subjects, candidate pairs, models, and what was seen on the way.

    `certain_sources` has the bits of the sources with which an identifier links a node. `counts` are those of the
    links that two sources have before it is decided which of them hold, with the share of right ones that the model
    expects; `held_out` the pairs whose identifiers were held out; `unique` the kinds of identifiers that link.
    """

    subjects: Subjects
    candidates: Candidates | None
    models: Mapping[Pair, PairModel]
    certain_sources: np.ndarray
    counts: Mapping[Pair, tuple[LinkCounts, float]]
    held_out: Mapping[Pair, HeldOut]
    unique: Sequence[str]


@dataclass(frozen=True)
class Measured:
    """Tables, warnings of estimates in contradiction, and draws.

    The tables are `linkage_quality`, `link_errors`, `possibly_one` and `review_of_links`.
    `draws` has `draw, source, subject_id, person_id` of the subjects whose person in a draw is another than in draw
    0.
    """

    quality: pl.DataFrame
    errors: pl.DataFrame
    possibly_one: pl.DataFrame
    review: pl.DataFrame
    warnings: list[str]
    draws: pl.DataFrame


def measure(
    linked: LinkedSubjects,
    study: LinkStudy,
    links: pl.DataFrame,
    clusters: pl.DataFrame,
    pairs: list[tuple[str, str]],
    identified: Mapping[str, pl.DataFrame],
    ingest: Path,
) -> Measured:
    """Return the quality of the links of `pairs` of sources; `identified` has the direct identifiers of subjects."""
    subjects = linked.subjects
    names, number = subjects.sources, {name: at for at, name in enumerate(subjects.sources)}
    nodes = subjects.nodes.join(clusters, on=["source", "subject_id"], how="left", maintain_order="left")
    person = nodes["person_id"].to_numpy()
    people = pl.DataFrame({"node": nodes["node"], "source": subjects.source, "person": person})
    groups = people.join(groups_of_subjects(subjects, person, study.groups_on), on="node", maintain_order="left")
    assessed = _assessed(linked, study, links, person, number)
    above_floor = _links_of_nodes(links, subjects, people, number)
    by_name = {(names[one], names[other]): model for (one, other), model in linked.models.items()}
    quality = linkage_quality(groups, assessed, above_floor, pairs, names, by_name)
    of_pairs = [(number[left], number[right]) for left, right in pairs]
    keys = pairs_by_keys(subjects, of_pairs)
    for side in ("l", "r"):
        keys = keys.join(
            people.rename({"node": side, "source": f"source_{side}", "person": f"person_{side}"}), on=side
        )
    keys = with_moved(keys.with_columns((pl.col("person_l") == pl.col("person_r")).alias("is_joined")), subjects)
    quality = with_keys(quality, keys, groups, names)
    quality = with_single_pairs(
        quality,
        {(names[one], names[other]): counted for (one, other), counted in linked.counts.items()},
        {(names[one], names[other]): held for (one, other), held in linked.held_out.items()},
    )
    differ = contradicted_identifiers(subjects, assessed.joined, linked.unique)
    quality = with_identifiers(quality, differ, names)
    spine, review = study.plan.spine, None
    if spine and has_review(study.contracts):
        review = read_review(ingest, identified, clusters, study.contracts, spine)
        survey = groups.join(subjects.nodes.select("node", "subject_id"), on="node").filter(
            pl.col("source") == number[SURVEY]
        )
        review = review.join(survey.drop("node", "source", "person"), on="subject_id")
    quality = with_review(quality, review, spine)
    decisions, of_review = None, []
    if DECISIONS in study.contracts:
        read = read_decisions(ingest, clusters)
        named = groups.select(*DIMENSIONS, "node").join(nodes.select("node", "source", "subject_id"), on="node")
        decisions, of_review = read.people.join(named, on=["source", "subject_id"], how="left"), read.warnings
    whole = groups.with_columns(pl.col("source").replace_strict(dict(enumerate(names)), return_dtype=pl.String))
    quality, not_measured = with_decisions(quality, decisions, whole)
    resident = {number[name] for name in names if study.contracts[name].counts_as_resident}
    needed = {(names[one], names[other]): parts for (one, other), parts in assessed.needed.items()}
    draws = draw_clusters(
        people.with_columns(nodes.select(pl.col("source").alias("source_name"), "subject_id")),
        units_of(people, edges_of(links, subjects.nodes)), assessed.joined, assessed.missed,
        [number[source] for source in study.plan.duplicates], study.linkage.draws, study.seed,
    )  # fmt: skip
    changed = draws.join(nodes.select("node", "source", "subject_id"), on="node").select(
        "draw", "source", "subject_id", pl.col("person").alias("person_id")
    )
    warnings = [*of_review, *not_measured, *alarms(quality), *single_points(needed)]
    inside = groups.filter(pl.col("source").is_in(sorted(resident)))
    two = two_who_may_be_one(inside, assessed)
    possibly_one = two.select(person_id="one", other_person_id="other", probability=pl.col("p").round(6))
    reviewed = review_of_links(decisions, whole)
    return Measured(quality, link_errors(inside, assessed, two), possibly_one, reviewed, warnings, changed)


def _assessed(
    linked: LinkedSubjects, study: LinkStudy, links: pl.DataFrame, person: np.ndarray, number: Mapping[str, int]
) -> Assessed:
    found = assess(
        linked.subjects, links, person, linked.candidates, linked.certain_sources, sorted(linked.models),
        [number[source] for source in study.plan.duplicates], study.linkage.accept,
    )  # fmt: skip
    return Assessed(
        with_moved(found.joined, linked.subjects),
        with_moved(found.missed, linked.subjects),
        with_moved(found.unseen, linked.subjects),
        found.unseen_rate,
        found.proposed,
        found.unknown,
        found.needed,
    )


def _links_of_nodes(
    links: pl.DataFrame, subjects: Subjects, people: pl.DataFrame, number: Mapping[str, int]
) -> pl.DataFrame:
    """Return all links as nodes, with `source_l`, `source_r` (numbers), `probability`, `accepted` and `moved`."""
    found = links
    for side in ("l", "r"):
        ends = subjects.nodes.join(people.select("node", "person"), on="node").select(
            pl.col("source").alias(f"source_{side}"), pl.col("subject_id").alias(f"subject_id_{side}"),
            pl.col("node").alias(side), pl.col("person").alias(f"person_{side}"),
        )  # fmt: skip
        found = found.join(ends, on=[f"source_{side}", f"subject_id_{side}"])
    return with_moved(
        found.select(
            "l", "r",
            *(pl.col(f"source_{side}").replace_strict(number, return_dtype=pl.Int64) for side in ("l", "r")),
            pl.col("match_probability").alias("probability"),
            (pl.col("person_l") == pl.col("person_r")).alias("accepted"),
        ),
        subjects,
    )  # fmt: skip

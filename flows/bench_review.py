"""The benchmark `review`: how near simulated reviews of the links of a country come to the truth.

The country has hard links. Every source with links with the spine is reviewed alone, and then all of them together,
many times over: people are drawn, reviewers of whom a share errs look for them on the spine, what contradicts the
links has a second look, and the estimate is compared with the quality of the links by the truth. Where the stage
finds more, people lose all of their links at random until the true recall is .97, and nothing that is left tells who
they are. A simple random sample of true pairs needs the number of decisions that stands beside it for the same
half-width.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from flows.evaluate import read_truth, subjects_truth
from flows.progress import NullListener, ProgressListener
from flows.simulate import simulate_study
from flows.stages_alone import ingest_stage, link_stage
from linkage.plan import plan_of
from linkage.quality_by_decisions import quality_of_group
from linkage.review_estimate import Decided
from linkage.review_sample import doubts, draw
from linkage.review_verdicts import contradicts, judge
from pipeline.errors import UserError
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.schemas import ALL
from pipeline.study import read_study
from pipeline.tables import read_table
from synthetic_data.surveys.link_reviewers import verdicts

RESIDENTS, FEWEST, LARGEST = 20_000, 5_000, 100_000
SEED, SCENARIO, THREADS = 7, "hard_links", 2
DECISIONS, REVIEWS = 500, 200
RECALL = 0.97
"""The true recall, where the stage finds more."""
WRONG = 0.01
"""The share of verdicts that are wrong."""
LEAST_PAIRS = 1_000
"""Sources with fewer pairs of one person with the spine are left out."""


def review_links(
    residents: int | None, listener: ProgressListener
) -> tuple[int, dict[str, float], list[dict[str, Any]]]:
    """Return the number of simulated reviews, figures over all sources, and a row for each source.

    Raises `UserError` for a number of residents out of range.
    """
    if residents is not None and not FEWEST <= residents <= LARGEST:
        raise UserError(f"--size: {residents:,} residents are too few or too many. Choose {FEWEST:,} to {LARGEST:,}.")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        listener.progress("bench", "simulating a country of hard links")
        simulate_study(residents or RESIDENTS, SEED, folder / "study", NullListener(), scenario=SCENARIO)
        path, run = folder / "study" / "study.toml", folder / "run"
        listener.progress("bench", "ingest and link")
        ingest = ingest_stage(path, run, THREADS)
        link, _ = link_stage(path, run, ingest, THREADS)
        study = read_study(path)
        plan = plan_of(study.linkage, delivered_contracts(study), str(path))
        truth, spine = read_truth(study), str(plan.spine)
        clusters = read_table(link.folder / "clusters.parquet").filter(pl.col("draw") == 0).drop("draw")
        linked = truth.identities.filter(pl.col("source").is_in(clusters["source"].unique().implode()))
        who = subjects_truth(study, ingest.folder, linked, truth.people).select("source", "subject_id", "person")
        quality = read_table(link.folder / "linkage_quality.parquet").filter(
            (pl.col("group") == ALL) & (pl.col("source_r") == spine) & (pl.col("joined_pairs") >= LEAST_PAIRS)
        )
        unseen = dict(quality.select("source_l", pl.col("unseen_pairs").fill_null(float("nan"))).iter_rows())
        links = read_table(link.folder / "links.parquet")
        rows, everybody, with_losses = [], [], clusters
        for source in (one for one in sorted(unseen) if one != spine):
            listener.progress("bench", f"reviews of {source} with {spine}")
            fewer = _with_losses(clusters, who, source, spine)
            with_losses = _with_losses(with_losses, who, source, spine)
            kept = links.join(fewer.join(clusters, on=clusters.columns, how="anti"), left_on=[
                "source_l", "subject_id_l"], right_on=["source", "subject_id"], how="anti")  # fmt: skip
            people = doubts(fewer, kept, {source: unseen[source]}, spine, plan.duplicates)
            everybody.append(people)
            rows.append(_compared(people, fewer, who, [source], spine))
        listener.progress("bench", f"reviews of all sources with {spine}")
        rows.append(_compared(pl.concat(everybody), with_losses, who, [row["source"] for row in rows], spine))
    figures = {
        "mean_recall_bias": round(float(np.mean([row["recall_bias"] for row in rows])), 5),
        "largest_recall_bias": max(abs(row["recall_bias"]) for row in rows),
        "recall_held": round(float(np.mean([row["recall_held"] for row in rows])), 4),
        "precision_held": round(float(np.mean([row["precision_held"] for row in rows])), 4),
    }
    return REVIEWS * len(rows), figures, rows


def _with_losses(clusters: pl.DataFrame, who: pl.DataFrame, source: str, spine: str) -> pl.DataFrame:
    """Return `clusters` in which so many subjects of a source are people of their own that its recall is `RECALL`."""
    exact = _exact(clusters.filter(pl.col("source") == source), clusters, who, [source], spine)
    if exact.recall is None or exact.recall.estimate <= RECALL:
        return clusters
    on_spine = clusters.filter(pl.col("source") == spine)["person_id"].unique()
    linked = clusters.filter((pl.col("source") == source) & pl.col("person_id").is_in(on_spine.implode()))
    losses = round(linked.height / exact.recall.estimate * (exact.recall.estimate - RECALL))
    lost = linked.sort("subject_id")[np.random.default_rng(SEED).permutation(linked.height)[:losses]]
    own = lost.select("source", "subject_id", own=pl.int_range(1, losses + 1) + clusters["person_id"].max())
    return clusters.join(own, on=["source", "subject_id"], how="left", maintain_order="left").select(
        "source", "subject_id", pl.coalesce("own", "person_id").alias("person_id")
    )


def _compared(
    people: pl.DataFrame, clusters: pl.DataFrame, who: pl.DataFrame, sources: list[str], spine: str
) -> dict[str, Any]:
    """Return the true quality of the links of sources with the spine, and how reviews compare with it."""
    subjects = clusters.rename({"person_id": "person"})
    exact = _exact(people, clusters, who, sources, spine)
    if exact.precision is None or exact.recall is None:
        raise ValueError(f"{', '.join(sources)}: no right link")
    found = [
        one for seed in range(REVIEWS) for one in _reviews(people, clusters, subjects, who, sources, spine, seed)
    ]
    row: dict[str, Any] = {
        "source": sources[0] if len(sources) == 1 else ALL,
        "people": people.height,
        "decisions": DECISIONS,
    }
    for rate in ("precision", "recall"):
        true = getattr(exact, rate).estimate
        intervals = [getattr(one, rate) for one in found if getattr(one, rate) is not None]
        half = float(np.mean([(one.high - one.low) / 2 for one in intervals]))
        row |= {
            rate: round(true, 5),
            f"{rate}_bias": round(float(np.mean([one.estimate for one in intervals])) - true, 5),
            f"{rate}_half_width": round(half, 5),
            f"{rate}_held": sum(one.low <= true <= one.high for one in intervals) / REVIEWS,
        }
    share = row["recall"]
    row["simple_random"] = round(1.959964**2 * share * (1 - share) / row["recall_half_width"] ** 2)
    return row


def _reviews(
    people: pl.DataFrame, clusters: pl.DataFrame, subjects: pl.DataFrame, who: pl.DataFrame, sources: list[str],
    spine: str, seed: int,
) -> Iterator[Decided]:  # fmt: skip
    """Yield what one review says, with a second look at all that contradicts the links."""
    drawn = draw(people, DECISIONS, seed, together=len(sources) > 1)
    first = _verdicts(drawn, clusters, who, spine, 1, seed)
    against = judge(first).filter(contradicts()).select("decision")
    second = _verdicts(drawn.join(against, on="decision"), clusters, who, spine, 2, seed)
    judged = drawn.join(judge(pl.concat([first, second])), on="decision").with_columns(
        pl.col("weight").sum().over("stratum").alias("size")
    )
    found = quality_of_group(judged, subjects, ALL, sources, spine)
    if found is not None:
        yield found


def _exact(
    people: pl.DataFrame, clusters: pl.DataFrame, who: pl.DataFrame, sources: list[str], spine: str
) -> Decided:
    """Return what reviewers who never err would say of everybody."""
    everybody = people.select("source", "subject_id", decision=pl.concat_str("source", "subject_id", separator=" "))
    verdict = judge(_verdicts(everybody, clusters, who, spine, 1, 0, wrong=0.0))
    judged = everybody.join(verdict, on="decision").with_columns(stratum=pl.lit("all"), size=float(people.height))
    found = quality_of_group(judged, clusters.rename({"person_id": "person"}), ALL, sources, spine)
    if found is None:
        raise ValueError("nobody to decide upon")
    return found


def _verdicts(
    drawn: pl.DataFrame, clusters: pl.DataFrame, who: pl.DataFrame, spine: str, review: int, seed: int,
    wrong: float = WRONG,
) -> pl.DataFrame:  # fmt: skip
    """Return verdicts as `judge` takes them: a row number stands for the subject of the spine."""
    asked = drawn.join(who, on=["source", "subject_id"], how="left").select("decision", "person")
    on_spine = who.filter(pl.col("source") == spine)
    rows = on_spine.select("person", pl.lit(spine).alias("file"), pl.col("subject_id").alias("row_number"))
    found = verdicts(asked, rows, wrong, review, seed)
    person = clusters.filter(pl.col("source") == spine).select("subject_id", named="person_id")
    partners = clusters.filter(pl.col("source") == spine)["person_id"].unique()
    own = drawn.join(clusters, on=["source", "subject_id"]).select(
        "decision", "person_id", pl.col("person_id").is_in(partners.implode()).alias("is_linked")
    )
    return found.join(person, left_on="found_row", right_on="subject_id", how="left").join(own, on="decision")

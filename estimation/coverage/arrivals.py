"""How many of those who came within a year the sources saw arrive, by people whom the coverage survey found.

They say where they lived a year ago, whether a list knows them or not. No survey meets those who left; how complete
departures are is seen at the border alone (`rules/border_completeness.py`).
"""

from datetime import date

import numpy as np
import polars as pl

from estimation.coverage.linkage_error import NORMAL, LinkageError
from estimation.coverage.survey import SURVEY
from pipeline.ingest.nationality_groups import OTHER_COUNTRIES, nationality_groups
from pipeline.schemas import ALL, NATIONALITY_GROUPS

FEWEST = 10
"""Newcomers of a group below which nothing is said of its arrivals."""
EARLIER_DAYS = 183
"""How much earlier than a year ago an arrival may be dated and still be the one that the survey means."""


def coverage_of_arrivals(
    answers: pl.DataFrame, clusters: pl.DataFrame, stays: pl.DataFrame, links: LinkageError, day: date
) -> pl.DataFrame:
    """Return `coverage_of_arrivals`: of newcomers of the survey of a `day`, the share with an arrival in the sources.

    `answers` are those of usual residents (`survey_answers`); newcomers are who lived abroad a year before.
    `stays` are of the published definition: one that begins by an arrival within that year, or up to
    `EARLIER_DAYS` before, is what the sources saw, however long it lasts. Who gave no nationality is in the row
    of all alone. The weighted share is divided by the recall of the survey's links. Its standard error is that
    of a ratio between clusters within strata, at least that of a simple random survey with one more newcomer
    missed, and of the recall.
    """
    began = pl.lit(day).dt.offset_by("-1y") - pl.duration(days=EARLIER_DAYS)
    arrived = stays.filter("starts_by_arrival", pl.col("start") <= day, pl.col("start") > began)["person_id"]
    person = clusters.filter(pl.col("source") == SURVEY).select("subject_id", "person_id")
    answer = pl.col("nationality")
    group = pl.when(answer.is_not_null()).then(
        answer.replace_strict(nationality_groups(), default=OTHER_COUNTRIES)
    )  # fmt: skip
    asked = (
        answers.join(person, on="subject_id", how="left")
        .select(
            "stratum", "cluster", "weight", group.alias("nationality_group"),
            is_new=(pl.col("lived_a_year_ago") == "abroad").fill_null(value=False),
            found=pl.col("person_id").is_in(arrived.unique().implode()).fill_null(value=False),
        )
        .sort("stratum", "cluster")
    )  # fmt: skip
    groups = [(ALL, asked), *((name, asked.filter(nationality_group=name)) for name in NATIONALITY_GROUPS)]
    places = asked.select("stratum", "cluster").unique().sort("stratum", "cluster")
    rows = [_of_group(name, of_group.filter("is_new"), places, links, day) for name, of_group in groups]
    return pl.DataFrame(rows, infer_schema_length=None).sort("nationality_group")


def _of_group(name: str, newcomers: pl.DataFrame, places: pl.DataFrame, links: LinkageError, day: date) -> dict:
    found = newcomers.filter("found")
    row = {"survey_date": day, "nationality_group": name, "newcomers": newcomers.height, "found": found.height}
    if newcomers.height < FEWEST:
        why = f"fewer than {FEWEST} people of the survey lived abroad a year before"
        return row | dict.fromkeys(("coverage", "standard_error", "lower", "upper")) | {"reason": why}
    all_weights = float(newcomers["weight"].sum())
    share = float(found["weight"].sum()) / all_weights
    residual = (
        newcomers.group_by("stratum", "cluster")
        .agg(left=(pl.col("weight") * (pl.col("found").cast(pl.Float64) - share)).sum())
        .join(places, on=["stratum", "cluster"], how="right")
        .with_columns(pl.col("left").fill_null(0.0))
        .sort("stratum", "cluster")
    )
    by_stratum = residual.group_by("stratum", maintain_order=True).agg(clusters=pl.len(), spread=pl.col("left").var())
    variance = float((by_stratum["clusters"] * by_stratum["spread"].fill_null(0.0)).sum()) / all_weights**2
    one_more = found.height / (newcomers.height + 1)
    variance = max(variance, one_more * (1 - one_more) / newcomers.height)
    coverage = share / links.recall
    error = float(np.sqrt(variance / links.recall**2 + (coverage * links.recall_error / links.recall) ** 2))
    return row | {
        "coverage": round(coverage, 6), "standard_error": round(error, 6),
        "lower": round(max(coverage - NORMAL * error, 0.0), 6),
        "upper": round(coverage + NORMAL * error, 6), "reason": "",
    }  # fmt: skip

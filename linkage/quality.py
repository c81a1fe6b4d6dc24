"""The quality of links, by pair of sources and group, from what is known without any truth.

Expected precision and recall follow from match probabilities (T. Blakely and C. Salmond 2002): they are as good as
the model's calibration and take no account of pairs that blocking never proposed. Where there was a clerical review,
`clerical_review` estimates both from its verdicts. GUILD (R. Gilbert et al. 2018) asks for both, by group.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from linkage.clerical_review import review_patterns, reviewed_quality
from linkage.model import PairModel
from linkage.plan import REVIEW, SURVEY
from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import AGE_GROUP_STARTS, AGE_GROUPS, ALL
from pipeline.tables import read_table

GROUP_DIMENSIONS = ("sex", "age_group", "area")
# A group of fewer reviewed people gets no rates of its own.
MINIMUM_REVIEWED = 100
# A false-link rate is about reviewed people who are not on the spine: with fewer of them than this, none is given.
MINIMUM_NOT_ON_SPINE = 10


def with_groups(subjects: pl.DataFrame, on: date) -> pl.DataFrame:
    """Return `source, subject_id` and the group of each dimension: sex, age group on a day, area.

    People born after the day count as aged 0; a source that lacks a dimension has nulls there.
    """
    missing = [name for name in ("sex", "birth_month", "area") if name not in subjects.columns]
    complete = subjects.with_columns(
        pl.lit(None, pl.Date if name == "birth_month" else pl.String).alias(name) for name in missing
    )
    born = pl.col("birth_month")
    age = on.year - born.dt.year() - (born.dt.month() > on.month).cast(pl.Int32)
    group = pl.lit(None, pl.String)
    for start, name in zip(AGE_GROUP_STARTS, AGE_GROUPS, strict=True):
        group = pl.when(age.clip(0) >= start).then(pl.lit(name)).otherwise(group)
    return complete.select("source", "subject_id", "sex", group.alias("age_group"), "area")


def linkage_quality(
    subjects: pl.DataFrame,
    clusters: pl.DataFrame,
    links: pl.DataFrame,
    pairs: list[tuple[str, str]],
    models: Mapping[tuple[str, str], PairModel],
) -> pl.DataFrame:
    """Return the table `linkage_quality` without its review columns.

    `subjects` comes from `with_groups`; groups are those of the left subject. `links` are all pairs above the
    floor; a link is accepted if its two subjects are one person.
    """
    people = subjects.join(clusters.select("source", "subject_id", "person_id"), on=["source", "subject_id"])
    marked = mark_accepted(links, clusters)
    tables = []
    for left, right in pairs:
        right_side = people.filter(pl.col("source") == right)
        others = (
            right_side["person_id"]
            if left != right
            else right_side.filter(pl.col("person_id").is_duplicated())["person_id"]
        )
        left_side = people.filter(pl.col("source") == left).with_columns(
            pl.col("person_id").is_in(others.unique().implode()).alias("is_linked")
        )
        own = marked.filter((pl.col("source_l") == left) & (pl.col("source_r") == right))
        own = own.join(left_side.drop("source", "person_id"), left_on="subject_id_l", right_on="subject_id")
        rows = _by_group(left_side, pl.len().alias("subjects_l"), pl.col("is_linked").sum().alias("linked"))
        # sums of whole parts are exact in any order of rows
        expected = _by_group(
            own,
            pl.col("parts").filter("accepted").sum().alias("accepted_parts"),
            pl.col("parts").sum().alias("all_parts"),
            pl.col("accepted").sum().alias("accepted_links"),
        )
        tables.append(
            rows.join(expected, on="group", how="left", maintain_order="left").with_columns(
                pl.lit(left).alias("source_l"),
                pl.lit(right).alias("source_r"),
                pl.lit(right_side.height, pl.Int64).alias("subjects_r"),
                pl.lit(_levels_by_default(models.get((left, right))), pl.Int64).alias("levels_by_default"),
                pl.lit(_origin(models.get((left, right))), pl.String).alias("model"),
            )
        )
    table = pl.concat(tables)
    return table.select(
        "source_l", "source_r", "group",
        pl.col("subjects_l").cast(pl.Int64), "subjects_r", pl.col("linked").cast(pl.Int64),
        _share(pl.col("linked"), pl.col("subjects_l")).alias("match_rate"),
        _share(pl.col("accepted_parts") / _PARTS, pl.col("accepted_links")).alias("expected_precision"),
        _share(pl.col("accepted_parts"), pl.col("all_parts")).alias("expected_recall"),
        "levels_by_default", "model",
    )  # fmt: skip


def _levels_by_default(model: PairModel | None) -> int:
    return len(model.levels_by_default) if model else 0


def _origin(model: PairModel | None) -> str | None:
    return model.origin if model else None


_PARTS = 1_000_000_000  # parts of 1: match probabilities have nine decimals


def mark_accepted(links: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Return `links` with `accepted` and the probability in whole `parts` of a thousand million."""
    person = clusters.select("source", "subject_id", "person_id")
    return (
        links.join(person.rename({"person_id": "person_l"}), left_on=["source_l", "subject_id_l"],
                   right_on=["source", "subject_id"], how="left", maintain_order="left")
        .join(person.rename({"person_id": "person_r"}), left_on=["source_r", "subject_id_r"],
              right_on=["source", "subject_id"], how="left", maintain_order="left")
        .with_columns(
            (pl.col("person_l") == pl.col("person_r")).alias("accepted"),
            (pl.col("match_probability") * _PARTS).round(0).cast(pl.Int64).alias("parts"),
        )
        .drop("person_l", "person_r")
    )  # fmt: skip


def _by_group(frame: pl.DataFrame, *figures: pl.Expr) -> pl.DataFrame:
    whole = frame.select(pl.lit(ALL).alias("group"), *figures)
    parts = [
        frame.drop_nulls(dimension)
        .group_by(pl.format(f"{dimension}={{}}", dimension).alias("group"))
        .agg(*figures)
        .sort("group")
        for dimension in GROUP_DIMENSIONS
    ]
    return pl.concat([whole, *parts], how="vertical_relaxed")


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole).round(9)


def with_review(quality: pl.DataFrame, review: pl.DataFrame | None, spine: str | None) -> pl.DataFrame:
    """Return `linkage_quality` with its review columns, filled for links of the survey with the spine.

    `review` has one row per reviewed survey person: `linked_to`, `verdict`, `second_verdict` (see
    `clerical_review`) and the dimensions of groups; None if nobody was reviewed. Rates are clipped to [0, 1].
    """
    rows = [] if review is None or spine is None else _reviewed_groups(quality, review_patterns(review), spine)
    rates = ["review_recall", "review_recall_se", "review_false_link_rate", "review_false_link_rate_se"]
    schema = {"source_l": pl.String, "source_r": pl.String, "group": pl.String, "reviewed": pl.Int64}
    reviewed = pl.DataFrame(rows, schema=schema | dict.fromkeys(rates, pl.Float64), orient="row").with_columns(
        pl.col(rates).fill_nan(None).clip(0, 1).round(9)
    )
    return quality.join(reviewed, on=["source_l", "source_r", "group"], how="left", maintain_order="left")


def _reviewed_groups(
    quality: pl.DataFrame, patterns: pl.DataFrame, spine: str
) -> list[tuple[str | int | float | None, ...]]:
    rows: list[tuple[str | int | float | None, ...]] = []
    for group in quality.filter((pl.col("source_l") == SURVEY) & (pl.col("source_r") == spine))["group"]:
        dimension, _, value = group.partition("=")
        inside = pl.lit(True) if group == ALL else pl.col(dimension) == value
        people = patterns.filter(inside).height
        if not people or (group != ALL and people < MINIMUM_REVIEWED):
            continue
        estimate = reviewed_quality(patterns, inside)
        rates: list[float | None] = [estimate.recall, estimate.recall_se, None, None]
        if estimate.not_on_spine >= MINIMUM_NOT_ON_SPINE:
            rates[2:] = [estimate.false_link_rate, estimate.false_link_rate_se]
        rows.append((SURVEY, spine, group, estimate.reviewed, *rates))
    return rows


def read_review(
    ingest: Path,
    tokens: Mapping[str, pl.DataFrame],
    clusters: pl.DataFrame,
    contracts: Mapping[str, SourceContract],
    spine: str,
) -> pl.DataFrame:
    """Return one row per reviewed survey person for `with_review`, from the clerical review.

    The review names a survey person, and the match on the spine, by the person key of that source. A person with a
    second verdict but no first counts as reviewed once.
    """
    survey_key, spine_key = contracts[SURVEY].person_key_kind, contracts[spine].person_key_kind
    verdicts = read_table(ingest / "records" / f"{REVIEW}.parquet")
    reviewed = read_table(ingest / "tokens" / f"{REVIEW}.parquet").select("subject_id", survey_key)
    spine_people = tokens[spine].select(spine_key, pl.col("subject_id").alias("named")).drop_nulls()
    by_person = (
        verdicts.join(reviewed, on="subject_id")
        .drop("subject_id")
        .join(tokens[SURVEY].select("subject_id", survey_key), on=survey_key)
        .join(spine_people, left_on=f"match_{spine_key}", right_on=spine_key, how="left")
        # -1: the person named is not a subject of the spine, so no link can agree with the verdict
        .with_columns(
            pl.when(pl.col(f"match_{spine_key}").is_null())
            .then(0)
            .otherwise(pl.col("named").fill_null(-1))
            .alias("named")
        )
        .sort("subject_id", "review")
        .group_by("subject_id", maintain_order=True)
        .agg(
            pl.col("named").first().cast(pl.Int64).alias("verdict"),
            pl.col("named").get(1, null_on_oob=True).cast(pl.Int64).alias("second_verdict"),
        )
    )
    person = clusters.filter(pl.col("source") == SURVEY).select("subject_id", "person_id")
    on_spine = clusters.filter(pl.col("source") == spine).sort("subject_id")
    partner = on_spine.group_by("person_id", maintain_order=True).agg(pl.col("subject_id").first().alias("linked_to"))
    # a person may be on the spine twice: a verdict that names either record names the person
    first = on_spine.join(partner, on="person_id").select("subject_id", "linked_to")
    same_person = dict(zip(first["subject_id"], first["linked_to"], strict=True))
    return (
        by_person.with_columns(pl.col("verdict", "second_verdict").replace(same_person))
        .join(person, on="subject_id")
        .join(partner, on="person_id", how="left")
        .sort("subject_id")
    )


def link_weights(links: pl.DataFrame) -> pl.DataFrame:
    """Return the number of `pairs` by `model`, `match_weight` (rounded to whole numbers) and `accepted`.

    `links` comes from `mark_accepted`; links by match-keys are not counted.
    """
    by_model = links.filter(pl.col("method").str.starts_with("model:"))
    model = pl.col("method").str.strip_prefix("model:").alias("model")
    return (
        by_model.group_by(model, pl.col("match_weight").round(0), "accepted")
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("model", "match_weight", "accepted")
    )

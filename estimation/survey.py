"""The coverage survey, its people held against the list: who was found, in which class, and on which list."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from estimation.periods import age_group
from pipeline.contracts import CODE_LISTS, CONTRACT_FOLDER
from pipeline.errors import UserError
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.toml_files import read_toml

SURVEY = "coverage_survey"
SPINE = "pds"
ELSEWHERE = NATIONALITY_GROUPS[-1]


@dataclass(frozen=True)
class LinkageError:
    """What the clerical review says of the links between survey and spine."""

    recall: float
    recall_error: float
    false_link_rate: float
    false_link_error: float


def linkage_error(quality: pl.DataFrame) -> LinkageError:
    """Return recall and false-link rate from `linkage_quality`; raises `UserError` where nobody was reviewed."""
    rows = quality.filter(
        pl.col("source_l") == SURVEY, pl.col("source_r") == SPINE, pl.col("group") == "all"
    ).drop_nulls(["review_recall", "review_false_link_rate"])
    if rows.is_empty():
        raise UserError(
            "coverage survey: nobody reviewed its links, so recall and false-link rate are not known. Add the "
            "extract 'review_sample' (a clerical review of survey people) to the study."
        )
    row = rows.row(0, named=True)
    return LinkageError(
        recall=row["review_recall"],
        recall_error=row["review_recall_se"] or 0.0,
        false_link_rate=row["review_false_link_rate"],
        false_link_error=row["review_false_link_rate_se"] or 0.0,
    )


def people_on_list(residents: pl.DataFrame, people: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the people whom the sources count on a day: `person_id, strong`, sex, age and nationality group.

    `people` has `person_id, sex, cohort, nationality_group`.
    """
    return (
        residents.filter(pl.col("reference_date") == day, pl.col("resident"))
        .select("person_id", "strong")
        .join(people, on="person_id", how="left")
        .with_columns(age_group(pl.max_horizontal(pl.lit(day.year) - pl.col("cohort"), 0)))
        .select(
            "person_id",
            "strong",
            *(pl.col(name).cast(pl.String) for name in ("sex", "age_group", "nationality_group")),
        )
        .sort("person_id")
    )


def people_surveyed(records: Path, clusters: pl.DataFrame, listed: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return one row a person found by the survey of a day, by subject.

    Columns: `subject_id, stratum, cluster, weight, sex, age_group, nationality_group` as they told the
    survey; `linked` (on the list of `people_on_list`), `strong` (on its trimmed part), and `list_sex,
    list_age_group, list_nationality_group` as the list has them. Whoever told no nationality has that of
    the list, or is taken as British.
    """
    if not records.exists():
        raise UserError("coverage survey: the study has none, so coverage cannot be estimated. Add its extract.")
    found = pl.read_parquet(records).filter(pl.col("reference_date") == day)
    if found.is_empty():
        raise UserError(
            f"coverage survey: nobody was found on {day}. Set reference_date in [coverage] to the survey's own day."
        )
    who = clusters.filter(pl.col("source") == SURVEY, pl.col("draw") == 0).select("subject_id", "person_id")
    on_list = listed.rename({name: f"list_{name}" for name in ("sex", "age_group", "nationality_group")})
    born = pl.col("birth_month")
    age = pl.lit(day.year) - born.dt.year() - (born.dt.month() > day.month).cast(pl.Int32)
    told = pl.col("nationality").replace_strict(_nationality_groups(), default=ELSEWHERE)
    told = pl.when(pl.col("nationality").is_null()).then(None).otherwise(told)
    return (
        found.join(who, on="subject_id", how="left")
        .join(on_list, on="person_id", how="left")
        .with_columns(
            age_group(age),
            pl.col("sex").cast(pl.String),
            linked=pl.col("strong").is_not_null(),
            strong=pl.col("strong").fill_null(value=False),
            nationality_group=pl.coalesce(told, "list_nationality_group", pl.lit(NATIONALITY_GROUPS[0])),
        )
        .select(
            "subject_id", "stratum", "cluster", "weight", "sex", "age_group", "nationality_group", "linked", "strong",
            "list_sex", "list_age_group", "list_nationality_group",
        )
        .sort("subject_id")
    )  # fmt: skip


def _nationality_groups() -> dict[str, str]:
    """Return the nationality group of every country that is not `ELSEWHERE`."""
    return dict(read_toml(CONTRACT_FOLDER / CODE_LISTS)["nationality_group"])

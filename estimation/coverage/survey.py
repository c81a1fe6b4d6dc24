"""The coverage survey, its people held against the list: who was found, in which class, and on which list."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from estimation.periods import age_group
from pipeline.errors import UserError
from pipeline.ingest.contracts import CODE_LISTS, CONTRACT_FOLDER
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.toml_files import read_toml

SURVEY = "coverage_survey"
SPINE = "pds"
ELSEWHERE = NATIONALITY_GROUPS[-1]
DIVISIONS = ["sex", "age_group", "nationality_group"]


USUAL_FALSE_LINK_RATE = 0.1
"""How high false-link rates usually are, as the standard deviation of a prior around 0: an assumption."""


@dataclass(frozen=True)
class LinkageError:
    """What the clerical review says of the links between survey and spine."""

    recall: float
    recall_error: float
    false_link_rate: float
    false_link_error: float

    @property
    def steadied(self) -> "LinkageError":
        """The same with a false-link rate drawn towards 0 as far as the review cannot tell it.

        A review of 1,500 meets a handful of people whom no source knows, so its rate may be anything, but never
        below 0: taken at its word it would push every estimate up. Combined with a prior of mean 0 and
        `USUAL_FALSE_LINK_RATE`, each weighs by its precision.
        """
        weight = USUAL_FALSE_LINK_RATE**2 / (USUAL_FALSE_LINK_RATE**2 + self.false_link_error**2)
        return replace(
            self, false_link_rate=weight * self.false_link_rate, false_link_error=weight**0.5 * self.false_link_error
        )


def linkage_error(quality: pl.DataFrame) -> LinkageError:
    """Return recall and false-link rate from `linkage_quality`; raises `UserError` where nobody was reviewed.

    A false-link rate that is not known (nobody in the review is missing from the spine) is taken as 0: it
    applies to nobody.
    """
    rows = quality.filter(
        pl.col("source_l") == SURVEY, pl.col("source_r") == SPINE, pl.col("group") == "all"
    ).drop_nulls("review_recall")
    if rows.is_empty():
        raise UserError(
            "coverage survey: nobody reviewed its links, so recall and false-link rate are not known. Add the "
            "extract 'review_sample' (a clerical review of survey people) to the study."
        )
    row = rows.row(0, named=True)
    return LinkageError(
        recall=row["review_recall"],
        recall_error=row["review_recall_se"] or 0.0,
        false_link_rate=row["review_false_link_rate"] or 0.0,
        false_link_error=row["review_false_link_rate_se"] or 0.0,
    )


def people_on_list(residents: pl.DataFrame, people: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the people whom the sources count on a day: `person_id`, `DIVISIONS`, `trimmed`.

    The trimmed list holds those with strong signs of residence. `people` has `person_id, sex, cohort,
    nationality_group`.
    """
    return (
        residents.filter(pl.col("reference_date") == day, pl.col("resident"))
        .select("person_id", pl.col("strong").alias("trimmed"))
        .join(people, on="person_id", how="left")
        .with_columns(age_group(pl.max_horizontal(pl.lit(day.year) - pl.col("cohort"), 0)))
        .select("person_id", *DIVISIONS, "trimmed")
        .sort("person_id")
    )


def list_counts(counts: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the population of `counts` on a day by `DIVISIONS`, in order: what a coverage factor multiplies."""
    age = pl.lit(day.year) - pl.col("cohort")
    return (
        counts.filter(pl.col("measure") == "population", pl.col("time") == day)
        .sort("sex", "cohort", "nationality_group")
        .select(pl.col("sex", "nationality_group").cast(pl.String), age_group(age), "count")
    )


def people_known(clusters: pl.DataFrame, listed: pl.DataFrame) -> pl.Series:
    """Return the ids of everybody whom a survey person may be linked to: on the spine or on the list."""
    on_spine = clusters.filter(pl.col("source") == SPINE, pl.col("draw") == 0)["person_id"]
    return pl.concat([on_spine, listed["person_id"]]).unique().sort()


def people_surveyed(
    records: Path, clusters: pl.DataFrame, listed: pl.DataFrame, known: pl.Series, day: date
) -> pl.DataFrame:
    """Return one row a usual resident found by the survey of a day, by subject; surveys of other days are not read.

    Columns: `subject_id, stratum, cluster, weight, age`; whether they are linked to somebody `known`, to
    somebody `listed`, and to somebody `trimmed` (on the trimmed list); and `DIVISIONS`: of somebody on the
    list what the list says, because the account keeps everybody in one group; of the others what they told
    the survey, and whoever told no nationality is taken as British.
    """
    if not records.exists():
        raise UserError("coverage survey: the study has none, so coverage cannot be estimated. Add its extract.")
    found = pl.read_parquet(records).filter(pl.col("reference_date") == day, pl.col("usual_resident"))
    if found.is_empty():
        raise UserError(
            f"coverage survey: nobody was found on {day}. Set reference_date in [coverage] to the survey's own day."
        )
    who = clusters.filter(pl.col("source") == SURVEY, pl.col("draw") == 0).select("subject_id", "person_id")
    on_list = listed.select(
        "person_id", "trimmed", pl.lit(value=True).alias("listed"), pl.col(DIVISIONS).name.prefix("list_")
    )
    born = pl.col("birth_month")
    age = pl.lit(day.year) - born.dt.year() - (born.dt.month() > day.month).cast(pl.Int32)
    # A birthday after the survey's day is a mistake in a record: the person is as young as can be.
    age = pl.max_horizontal(age, 0)
    told = {
        "sex": pl.col("sex").cast(pl.String),
        "age_group": age_group(age),
        "nationality_group": pl.col("nationality").replace_strict(_nationality_groups(), default=ELSEWHERE),
    }
    told["nationality_group"] = pl.when(pl.col("nationality").is_not_null()).then(told["nationality_group"])
    return (
        found.join(who, on="subject_id", how="left")
        .join(on_list, on="person_id", how="left")
        .select(
            "subject_id",
            "stratum",
            "cluster",
            "weight",
            pl.col("person_id").is_in(known.implode()).fill_null(value=False).alias("known"),
            pl.col("listed", "trimmed").fill_null(value=False),
            *(pl.coalesce(f"list_{name}", one).alias(name) for name, one in told.items()),
            age=age,
        )
        .with_columns(pl.col("nationality_group").fill_null(NATIONALITY_GROUPS[0]))
        .sort("subject_id")
    )


def _nationality_groups() -> dict[str, str]:
    """Return the nationality group of every country that is not `ELSEWHERE`."""
    return dict(read_toml(CONTRACT_FOLDER / CODE_LISTS)["nationality_group"])

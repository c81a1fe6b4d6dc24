"""How often links and rules are wrong, by group: scores from which the inputs of estimation can be drawn again."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from estimation.cells import BRITISH
from estimation.counted_people import counted_people, people_by_group
from estimation.coverage.survey import SURVEY
from pipeline.schemas import NATIONALITY_GROUPS
from rules.truth_comparison import compare_migrations, compare_residents, true_person_of, year_ending

CASES = ("true", "found", "misdated", "open_true", "open_false", "open_sum", "false", "late", "late_sum")
ON_LISTS = ("listed", "listed_false", "trimmed", "trimmed_false", "known")
KEY = ["measure", "time", "nationality_group", "migrant"]
SHARE_STEPS = 20
"""Shares of nationality groups are kept in steps of a twentieth, so that equal ones are counted together."""


def error_rates(
    table: Mapping[str, pl.DataFrame], truth: Mapping[str, pl.DataFrame], who: pl.DataFrame, counted: list[str]
) -> pl.DataFrame:
    """Return how many cases of each measure, time, true nationality group and part of it are found, missed or false.

    `table` has the tables of people of a run, `truth` those of the truth, `who` the true person of each subject;
    `counted` are the sources whose records make a person. Columns: `measure, time, nationality_group`, `migrant`
    (residents who ever migrated, by the truth, and all migrations) and sums:

    - `true` cases; of these `found` for certain, `misdated` (found for certain in another year), and `open_true`
      (with a probability between 0 and 1); the others are missed;
    - `false` cases for certain, and `open_false`; `open_sum` is the sum of the probabilities of open cases;
    - `late` cases that are expected to become known, and the sum of their probabilities times their factors;
    - of residents: true ones that are `listed`, on the `trimmed` list, or `known` to a counted source at all, and
      people on either list who are not residents.
    """
    person = true_person_of(table["clusters"], who)
    groups = counted_people(table["people"], _best(table["clusters"]), table["mothers"])
    compared = pl.concat(
        [
            compare_migrations(table["migrations"], person, truth["migrations"]),
            compare_residents(table["residents"], person, truth["residents"]),
        ],
        how="diagonal",
    )
    cases = _by_group(compared, groups, truth)
    p, is_true, certain = pl.col("probability"), pl.col("is_true"), pl.col("probability") == 1
    own_time, open_case = pl.col("time") == pl.col("estimated_time"), p.is_between(0, 1, closed="none")
    listed, trimmed = pl.col("resident").fill_null(value=False), pl.col("trimmed").fill_null(value=False)
    lists = table["residents"].select("person_id", "resident", "trimmed", time="reference_date")
    known = _best(table["clusters"]).filter(pl.col("source").is_in(counted)).join(who, on=["source", "subject_id"])
    known = known.select("person", known=pl.lit(value=True)).unique()
    sums = (
        cases.join(lists.with_columns(measure=pl.lit("population")), on=["person_id", "time", "measure"], how="left")
        .join(known, on="person", how="left")
        .group_by(KEY)
        .agg(
            true=is_true.sum(),
            found=(is_true & certain & own_time).sum(),
            misdated=(is_true & certain & ~own_time).sum(),
            open_true=(is_true & open_case).sum(),
            open_false=(~is_true & open_case).sum(),
            open_sum=(p.filter(open_case) * 1e6).round().cast(pl.Int64).sum() / 1e6,
            false=(~is_true & certain).sum(),
            listed=(is_true & listed).sum(),
            listed_false=(~is_true & listed).sum(),
            trimmed=(is_true & listed & trimmed).sum(),
            trimmed_false=(~is_true & listed & trimmed).sum(),
            known=(is_true & pl.col("known").fill_null(value=False)).sum(),
        )
    )
    late = (
        table["late_migrations"]
        .with_columns(measure=pl.col("direction").cast(pl.String), time=year_ending("date"))
        .join(groups, on="person_id", how="left")
        .with_columns(migrant=pl.lit(value=True))
        .group_by(KEY)
        .agg(
            late=pl.len(),
            late_sum=(pl.col("probability") * pl.col("factor") * 1e6).round().cast(pl.Int64).sum() / 1e6,
        )
    )
    return (
        sums.join(late, on=KEY, how="full", coalesce=True)
        .with_columns(pl.col(*CASES, *ON_LISTS).cast(pl.Float64).fill_null(0.0))
        .select(*KEY, *CASES, *ON_LISTS)
        .sort(KEY)
    )


def nationality_patterns(
    table: Mapping[str, pl.DataFrame], truth: Mapping[str, pl.DataFrame], who: pl.DataFrame
) -> pl.DataFrame:
    """Return with which shares people of each true nationality group are counted in the groups, and how many.

    They are those who count in any figure, as residents or as migrants: of others, who left long ago or are on no
    list, sources know less. Columns: `nationality_group` (true), `migrant` (ever migrated, by the truth), a share for
    every group, `people`.
    """
    clusters = _best(table["clusters"])
    counted = counted_people(table["people"], clusters, table["mothers"])
    people = people_by_group(counted, table["people_nationality"], clusters, table["mothers"])
    in_figures = [table[name].filter(pl.col("probability") > 0)["person_id"] for name in ("residents", "migrations")]
    people = people.filter(pl.col("person_id").is_in(pl.concat(in_figures).implode()))
    shares = [
        pl.col("share").filter(pl.col("nationality_group") == group).sum().alias(group)
        for group in NATIONALITY_GROUPS
    ]
    stepped = [(pl.col(group) * SHARE_STEPS).round() / SHARE_STEPS for group in NATIONALITY_GROUPS]
    migrants = truth["migrations"].select("person", migrant=pl.lit(value=True)).unique()
    return (
        people.group_by("person_id")
        .agg(shares)
        .with_columns(stepped)
        .filter(pl.sum_horizontal(NATIONALITY_GROUPS) > 0)
        .join(true_person_of(table["clusters"], who), on="person_id")
        .join(truth["people"].select("person", pl.col("nationality_group").cast(pl.String)), on="person")
        .join(migrants, on="person", how="left")
        .group_by("nationality_group", pl.col("migrant").fill_null(value=False), *NATIONALITY_GROUPS)
        .agg(people=pl.len().cast(pl.Int64))
        .sort("nationality_group", "migrant", *NATIONALITY_GROUPS)
    )


def survey_links(
    table: Mapping[str, pl.DataFrame], who: pl.DataFrame, quality: pl.DataFrame, survey_day: date
) -> pl.DataFrame:
    """Return how the coverage survey was linked with the spine: one row, or none without a reviewed survey.

    Columns: `time` (the survey's day), `surveyed`, `known` (really on the spine), `linked` (of the known),
    `unknown_linked` (of the others), `spine_people` (in the spine's clusters) and `listed` (on the list of that day).
    """
    schema = {"time": pl.Date} | dict.fromkeys(
        ("surveyed", "known", "linked", "unknown_linked", "spine_people", "listed"), pl.Int64
    )
    spines = quality.filter(pl.col("source_l") == SURVEY, pl.col("review_recall").is_not_null())["source_r"]
    clusters = _best(table["clusters"])
    surveyed = clusters.filter(pl.col("source") == SURVEY)
    if spines.is_empty() or surveyed.is_empty():
        return pl.DataFrame(schema=schema)
    on_spine = clusters.filter(pl.col("source") == str(spines[0]))
    really = who.filter(pl.col("source") == str(spines[0])).select("person").unique()
    survey = surveyed.join(who, on=["source", "subject_id"], how="left").with_columns(
        known=pl.col("person").is_in(really["person"].implode()).fill_null(value=False),
        linked=pl.col("person_id").is_in(on_spine["person_id"].implode()),
    )
    listed = table["residents"].filter(pl.col("reference_date") == survey_day, pl.col("resident"))
    row = (
        survey_day,
        survey.height,
        survey["known"].sum(),
        survey.filter("known")["linked"].sum(),
        survey.filter(~pl.col("known"))["linked"].sum(),
        on_spine["person_id"].n_unique(),
        listed.height,
    )
    return pl.DataFrame([row], schema=schema, orient="row")


def _best(clusters: pl.DataFrame) -> pl.DataFrame:
    return clusters.filter(pl.col("draw") == 0)


def _by_group(compared: pl.DataFrame, groups: pl.DataFrame, truth: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return cases with `migrant` and the true nationality group; without a true person, the run's, else British."""
    of_run = groups.select("person_id", of_run="nationality_group")
    true = truth["people"].select("person", nationality_group=pl.col("nationality_group").cast(pl.String))
    return (
        compared.join(true, on="person", how="left")
        .join(of_run, on="person_id", how="left")
        .with_columns(
            nationality_group=pl.coalesce("nationality_group", "of_run").fill_null(BRITISH),
            migrant=pl.when(pl.col("measure") == "population")
            .then(pl.col("person").is_in(truth["migrations"]["person"].unique().implode()).fill_null(value=False))
            .otherwise(pl.lit(value=True)),
        )
    )

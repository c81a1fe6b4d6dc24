"""How often links and rules are wrong, by group: scores from which the inputs of estimation can be drawn again."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from estimation.cells import BRITISH
from estimation.counted_people import counted_people, people_by_group
from estimation.coverage.survey import SURVEY
from estimation.migration_flows import is_child
from estimation.periods import year_ending
from pipeline.schemas import NATIONALITY_GROUPS
from rules.truth_comparison import compare_migrations, compare_residents, true_person_of

CELL = ["measure", "time", "nationality_group", "migrant", "child", "quarter"]
"""What the cases of a rate are alike in."""
OUTCOME = ["kind", "twentieth", "certain", "quarters_later", "provisional", "listed"]
"""What became of a case."""
SUMS = ("cases", "probability", "trimmed", "known")
TRUE, FALSE, LATE = "true", "false", "late"
TWENTIETHS = 20
SHARE_STEPS = 20
"""Shares of nationality groups are kept in steps of a twentieth, so that equal ones are counted together."""


def error_rates(
    table: Mapping[str, pl.DataFrame], truth: Mapping[str, pl.DataFrame], who: pl.DataFrame, counted: list[str]
) -> pl.DataFrame:
    """Return what became of how many true migrations and residents, and which others a run counts.

    `table` has the tables of people of a run, `truth` those of the truth, `who` the true person of each subject;
    `counted` are the sources whose records make a person. One row for each `CELL` and `OUTCOME`:

    - `measure, time, nationality_group` by the truth, `migrant` (residents who ever migrated, by the truth, and all
      migrations), `child` (by the age on the 30 June) and `quarter` (of the true date; residents have 0);
    - `kind`: `true`, `false` (of the run alone, at its own time), or `late` (expected to become known);
    - `twentieth` of probability, counted from 1; 0 for true cases that are missed; whether it is `certain` by the
      rules (a calibration gives these a probability below 1 as well), `provisional`, and how many `quarters_later`
      a true migration is dated; of residents, whether they are `listed`;
    - `cases`, the sum of their `probability` (of late ones, times their factors), and of residents how many are on
      the `trimmed` list, or `known` to a counted source at all.
    """
    person = true_person_of(table["clusters"], who)
    groups = counted_people(table["people"], _best(table["clusters"]), table["mothers"])
    known = _best(table["clusters"]).filter(pl.col("source").is_in(counted)).join(who, on=["source", "subject_id"])
    migrations = compare_migrations(table["migrations"], person, truth["migrations"])
    residents = compare_residents(table["residents"], person, truth["residents"])
    compared = pl.concat(
        [_as_decided(migrations, table["migrations"]), _as_listed(residents, table["residents"], known)],
        how="diagonal",
    )
    parts = (_by_group(compared, groups, truth), _late(table["late_migrations"], groups))
    # 0 is what has no probability; a late migration may stand for more than one, and is in the last twentieth then
    twentieth = (pl.col("probability") * TWENTIETHS).ceil().clip(0, TWENTIETHS).cast(pl.Int32)
    cases = pl.concat([one.with_columns(twentieth=twentieth).select(*CELL, *OUTCOME, *SUMS[1:]) for one in parts])
    return (
        cases.group_by(*CELL, *OUTCOME)
        .agg(
            cases=pl.len().cast(pl.Float64),
            # by whole millionths, so that the order of rows has no effect
            probability=((pl.col("probability") * 1e6).round().cast(pl.Int64).sum() / 1e6).round(6),
            trimmed=pl.col("trimmed").sum().cast(pl.Float64),
            known=pl.col("known").sum().cast(pl.Float64),
        )
        .select(*CELL, *OUTCOME, *SUMS)
        .sort(*CELL, *OUTCOME)
    )


def _as_decided(compared: pl.DataFrame, migrations: pl.DataFrame) -> pl.DataFrame:
    """Return compared migrations with their `quarter` and `OUTCOME`, by the run's table."""
    key = ["person_id", "measure", "date"]
    certain = pl.col("status").cast(pl.String) == "certain"
    decided = migrations.select("person_id", "date", measure=pl.col("direction").cast(pl.String), certain=certain)
    day = pl.coalesce("true_date", "date")
    return compared.join(decided, on=key, how="left").with_columns(
        pl.col("certain", "provisional").fill_null(value=False),
        quarter=day.dt.quarter(),
        quarters_later=(_quarters(pl.col("date")) - _quarters(day)).fill_null(0),
        **dict.fromkeys(("listed", "trimmed", "known"), pl.lit(value=False)),
    )


def _as_listed(compared: pl.DataFrame, residents: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return compared residents with their `OUTCOME`; `known` has the `person` of each record of a counted source."""
    lists = residents.select("person_id", "trimmed", time="reference_date", listed="resident")
    return compared.join(lists, on=["person_id", "time"], how="left").with_columns(
        pl.col("listed", "trimmed").fill_null(value=False),
        known=pl.col("person").is_in(known["person"].unique().implode()).fill_null(value=False),
        certain=pl.col("probability") == 1,
        provisional=pl.lit(value=False),
        quarter=pl.lit(0, pl.Int8),
        quarters_later=pl.lit(0, pl.Int32),
    )


def _late(late: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Return migrations that are expected to become known, with `CELL` and `OUTCOME`, by the run's own people."""
    year = year_ending(pl.col("date"))
    return late.join(groups, on="person_id", how="left").with_columns(
        measure=pl.col("direction").cast(pl.String),
        time=pl.date(year, 6, 30),
        migrant=pl.lit(value=True),
        child=is_child(year, pl.col("cohort") + pl.col("years_later")).fill_null(value=False),
        quarter=pl.col("date").dt.quarter(),
        kind=pl.lit(LATE),
        quarters_later=pl.lit(0, pl.Int32),
        probability=pl.col("probability") * pl.col("factor"),
        provisional=pl.lit(value=True),
        **dict.fromkeys(("certain", "listed", "trimmed", "known"), pl.lit(value=False)),
    )


def _quarters(day: pl.Expr) -> pl.Expr:
    """Return the quarter of a day, counted from the year 0."""
    return day.dt.year() * 4 + day.dt.quarter().cast(pl.Int32)


def nationality_patterns(
    table: Mapping[str, pl.DataFrame], truth: Mapping[str, pl.DataFrame], who: pl.DataFrame
) -> pl.DataFrame:
    """Return with which shares people of each true nationality group are counted in the groups, and how many.

    They are those who are listed, or more likely than not migrated since the first reference date: of others, who
    left long ago or are on no list, sources know less. Columns: `nationality_group` (true), `migrant` (ever migrated,
    by the truth), a share for every group, `people`.
    """
    clusters = _best(table["clusters"])
    counted = counted_people(table["people"], clusters, table["mothers"])
    people = people_by_group(counted, table["people_nationality"], clusters, table["mothers"])
    residents, since = table["residents"], table["residents"]["reference_date"].min()
    migrants = table["migrations"].filter(pl.col("probability") >= 0.5, pl.col("date") > since)
    in_figures = pl.concat([residents.filter("resident")["person_id"], migrants["person_id"]])
    people = people.filter(pl.col("person_id").is_in(in_figures.implode()))
    shares = [
        pl.col("share").filter(pl.col("nationality_group") == group).sum().alias(group)
        for group in NATIONALITY_GROUPS
    ]
    stepped = [(pl.col(group) * SHARE_STEPS).round() / SHARE_STEPS for group in NATIONALITY_GROUPS]
    ever_migrated = truth["migrations"].select("person", migrant=pl.lit(value=True)).unique()
    return (
        people.group_by("person_id")
        .agg(shares)
        .with_columns(stepped)
        .filter(pl.sum_horizontal(NATIONALITY_GROUPS) > 0)
        .join(true_person_of(table["clusters"], who), on="person_id")
        .join(truth["people"].select("person", pl.col("nationality_group").cast(pl.String)), on="person")
        .join(ever_migrated, on="person", how="left")
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
    """Return cases with `migrant`, `child` and the true nationality group; without a true person by the run's."""
    of_run = groups.select("person_id", group_of_run="nationality_group", cohort_of_run="cohort")
    true = truth["people"].select(
        "person",
        nationality_group=pl.col("nationality_group").cast(pl.String),
        cohort=year_ending(pl.col("birth_date")),
    )
    migrants = truth["migrations"]["person"].unique().implode()
    return (
        compared.join(true, on="person", how="left")
        .join(of_run, on="person_id", how="left")
        .with_columns(
            nationality_group=pl.coalesce("nationality_group", "group_of_run").fill_null(BRITISH),
            migrant=(pl.col("measure") != "population") | pl.col("person").is_in(migrants).fill_null(value=False),
            child=is_child(pl.col("time").dt.year(), pl.coalesce("cohort", "cohort_of_run")).fill_null(value=False),
            kind=pl.when("is_true").then(pl.lit(TRUE)).otherwise(pl.lit(FALSE)),
        )
    )

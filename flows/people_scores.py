"""The scores of a run that compare people one by one with the truth: how many were found, and why others were not."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from estimation.counted_people import counted_people, people_by_group
from estimation.exact_sums import exact_sum
from estimation.migration_flows import count_migrations, is_child
from estimation.nowcast import expected_moves
from estimation.periods import quarter_end, year_ending
from rules.anatomy import anatomy, explained_cases, wrong_nationality, wrong_people
from rules.calibration import Calibration, calibrated_migrations
from rules.calibration_cases import calibration_cases, score_tenths
from rules.completeness import recent_from
from rules.nationality_score import nationality_tenths
from rules.score import score_classes
from rules.true_stays import true_stays
from rules.truth_comparison import compare_migrations, compare_residents, true_person_of

TABLES = (
    "clusters", "mothers", "people", "people_nationality", "stays", "migrations", "late_migrations", "residents",
)  # fmt: skip
"""The tables of a run that are compared."""


def people_cases(
    table: Mapping[str, pl.DataFrame],
    truth: Mapping[str, pl.DataFrame],
    who: pl.DataFrame,
    flow_years: Sequence[int],
    stock_years: Sequence[int],
    data_date: date,
) -> pl.DataFrame:
    """Return the decisions of a run in published periods with what was true, as `calibration_cases` does."""
    true_person = true_person_of(table["clusters"], who)
    residents = table["residents"].filter("published", pl.col("reference_date").dt.year().is_in(list(stock_years)))
    compared = _compared(table["migrations"], residents, true_person, truth)
    is_flow = pl.col("measure") != "population"
    return calibration_cases(
        compared.filter(~is_flow | pl.col("time").dt.year().is_in(list(flow_years))),
        residents,
        table["people"],
        true_person,
        truth["residents"],
        data_date,
    )


def expected_and_true_flows(
    table: Mapping[str, pl.DataFrame],
    truth: Mapping[str, pl.DataFrame],
    calibration: Calibration,
    flow_years: Sequence[int],
    data_date: date,
) -> pl.DataFrame:
    """Return migrations as `calibration` expects them, and of fact: `expected, true` by the keys of completeness.

    The keys are `direction, nationality_group, child, recent, quarter`.

    `table` has the run's `TABLES` and `flow_completeness`, uncalibrated; `truth` has `people` and `migrations`. A
    group is that at registration, years end on 30 June, on which `is_child` holds or not, and quarters
    that end before `recent_from` are not recent.
    """
    years, definition = tuple(flow_years), calibration.definition
    moves = expected_moves(
        *(
            calibrated_migrations(table[name], table["people"], calibration, definition)
            for name in ("migrations", "late_migrations")
        )
    )
    best = table["clusters"].filter(pl.col("draw") == 0)
    counted = counted_people(table["people"], best, table["mothers"])
    people = people_by_group(counted, table["people_nationality"], best, table["mothers"])
    group, recent = ["direction", "nationality_group"], pl.lit(recent_from(data_date))

    expected = (
        count_migrations(moves, people, years, table["flow_completeness"])
        .filter(period="quarter")
        .group_by(
            "nationality_group",
            direction="measure",
            child=is_child(year_ending(pl.col("time")), pl.col("cohort")),
            recent=pl.col("time") >= recent,
            quarter=pl.col("time").dt.quarter(),
        )
        .agg(expected=exact_sum(pl.col("count")))
    )
    true = (
        truth["migrations"]
        .filter(year_ending(pl.col("date")).is_in(years))
        .join(truth["people"].select("person", "nationality_group", "birth_date"), on="person")
        .group_by(
            pl.col(group).cast(pl.String),
            child=is_child(year_ending(pl.col("date")), year_ending(pl.col("birth_date"))),
            recent=quarter_end(pl.col("date")) >= recent,
            quarter=pl.col("date").dt.quarter(),
        )
        .agg(true=pl.len().cast(pl.Int64))
    )
    return expected.join(true, on=[*group, "child", "recent", "quarter"], how="full", coalesce=True).with_columns(
        pl.col("expected").fill_null(0.0), pl.col("true").fill_null(0)
    )


def _compared(
    migrations: pl.DataFrame, residents: pl.DataFrame, true_person: pl.DataFrame, truth: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    return pl.concat(
        [
            compare_migrations(migrations, true_person, truth["migrations"]),
            compare_residents(residents, true_person, truth["residents"]),
        ],
        how="diagonal",
    )


def score_people(
    table: Mapping[str, pl.DataFrame],
    truth: Mapping[str, pl.DataFrame],
    who: pl.DataFrame,
    counted_sources: list[str],
    published: Mapping[str, pl.Series],
    data_date: date,
) -> dict[str, pl.DataFrame]:
    """Return the scores of people: those of `classes`, errors by cause with examples, and those of nationality.

    They are `classes`, `tenths`, `anatomy`, `wrong_people` with their `true_presence`, `wrong_nationality` and
    `nationality_tenths`.

    `table` has the run's `TABLES`; `truth` has `people`, `presence`, `migrations` and `residents`; `who` gives the
    true person of each subject. `counted_sources` are those whose records make a person of the run; `published` has
    the last days of the years, and the reference dates, that are published, by measure; `data_date` is the study's.
    """
    true_person = true_person_of(table["clusters"], who)
    compared = _compared(table["migrations"], table["residents"], true_person, truth).join(
        truth["people"].select("person", pl.col("nationality_group").cast(pl.String)),
        on="person",
        how="left",
        maintain_order="left",
    )
    is_published = pl.any_horizontal(
        (pl.col("measure") == measure) & pl.col("time").is_in(days.unique().implode())
        for measure, days in published.items()
    )
    clusters = table["clusters"].filter(pl.col("draw") == 0)
    counted = clusters.filter(pl.col("source").is_in(counted_sources)).join(who, on=["source", "subject_id"])
    groups = counted_people(table["people"], clusters, table["mothers"])
    cases = compared.filter(is_published)
    explained = explained_cases(
        cases, compared, counted, groups, table["stays"], true_stays(truth["presence"], truth["people"])
    )
    wrong = wrong_people(explained)
    return {
        "classes": score_classes(compared, table["late_migrations"]).filter(is_published),
        "tenths": score_tenths(cases),
        "anatomy": anatomy(explained),
        "wrong_people": wrong,
        "true_presence": truth["presence"]
        .join(wrong, on="person", how="semi")
        .select("person", "start", "end")
        .sort("person", "start"),
        "wrong_nationality": wrong_nationality(cases, groups),
        "nationality_tenths": nationality_tenths(
            table["people_nationality"], true_person, truth["people"], data_date
        ),
    }

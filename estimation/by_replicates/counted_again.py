"""Counts and survey lists of drawn people, by the functions that count those of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.by_replicates.drawn_people import DecidedPeople
from estimation.cells import GROSS_FLOWS
from estimation.counted_people import counted_people, people_by_group
from estimation.coverage.factors_again import factors_again
from estimation.coverage.survey import list_counts, people_known, people_on_list, people_surveyed
from estimation.migration_flows import count_migrations
from estimation.nowcast import add_late_migrations, count_late_migrations, expected_moves
from estimation.population_stocks import count_residents
from estimation.vital_events import count_births, count_deaths
from pipeline.study import KnownTotals, Periods

CELL = ["sex", "nationality_group", "cohort", "time"]
MEASURES = ("population", *GROSS_FLOWS, "births", "deaths")


@dataclass(frozen=True)
class Records:
    """What a run knows beside its people, the same in every replicate.

    `births` and `deaths` are those that `count_births` and `count_deaths` read, `answers` those of the coverage
    survey on `survey_day`. `completeness` is the table `flow_completeness` of the run: it has the correction for
    pairs that no rule proposed, which are in no draw of links. `spine` is the source with which links are judged, and
    the weights of the survey are calibrated to `known_totals`.
    """

    births: pl.DataFrame
    deaths: pl.DataFrame
    answers: pl.DataFrame
    completeness: pl.DataFrame
    periods: Periods
    survey_day: date
    spine: str
    known_totals: KnownTotals | None = None


@dataclass(frozen=True)
class SurveyLists:
    """The lists that give coverage factors: the arguments of `estimate_coverage` that people and links decide."""

    counted: pl.DataFrame
    listed: pl.DataFrame
    surveyed: pl.DataFrame
    known: int
    known_totals: KnownTotals | None = None

    def factors(self, coverage: pl.DataFrame, clusters: Floats, recall: Floats) -> Floats:
        """Return the factors of the classes of `coverage` by weights of clusters and recall, (rows, classes)."""
        return factors_again(
            self.counted, self.listed, self.surveyed, self.known, coverage, clusters, recall, self.known_totals
        )


@dataclass(frozen=True)
class CountedAgain:
    """Counts by measure, with `CELL` and `count`, and the lists of the survey's day."""

    counts: Mapping[str, pl.DataFrame]
    lists: SurveyLists


def count_again(decided: DecidedPeople, records: Records) -> CountedAgain:
    """Return the counts of people who are decided, or drawn, as the stage `count` makes them."""
    flow_years, stock_years = records.periods.flow_years, records.periods.stock_years
    counted = counted_people(decided.people, decided.clusters, decided.mothers)
    people = people_by_group(counted, decided.nationality, decided.clusters, decided.mothers)
    moves = expected_moves(decided.migrations, decided.late)
    stocks = add_late_migrations(
        count_residents(decided.residents, people, stock_years), count_late_migrations(moves, people, stock_years)
    )
    flows = count_migrations(moves, people, flow_years, records.completeness).filter(pl.col("period") == "year")
    births = count_births(records.births, decided.clusters, people, decided.stays, flow_years)
    deaths = count_deaths(records.deaths, decided.clusters, people, decided.migrations, decided.stays, flow_years)
    rows = pl.concat(
        [
            one.select("measure", "time", pl.col("sex", "nationality_group").cast(pl.String), "cohort", "count")
            for one in (stocks, flows, births.counts, deaths.counts)
        ],
        how="vertical_relaxed",
    )
    by_year = rows.with_columns(pl.col("measure").cast(pl.String), pl.col("time").dt.year(), pl.col("cohort"))
    counts = {name: by_year.filter(pl.col("measure") == name).select(*CELL, "count") for name in MEASURES}
    return CountedAgain(counts, _lists(decided, people, stocks, records))


def _lists(decided: DecidedPeople, people: pl.DataFrame, stocks: pl.DataFrame, records: Records) -> SurveyLists:
    day = records.survey_day
    listed = people_on_list(decided.residents, people, day)
    known = people_known(decided.clusters, people, decided.residents, listed, records.spine, day)
    surveyed = people_surveyed(records.answers, decided.clusters, listed, known, day)
    return SurveyLists(
        list_counts(stocks, day), listed, surveyed, known["person_id"].n_unique(), records.known_totals
    )


def in_cells(counts: pl.DataFrame, cells: pl.DataFrame) -> Floats:
    """Return the counts of `cells` (`CELL`), in their order; people older than any cell are in the oldest cohort."""
    oldest = int(cells["cohort"].to_numpy().min())
    whole = counts.with_columns(pl.col("cohort", "time").cast(pl.Int32))
    clipped = whole.with_columns(pl.col("cohort").clip(lower_bound=oldest))
    sums = clipped.sort(*CELL, "count").group_by(CELL, maintain_order=True).agg(pl.col("count").sum())
    found = cells.select(CELL).join(sums, on=CELL, how="left", maintain_order="left")
    return found["count"].fill_null(0.0).to_numpy().astype(np.float64)

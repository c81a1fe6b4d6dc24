"""Estimates from drawn inputs: counts, coverage and account as the chain makes them, and their scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from estimation.account.inputs import write_account_inputs
from estimation.account.reconcile import reconcile
from estimation.coverage.estimate import CoverageEstimate, estimate_coverage
from estimation.coverage.survey import as_counted, list_counts, people_on_list, people_surveyed
from estimation.migration_flows import count_migrations
from estimation.nationality_error import nationality_covariance
from estimation.nowcast import add_late_migrations, count_late_migrations
from estimation.population_stocks import count_residents
from estimation.published_tables import published_flows, published_stocks
from estimation.score import score_flows, score_stocks
from flows.estimation_only.drawn_inputs import DrawnInputs, draw_inputs
from flows.estimation_only.measured_rates import read_measured_rates
from flows.estimation_only.world import World, world
from pipeline.study import CoverageSettings, FlowErrors, Periods

COLUMNS = (
    "measure", "period", "time", "sex", "cohort", "nationality_group", "count", "certain", "unfinished",
    "variance_unfinished", "variance_late", "variance_nationality", "provisional",
)  # fmt: skip
"""The columns of `counts` but the definition."""


@dataclass(frozen=True)
class Settings:
    """What the estimates of a study depend on beside its records."""

    periods: Periods = field(default_factory=Periods)
    coverage: CoverageSettings = field(default_factory=CoverageSettings)
    flow_errors: FlowErrors = field(default_factory=FlowErrors)


@dataclass(frozen=True)
class Estimated:
    """Published flows and stocks of one replicate, with their truth: the scores of `estimation.score`."""

    flows: pl.DataFrame
    stocks: pl.DataFrame


@dataclass(frozen=True)
class SomeReplicates:
    """Replicates that one process makes: of one country, with rates of one validation, by their seeds."""

    residents: int
    country_seed: int
    scenario: str
    rates: Path
    seeds: Sequence[int]
    settings: Settings = field(default_factory=Settings)

    def __call__(self) -> list[Estimated]:
        """Simulate the country, and estimate each replicate; returns their scores in the order of the seeds."""
        return list(self._estimated())

    def _estimated(self) -> Iterator[Estimated]:
        settings = self.settings
        rates = read_measured_rates(self.rates, settings.periods)
        country = world(self.residents, self.country_seed, self.scenario, settings.periods)
        for seed in self.seeds:
            inputs = draw_inputs(country, rates, settings.periods, settings.coverage.reference_date, seed)
            yield estimate(country, inputs, rates.completeness, settings, seed)


def estimate(
    country: World, inputs: DrawnInputs, completeness: pl.DataFrame, settings: Settings, seed: int
) -> Estimated:
    """Return the scored flows and stocks that the stages `count` and `account` would publish of these inputs.

    `completeness` says how many migrations each case stands for: the table `flow_completeness`.
    """
    periods = settings.periods
    residents, people, moves = inputs.residents, inputs.people, inputs.moves
    late = count_late_migrations(moves, people, periods.stock_years)
    stocks = add_late_migrations(count_residents(residents, people, periods.stock_years), late)
    flows = count_migrations(moves, people, periods.flow_years, completeness)
    parts = [stocks, flows, country.vital]
    counts = pl.concat([one.select(COLUMNS) for one in parts], how="vertical_relaxed")
    coverage = _coverage(stocks, inputs, settings, seed)
    nationality = nationality_covariance(residents, moves, people)
    with TemporaryDirectory() as folder:
        write_account_inputs(
            periods, settings.flow_errors, counts, coverage.table, coverage.covariance, coverage.ages, nationality,
            Path(folder),
        )  # fmt: skip
        account = reconcile(Path(folder))
    return Estimated(
        score_flows(
            published_flows(account, counts, periods.flow_years, settings.flow_errors),
            country.truth["migrations"],
            country.truth["people"],
        ),
        score_stocks(
            published_stocks(account, counts, periods.stock_years),
            country.truth["residents"],
            country.truth["people"],
        ),
    )


def _coverage(stocks: pl.DataFrame, inputs: DrawnInputs, settings: Settings, seed: int) -> CoverageEstimate:
    day = settings.coverage.reference_date
    listed = people_on_list(inputs.residents, inputs.people, day)
    known = as_counted(inputs.known, inputs.people, inputs.residents, day)
    surveyed = people_surveyed(inputs.answers, inputs.clusters, listed, known, day)
    counted = list_counts(stocks, day)
    return estimate_coverage(counted, listed, surveyed, len(inputs.known), inputs.links, settings.coverage, seed)

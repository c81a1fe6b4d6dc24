"""The estimates of a variant of a run, by measure, period and group of nationality.

`Counted` estimates are people and migrations as the rules decide them. `Published` ones have also gone through
coverage and the account, by the ordinary stages: they are those of the tables `flows` and `stocks`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.counted_people import counted_people, people_by_group
from estimation.exact_sums import exact_sum
from estimation.migration_flows import count_migrations
from estimation.nowcast import add_late_migrations, count_late_migrations, expected_moves
from estimation.population_stocks import count_residents
from estimation.stages import ACCOUNT, COUNT
from flows.stages_again import computed_again
from flows.variants.run_rules import RunRules
from linkage.stages import LINK
from pipeline.errors import UserError
from pipeline.schemas import ALL, NATIONALITY_GROUPS, save
from pipeline.stage import StageRecord
from pipeline.tables import read_table
from publication.row_selection import DIMENSIONS, as_text, measured, yearly
from rules.stages import STAYS
from rules.variants import Decided

MEASURES = (*GROSS_FLOWS, "net", "population")
GROUPS = (ALL, *NATIONALITY_GROUPS)
KEY = ["measure", "period", "group"]
"""What an estimate is of: `period` is the last day of a year, or the reference date of a population."""
TYPES = (pl.String, pl.Date, pl.String)


class Estimates(Protocol):
    """How the people of a variant become estimates."""

    def of(self, decided: Decided) -> pl.DataFrame:
        """Return `measure, period, group, estimate`, in order."""
        ...


class Counted:
    """Estimates as counted from people, in the periods that the run has counted."""

    def __init__(self, base: RunRules) -> None:
        link, counts = base.records[LINK.name].folder, base.records[COUNT.name].folder / "counts.parquet"
        if not counts.exists():
            raise UserError(
                f"{base.run}: the run has no counts, so rules cannot change any. See its report for the reason."
            )
        rows = (
            read_table(counts).filter(pl.col("period") != "quarter").select(pl.col("measure").cast(pl.String), "time")
        )
        self._flow_days, self._stock_days = (
            rows.filter(pl.col("measure").is_in(measures))["time"].unique().sort().to_list()
            for measures in (GROSS_FLOWS, ("population",))
        )
        self._clusters = read_table(link / "clusters.parquet").filter(pl.col("draw") == 0)
        self._mothers = read_table(link / "mothers.parquet")
        self._kept: dict[str, tuple[tuple[pl.DataFrame, ...], pl.DataFrame]] = {}

    def of(self, decided: Decided) -> pl.DataFrame:
        """Return `measure, period, group, estimate`, in order."""
        flow_years, stock_years = ([day.year for day in days] for days in (self._flow_days, self._stock_days))
        known, nationality = decided.people, decided.nationality
        made_from = (decided.migrations, decided.late_migrations)
        moves = self._once("moves", made_from, lambda: expected_moves(*made_from))
        people = self._once("people", (known, nationality), lambda: self._by_group(known, nationality))
        stands_for = decided.flow_completeness
        flows = self._once(
            "flows",
            (moves, people, stands_for),
            lambda: self._flows(count_migrations(moves, people, tuple(flow_years), stands_for)),
        )
        late = self._once("late", (moves, people), lambda: count_late_migrations(moves, people, tuple(stock_years)))
        residents = count_residents(decided.residents, people, tuple(stock_years))
        population = _by_group(add_late_migrations(residents, late), ["population"], self._stock_days)
        return in_order(pl.concat([flows, population]))

    def _by_group(self, known: pl.DataFrame, nationality: pl.DataFrame) -> pl.DataFrame:
        counted = counted_people(known, self._clusters, self._mothers)
        return people_by_group(counted, nationality, self._clusters, self._mothers)

    def _flows(self, counts: pl.DataFrame) -> pl.DataFrame:
        """Return gross flows by group, and net migration."""
        gross = _by_group(counts, GROSS_FLOWS, self._flow_days)
        of = {measure: gross.filter(measure=measure).drop("measure") for measure in GROSS_FLOWS}
        net = of["immigration"].join(of["emigration"], on=["period", "group"]).select(
            pl.lit("net").alias("measure"),
            "period",
            "group",
            estimate=(pl.col("estimate") - pl.col("estimate_right")).round(6),
        )  # fmt: skip
        return pl.concat([gross, net])

    def _once(
        self, name: str, made_from: tuple[pl.DataFrame, ...], compute: Callable[[], pl.DataFrame]
    ) -> pl.DataFrame:
        """Return what is computed from some frames, which is not computed again while they are the same."""
        kept = self._kept.get(name)
        if kept is None or any(one is not other for one, other in zip(kept[0], made_from, strict=True)):
            self._kept[name] = kept = (made_from, compute())
        return kept[1]


class Published:
    """Estimates as the run publishes them: the stages `count` and `account` are run on the people of a variant."""

    def __init__(self, base: RunRules) -> None:
        skip = base.records[ACCOUNT.name].skip
        if skip is not None:
            raise UserError(
                f"{base.run}: publishes no estimates, because {skip.reason}. Add --counted to see what rules count."
            )
        self._base = base

    def of(self, decided: Decided) -> pl.DataFrame:
        """Return `measure, period, group, estimate`, in order."""
        with TemporaryDirectory() as folder:
            return published_estimates(self._account(decided, Path(folder)).folder)

    def _account(self, decided: Decided, folder: Path) -> StageRecord:
        base = self._base
        stays = folder / STAYS.name
        for name, frame in decided.tables.items():
            save(frame, name, stays)
        records = {**base.records, STAYS.name: replace(base.records[STAYS.name], folder=stays)}
        for stage in (COUNT, ACCOUNT):
            records[stage.name] = computed_again(stage, base.study, base.run, records, folder / stage.name)
        return records[ACCOUNT.name]


def published_estimates(folder: Path) -> pl.DataFrame:
    """Return the estimates in the tables `flows` and `stocks` of a folder, of years and of reference dates."""
    flows, stocks = (measured(as_text(read_table(folder / f"{name}.parquet"))) for name in ("flows", "stocks"))
    tables = [yearly(flows).with_columns(period="period_end"), stocks.with_columns(period="reference_date")]
    other = [pl.col(name) == ALL for name in (*DIMENSIONS, "area") if name != "nationality_group"]
    return in_order(
        pl.concat(
            [one.filter(other).select("measure", "period", "estimate", group="nationality_group") for one in tables]
        )
    )


def in_order(estimates: pl.DataFrame) -> pl.DataFrame:
    """Return estimates with their columns and rows in order: measures and groups as they are published."""
    ranks = {"measure": pl.Enum(MEASURES), "group": pl.Enum(GROUPS)}
    return (
        estimates.select(*KEY, "estimate")
        .sort(pl.col("measure").cast(ranks["measure"]), "period", pl.col("group").cast(ranks["group"]))
        .with_columns(pl.col("estimate").cast(pl.Float64))
    )


def _by_group(counts: pl.DataFrame, measures: Sequence[str], days: Sequence[date]) -> pl.DataFrame:
    """Return sums of rows of `counts` by measure, day and group, and over all groups; zero without any row."""
    rows = counts.filter(pl.col("period") != "quarter").select(
        pl.col("measure").cast(pl.String), pl.col("time").alias("period"),
        pl.col("nationality_group").cast(pl.String).alias("group"), "count",
    )  # fmt: skip
    sums = (
        pl.concat([rows, rows.with_columns(group=pl.lit(ALL))]).group_by(KEY).agg(estimate=exact_sum(pl.col("count")))
    )
    cells = pl.DataFrame(
        list(product(measures, days, GROUPS)), schema=dict(zip(KEY, TYPES, strict=True)), orient="row"
    )
    return cells.join(sums, on=KEY, how="left").with_columns(pl.col("estimate").fill_null(0.0))

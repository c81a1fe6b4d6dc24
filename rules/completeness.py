"""How many migrations each expected case stands for: what training studies say of all migrations together.

Calibrated probabilities say how often the cases that rules find are right. Migrations that rules miss altogether have
no probability, so the training studies also tell how many there were for each expected case (`Completeness`), and how
cases lie among the quarters of the year (`Season`): weeks of activity end with the tax year for many people whose
departure nobody saw, and registrations follow arrivals by weeks, so that a quarter gains what its neighbours lose.
"""

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Annotated

import polars as pl
from pydantic import Field, Strict

from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.toml_files import Frozen

DIRECTIONS = ("immigration", "emigration")
QUARTERS = (1, 2, 3, 4)
"""January to March, and so on."""
MINIMUM_MIGRATIONS = 30
"""A group with fewer true migrations has the ratios of all groups."""
RECENT_MONTHS = 18
"""Migrations of so many months before the data date have a completeness of their own: the latest year, and since."""
PRIOR_MIGRATIONS_BY_AGE = 100.0
"""The completeness of children and of grown-ups of a group is drawn towards that of both, as if so many more cases
had it."""
PRIOR_MIGRATIONS = 400.0
"""The completeness of recent and of other migrations is drawn towards that of both likewise, and that of a quarter of
the year towards that of all."""


class Completeness(Frozen):
    """How many migrations of a nationality group there were for each that calibrated probabilities expect.

    More than 1 where rules miss migrations altogether: a migration that nobody records has no probability. Children
    (by their age on the 30 June after) stand on fewer registers. Of `recent` migrations, many of them unknown yet and
    expected by those of the year before, it may be another number.
    """

    direction: str
    nationality_group: str
    child: bool
    recent: bool
    migrations_per_case: float = Field(ge=0.5, le=2)

    @property
    def key(self) -> tuple[str, str, bool, bool]:
        """Whose migrations these are, one of `EACH_COMPLETENESS`."""
        return self.direction, self.nationality_group, self.child, self.recent


class Season(Frozen):
    """How many migrations of a quarter (1 to 4) of the year there were for each that is expected there.

    What is expected is as complete as `Completeness` makes it; the years of the training studies stay as they are.
    """

    direction: str
    nationality_group: str
    quarter: Annotated[int, Strict(), Field(ge=1, le=4)]
    migrations_per_case: float = Field(ge=0.5, le=2)

    @property
    def key(self) -> tuple[str, str, int]:
        """Whose migrations these are, one of `EACH_SEASON`."""
        return self.direction, self.nationality_group, self.quarter


EACH_COMPLETENESS = tuple(product(DIRECTIONS, NATIONALITY_GROUPS, (False, True), (False, True)))
"""What migrations are divided by to say how complete they are: direction, group, whether of a child, and recent."""
EACH_SEASON = tuple(product(DIRECTIONS, NATIONALITY_GROUPS, QUARTERS))


def completeness_of_flows(
    completeness: Sequence[Completeness], seasons: Sequence[Season], data_date: date
) -> pl.DataFrame:
    """Return `direction, nationality_group, child, quarter, from_date, migrations_per_case`; 1 where nothing is said.

    Recent migrations begin at `recent_from(data_date)`.
    """
    known = {one.key: one.migrations_per_case for one in completeness}
    of_season = {one.key: one.migrations_per_case for one in seasons}
    begins = {False: date.min, True: recent_from(data_date)}
    rows = [
        (direction, group, child, quarter, begins[recent],
         known.get((direction, group, child, recent), 1.0) * of_season.get((direction, group, quarter), 1.0))
        for direction, group, child, recent in EACH_COMPLETENESS
        for quarter in QUARTERS
    ]  # fmt: skip
    schema = {
        "direction": pl.String, "nationality_group": pl.String, "child": pl.Boolean, "quarter": pl.Int8,
        "from_date": pl.Date, "migrations_per_case": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("migrations_per_case").round(6))


def recent_from(data_date: date) -> date:
    """Return the first day of recent migrations."""
    return pl.select(pl.lit(data_date).dt.offset_by(f"-{RECENT_MONTHS}mo") + pl.duration(days=1)).item()


def fitted_completeness(flows: pl.DataFrame) -> tuple[Completeness, ...]:
    """Return how many migrations each case stands for, by direction, group, whether of a child, and time.

    `flows` has `direction, nationality_group, child, recent, expected, true` of runs. A group with fewer than
    `MINIMUM_MIGRATIONS` has the ratios of all groups.
    """
    found = []
    for direction, group, child, recent in EACH_COMPLETENESS:
        used = _of_group(flows, direction, group)
        of_group = _true_per_expected(used, 0.0, 1.0)
        of_age = _true_per_expected(used.filter(child=child), PRIOR_MIGRATIONS_BY_AGE, of_group)
        ratio = _true_per_expected(used.filter(child=child, recent=recent), PRIOR_MIGRATIONS, of_age)
        found.append(
            Completeness(
                direction=direction,
                nationality_group=group,
                child=child,
                recent=recent,
                migrations_per_case=_bounded(ratio),
            )
        )
    return tuple(found)


def fitted_seasons(flows: pl.DataFrame, completeness: Sequence[Completeness]) -> tuple[Season, ...]:
    """Return how many migrations of a quarter there were for each that is expected, of a complete year.

    `flows` is that of `fitted_completeness` with the `quarter` (1 to 4). Each ratio is drawn towards that of the year
    by `PRIOR_MIGRATIONS`, and the ratios of a group, weighted by what is expected, average 1.
    """
    ratios = pl.DataFrame([one.model_dump() for one in completeness])
    complete = flows.join(ratios, on=["direction", "nationality_group", "child", "recent"], how="left").with_columns(
        expected=pl.col("expected") * pl.col("migrations_per_case")
    )
    found = []
    for direction, group in product(DIRECTIONS, NATIONALITY_GROUPS):
        used = _of_group(complete, direction, group)
        of_year = _true_per_expected(used, 0.0, 1.0)
        parts = [used.filter(quarter=quarter) for quarter in QUARTERS]
        ratio = [_true_per_expected(part, PRIOR_MIGRATIONS, of_year) for part in parts]
        expected = [float(part["expected"].sum()) for part in parts]
        mean = sum(a * b for a, b in zip(expected, ratio, strict=True)) / sum(expected) if sum(expected) else of_year
        found += [
            Season(
                direction=direction,
                nationality_group=group,
                quarter=quarter,
                migrations_per_case=_bounded(one / mean),
            )
            for quarter, one in zip(QUARTERS, ratio, strict=True)
        ]
    return tuple(found)


def _of_group(flows: pl.DataFrame, direction: str, group: str) -> pl.DataFrame:
    """Return the flows of a group, or of all groups where it has too few."""
    rows = flows.filter(direction=direction)
    own = rows.filter(nationality_group=group)
    return own if own["true"].sum() >= MINIMUM_MIGRATIONS else rows


def _true_per_expected(flows: pl.DataFrame, prior_cases: float, prior: float) -> float:
    """Return true migrations for each expected one, drawn to the `prior` ratio as if so many more cases had it."""
    true, expected = (float(flows[name].sum()) for name in ("true", "expected"))
    cases = expected + prior_cases
    return (true + prior_cases * prior) / cases if cases > 0 else prior


def _bounded(ratio: float) -> float:
    return round(min(max(ratio, 0.5), 2.0), 6)

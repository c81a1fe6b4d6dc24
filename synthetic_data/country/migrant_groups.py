"""Migrant groups: the kinds of households that arrive from abroad, how many, why, and for how long."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
import polars as pl

from synthetic_data.country.tables import table

Purpose = Literal["work", "study", "family", "return", "visit", "protection"]
Route = Literal["work", "study", "family", "visit", "protection", "youth"]
FineGroup = Literal["British", "Irish", "EU14", "EU8", "EU2", "other_EU", "other_EEA", "non_EU"]


@dataclass(frozen=True)
class MigrantGroup:
    """One kind of household that arrives from abroad: how many, why, and for how long.

    `per_1000` is households a year per 1,000 first residents, averaged over 2010 to 2020; `trend` names its course
    over the years (`tables/trends.csv`). A stay is permanent (mean 25 years) with probability `settles`, else
    log-normal with `median_days` and `sigma`, cut to [`shortest`, `longest`]; students stay for their course instead.
    `partners` and `children` are the shares of heads who bring them. The share `returns` comes back after a year
    abroad and on average `mean_absence` more days, and the same share of these once more. `weights` is the column of
    the table of countries from which nationality is drawn, `goes_to` the column of the table of authorities for the
    first home; `overstays` is the share who stay on after their last permission, `registers` the share of heads who
    apply for a National Insurance number.
    """

    name: str
    fine_group: FineGroup
    purpose: Purpose
    per_1000: float
    settles: float
    median_days: float
    sigma: float
    shortest: int
    longest: int
    partners: float
    children: float
    returns: float
    youngest: int
    oldest: int
    weights: Literal["workers", "students", "residents", "protection"]
    trend: str
    route: Route | None
    goes_to: Literal["residents", "newcomers", "students_from_abroad"]
    mean_absence: float
    overstays: float
    registers: float

    @property
    def group(self) -> str:
        """The nationality group of the published tables."""
        return GROUP_OF[self.fine_group]

    @property
    def reason(self) -> str:
        """The reason for which they come, by definitions that ask for it, as a code of permissions.

        Seasonal workers and students on short courses come on a visit, but not for its own sake.
        """
        if self.route == "youth":
            return "youth_mobility"
        return SHORT_REASONS.get(self.name, self.purpose)


SHORT_REASONS = {"eu8_seasonal": "work", "eu2_seasonal": "work", "non_eu_short_study": "study"}
"""What visitors of some migrant groups come for."""
GROUP_OF = {
    "British": "British", "Irish": "Irish", "EU14": "EU", "EU8": "EU", "EU2": "EU", "other_EU": "EU",
    "other_EEA": "EU", "non_EU": "non_EU",
}  # fmt: skip
"""The published group of each fine one; EEA and Swiss nationals move like EU nationals and count as such."""
FINE_GROUPS = tuple(GROUP_OF)
GROUPS = tuple(dict.fromkeys(GROUP_OF.values()))

MIGRANT_GROUPS = tuple(MigrantGroup(**row) for row in table("migrant_groups").iter_rows(named=True))
"""Households that arrive from abroad (`tables/migrant_groups.csv`). Visits of one to twelve months are about twice as
many as long stays; three in four of them end within three months (ONS, Short-term international migration, 2016).
Shorter ones are not simulated."""

RESIDENT = len(MIGRANT_GROUPS)
"""The number in place of a migrant group for households here on the first day, and those that residents found."""
GHOST = RESIDENT + 1
"""The same for people who left before the first day and are still listed by the NHS."""

BACK_FROM_STUDY = replace(
    MIGRANT_GROUPS[0], name="back_from_study", settles=0.4, median_days=700, sigma=0.8, shortest=30
)
"""The later stays of former students: they come back to work."""


@cache
def trend(name: str) -> np.ndarray:
    """Return the share of the arrivals of 2010 to 2020 that falls into each year.

    Romanian and Bulgarian arrivals rise when their labour market opens in 2014, all EU arrivals fall after 2016
    (ONS, rebased series, 2023).
    """
    index = table("trends").filter(pl.col("trend") == name).drop("trend").row(0)
    return np.array(index, dtype=np.float64) / sum(index)

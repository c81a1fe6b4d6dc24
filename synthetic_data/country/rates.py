"""How many come, stay, leave, are born and die: the rates of the simulated country, each with its reason.

`residents` people on 1 January 2010 stand for the 55.46 million of England and Wales. Rates were set so that the
published figures in `targets.toml` come out; where none is published they are assumptions of plausible size.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
import polars as pl

Purpose = Literal["work", "study", "family", "return", "visit", "protection"]
Route = Literal["work", "study", "family", "visit", "protection", "youth"]
FineGroup = Literal["British", "Irish", "EU14", "EU8", "EU2", "other_EU", "other_EEA", "non_EU"]


@cache
def table(name: str) -> pl.DataFrame:
    """Return one of the package's CSV tables."""
    text = (resources.files("synthetic_data.country") / "tables" / f"{name}.csv").read_bytes()
    return pl.read_csv(text, null_values="")


@dataclass(frozen=True)
class Party:
    """One kind of people who arrive together: how many, why, for how long.

    `per_1000` is parties a year for 1,000 first residents, in the mean of 2010 to 2020; `trend` names how it goes up
    and down (`tables/trends.csv`). A stay is for good (mean 25 years) with probability `settles`, else log-normal
    with `median_days` and `sigma`, cut to [`shortest`, `longest`]; students stay for their course instead. `partners`
    and `children` are the shares of heads who bring them. `returns` come back after a year abroad and `mean_absence`
    more days, and so often again. `weights` is the column of the table of countries, `goes_to` that of the table of
    authorities where they live first; `overstays` is the share who stay on after their last permission, `registers`
    that of the heads who want a National Insurance number.
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


GROUP_OF = {
    "British": "British", "Irish": "Irish", "EU14": "EU", "EU8": "EU", "EU2": "EU", "other_EU": "EU",
    "other_EEA": "EU", "non_EU": "non_EU",
}  # fmt: skip
"""The published group of each finer one; EEA and Swiss nationals move as EU nationals do, and count as such."""

PARTIES = tuple(Party(**row) for row in table("parties").iter_rows(named=True))
"""Who arrives from abroad (`tables/parties.csv`). Visits of one to twelve months are about twice the long stays;
three in four of them end within three months (ONS, Short-term international migration, 2016). Shorter ones are not
simulated."""

RESIDENT = len(PARTIES)
"""Party number of the households that live here on the first day, and of those that residents found."""
GHOST = RESIDENT + 1
"""Party number of people who left before the first day, and whom the NHS still lists."""

FIRST_SHARES = {
    "Irish": 0.006, "EU14": 0.0112, "EU8": 0.0160, "EU2": 0.0020, "other_EU": 0.0006, "other_EEA": 0.0008,
    "non_EU": 0.0395,
}  # fmt: skip
"""Of the households on the first day, before the factor of the region; the rest is British. After ONS, Population by
nationality, 2010, and set so that the stocks of 2019 come out."""

NATURALISED = 0.063
"""British people on the first day who were born abroad as nationals of another country."""
NATURALISED_BEFORE = 10
"""Years before the first day by which they had come."""

GHOSTS = 0.047
"""People who left in the years before the first day and are on the lists still, for one resident."""

COURSE_YEARS = {"EU": (0.46, 0.08, 0.34, 0.12), "non_EU": (0.60, 0.09, 0.21, 0.10)}
"""Shares of courses of one to four years: six in ten non-EU students come for a master's year."""

FAMILIES_LEAVE = 0.45
"""Factor of the share of stays that are not for good, where children came along (assumption)."""

STUDENT_EXTENDS, STUDENT_DROPS_OUT = 0.255, 0.015
"""The others leave soon after the course; with second courses, which extend a stay as well, 70% leave and 26%
extend (ONS, Emigration patterns of non-EU students, 2019)."""
STUDENT_LINGERS, PERMITTED_AFTER_COURSE = 250, 110
"""Scale of the days from the end of the course to the departure, and their maximum: one in ten leaves within a week
(same source)."""

BACK_FROM_STUDY = replace(PARTIES[0], name="back_from_study", settles=0.4, median_days=700, sigma=0.8, shortest=30)
"""How former students stay when they come back: to work."""

FERTILITY = ((16, 0.012), (20, 0.058), (25, 0.0999), (30, 0.1127), (35, 0.0642), (40, 0.014), (46, 0.0))
"""Births a year by a woman's age from the given age on, before the factor of the year."""

FERTILITY_OF_YEAR = (1.022, 1.043, 1.048, 1.022, 0.996, 0.973, 0.983, 0.957, 0.912, 0.892, 0.857)
"""Births of 2010 to 2020 rise to 2012 and fall after 2016 (ONS, Births in England and Wales)."""

FERTILITY_BORN_ABROAD = 1.52
"""Factor of women born abroad."""

TWINS = 0.0155
"""Maternities with twins (ONS, Birth characteristics)."""

MORTALITY = {"F": (8.14e-6, 0.1078), "M": (2.025e-5, 0.0995)}
"""Gompertz: hazard a exp(b age) on the first day."""
MORTALITY_OF_YEAR = (1.0, 0.984, 0.989, 0.993, 0.94, 1.042, 1.0, 1.005, 1.014, 0.974, 1.0, 1.0)
"""Factor of the years to June 2010 to 2021: mild winters and hard ones (ONS, Mid-year estimates, deaths)."""
MORTALITY_FALLS = 0.011
"""The fall of mortality at every age in a year."""

BRITISH_EMIGRATION = ((16, 0.0091), (28, 0.0033), (38, 0.0017), (50, 0.0027), (65, 0.0009))
"""Households of British residents that leave in a year, by the age of the head from the given age on."""

FOREIGN_EMIGRATION = {
    "Irish": ((0, 0.025), (5, 0.010), (10, 0.004)),
    "EU": ((0, 0.026), (5, 0.011), (10, 0.005)),
    "non_EU": ((0, 0.045), (5, 0.016), (10, 0.005)),
}
"""Other households, by the years since they came."""

RESIDENTS_RETURN = 0.25
MEAN_RETURN_DAYS = 800
"""Mean days beyond a year until residents who left come back; that of parties stands in their table."""
MEAN_SETTLED_YEARS = 25

MOVES = {"young": 0.22, "settled": 0.07, "migrant": 0.24}
"""Households that change their postcode in a year."""
OTHER_AUTHORITY, OTHER_REGION = 0.50, 0.23
"""Moves that lead into another authority, and among them into another region: about the one in twenty
people a year who change authority (ONS, Mid-year estimates, 2019)."""

MARRIES = 0.6
"""Single people of 20 to 40 who ever move in with somebody whom the simulation knows."""
TAKES_NAME = 0.7
"""Women who take the husband's family name (assumption)."""

NATURALISES_AFTER = 6
"""Years of residence before anybody becomes British."""
NATURALISES = {"Irish": 0.0, "EU": 0.012, "non_EU": 0.09}
"""Households that become British in each year after that (assumption)."""

SETTLED_AFTER = 5
"""Years of residence of a mother after which her children are British from birth."""
BRITISH_FATHER = 0.3
"""Children of foreign mothers who are British by their fathers (assumption)."""

POSTCODE_RESIDENTS = 15


@cache
def trend(name: str) -> np.ndarray:
    """Return the shares of eleven years' arrivals, 2010 to 2020, that fall into each year.

    Romanian and Bulgarian arrivals rise when their labour market opens in 2014, all EU arrivals fall after 2016
    (ONS, rebased series, 2023).
    """
    index = table("trends").filter(pl.col("trend") == name).drop("trend").row(0)
    return np.array(index, dtype=np.float64) / sum(index)

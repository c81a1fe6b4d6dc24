"""How many come, stay, leave, are born and die: the rates of the simulated country, each with its reason.

The scale is that of England and Wales in the years to June 2019 (ONS, Mid-year population estimates and
Provisional long-term international migration estimates, 2016 to 2020): 1.15% of the residents immigrate for
long in a year, 0.75% emigrate, 1.15% are born and 0.9% die.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import polars as pl

Purpose = Literal["work", "study", "family", "return", "visit"]


@cache
def table(name: str) -> pl.DataFrame:
    """Return one of the package's CSV tables."""
    text = (resources.files("synthetic_data") / "tables" / f"{name}.csv").read_bytes()
    return pl.read_csv(text, null_values="")


@dataclass(frozen=True)
class Party:
    """One kind of people who arrive together: how many, why, for how long.

    `per_1000` is parties a year for 1,000 first residents. A stay is for good (mean 25 years) with probability
    `settles`, else log-normal with `median_days` and `sigma`, cut to [`shortest`, `longest`]. Students stay for
    their course instead. `partners` and `children` are the shares of heads who bring them.
    """

    name: str
    group: Literal["British", "Irish", "EU", "non_EU"]
    purpose: Purpose
    per_1000: float
    settles: float = 0.0
    median_days: float = 90.0
    sigma: float = 0.8
    shortest: int = 28
    longest: int = 10_000
    partners: float = 0.0
    children: float = 0.0
    returns: float = 0.05
    youngest: int = 18
    oldest: int = 45
    weights: Literal["workers", "students", "residents"] = "workers"


PARTIES = (
    Party("eu_workers", "EU", "work", 3.4, 0.50, 520, 0.9, partners=0.22, children=0.12, returns=0.08),
    Party("irish_workers", "Irish", "work", 0.22, 0.40, 600, 0.9, partners=0.15, children=0.05, returns=0.08),
    Party("non_eu_workers", "non_EU", "work", 1.15, 0.45, 850, 0.6, 120, partners=0.4, children=0.22, oldest=48),
    Party("non_eu_families", "non_EU", "family", 0.65, 0.85, 900, 0.6, 180, children=0.15, oldest=55),
    Party("eu_students", "EU", "study", 0.75, weights="students", oldest=26),
    Party("non_eu_students", "non_EU", "study", 2.3, weights="students", partners=0.03, oldest=29),
    Party("british_returners", "British", "return", 0.65, 0.85, 800, 0.8, 60, partners=0.35, children=0.2, oldest=60),
    Party("eu_seasonal", "EU", "visit", 3.4, 0.0, 85, 0.7, 28, 335, returns=0.15),
    Party("irish_short", "Irish", "visit", 0.2, 0.0, 85, 0.7, 28, 335, returns=0.15),
    Party("non_eu_visitors", "non_EU", "visit", 4.0, 0.0, 60, 0.6, 28, 178, oldest=65, weights="residents"),
    Party("non_eu_short_study", "non_EU", "visit", 1.0, 0.0, 150, 0.5, 45, 330, oldest=30, weights="students"),
    Party("british_visitors", "British", "visit", 0.8, 0.0, 60, 0.6, 28, 200, oldest=65),
)
"""Who arrives from abroad. The visits of one to twelve months are as many as the long stays; three in four of
them end within three months (ONS, Short-term international migration, 2016)."""

RESIDENT = len(PARTIES)
"""Party number of the households that live here on the first day, and of those that residents found."""

GROUP_SHARES = {"British": 0.934, "Irish": 0.006, "EU": 0.033, "non_EU": 0.027}
"""Of the households on the first day."""

COURSE_YEARS = {"EU": (0.35, 0.05, 0.45, 0.15), "non_EU": (0.47, 0.08, 0.32, 0.13)}
"""Shares of courses of one to four years: nearly half of non-EU students come for a master's year."""

STUDENT_EXTENDS, STUDENT_DROPS_OUT = 0.26, 0.04
"""The others, 70%, leave soon after the course (ONS, Emigration patterns of non-EU students, 2019)."""

BACK_FROM_STUDY = Party("back_from_study", "non_EU", "work", 0.0, 0.4, 700, 0.8, 30)
"""How former students stay when they come back: to work."""

FERTILITY = ((16, 0.012), (20, 0.058), (25, 0.108), (30, 0.122), (35, 0.068), (40, 0.015), (46, 0.0))
"""Births a year by a woman's age from the given age on."""

MORTALITY = {"F": (2.0e-5, 0.0955), "M": (2.9e-5, 0.0955)}
"""Gompertz: hazard a exp(b age)."""

BRITISH_EMIGRATION = ((16, 0.0023), (35, 0.0017), (50, 0.0011), (65, 0.0003))
"""Households of British residents that leave in a year, by the age of the head from the given age on."""

FOREIGN_EMIGRATION = {
    "Irish": ((0, 0.025), (5, 0.010), (10, 0.004)),
    "EU": ((0, 0.04), (5, 0.015), (10, 0.005)),
    "non_EU": ((0, 0.035), (5, 0.012), (10, 0.004)),
}
"""Other households, by the years since they came."""

RESIDENTS_RETURN = 0.25
MEAN_RETURN_DAYS = 800
MEAN_SETTLED_YEARS = 25

MOVES = {"young": 0.20, "settled": 0.07, "migrant": 0.22}
"""Households that change their postcode in a year."""

POSTCODE_RESIDENTS = 15

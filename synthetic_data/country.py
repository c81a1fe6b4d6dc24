"""How many come, stay, leave, are born and die: the rates of the simulated country, each with its reason.

`residents` people on 1 January 2010 stand for the 55.6 million of England and Wales. Rates were set so that the
published figures in `targets.toml` come out; where none is published they are assumptions of plausible size.
"""

from dataclasses import dataclass
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
    text = (resources.files("synthetic_data") / "tables" / f"{name}.csv").read_bytes()
    return pl.read_csv(text, null_values="")


@dataclass(frozen=True)
class Party:
    """One kind of people who arrive together: how many, why, for how long.

    `per_1000` is parties a year for 1,000 first residents, in the mean of 2010 to 2020; `trend` names how it goes
    up and down (`TRENDS`). A stay is for good (mean 25 years) with probability `settles`, else log-normal with
    `median_days` and `sigma`, cut to [`shortest`, `longest`]. Students stay for their course instead. `partners`
    and `children` are the shares of heads who bring them; `returns` come back after more than a year abroad, and
    so often again. `goes_to` is the column of the table of authorities that says where they live first.
    """

    name: str
    fine_group: FineGroup
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
    weights: Literal["workers", "students", "residents", "protection"] = "workers"
    trend: str = "level"
    route: Route | None = None
    goes_to: Literal["residents", "newcomers", "students"] = "newcomers"
    overstays: float = 0.0

    @property
    def group(self) -> str:
        """The nationality group of the published tables."""
        return GROUP_OF[self.fine_group]


GROUP_OF = {
    "British": "British", "Irish": "Irish", "EU14": "EU", "EU8": "EU", "EU2": "EU", "other_EU": "EU",
    "other_EEA": "EU", "non_EU": "non_EU",
}  # fmt: skip
"""The published group of each finer one; EEA and Swiss nationals move as EU nationals do, and count as such."""

TRENDS = {
    "level": (1.0,) * 11,
    "EU14": (0.75, 0.85, 0.85, 1.0, 1.2, 1.3, 1.3, 1.1, 1.0, 0.95, 0.7),
    "EU8": (1.3, 1.3, 1.1, 1.15, 1.25, 1.2, 1.1, 0.85, 0.65, 0.6, 0.5),
    "EU2": (0.3, 0.35, 0.4, 0.6, 1.35, 1.5, 1.6, 1.5, 1.3, 1.2, 0.9),
    "non_EU": (1.1, 1.1, 0.95, 0.85, 0.9, 0.95, 0.9, 0.95, 1.05, 1.2, 1.05),
    "students": (0.95, 1.0, 0.95, 0.95, 0.97, 0.97, 0.97, 1.0, 1.05, 1.15, 1.04),
}
"""Arrivals of each year from 2010 to 2020 against their mean: the rise of Romanian and Bulgarian arrivals when their
labour market opened in 2014, the fall of all EU arrivals after 2016 (ONS, rebased series, 2023)."""

PARTIES = (
    Party(
        "eu14_workers", "EU14", "work", 1.70, 0.32, 560, 0.9, partners=0.18, children=0.08, returns=0.08, trend="EU14"
    ),
    Party(
        "eu8_workers", "EU8", "work", 1.25, 0.50, 520, 0.9, partners=0.25, children=0.15, returns=0.08, trend="EU8"
    ),
    Party(
        "eu2_workers", "EU2", "work", 1.15, 0.52, 520, 0.9, partners=0.25, children=0.15, returns=0.08, trend="EU2"
    ),
    Party("other_eu_workers", "other_EU", "work", 0.05, 0.40, 520, 0.9, partners=0.2, children=0.1, trend="EU14"),
    Party("other_eea_workers", "other_EEA", "work", 0.06, 0.30, 520, 0.9, partners=0.2, children=0.1, trend="EU14"),
    Party("irish_workers", "Irish", "work", 0.22, 0.40, 600, 0.9, partners=0.15, children=0.05, returns=0.08),
    Party("eu_circular", "EU8", "work", 0.15, 0.0, 520, 0.2, 370, 800, returns=0.85, trend="EU8"),
    Party(
        "non_eu_workers",
        "non_EU",
        "work",
        0.95,
        0.36,
        850,
        0.6,
        120,
        partners=0.4,
        children=0.22,
        oldest=48,
        trend="non_EU",
        route="work",
        overstays=0.01,
    ),
    Party("youth_mobility", "non_EU", "work", 0.32, 0.02, 560, 0.4, 90, 720, oldest=30, route="youth"),
    Party(
        "non_eu_families",
        "non_EU",
        "family",
        0.65,
        0.82,
        900,
        0.6,
        180,
        children=0.15,
        oldest=55,
        route="family",
        trend="non_EU",
        overstays=0.005,
    ),
    Party(
        "refugees",
        "non_EU",
        "protection",
        0.28,
        0.72,
        600,
        0.7,
        180,
        partners=0.2,
        children=0.2,
        oldest=50,
        weights="protection",
        route="protection",
    ),
    Party("eu_students", "EU14", "study", 0.62, weights="students", oldest=26, trend="students", goes_to="students"),
    Party("eu8_students", "EU8", "study", 0.10, weights="students", oldest=26, trend="students", goes_to="students"),
    Party("eu2_students", "EU2", "study", 0.17, weights="students", oldest=26, trend="students", goes_to="students"),
    Party(
        "non_eu_students",
        "non_EU",
        "study",
        2.35,
        weights="students",
        partners=0.03,
        oldest=29,
        trend="students",
        route="study",
        goes_to="students",
        overstays=0.01,
    ),
    Party(
        "british_returners",
        "British",
        "return",
        0.78,
        0.70,
        800,
        0.8,
        60,
        partners=0.35,
        children=0.2,
        oldest=60,
        goes_to="residents",
    ),
    Party("eu_seasonal", "EU8", "visit", 1.5, 0.0, 110, 0.6, 28, 335, returns=0.2, trend="EU8"),
    Party("eu2_seasonal", "EU2", "visit", 1.7, 0.0, 110, 0.6, 28, 335, returns=0.2, trend="EU2"),
    Party("eu_visitors", "EU14", "visit", 5.8, 0.0, 62, 0.65, 28, 335, returns=0.1, weights="residents"),
    Party("irish_short", "Irish", "visit", 0.3, 0.0, 85, 0.7, 28, 335, returns=0.15),
    Party(
        "non_eu_visitors",
        "non_EU",
        "visit",
        8.0,
        0.0,
        55,
        0.6,
        28,
        178,
        oldest=65,
        weights="residents",
        route="visit",
        overstays=0.004,
    ),
    Party(
        "non_eu_short_study",
        "non_EU",
        "visit",
        1.0,
        0.0,
        150,
        0.5,
        45,
        330,
        oldest=30,
        weights="students",
        route="visit",
    ),
    Party("british_visitors", "British", "visit", 2.0, 0.0, 60, 0.6, 28, 200, oldest=65, goes_to="residents"),
)
"""Who arrives from abroad. Visits of one to twelve months are about twice the long stays; three in four of
them end within three months (ONS, Short-term international migration, 2016). Shorter ones are not simulated."""

RESIDENT = len(PARTIES)
"""Party number of the households that live here on the first day, and of those that residents found."""
GHOST = RESIDENT + 1
"""Party number of people who left before the first day, and whom the NHS still lists."""

FIRST_SHARES = {
    "Irish": 0.006, "EU14": 0.0150, "EU8": 0.0165, "EU2": 0.0020, "other_EU": 0.0006, "other_EEA": 0.0008,
    "non_EU": 0.0395,
}  # fmt: skip
"""Of the people of England and Wales on the first day (ONS, Population by nationality, 2010); the rest is British."""

NATURALISED = 0.045
"""British people on the first day who were born abroad as nationals of another country."""
NATURALISED_BEFORE = 10
"""Years before the first day by which they had come."""

GHOSTS = 0.045
"""People who left in the years before the first day and are on the lists still, for one resident."""

COURSE_YEARS = {"EU": (0.35, 0.05, 0.45, 0.15), "non_EU": (0.47, 0.08, 0.32, 0.13)}
"""Shares of courses of one to four years: nearly half of non-EU students come for a master's year."""

STUDENT_EXTENDS, STUDENT_DROPS_OUT = 0.26, 0.04
"""The others, 70%, leave soon after the course (ONS, Emigration patterns of non-EU students, 2019)."""

BACK_FROM_STUDY = Party("back_from_study", "non_EU", "work", 0.0, 0.4, 700, 0.8, 30)
"""How former students stay when they come back: to work."""

FERTILITY = ((16, 0.012), (20, 0.058), (25, 0.100), (30, 0.113), (35, 0.064), (40, 0.014), (46, 0.0))
"""Births a year by a woman's age from the given age on, before the factor of the year."""

FERTILITY_OF_YEAR = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""Births of 2010 to 2020 rise to 2012 and fall after 2016 (ONS, Births in England and Wales)."""

FERTILITY_BORN_ABROAD = 1.15
"""Factor of women born abroad."""

TWINS = 0.0155
"""Maternities with twins (ONS, Birth characteristics)."""

MORTALITY = {"F": (2.0e-5, 0.0955), "M": (2.9e-5, 0.0955)}
"""Gompertz: hazard a exp(b age)."""

BRITISH_EMIGRATION = ((16, 0.0031), (35, 0.0024), (50, 0.0015), (65, 0.0004))
"""Households of British residents that leave in a year, by the age of the head from the given age on."""

FOREIGN_EMIGRATION = {
    "Irish": ((0, 0.025), (5, 0.010), (10, 0.004)),
    "EU": ((0, 0.04), (5, 0.015), (10, 0.005)),
    "non_EU": ((0, 0.045), (5, 0.016), (10, 0.005)),
}
"""Other households, by the years since they came."""

RESIDENTS_RETURN = 0.25
MEAN_RETURN_DAYS = 800
MEAN_SETTLED_YEARS = 25

MOVES = {"young": 0.22, "settled": 0.07, "migrant": 0.24}
"""Households that change their postcode in a year."""
OTHER_AUTHORITY, OTHER_REGION = 0.50, 0.23
"""Moves that lead into another authority, and among them into another region (ONS, Internal migration, 2010s)."""

MARRIES = 0.6
"""Single people of 20 to 40 who ever move in with somebody whom the simulation knows."""
TAKES_NAME = 0.7
"""Women who take the husband's family name (assumption)."""

NATURALISES_AFTER = 6
"""Years of residence before anybody becomes British."""
NATURALISES = {"Irish": 0.0, "EU": 0.012, "non_EU": 0.09}
"""Adults who become British in each year after that (Home Office, Citizenship grants)."""

POSTCODE_RESIDENTS = 15


def trend(name: str) -> np.ndarray:
    """Return the shares of eleven years' arrivals that fall into each year."""
    index = np.array(TRENDS[name])
    return index / index.sum()

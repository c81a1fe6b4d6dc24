"""How many come, stay, leave, are born and die: the rates of the simulated country, each with its reason.

`residents` people on 1 January 2010 represent the 55.46 million of England and Wales. Rates were set to reproduce the
published figures in `benchmarks/targets.toml`; where nothing is published they are assumptions of plausible size.
"""

import numpy as np

from synthetic_data.numbers.draws import Floats

FIRST_SHARES = {
    "Irish": 0.006, "EU14": 0.0112, "EU8": 0.0160, "EU2": 0.0020, "other_EU": 0.0006, "other_EEA": 0.0008,
    "non_EU": 0.0395,
}  # fmt: skip
"""Shares of households on the first day, before the factor of the region; the others are British. After ONS,
Population by nationality, 2010, and set to reproduce the stocks of 2019."""

NATURALISED = 0.063
"""British people on the first day who were born abroad as nationals of another country."""
NATURALISED_BEFORE = 10
"""Years before the first day by which they had come."""

GHOSTS = 0.047
"""People who left before the first day and are still on the lists, per resident."""

COURSE_YEARS = {"EU": (0.46, 0.08, 0.34, 0.12), "non_EU": (0.60, 0.09, 0.21, 0.10)}
"""Shares of courses of one to four years: six in ten non-EU students come for a master's year."""

FAMILIES_LEAVE = 0.45
"""Factor of the share of stays that are not permanent, for those who bring children (assumption)."""

STUDENT_EXTENDS, STUDENT_DROPS_OUT = 0.255, 0.015
"""The others leave soon after the course; counting second courses, which also extend a stay, 70% leave and 26%
extend (ONS, Emigration patterns of non-EU students, 2019)."""
STUDENT_LINGERS, PERMITTED_AFTER_COURSE = 250, 110
"""Scale of the days from the end of the course to the departure, and their maximum: one in ten leaves within a week
(same source)."""

FERTILITY = ((16, 0.012), (20, 0.058), (25, 0.0999), (30, 0.1127), (35, 0.0642), (40, 0.014), (46, 0.0))
"""Births a year from the given age of a woman, before the factor of the year."""

FERTILITY_OF_YEAR = (1.022, 1.043, 1.048, 1.022, 0.996, 0.973, 0.983, 0.957, 0.912, 0.892, 0.857)
"""Births of 2010 to 2020 rise to 2012 and fall after 2016 (ONS, Births in England and Wales)."""

FERTILITY_BORN_ABROAD = 1.52
"""Factor of women born abroad."""

TWINS = 0.0155
"""Maternities with twins (ONS, Birth characteristics)."""

MORTALITY = {"F": (8.14e-6, 0.1078), "M": (2.025e-5, 0.0995)}
"""Gompertz: hazard a exp(b age) on the first day."""
MORTALITY_OF_YEAR = (1.0, 0.984, 0.989, 0.993, 0.94, 1.042, 1.0, 1.005, 1.014, 0.974, 1.0, 1.0)
"""Factor of the years to June 2010 to 2021: mild and hard winters (ONS, Mid-year estimates, deaths)."""
MORTALITY_FALLS = 0.011
"""Yearly fall of mortality at every age."""

BRITISH_EMIGRATION = ((16, 0.0091), (28, 0.0033), (38, 0.0017), (50, 0.0027), (65, 0.0009))
"""Share of British households that leave in a year, from the given age of the head."""

FOREIGN_EMIGRATION = {
    "Irish": ((0, 0.025), (5, 0.010), (10, 0.004)),
    "EU": ((0, 0.026), (5, 0.011), (10, 0.005)),
    "non_EU": ((0, 0.045), (5, 0.016), (10, 0.005)),
}
"""The same for other households, from the given number of years since they came."""

RESIDENTS_RETURN = 0.25
MEAN_RETURN_DAYS = 800
"""Mean days beyond a year until residents who left come back; for migrant groups see their table."""
MEAN_SETTLED_YEARS = 25

MOVES = {"young": 0.22, "settled": 0.07, "migrant": 0.24}
"""Share of households that change their postcode in a year."""
OTHER_AUTHORITY, OTHER_REGION = 0.50, 0.23
"""Shares of moves to another authority, and among them to another region: about one person in twenty changes
authority in a year (ONS, Mid-year estimates, 2019)."""

MARRIES = 0.6
"""Share of single people of 20 to 40 who ever move in with another simulated person."""
TAKES_NAME = 0.7
"""Share of women who take the husband's family name (assumption)."""

NATURALISES_AFTER = 6
"""Minimum years of residence before naturalisation."""
NATURALISES = {"Irish": 0.0, "EU": 0.012, "non_EU": 0.09}
"""Share of households that become British in each year after that (assumption)."""

SETTLED_AFTER = 5
"""Years of a mother's residence after which her children are British from birth."""
BRITISH_FATHER = 0.3
"""Share of children of foreign mothers who are British through their fathers (assumption)."""

POSTCODE_RESIDENTS = 15


def at_steps(steps: tuple[tuple[int, float], ...], values: Floats) -> Floats:
    """Return the rate of the last step at or below each value; 0 below the first."""
    index = np.searchsorted([start for start, _ in steps], values, side="right")
    return np.array([0.0, *(rate for _, rate in steps)])[index]

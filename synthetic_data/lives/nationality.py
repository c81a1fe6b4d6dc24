"""Nationality: who becomes British, and who needs a visa."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.rates import BRITISH_FATHER, NATURALISES, NATURALISES_AFTER, SETTLED_AFTER
from synthetic_data.lives.membership import is_here
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, YEAR
from synthetic_data.numbers.draws import Days, draws, exponential


def naturalisations(seed: int, households: pl.DataFrame, people: pl.DataFrame) -> Days:
    """Return the day on which each person becomes British here, or `NEVER`; households do so together."""
    home = people["household"].to_numpy()
    key, arrive = households["key"].to_numpy(), households["arrive"].to_numpy()
    rate = np.zeros(len(key))
    for group, a_year in NATURALISES.items():
        rate[(households["group"] == group).to_numpy()] = a_year
    waits = exponential(draws(seed, "naturalisation", key), 1 / np.maximum(rate, 1e-9))
    earliest = np.maximum(arrive + NATURALISES_AFTER * YEAR, FIRST_DAY)
    on = np.where(rate > 0, np.minimum(earliest + waits * YEAR, NEVER), NEVER).astype(np.int64)
    on = np.where((on <= LAST_DAY) & is_here(households, np.arange(len(key)), on), on, NEVER)
    foreign = (people["group"] != "British").to_numpy()
    birth, mother = people["birth"].to_numpy(), people["mother"].to_numpy()
    becomes = np.where(foreign & (birth < on[home]), on[home], NEVER)
    # a child born here to a settled mother, or to a British father, is British from birth
    settled = arrive[home] < birth - SETTLED_AFTER * YEAR
    settled |= draws(seed, "british father", people["person"].to_numpy()) < BRITISH_FATHER
    settled |= np.where(mother >= 0, becomes[np.maximum(mother, 0)], NEVER) <= birth
    return np.where(foreign & (mother >= 0) & settled, birth, becomes)


def visa_nationals(people: pl.DataFrame) -> NDArray[np.bool_]:
    """Return who needs a visa: non-EU nationals, except children born in the country, who have no visa to show."""
    return ((people["group"] == "non_EU") & (people["country_of_birth"] != "GB")).to_numpy()

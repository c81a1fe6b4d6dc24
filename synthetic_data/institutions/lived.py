"""What sources ask of true lives beside stays and addresses, one answer for each person."""

import numpy as np
import polars as pl

from synthetic_data.lives.lives import Lives
from synthetic_data.lives.studies import ONWARD
from synthetic_data.numbers.days import NEVER
from synthetic_data.numbers.draws import Days


def naturalised(lives: Lives) -> Days:
    """Return the day on which each person becomes British, or `NEVER`."""
    return lives.people["naturalised"].to_numpy()


def course_ends(lives: Lives) -> tuple[Days, Days]:
    """Return the last days of the first and the onward course of each person's household from abroad, or `NEVER`."""
    home = lives.people["household"].to_numpy()
    second = lives.courses.filter((pl.col("course") == ONWARD) & ~pl.col("home"))
    onward = np.full(len(lives.households), NEVER)
    onward[home[second["row"].to_numpy()]] = second["end"].to_numpy()
    return lives.households["course_end"].to_numpy()[home], onward[home]

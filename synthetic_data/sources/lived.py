"""What sources ask of true lives beside stays and addresses, one answer for each person."""

import numpy as np
import polars as pl

from synthetic_data.days import NEVER
from synthetic_data.draws import Days
from synthetic_data.education import ONWARD
from synthetic_data.residence import Lives


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

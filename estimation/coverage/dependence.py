"""How far the estimate of residents depends on the list and the survey being independent.

A dual-system estimate takes people to answer the survey alike whether the list contains them or not. Who is missed by
one tends to be missed by the other, and then it is too low. No two lists show by how much: the odds ratio between
both is declared, and what it would change is a matter of arithmetic (Y. M. M. Bishop, S. E. Fienberg and P. W.
Holland, Discrete Multivariate Analysis, 1975, section 6.2; for its size in a census J. Brown, O. Abbott and I.
Diamond 2006, J. Royal Statistical Society A 169).
"""

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.cells import DIVISIONS, cells_of_classes
from estimation.coverage.lists import Lists
from estimation.exact_sums import exact_sum
from pipeline.schemas import ALL

ODDS_RATIOS = (1.0, 1.5, 2.0)
"""Odds ratios between being on the list and answering for which residents are shown."""


def missed_by_both(lists: Lists, factor: Floats) -> Floats:
    """Return how many residents list and survey miss together, for each resident estimated, by class.

    Of N residents estimated the share c is on the trimmed list, and the share p answers, so N (1 - c)(1 - p) are
    missed by both, if both are independent. In a table of two by two with the odds ratio t, and the same other cells,
    they are t times as many: then there are N (1 + (t - 1)(1 - c)(1 - p)) residents, and (1 - c)(1 - p) is also the
    derivative of log N by log t at t = 1.
    """
    residents = np.maximum(factor * lists.full, 1e-9)
    on_list, answering = (np.clip(one / residents, 0, 1) for one in (lists.trimmed, lists.represented))
    return (1 - on_list) * (1 - answering)


def dependence_sensitivity(coverage: pl.DataFrame, counted: pl.DataFrame, missed: Floats) -> pl.DataFrame:
    """Return the table `dependence_sensitivity`: residents by nationality group at each of `ODDS_RATIOS`.

    `coverage` is the table, `counted` (`DIVISIONS`, `count`) the population that its factors multiply, and `missed`
    that of `missed_by_both`, in the order of the table. The odds ratio is the same in all classes.
    """
    of_class = coverage.select("survey_date", "coverage_class", "factor", missed=missed)
    residents = (
        cells_of_classes(coverage)
        .join(of_class, on="coverage_class")
        .join(counted.select(*DIVISIONS, "count"), on=DIVISIONS)
        .select(
            "survey_date", "nationality_group", residents=pl.col("count") * pl.col("factor"), missed=pl.col("missed")
        )
    )
    both = pl.concat([residents, residents.with_columns(nationality_group=pl.lit(ALL))])
    independent = exact_sum(pl.col("residents"))
    sums = both.group_by("survey_date", "nationality_group").agg(
        residents=independent, missed=exact_sum(pl.col("residents") * pl.col("missed"))
    )
    more = (pl.col("odds_ratio") - 1) * pl.col("missed")
    return (
        sums.join(pl.DataFrame({"odds_ratio": ODDS_RATIOS}), how="cross")
        .select(
            "survey_date",
            "odds_ratio",
            "nationality_group",
            estimated=(pl.col("residents") + more).round(6),
            relative_change=pl.when(pl.col("residents") > 0).then(more / pl.col("residents")).otherwise(0.0).round(9),
        )
        .sort("survey_date", "odds_ratio", "nationality_group")
    )

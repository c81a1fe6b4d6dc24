"""How coverage differs between the single ages of a class: a factor of each age relative to that of its class.

Lists do not know all ages of a class alike: at 18 people leave Child Benefit and the school, at 65 they draw a
pension. With one factor for all ages a cohort would seem to jump, and the account, which follows cohorts, would take
the jump for an error of the whole class. So an age has the share of its own survey people found on the list, drawn
towards that of its class as far as ages differ no more than by chance (empirical Bayes; Efron and Morris, Data
analysis using Stein's estimator, 1975; between-age variance by the method of moments, Cochran 1977, Sampling
Techniques, section 8.4).
"""

import polars as pl

from estimation.cells import DIVISIONS, age_group, cells_of_classes
from estimation.exact_sums import exact_sum
from pipeline.schemas import AGE_GROUPS

OLDEST = 130
KEY = ["sex", "nationality_group", "age"]


def coverage_of_ages(surveyed: pl.DataFrame, coverage: pl.DataFrame) -> pl.DataFrame:
    """Return `KEY, relative_factor, relative_sd` of all ages of all cells.

    `surveyed` is that of `people_surveyed`, `coverage` the table. Factors of ages keep the residents of their class;
    `relative_sd` is what is left of the differences between its ages. Where the factors of neighbouring age groups
    differ by d, the first and the last age of each may already be like the other: any factor between both is as
    likely, which has the variance d^2 / 12.
    """
    cells = _cells(coverage)
    of_class = _of_classes(surveyed, cells)
    ages = pl.DataFrame({"age": pl.int_range(0, OLDEST + 1, dtype=pl.Int32, eager=True)})
    own = (
        ages.with_columns(age_group(pl.col("age")))
        .join(cells, on="age_group")
        .join(of_class.select("coverage_class", "between").unique(), on="coverage_class", how="left")
        .join(
            of_class.select("coverage_class", "age", "weight", "relative_factor"),
            on=["coverage_class", "age"],
            how="left",
        )
        .with_columns(pl.col("between", "weight").fill_null(0.0), pl.col("relative_factor").fill_null(1.0))
        .sort(KEY)
    )
    factor, other = pl.col("factor"), ["sex", "nationality_group"]
    jumps = [factor.shift(step).over(other) / factor - 1 for step in (1, -1)]
    edge = pl.sum_horizontal(jump.fill_null(0.0) ** 2 for jump in jumps) / 12
    variance = (pl.col("between") + edge) * (1 - pl.col("weight"))
    return own.with_columns(relative_sd=variance.sqrt()).select(
        *KEY, pl.col("relative_factor", "relative_sd").round(9)
    )


def _cells(coverage: pl.DataFrame) -> pl.DataFrame:
    """Return `coverage_class, factor` of every sex, age group and nationality group."""
    cells = cells_of_classes(coverage).filter(pl.col("age_group").is_in(AGE_GROUPS))
    factors = coverage.select("coverage_class", "factor")
    return cells.join(factors, on="coverage_class", how="left", maintain_order="left")


def _of_classes(surveyed: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return, by class and age of its survey people, the relative factor and the `weight` of the age's own share.

    `between` is the relative variance of the share on the list between the ages of the class, beyond chance. People
    count by their share q in a group; sum q^2 / sum q of them vary by chance as one whole person does. People whose
    age by the list is of another group are left out.
    """
    q, n, found = pl.col("share"), pl.col("people"), pl.col("found")
    by_age = (
        surveyed.with_columns(own_group=age_group(pl.col("age")))
        .filter(pl.col("own_group") == pl.col("age_group"))
        .join(cells.select("coverage_class", *DIVISIONS), on=DIVISIONS)
        .group_by("coverage_class", age=pl.col("age").cast(pl.Int32))
        .agg(people=exact_sum(q), found=exact_sum(q.filter("listed")), squares=exact_sum(q**2))
        .filter(n > 0)
        .sort("coverage_class", "age")
    )
    total = n.sum().over("coverage_class")
    share = found.sum().over("coverage_class") / total
    chance = (pl.col("squares") / n).sum().over("coverage_class") - pl.col("squares").sum().over(
        "coverage_class"
    ) / total
    excess = (n * (found / n - share) ** 2).sum().over("coverage_class") - chance * share * (1 - share)
    coefficient = total - (n**2).sum().over("coverage_class") / total
    between = pl.when((coefficient > 0) & (share > 0)).then(excess.clip(lower_bound=0.0) / coefficient).otherwise(0.0)
    by_age = by_age.with_columns(share_of_class=share, between=between)
    share, between = pl.col("share_of_class"), pl.col("between")
    own_variance = share * (1 - share) * pl.col("squares") / n**2
    weight = pl.when(between > 0).then(between / (between + own_variance)).otherwise(0.0)
    by_age = by_age.with_columns(weight=weight).with_columns(
        relative_factor=share / (share + pl.col("weight") * (found / n - share))
    )
    kept = found.sum().over("coverage_class") / (found * pl.col("relative_factor")).sum().over("coverage_class")
    return by_age.with_columns(
        relative_factor=(pl.col("relative_factor") * kept).fill_nan(1.0),
        between=pl.when(share > 0).then(between / share**2).otherwise(0.0),
    )

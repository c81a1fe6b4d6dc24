"""How coverage differs between the single ages of a class: a factor of each age relative to that of its class.

Lists do not know all ages of a class alike: at 18 people leave Child Benefit and the school, at 65 they draw a
pension. With one factor for all ages a cohort would seem to jump, and the account, which follows cohorts, would take
the jump for an error of the whole class. An age that counts X people by their probabilities, L of them by those whom
the list says are residents, and of whose n survey people m are found among these, has L n / m residents, so that the
count covers

    g = (X / L) (m / n)

of them. X / L is known: where a list is less sure of an age, it says yes less often and counts more people at less
than one. Where it says yes to next to nobody X / L may be anything, so it is drawn towards that of the class by
`PRIOR_LISTED` people, and no age is covered more than `FARTHEST` times better or worse than its class: else one age
of which a list counts a hundredth of a person decides for all. By chance g varies as m / n does around the share of
all residents of the age, and as X does: by the list's own variance for each resident (`coverage.list_errors`). So g
is drawn towards that of its class as far as ages differ no more than by chance (empirical Bayes; Efron and Morris,
Data analysis using Stein's estimator, 1975; between-age variance by the method of moments, Cochran 1977, Sampling
Techniques, section 8.4).
"""

import polars as pl

from estimation.cells import DIVISIONS, age_group, cells_of_classes
from estimation.exact_sums import exact_sum
from pipeline.schemas import AGE_GROUPS

OLDEST = 130
PRIOR_LISTED = 5.0
"""How many are counted for each whom a list calls resident is drawn towards the class by so many people."""
FARTHEST = 2.0
"""How many times better or worse than its class the coverage of a single age can be."""
CLASS = "coverage_class"
KEY = ["sex", "nationality_group", "age"]


def coverage_of_ages(
    surveyed: pl.DataFrame, counted: pl.DataFrame, listed: pl.DataFrame, coverage: pl.DataFrame
) -> pl.DataFrame:
    """Return `KEY, relative_factor, relative_sd` of all ages of all cells.

    `surveyed`, `counted` and `listed` are those of `coverage.survey`, `coverage` is the table. Factors of ages keep
    the residents of their class; `relative_sd` is what is left of the differences between its ages. Where the factors
    of neighbouring age groups differ by d, the first and the last age of each may already be like the other: any
    factor between both is as likely, which has the variance d^2 / 12.
    """
    cells = _cells(coverage)
    of_class = _of_classes(surveyed, _on_lists(counted, listed, cells), cells, coverage)
    ages = pl.DataFrame({"age": pl.int_range(0, OLDEST + 1, dtype=pl.Int32, eager=True)})
    own = (
        ages.with_columns(age_group(pl.col("age")))
        .join(cells, on="age_group")
        .join(of_class.select(CLASS, "between").unique(), on=CLASS, how="left")
        .join(
            of_class.select(CLASS, "age", "weight", "relative_factor"),
            on=[CLASS, "age"],
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
    factors = coverage.select(CLASS, "factor")
    return cells.join(factors, on=CLASS, how="left", maintain_order="left")


def _on_lists(counted: pl.DataFrame, listed: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return `coverage_class, age`, how many the list counts, `full`, and how many of these it says are residents."""
    sums = [
        frame.join(cells.select(CLASS, *DIVISIONS), on=DIVISIONS)
        .group_by(CLASS, pl.col("age").cast(pl.Int32))
        .agg(exact_sum(number).alias(name))
        for frame, number, name in (
            (counted, pl.col("count"), "full"),
            (listed, pl.col("share") * pl.col("probability"), "listed"),
        )
    ]
    return sums[0].join(sums[1], on=[CLASS, "age"], how="left").with_columns(pl.col("listed").fill_null(0.0))


def _of_classes(
    surveyed: pl.DataFrame, on_lists: pl.DataFrame, cells: pl.DataFrame, coverage: pl.DataFrame
) -> pl.DataFrame:
    """Return, by class and age of the list, the relative factor and the `weight` of the age's own coverage.

    `between` is the relative variance of coverage between the ages of the class, beyond chance. Survey people
    count by their share q in a group; sum q^2 / sum q of them vary by chance as one whole person does, and those who
    answered leave no doubt about themselves. People whose age by the list is of another group are left out.
    """
    q, n, found = pl.col("share"), pl.col("people"), pl.col("found")
    asked = (
        surveyed.with_columns(own_group=age_group(pl.col("age")))
        .filter(pl.col("own_group") == pl.col("age_group"))
        .join(cells.select(CLASS, *DIVISIONS), on=DIVISIONS)
        .group_by(CLASS, age=pl.col("age").cast(pl.Int32))
        .agg(people=exact_sum(q), found=exact_sum(q.filter("listed")), squares=exact_sum(q**2))
    )
    not_asked = (1 - pl.col("surveyed") / pl.col("estimated")).clip(0, 1).fill_nan(1.0)
    by_age = (
        on_lists.join(asked, on=[CLASS, "age"], how="left")
        .join(coverage.select(CLASS, "list_variance", not_asked=not_asked), on=CLASS)
        .with_columns(known=(n > 0) & (pl.col("listed") > 0))
        .sort(CLASS, "age")
    )
    of_class = (found.sum() / n.sum()).over(CLASS)
    full, listed_people = pl.col("full"), pl.col("listed")
    usual_of_class = (full.sum() / listed_people.sum()).over(CLASS)
    of_known = by_age.filter("known").with_columns(
        share=found / n,
        times=(full + PRIOR_LISTED * usual_of_class) / (listed_people + PRIOR_LISTED),
        squared=pl.col("squares") / n**2,
        of_class=of_class,
    )
    # what chance is, few people of an age cannot say: all of them found would then be taken as certain
    share, squared = pl.col("share"), pl.col("squared")
    alike = _towards_class(share, of_class * (1 - of_class) * squared)
    usual = (n * pl.col("times")).sum().over(CLASS) / n.sum().over(CLASS)
    of_known = of_known.with_columns(
        own=pl.col("times") * share,
        p=(of_class + alike * (share - of_class)).clip(0.0, 1 - 0.5 / n.sum().over(CLASS)),
        usual_times=usual + alike * (pl.col("times") - usual),
    )
    of_sample = pl.col("usual_times") ** 2 * pl.col("p") * (1 - pl.col("p")) * squared * pl.col("not_asked")
    of_known = of_known.with_columns(chance=of_sample + pl.col("list_variance") / pl.col("full"))
    own, chance = pl.col("own"), pl.col("chance")
    of_known = of_known.with_columns(
        mean=_mean_of_class(own), variance=_between(own, chance), weight=_towards_class(own, chance)
    )
    mean, weight = pl.col("mean"), pl.col("weight")
    covered = (mean + weight * (own - mean)).clip(mean / FARTHEST, mean * FARTHEST)
    # where nobody of a class is found, nothing says by how much too few are counted
    of_known = of_known.filter(mean > 0).select(
        CLASS,
        "age",
        "weight",
        between=pl.col("variance") / mean**2,
        relative_factor=mean / covered,
    )
    every = by_age.join(of_known, on=[CLASS, "age"], how="left").with_columns(
        pl.col("weight").fill_null(0.0), pl.col("relative_factor").fill_null(1.0)
    )
    kept = pl.col("full").sum() / (pl.col("full") * pl.col("relative_factor")).sum()
    return every.with_columns(
        pl.col("relative_factor") * kept.over(CLASS).fill_nan(1.0),
        pl.col("between").max().over(CLASS).fill_null(0.0),
    ).select(CLASS, "age", "weight", "between", "relative_factor")


def _mean_of_class(own: pl.Expr) -> pl.Expr:
    people = pl.col("people")
    return ((people * own).sum() / people.sum()).over(CLASS)


def _between(own: pl.Expr, chance: pl.Expr) -> pl.Expr:
    """Return the variance of a figure between the ages of a class, beyond the variance that `chance` gives it."""
    people = pl.col("people")
    apart = people * (own - _mean_of_class(own)) ** 2
    expected = people * chance * (1 - people / people.sum().over(CLASS))
    coefficient = (people.sum() - (people**2).sum() / people.sum()).over(CLASS)
    excess = (apart - expected).sum().over(CLASS).clip(lower_bound=0.0)
    return pl.when(coefficient > 1e-9).then(excess / coefficient).otherwise(0.0)


def _towards_class(own: pl.Expr, chance: pl.Expr) -> pl.Expr:
    """Return for how much an age's own figure counts; the rest is that of its class."""
    between = _between(own, chance)
    return pl.when(between > 0).then(between / (between + chance)).otherwise(0.0)

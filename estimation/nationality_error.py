"""The error of figures by nationality group from people whose group is a probability: groups gain what others lose.

A person who counts p in all, and is of group g with probability q_g, adds p^2 q_g (1 - q_g) to the variance of the
group and -p^2 q_g q_h to its covariance with another: the covariance matrix of a multinomial trial, whose sum over
groups is 0 (N. L. Johnson, S. Kotz, N. Balakrishnan, Discrete Multivariate Distributions, 1997, chapter 35). Children
who are told by their mother are of her group, whichever it is, so p is the sum over her and them.
"""

from collections.abc import Iterator

import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.exact_sums import exact_sum
from estimation.periods import year_ending

KEY = ["measure", "time"]
Term = tuple[str, str, None, str, None, None, int | None, float]


def nationality_covariance(residents: pl.DataFrame, moves: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return `measure, time, group_l, group_r, covariance` of counts by group; nothing where every group is certain.

    `time` is the year of the 30 June that ends the period, or of the day. `moves` are `expected_moves`, and `people`
    is that of `people_by_group`.
    """
    cases = pl.concat(
        [
            residents.filter(pl.col("probability") > 0).select(
                "person_id", time=pl.col("reference_date").dt.year(), measure=pl.lit("population"),
                cases="probability",
            ),
            moves.select("person_id", time=year_ending(pl.col("date")), measure="direction", cases="cases"),
        ]
    )  # fmt: skip
    of_group = people.filter(pl.col("share") < 1)
    tellers = of_group.select("person_id", "told_by").unique()
    uncertain = of_group.select("told_by", "share", group="nationality_group").unique()
    squares = cases.join(tellers, on="person_id").group_by("told_by", *KEY).agg(
        square=exact_sum(pl.col("cases")) ** 2
    )  # fmt: skip
    q, other = pl.col("share"), pl.col("share_r")
    same = pl.col("group_l") == pl.col("group_r")
    product = pl.when(same).then(q * (1 - q)).otherwise(-q * other)
    return (
        squares.join(uncertain.rename({"group": "group_l"}), on="told_by")
        .join(uncertain.rename({"group": "group_r", "share": "share_r"}), on="told_by")
        .group_by(*KEY, "group_l", "group_r")
        .agg(covariance=exact_sum(pl.col("square") * product))
        .sort(*KEY, "group_l", "group_r")
    )


def nationality_terms(covariance: pl.DataFrame, counts: pl.DataFrame) -> tuple[list[Term], pl.DataFrame]:
    """Return the rows of `bias_terms.csv`, and `term, other, covariance` of pairs, of relative errors by group.

    The same people make the stocks of all years, so one term for each group serves these, with the mean of the years;
    flows have terms for every year. `counts` has `measure, time, nationality_group, count` of years and days, by
    cell.
    """
    sizes = counts.group_by("measure", "time", group="nationality_group").agg(size=exact_sum(pl.col("count")))
    relative = covariance
    for side in ("l", "r"):
        size = sizes.select(*KEY, pl.col("group").alias(f"group_{side}"), pl.col("size").alias(f"size_{side}"))
        relative = relative.join(size, on=[*KEY, f"group_{side}"])
    relative = (
        relative.filter(pl.col("size_l") > 0, pl.col("size_r") > 0)
        .with_columns(
            year=pl.when(pl.col("measure").is_in(GROSS_FLOWS)).then("time"),
            covariance=pl.col("covariance") / (pl.col("size_l") * pl.col("size_r")),
        )
        .sort(*KEY, "group_l", "group_r")
        .group_by("measure", "year", "group_l", "group_r", maintain_order=True)
        .agg(pl.col("covariance").mean().round(12))
        .with_columns(
            pl.concat_str(
                pl.lit("nationality"), "measure", "year", f"group_{side}", separator=" ", ignore_nulls=True
            ).alias(name)
            for side, name in (("l", "term"), ("r", "other"))
        )
    )
    pairs = relative.filter(pl.col("term") < pl.col("other")).select("term", "other", "covariance")
    return list(_terms(relative.filter(pl.col("term") == pl.col("other")))), pairs


def _terms(variances: pl.DataFrame) -> Iterator[Term]:
    for term, measure, group, year, variance in variances.select(
        "term", "measure", "group_l", "year", "covariance"
    ).iter_rows():
        yield term, measure, None, group, None, None, year, round(max(variance, 0.0) ** 0.5, 9)

"""Survey people who are not on the list, in the nationality groups in which a register would have them.

People on the list are counted by their nationality at registration, and a survey is answered by what people are now:
some have naturalised, and some do not say. If those whom the list misses were counted by their answers, it would seem
to miss British people where it misses foreign ones. Of people on the list both are known, so their answers tell how
many of a group answer that they are British.
"""

import polars as pl

from estimation.cells import BRITISH
from pipeline.schemas import NATIONALITY_GROUPS

MOST_NATURALISED = 0.9
"""No group is taken to have naturalised to a larger share: few would be left to answer for those who have."""
PRIOR_PEOPLE = 20
"""The share of an age group that has naturalised is drawn towards that of all ages, as if so many more had."""
FOREIGN = [group for group in NATIONALITY_GROUPS if group != BRITISH]
SHARE_DECIMALS = 9


def as_registered(surveyed: pl.DataFrame) -> pl.DataFrame:
    """Return survey people with those who are not `listed` in the groups that they may have at registration.

    `surveyed` has `listed, age_group, answer` (a nationality group, or null) and, of people on the list, their
    `nationality_group` there and its `share`. Of n people of an age group who are not listed and answer group g, and
    a share s of group g at that age that answers British, n s / (1 - s) more answer British, as far as so many do.
    People who do not answer are as those of their age who do. A row of a person becomes one for each group, whose
    shares add up to 1; `answer` is dropped.
    """
    listed, others = surveyed.filter("listed"), surveyed.filter(~pl.col("listed"))
    shares = _shares_by_answer(_answers(others), _british_since(listed))
    split = (
        others.drop("nationality_group", "share")
        .join(shares, on=["age_group", "answer"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            nationality_group=pl.coalesce("nationality_group", "answer", pl.lit(BRITISH)),
            share=pl.col("share").fill_null(1.0),
        )
    )
    return pl.concat([listed, split.select(listed.columns)]).drop("answer")


def _british_since(listed: pl.DataFrame) -> pl.DataFrame:
    """Return `age_group, group, british`: the share of a foreign group of an age whose people answer British.

    Those who are certain to be of the group count; the share of an age is drawn towards that of all ages.
    """
    certain = listed.filter(pl.col("share") == 1).drop_nulls("answer").rename({"nationality_group": "group"})
    of_answers = {"answered": pl.len(), "british": (pl.col("answer") == BRITISH).sum()}
    of_all = certain.group_by("group").agg(**of_answers).select("group", all=pl.col("british") / pl.col("answered"))
    of_age = certain.group_by("age_group", "group").agg(**of_answers)
    ages = listed.select("age_group").unique().join(pl.DataFrame({"group": FOREIGN}), how="cross")
    drawn = (pl.col("british") + PRIOR_PEOPLE * pl.col("all")) / (pl.col("answered") + PRIOR_PEOPLE)
    return (
        ages.join(of_all, on="group", how="left")
        .join(of_age, on=["age_group", "group"], how="left")
        .with_columns(pl.col("answered", "british").fill_null(0))
        .select("age_group", "group", british=drawn.fill_null(0.0).clip(upper_bound=MOST_NATURALISED))
        .sort("age_group", "group")
    )


def _answers(others: pl.DataFrame) -> pl.DataFrame:
    """Return how many people who are not on the list give each answer: `age_group` and a column for each group."""
    given = others.drop_nulls("answer").group_by("age_group", "answer").agg(people=pl.len().cast(pl.Float64))
    wide = given.pivot("answer", index="age_group", values="people") if given.height else given.select("age_group")
    absent = [pl.lit(0.0).alias(group) for group in NATIONALITY_GROUPS if group not in wide.columns]
    return wide.with_columns(absent).select("age_group", *NATIONALITY_GROUPS).fill_null(0.0).sort("age_group")


def _shares_by_answer(answers: pl.DataFrame, british_since: pl.DataFrame) -> pl.DataFrame:
    """Return `age_group, answer, nationality_group, share` of people who answer that they are British, or nothing."""
    per_answer = pl.col("british") / (1 - pl.col("british"))
    by_age = british_since.group_by("age_group").agg(
        per_answer.filter(pl.col("group") == group).max().alias(f"{group}_since") for group in FOREIGN
    )
    numbers = answers.join(by_age, on="age_group", how="left").with_columns(
        _since(group).fill_null(0.0) * pl.col(group) for group in FOREIGN
    )
    as_far = pl.min_horizontal(1.0, pl.col(BRITISH) / pl.sum_horizontal(map(_since, FOREIGN))).fill_nan(1.0)
    everybody = pl.sum_horizontal(NATIONALITY_GROUPS)
    of_british = {group: _since(group) * as_far / pl.col(BRITISH) for group in FOREIGN}
    of_all = {group: (pl.col(group) + _since(group) * as_far) / everybody for group in FOREIGN}
    parts = [
        numbers.select(
            "age_group",
            pl.lit(answer, pl.String).alias("answer"),
            *(share.fill_nan(0.0).round(SHARE_DECIMALS).alias(group) for group, share in of.items()),
        )
        for answer, of in ((BRITISH, of_british), (None, of_all))
    ]
    shares = pl.concat(parts).with_columns((1 - pl.sum_horizontal(FOREIGN)).round(SHARE_DECIMALS).alias(BRITISH))
    return (
        shares.unpivot(NATIONALITY_GROUPS, index=["age_group", "answer"], variable_name="nationality_group",
                       value_name="share")
        .filter(pl.col("share") > 0)
        .sort("age_group", "answer", "nationality_group")
    )  # fmt: skip


def _since(group: str) -> pl.Expr:
    """Return the column of those of a group who have naturalised."""
    return pl.col(f"{group}_since")

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
FOREIGN = [group for group in NATIONALITY_GROUPS if group != BRITISH]
SHARE_DECIMALS = 9


def as_registered(surveyed: pl.DataFrame) -> pl.DataFrame:
    """Return survey people with those who are not `listed` in the groups that they may have at registration.

    `surveyed` has `listed, age_group, answer` (a nationality group, or null) and, of people on the list, their
    `nationality_group` there and its `share`. Of n people of an age group who are not listed and answer group g, and
    a share s of group g that answers British, n s / (1 - s) more answer British, as far as so many do. People who do
    not answer are as those of their age who do. A row of a person becomes one for each group, whose shares add up to
    1; `answer` is dropped.
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


def _british_since(listed: pl.DataFrame) -> dict[str, float]:
    """Return the share of each foreign group, of people certain to be of it, who answer that they are British."""
    british = pl.col("answer") == BRITISH
    certain = listed.filter(pl.col("share") == 1).drop_nulls("answer")
    sums = certain.group_by("nationality_group").agg(answered=pl.len(), british=british.sum())
    found = {group: min(british / answered, MOST_NATURALISED) for group, answered, british in sums.iter_rows()}
    return {group: found.get(group, 0.0) for group in FOREIGN}


def _answers(others: pl.DataFrame) -> pl.DataFrame:
    """Return how many people who are not on the list give each answer: `age_group` and a column for each group."""
    given = others.drop_nulls("answer").group_by("age_group", "answer").agg(people=pl.len().cast(pl.Float64))
    wide = given.pivot("answer", index="age_group", values="people") if given.height else given.select("age_group")
    absent = [pl.lit(0.0).alias(group) for group in NATIONALITY_GROUPS if group not in wide.columns]
    return wide.with_columns(absent).select("age_group", *NATIONALITY_GROUPS).fill_null(0.0).sort("age_group")


def _shares_by_answer(answers: pl.DataFrame, british_since: dict[str, float]) -> pl.DataFrame:
    """Return `age_group, answer, nationality_group, share` of people who answer that they are British, or nothing."""
    since = {group: pl.col(group) * (share / (1 - share)) for group, share in british_since.items()}
    all_since = pl.sum_horizontal(since.values())
    as_far = pl.min_horizontal(1.0, pl.col(BRITISH) / all_since).fill_nan(1.0)
    everybody = pl.sum_horizontal(NATIONALITY_GROUPS)
    of_british = {group: number * as_far / pl.col(BRITISH) for group, number in since.items()}
    of_all = {group: (pl.col(group) + number * as_far) / everybody for group, number in since.items()}
    parts = [
        answers.select(
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

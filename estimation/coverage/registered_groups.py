"""Survey people whom no source knows, in the nationality groups in which a register would have them.

People who are known are counted by their nationality at registration, and a survey is answered by what people are
now: some have naturalised, some were born here, and some do not say. If those whom no source knows were counted by
their answers, the list would seem to miss British people where it misses foreign ones. Of people who are known both
are told, so their answers say how many of a group answer that they are British: few of those who came from abroad,
and most children born here.
"""

import polars as pl

from estimation.cells import BRITISH
from pipeline.schemas import NATIONALITY_GROUPS

MOST_NATURALISED = 0.9
"""No group is taken to have naturalised to a larger share: few would be left to answer for those who have."""
PRIOR_PEOPLE = 20
"""The share of an age group that answers British is drawn towards that of all ages, as if so many more had."""
FOREIGN = [group for group in NATIONALITY_GROUPS if group != BRITISH]
SHARE_DECIMALS = 9
STRATUM = ["age_group", "came"]
"""People who are compared: of one age group, who `came` from abroad or did not."""


def as_registered(surveyed: pl.DataFrame) -> pl.DataFrame:
    """Return survey people with those who are not known in the groups that they may have at registration.

    `surveyed` has `age_group`, whether they `came` from abroad, their `answer` (a nationality group, or null) and, of
    people who are known, their `nationality_group` at registration and its `share`. Of n people of a stratum who are
    not known and answer group g, and a share s of group g of that stratum that answers British, n s / (1 - s) more
    answer British, as far as so many do. People who do not answer are as those of their stratum who do. A row of a
    person becomes one for each group, whose shares add up to 1; `answer` and `came` are dropped.
    """
    known = surveyed.filter(pl.col("nationality_group").is_not_null())
    others = surveyed.filter(pl.col("nationality_group").is_null())
    shares = _shares_by_answer(_answers(others), _british_since(known))
    split = (
        others.drop("nationality_group", "share")
        .join(shares, on=[*STRATUM, "answer"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            nationality_group=pl.coalesce("nationality_group", "answer", pl.lit(BRITISH)),
            share=pl.col("share").fill_null(1.0),
        )
    )
    return pl.concat([known, split.select(known.columns)]).drop("answer", "came")


def _british_since(known: pl.DataFrame) -> pl.DataFrame:
    """Return `STRATUM, group, british`: the share of a foreign group of a stratum whose people answer British.

    Those who are certain to be of the group count; the share of an age is drawn towards that of all ages.
    """
    certain = known.filter(pl.col("share") == 1).drop_nulls("answer").rename({"nationality_group": "group"})
    of_all = certain.group_by("came", "group").agg(all=(pl.col("answer") == BRITISH).mean())
    of_age = certain.group_by(*STRATUM, "group").agg(answered=pl.len(), british=(pl.col("answer") == BRITISH).sum())
    strata = known.select(STRATUM).unique().join(pl.DataFrame({"group": FOREIGN}), how="cross")
    drawn = (pl.col("british") + PRIOR_PEOPLE * pl.col("all")) / (pl.col("answered") + PRIOR_PEOPLE)
    return (
        strata.join(of_all, on=["came", "group"], how="left")
        .join(of_age, on=[*STRATUM, "group"], how="left")
        .with_columns(pl.col("answered", "british").fill_null(0))
        .select(*STRATUM, "group", british=drawn.fill_null(0.0).clip(upper_bound=MOST_NATURALISED))
        .sort(*STRATUM, "group")
    )


def _answers(others: pl.DataFrame) -> pl.DataFrame:
    """Return how many people who are not known give each answer: `STRATUM` and a column for each group."""
    given = others.drop_nulls("answer").group_by(*STRATUM, "answer").agg(people=pl.len().cast(pl.Float64))
    wide = given.pivot("answer", index=STRATUM, values="people") if given.height else given.select(STRATUM)
    absent = [pl.lit(0.0).alias(group) for group in NATIONALITY_GROUPS if group not in wide.columns]
    return wide.with_columns(absent).select(*STRATUM, *NATIONALITY_GROUPS).fill_null(0.0).sort(STRATUM)


def _shares_by_answer(answers: pl.DataFrame, british_since: pl.DataFrame) -> pl.DataFrame:
    """Return `STRATUM, answer, nationality_group, share` of people who answer that they are British, or nothing."""
    per_answer = pl.col("british") / (1 - pl.col("british"))
    by_stratum = british_since.group_by(STRATUM).agg(
        per_answer.filter(pl.col("group") == group).max().alias(f"{group}_since") for group in FOREIGN
    )
    numbers = answers.join(by_stratum, on=STRATUM, how="left").with_columns(
        _since(group).fill_null(0.0) * pl.col(group) for group in FOREIGN
    )
    as_far = pl.min_horizontal(1.0, pl.col(BRITISH) / pl.sum_horizontal(map(_since, FOREIGN))).fill_nan(1.0)
    everybody = pl.sum_horizontal(NATIONALITY_GROUPS)
    of_british = {group: _since(group) * as_far / pl.col(BRITISH) for group in FOREIGN}
    of_all = {group: (pl.col(group) + _since(group) * as_far) / everybody for group in FOREIGN}
    parts = [
        numbers.select(
            *STRATUM,
            pl.lit(answer, pl.String).alias("answer"),
            *(share.fill_nan(0.0).round(SHARE_DECIMALS).alias(group) for group, share in of.items()),
        )
        for answer, of in ((BRITISH, of_british), (None, of_all))
    ]
    shares = pl.concat(parts).with_columns((1 - pl.sum_horizontal(FOREIGN)).round(SHARE_DECIMALS).alias(BRITISH))
    return (
        shares.unpivot(NATIONALITY_GROUPS, index=[*STRATUM, "answer"], variable_name="nationality_group",
                       value_name="share")
        .filter(pl.col("share") > 0)
        .sort(*STRATUM, "answer", "nationality_group")
    )  # fmt: skip


def _since(group: str) -> pl.Expr:
    """Return the column of those of a group who have naturalised."""
    return pl.col(f"{group}_since")

"""Scores of nationality probabilities against the truth: by tenths, what was predicted and what was so.

Only `flows/evaluate.py` calls this, with tables of the truth that nothing else reads. A prediction is good if, of the
people who were given a probability, as many were of the group (G. W. Brier, Verification of forecasts expressed in
terms of probability, 1950, for the score).
"""

from datetime import date

import polars as pl

from pipeline.schemas import ALL, NATIONALITY_GROUPS

BRITISH = NATIONALITY_GROUPS[0]
CELL = ["view", "group", "tenth"]


def nationality_tenths(
    probabilities: pl.DataFrame, true_person: pl.DataFrame, people: pl.DataFrame, day: date
) -> pl.DataFrame:
    """Return `view, group, tenth, people, predicted, actual, brier` of people whose group is not certain.

    `probabilities` is the run's table `people_nationality`, `true_person` of `true_person_of`, `people` has `person,
    nationality_group, naturalised_on`; `day` is that of the view `current`. A tenth is named by its lower end;
    `people` are the pairs of a person and the group (of all groups, in the rows `all`), `predicted` is their mean
    probability, `actual` the share who are of the group.
    """
    british = (pl.col("naturalised_on") <= day).fill_null(value=False)
    own = pl.col("nationality_group").cast(pl.String)
    true = people.select("person", registration=own, current=pl.when(british).then(pl.lit(BRITISH)).otherwise(own))
    true = true.unpivot(["registration", "current"], index="person", variable_name="view", value_name="true_group")
    given = probabilities.with_columns(pl.col("view", "group").cast(pl.String))
    uncertain = given.group_by("person_id", "view").agg(pl.col("probability").max()).filter(pl.col("probability") < 1)
    cases = (
        uncertain.select("person_id", "view")
        .join(pl.DataFrame({"group": NATIONALITY_GROUPS}), how="cross")
        .join(given, on=["person_id", "view", "group"], how="left")
        .with_columns(pl.col("probability").fill_null(0.0))
        .join(true_person, on="person_id")
        .join(true, on=["person", "view"])
        .with_columns(
            is_true=(pl.col("group") == pl.col("true_group")).cast(pl.Float64),
            tenth=((pl.col("probability") * 10).floor().clip(upper_bound=9) / 10).round(1),
        )
    )
    both = pl.concat([cases.with_columns(group=pl.lit(ALL)), cases])
    return (
        both.group_by(CELL)
        .agg(
            people=pl.len(),
            predicted=(_exact_sum(pl.col("probability")) / pl.len()).round(6),
            actual=(pl.col("is_true").sum() / pl.len()).round(6),
            brier=(_exact_sum((pl.col("is_true") - pl.col("probability")) ** 2) / pl.len()).round(6),
        )
        .sort(CELL)
    )


def _exact_sum(value: pl.Expr) -> pl.Expr:
    """Return the sum of a column, in millionths so that the order of rows has no effect."""
    return (value * 1e6).round().cast(pl.Int64).sum() / 1e6

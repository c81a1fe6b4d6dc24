"""What is expected of the links of a model if its pairs were linked from some match weight on."""

import math

import polars as pl

RIGHT = "expected_right"


def with_expected_right(weights: pl.DataFrame) -> pl.DataFrame:
    """Return pairs by match weight (`match_weight` in bits, `pairs`) with how many of them are expected to be right.

    Of pairs of weight w a share 2^w / (1 + 2^w) is expected to be one person (Fellegi and Sunter 1969).
    """
    probability = 1 / (1 + (-pl.col("match_weight") * math.log(2)).exp())
    return weights.with_columns((pl.col("pairs") * probability).alias(RIGHT))


def from_each_weight_on(weights: pl.DataFrame) -> pl.DataFrame:
    """Return `model, weight, precision, recall`: those of all pairs of a model from each whole weight on."""
    return (
        with_expected_right(weights.filter(pl.col("match_weight").is_finite(), pl.col("pairs") > 0))
        .with_columns(weight=pl.col("match_weight").round(0))
        .group_by("model", "weight")
        .agg(pl.col("pairs", RIGHT).sum())
        .sort("model", "weight", descending=[False, True])
        .with_columns(pl.col("pairs", RIGHT).cum_sum().over("model"), all_right=pl.col(RIGHT).sum().over("model"))
        .select(
            "model", "weight", precision=pl.col(RIGHT) / pl.col("pairs"), recall=pl.col(RIGHT) / pl.col("all_right")
        )
        .sort("model", "weight")
    )

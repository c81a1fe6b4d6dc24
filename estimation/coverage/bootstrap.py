"""The sampling error of the coverage survey, by drawing its clusters again many times within strata.

The rescaled bootstrap of J. N. K. Rao and C. F. J. Wu (1988), J. American Statistical Association 83.
"""

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from estimation.keyed_random import generator


def cluster_weights(surveyed: pl.DataFrame, replicates: int, seed: int) -> Floats:
    """Return the factor on every cluster's weights, (replicates, clusters), clusters in order of stratum and name.

    In a stratum of n clusters, n - 1 are drawn with replacement, and a cluster drawn k times is weighted
    k n / (n - 1). A stratum with one cluster shows no variance of its own: it is drawn together with the
    stratum before it (the first: after it). The cluster of a survey that has only one keeps weight 1.
    """
    clusters = _clusters(surveyed)
    weights = np.ones((replicates, clusters.height))
    for name, rows in drawn_together(surveyed):
        count = len(rows)
        if count < 2:
            continue
        drawn = generator(seed, f"coverage: clusters of {name}").multinomial(
            count - 1, np.full(count, 1 / count), size=replicates
        )
        weights[:, rows] = drawn * (count / (count - 1))
    return weights


def cluster_index(surveyed: pl.DataFrame) -> Integers:
    """Return the column of `cluster_weights` that belongs to every surveyed person."""
    clusters = _clusters(surveyed).with_row_index("column")
    found = surveyed.join(clusters, on=["stratum", "cluster"], how="left", maintain_order="left")
    return found["column"].to_numpy().astype(np.int64)


def drawn_together(surveyed: pl.DataFrame) -> list[tuple[str, list[int]]]:
    """Return the strata whose clusters are drawn together, each with the columns of its clusters and a name."""
    return _pooled_strata(_clusters(surveyed)["stratum"].to_list())


def _clusters(surveyed: pl.DataFrame) -> pl.DataFrame:
    return surveyed.select("stratum", "cluster").unique().sort("stratum", "cluster")


def _pooled_strata(strata: list[str]) -> list[tuple[str, list[int]]]:
    """Return the strata that are drawn together, named by the first, with the rows of their clusters."""
    rows_by_stratum: dict[str, list[int]] = {}
    for row, name in enumerate(strata):
        rows_by_stratum.setdefault(name, []).append(row)
    pooled: list[tuple[str, list[int]]] = []
    for name, rows in rows_by_stratum.items():
        if pooled and (len(rows) == 1 or len(pooled[-1][1]) == 1):
            pooled[-1] = (pooled[-1][0], pooled[-1][1] + rows)
        else:
            pooled.append((name, rows))
    return pooled

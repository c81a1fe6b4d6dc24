"""The rescaled bootstrap of clusters within strata (Rao & Wu 1988, J. American Statistical Association 83)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimation.account.least_squares import Array
from estimation.keyed_random import generator


def cluster_weights(surveyed: pl.DataFrame, replicates: int, seed: int) -> Array:
    """Return the factor on every cluster's weights, (replicates, clusters), clusters in order of stratum and name.

    In a stratum of n clusters, n - 1 are drawn with replacement, and a cluster drawn k times is weighted
    k n / (n - 1). A stratum with one cluster shows no variance of its own: it is drawn together with the
    stratum before it (the first: after it). A survey of one cluster has none to show and keeps weight 1.
    """
    clusters = _clusters(surveyed)
    weights = np.ones((replicates, clusters.height))
    for name, rows in _strata(clusters["stratum"].to_list()):
        count = len(rows)
        if count < 2:
            continue
        drawn = generator(seed, f"coverage: clusters of {name}").multinomial(
            count - 1, np.full(count, 1 / count), size=replicates
        )
        weights[:, rows] = drawn * (count / (count - 1))
    return weights


def cluster_places(surveyed: pl.DataFrame) -> NDArray[np.int64]:
    """Return the place of every surveyed person's cluster in the order of `cluster_weights`."""
    places = _clusters(surveyed).with_row_index("place")
    found = surveyed.join(places, on=["stratum", "cluster"], how="left", maintain_order="left")
    return found["place"].to_numpy().astype(np.int64)


def _clusters(surveyed: pl.DataFrame) -> pl.DataFrame:
    return surveyed.select("stratum", "cluster").unique().sort("stratum", "cluster")


def _strata(strata: list[str]) -> list[tuple[str, list[int]]]:
    """Return the strata that are drawn together, each with the places of its clusters."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(strata):
        found.setdefault(name, []).append(row)
    joined: list[tuple[str, list[int]]] = []
    for name, rows in found.items():
        if joined and (len(rows) == 1 or len(joined[-1][1]) == 1):
            joined[-1] = (joined[-1][0], joined[-1][1] + rows)
        else:
            joined.append((name, rows))
    return joined

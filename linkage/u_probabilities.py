"""u: how often records of two different people agree on a level of a comparison, from random pairs of two people.

A pair is known to be two people when a match-key links its left subject to somebody else. Without this restriction,
the few pairs of one person would dominate rare levels among pairs with the same month of birth. Splink's own sampling
(`estimate_u_using_random_sampling`) has neither this condition nor that of `Comparison.presumes`.
"""

import hashlib
import math
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl

from linkage.comparisons import Comparison
from linkage.source_pair import DETERMINISTIC
from pipeline.tables import query


@dataclass(frozen=True)
class LevelFrequency:
    """How often a level occurs: its share of the pairs that could be compared, the pairs at it, and all of them."""

    share: float
    pairs: float
    total: float


NEVER_OBSERVED = LevelFrequency(0.0, 0, 0)


def sample_u(
    connection: duckdb.DuckDBPyConnection, comparisons: list[Comparison], pairs: int, seed: int, stream: str
) -> dict[tuple[str, str], LevelFrequency]:
    """Return the frequency of each (comparison, level) among sampled pairs of two people: its share is u.

    `connection` has the tables `left_subjects` and `right_subjects` (see `SourcePair`). For each comparison about
    `pairs` pairs that agree on what it presumes are sampled, and those known to be two people are counted; shares
    are rounded to 9 decimals.
    """
    frequencies: dict[tuple[str, str], LevelFrequency] = {}
    for comparison in comparisons:
        counts = _pairs_by_level(connection, comparison, pairs, seed, f"{stream}/{comparison.name}")
        total = sum(counts.values())
        for number, level in enumerate(comparison.levels):
            at_level = counts.get(number, 0)
            share = round(at_level / total, 9) if total else 0.0
            frequencies[comparison.name, level.name] = LevelFrequency(share, at_level, total)
    return frequencies


def _pairs_by_level(
    connection: duckdb.DuckDBPyConnection, comparison: Comparison, pairs: int, seed: int, stream: str
) -> dict[int, int]:
    presumes = comparison.presumes
    joined = f"l.{presumes} = r.{presumes}" if presumes else "TRUE"
    possible = _possible_pairs(connection, presumes)
    share = min(1.0, math.sqrt(pairs / possible)) if possible else 1.0
    for side in ("left", "right"):
        sampled = _sample(connection, side, share, seed, f"{stream}/{side}")
        connection.register(f"{side}_ids", sampled)
    columns = sorted(comparison.columns)
    values = ", ".join(f"l.{name} AS {name}_l, r.{name} AS {name}_r" for name in columns)
    counted = query(
        connection,
        f"""
        WITH l AS (SELECT * FROM left_subjects SEMI JOIN left_ids USING (subject_id)),
        r AS (SELECT * FROM right_subjects SEMI JOIN right_ids USING (subject_id)),
        two_people AS (
            SELECT {values} FROM l JOIN r ON {joined}
            WHERE l.{DETERMINISTIC} IS NOT NULL AND l.{DETERMINISTIC} IS DISTINCT FROM r.{DETERMINISTIC}
        )
        SELECT {comparison.case} AS level, count(*) AS pairs FROM two_people GROUP BY level
        """,
    ).drop_nulls()
    for side in ("left", "right"):
        connection.unregister(f"{side}_ids")
    return dict(zip(counted["level"].to_list(), counted["pairs"].to_list(), strict=True))


def _possible_pairs(connection: duckdb.DuckDBPyConnection, presumes: str | None) -> int:
    if presumes is None:
        sql = "SELECT (SELECT count(*) FROM left_subjects) * (SELECT count(*) FROM right_subjects) AS pairs"
    else:
        sql = f"""
        SELECT coalesce(sum(l.n * r.n), 0)::BIGINT AS pairs
        FROM (SELECT {presumes}, count(*) AS n FROM left_subjects GROUP BY {presumes}) l
        JOIN (SELECT {presumes}, count(*) AS n FROM right_subjects GROUP BY {presumes}) r USING ({presumes})
        """
    return int(query(connection, sql)["pairs"][0])


def _sample(connection: duckdb.DuckDBPyConnection, side: str, share: float, seed: int, stream: str) -> pl.DataFrame:
    """Return the ids of a random `share` of one side: drawn by minted id, never by a token."""
    ids = query(connection, f"SELECT subject_id FROM {side}_subjects ORDER BY subject_id")["subject_id"].to_numpy()
    key = int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:16], "big")
    draws = np.random.Generator(np.random.Philox(key=key)).random(len(ids))
    return pl.DataFrame({"subject_id": ids[draws < share]}, schema={"subject_id": pl.Int64})

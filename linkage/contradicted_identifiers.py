"""Joined pairs whose direct identifiers differ: a few are mistakes or second numbers, many a changed format."""

from collections.abc import Sequence

import polars as pl

from linkage.subjects import SUBJECTS, Subjects

_PAIRS_AT_ONCE = 1_000_000


def contradicted_identifiers(subjects: Subjects, joined: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
    """Return how many joined pairs of two sources have an identifier of one kind, and how many different ones.

    `joined` has pairs of nodes (`l`, `r`) with their sources (numbers), `kinds` are the identifiers that link.
    Columns out: `source_l`, `source_r`, `identifiers_compared`, `identifiers_differ`. Pairs of one source are left
    out: a person there has several.
    """
    names = ("source_l", "source_r", "identifiers_compared", "identifiers_differ")
    schema = dict.fromkeys(names, pl.Int64)
    shared = [kind for kind in kinds if sum(kind in columns for columns in subjects.columns.values()) > 1]
    pairs = joined.filter(pl.col("source_l") != pl.col("source_r")).select("l", "r", "source_l", "source_r")
    if not shared or pairs.is_empty():
        return pl.DataFrame(schema=schema)
    both = " OR ".join(f"(l.{kind} IS NOT NULL AND r.{kind} IS NOT NULL)" for kind in shared)
    same = " OR ".join(f"coalesce(l.{kind} = r.{kind}, false)" for kind in shared)
    found = []
    for start in range(0, pairs.height, _PAIRS_AT_ONCE):
        subjects.connection.register("identified", pairs.slice(start, _PAIRS_AT_ONCE))
        found.append(
            subjects.connection.sql(
                f"""SELECT p.source_l, p.source_r, count(*) FILTER (WHERE {both}) AS identifiers_compared,
                    count(*) FILTER (WHERE ({both}) AND NOT ({same})) AS identifiers_differ
                FROM identified p JOIN {SUBJECTS} l ON l.node = p.l JOIN {SUBJECTS} r ON r.node = p.r
                GROUP BY ALL"""
            ).pl()
        )
        subjects.connection.unregister("identified")
    return (
        pl.concat(found)
        .cast(schema)
        .group_by("source_l", "source_r")
        .agg(pl.col("identifiers_compared", "identifiers_differ").sum())
        .filter(pl.col("identifiers_compared") > 0)
    )

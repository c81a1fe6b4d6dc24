"""Who is known to be who before any model: subjects whom an identifier or a strict match-key joins.

Known people serve to train models and link nobody: a pair is known to be two people if one of the two is known to be
one person with somebody else.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from linkage.match_keys import MatchKey
from linkage.subjects import SUBJECTS, Subjects
from linkage.u_probabilities import KnownPeople
from pipeline.tables import query


def known_people(subjects: Subjects, keys: Iterable[MatchKey], certain: np.ndarray) -> KnownPeople:
    """Return the known people: subjects joined by a strict match-key or by direct identifiers.

    A key joins subjects who are alone in their sources with its values. `certain` has the number of the person of
    each node as direct identifiers join them. A person who would have two subjects of one source is not known.
    """
    recorded = set().union(*subjects.columns.values())
    ends = [np.column_stack([np.arange(len(certain)), certain + len(certain)])]
    ends += [
        _pairs(subjects, key.columns) for key in keys if not key.without_model and recorded.issuperset(key.columns)
    ]
    edges = np.concatenate(ends)
    size = int(edges.max(initial=0)) + 1
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(size, size))
    person = connected_components(graph, directed=False)[1][: len(certain)].astype(np.int64)
    return _known(person, subjects)


def sources_of(person: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return, for every node, a bit for each source in which its person has a subject."""
    bits = np.zeros(int(person.max(initial=-1)) + 1, dtype=np.uint64)
    np.bitwise_or.at(bits, person, np.uint64(1) << source.astype(np.uint64))
    return bits[person] if len(person) else np.zeros(0, dtype=np.uint64)


def _known(person: np.ndarray, subjects: Subjects) -> KnownPeople:
    source = subjects.source
    counted = pl.DataFrame({"person": person, "source": source})
    twice = counted.group_by("person", "source").len().filter(pl.col("len") > 1)["person"]
    uncertain = np.isin(person, twice.to_numpy())
    sources = np.where(uncertain, np.uint64(1) << source.astype(np.uint64), sources_of(person, source))
    year = query(subjects.connection, f"SELECT birth_year_from FROM {SUBJECTS} ORDER BY node")["birth_year_from"]
    return KnownPeople(np.where(uncertain, -1, person), sources, year.fill_null(-1).to_numpy())


def _pairs(subjects: Subjects, columns: Sequence[str]) -> np.ndarray:
    """Return pairs of nodes (rows) that agree on columns, each the only one in its source with these values."""
    known = " AND ".join(f"{name} IS NOT NULL" for name in columns)
    found = query(
        subjects.connection,
        f"""WITH alone AS (
            SELECT key, source, min(node) AS node
            FROM (SELECT node, source, hash({", ".join(columns)}) AS key FROM {SUBJECTS} WHERE {known})
            GROUP BY key, source HAVING count(*) = 1
        ) SELECT node, first FROM (SELECT node, min(node) OVER (PARTITION BY key) AS first FROM alone) WHERE node !=
        first""",
    )
    return found.select(pl.col("node").cast(pl.Int64), pl.col("first").cast(pl.Int64)).to_numpy()

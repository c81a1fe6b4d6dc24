"""The subjects of all linked sources in one table, numbered, with what can be compared of them.

One table serves all pairs of sources, so that a study of ten sources needs one pass over its subjects and not
forty-five.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from linkage.comparisons import COMPARISONS, Comparison, comparable
from pipeline.ingest.columns import CORROBORATING
from pipeline.ingest.features import COMPOSITES, LISTS, VALUES
from pipeline.ingest.pseudonymise import CLEAR
from pipeline.tables import connect, file_literal, query

SUBJECTS = "subjects"
FREQUENCIES = ("first_name", "family_name")
"""Columns whose values are weighed by their frequency among all subjects (`<column>_frequency`)."""
SORTED_AT_ONCE = 200_000
RECORDED = {
    "given_name": ("given_name", "given_initial_birth", "given_initial_family_name"),
    "middle_name": (
        "middle_name",
        *(name for name, parts in COMPOSITES.items() if parts[0] == "middle_initial"),
    ),
    "family_name": ("family_name",),
    "date_of_birth": ("birth_year_from",),
    "sex": ("sex",),
    "postcode": ("postcode",),
    "street": ("street",),
    "locality": ("locality",),
    "nationality": ("nationality",),
    "country_of_birth": ("country_of_birth",),
    "ethnic_group": ("ethnic_group",),
    "first_arrival": ("first_arrival",),
}
"""The kinds of attributes that are compared, and the columns that have values where a source records the kind."""


class Subjects:
    """All subjects of the linked sources in a DuckDB table `subjects`.

    `nodes` has `node, source, subject_id` in the order of `sources`, then of `subject_id`: a node is the place of a
    row. The table has `node`, `source` (its number), the features, the frequencies of names, and the `direct`
    identifiers; `columns` has, by source, those in which any of its subjects has a value.
    """

    def __init__(
        self, tables: Mapping[str, Path], kept: Mapping[str, pl.Series], direct: Sequence[str], threads: int
    ) -> None:
        """Read the pseudonymised subjects (`tables` by source, in order): of each source those in `kept`, or all."""
        self.sources = list(tables)
        self.connection = connect(threads)
        columns = [*CLEAR, *CORROBORATING, *VALUES, *COMPOSITES, *LISTS, *direct]
        frames, parts, first = [], [], 0
        for number, (source, path) in enumerate(tables.items()):
            file = file_literal(path)
            ids = query(self.connection, f"SELECT subject_id FROM read_parquet({file}) ORDER BY subject_id")
            if source in kept:
                ids = ids.filter(pl.col("subject_id").is_in(kept[source].implode()))
            ids = ids.with_row_index("node", offset=first).select(
                pl.lit(source).alias("source"), "subject_id", pl.col("node").cast(pl.Int64)
            )
            self.connection.register(f"ids_{number}", ids)
            present = set(query(self.connection, f"SELECT * FROM read_parquet({file}) LIMIT 0").columns)
            chosen = ", ".join(f"s.{name}" if name in present else f"NULL AS {name}" for name in columns)
            parts.append(
                f"SELECT i.node, {number}::UTINYINT AS source, {chosen} FROM read_parquet({file}) s "
                f"JOIN ids_{number} i USING (subject_id)"
            )
            frames.append(ids)
            first += ids.height
        self.nodes = pl.concat(frames)
        self._run(f"CREATE VIEW joined AS {' UNION ALL BY NAME '.join(parts)}")
        for name in FREQUENCIES:
            self._run(
                f"""CREATE TABLE of_{name} AS SELECT {name}, count({name}) / sum(count({name})) OVER () AS frequency
                FROM joined WHERE {name} IS NOT NULL GROUP BY {name}"""
            )
        shares = ", ".join(f"of_{name}.frequency AS {name}_frequency" for name in FREQUENCIES)
        weighed = " ".join(f"LEFT JOIN of_{name} USING ({name})" for name in FREQUENCIES)
        filled = f"SELECT joined.*, {shares} FROM joined {weighed}"
        self._run(f"CREATE TABLE {SUBJECTS} AS {filled} LIMIT 0")
        # so many at a time that sorting them needs little memory
        for start in range(0, first, SORTED_AT_ONCE):
            inside = f"node BETWEEN {start} AND {start + SORTED_AT_ONCE - 1}"
            self._run(f"INSERT INTO {SUBJECTS} {filled} WHERE {inside} ORDER BY node")
        self._run("DROP VIEW joined")
        for name in FREQUENCIES:
            self._run(f"DROP TABLE of_{name}")
        for number in range(len(self.sources)):
            self.connection.unregister(f"ids_{number}")
        self.source = (
            self.nodes["source"]
            .replace_strict(self.sources, range(len(self.sources)), return_dtype=pl.Int64)
            .to_numpy()
        )
        self.columns = self._columns_of_sources(columns)
        self.comparisons: tuple[Comparison, ...] = COMPARISONS

    def _run(self, sql: str) -> None:
        self.connection.execute(sql).fetchall()

    def _columns_of_sources(self, columns: Sequence[str]) -> dict[str, set[str]]:
        """Return, by source, the columns in which any of its subjects has a value."""
        counts = ", ".join(
            f"sum(coalesce(len({name}), 0)) AS {name}" if name in LISTS else f"count({name}) AS {name}"
            for name in columns
        )
        found = query(self.connection, f"SELECT source, {counts} FROM {SUBJECTS} GROUP BY source")
        by_number = {row["source"]: {name for name in columns if row[name]} for row in found.iter_rows(named=True)}
        return {name: by_number.get(number, set()) for number, name in enumerate(self.sources)}

    def kinds(self, source: str) -> set[str]:
        """Return the kinds of attributes that any subject of a source has."""
        return {kind for kind, columns in RECORDED.items() if self.columns[source].intersection(columns)}

    def compared(self, left: int, right: int) -> list[int]:
        """Return the places of the comparisons that two sources (numbers) allow."""
        return comparable(
            self.comparisons,
            *(self.kinds(self.sources[one]) | self.columns[self.sources[one]] for one in (left, right)),
        )

    def possible(self, left: int, right: int) -> np.ndarray:
        """Return which levels (comparisons by levels) pairs of two sources (numbers) can be at."""
        shared = self.columns[self.sources[left]] & self.columns[self.sources[right]]
        made = self.compared(left, right)
        possible = np.zeros((len(self.comparisons), max(len(one.levels) for one in self.comparisons)), dtype=bool)
        for at in made:
            for number, level in enumerate(self.comparisons[at].levels):
                possible[at, number] = level.is_possible(shared)
        return possible

    def identified(self, kinds: Sequence[str]) -> np.ndarray:
        """Return the bits of the `kinds` of direct identifiers that every node has."""
        bits = " | ".join(f"((({kind} IS NOT NULL)::UBIGINT) << {number})" for number, kind in enumerate(kinds))
        found = query(self.connection, f"SELECT {bits or '0'}::UBIGINT AS bits FROM {SUBJECTS} ORDER BY node")
        return found["bits"].to_numpy()

    def add(self, name: str, values: np.ndarray, kind: str) -> None:
        """Add a column with a value for every node."""
        self.connection.register(
            "added", pl.DataFrame({"node": np.arange(len(values), dtype=np.int64), name: values})
        )
        self._run(f"ALTER TABLE {SUBJECTS} ADD COLUMN {name} {kind}")
        self._run(f"UPDATE {SUBJECTS} SET {name} = added.{name} FROM added WHERE {SUBJECTS}.node = added.node")
        self.connection.unregister("added")

"""The subjects of two sources side by side, ready to be compared: who is linked by a match-key, who is unmatched."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from splink import DuckDBAPI, Linker

from linkage.comparisons import Comparison, comparable
from linkage.match_keys import MatchKey, link_by_keys
from pipeline.tables import connect

LEFT, RIGHT = "left_subjects", "right_subjects"
DETERMINISTIC = "deterministic"
CANDIDATE, UNMATCHED = "candidate", "unmatched"  # the names of these two columns are part of stored models


class SourcePair:
    """Two sources in one DuckDB, in the tables `left_subjects` and `right_subjects`.

    Besides `subject_id` and the tokens that both sources have, each table has three columns. `DETERMINISTIC` is a
    number shared by two subjects that a strict match-key links, null for others: neither is a record of anyone else.
    `CANDIDATE` is the same number for those of these pairs whose subjects are both in scope: a model scores them
    directly. `UNMATCHED` (true or null) marks the other subjects in scope, whose candidate pairs come from blocking.

    `key_links` are the pairs of `CANDIDATE`, `left_in_scope` is the number of left subjects in scope, and
    `right_unmatched` that of right subjects that an unmatched left subject may be (at least 1).
    """

    def __init__(
        self,
        left: pl.DataFrame,
        right: pl.DataFrame,
        in_scope: tuple[pl.Series, pl.Series],
        keys: tuple[MatchKey, ...],
        threads: int,
    ) -> None:
        """Take all subjects of both sources, and the ids of those on either side that are to be linked."""
        sides = ("subject_id_l", "subject_id_r")
        deterministic = link_by_keys(left, right, tuple(key for key in keys if not key.without_model))
        both_in_scope = [pl.col(side).is_in(ids.implode()) for side, ids in zip(sides, in_scope, strict=True)]
        self.key_links = deterministic.filter(*both_in_scope)
        self.left_in_scope, right_in_scope = (len(ids) for ids in in_scope)
        self.right_unmatched = max(right_in_scope - self.key_links.height, 1)
        self.threads = threads
        frames = [
            _mark(subjects, ids, deterministic, self.key_links, side)
            for subjects, ids, side in zip((left, right), in_scope, sides, strict=True)
        ]
        known = [{name for name in one.columns if one[name].null_count() < one.height} for one in frames]
        shared = known[0] & known[1] | {DETERMINISTIC, CANDIDATE, UNMATCHED}
        self.columns = [name for name in frames[0].columns if name in shared]
        self.size_of_right = right.height
        self.connection = connect(threads)
        for name, frame in zip((LEFT, RIGHT), frames, strict=True):
            self.connection.register("subjects", frame.select(self.columns))
            self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM subjects").fetchall()
            self.connection.unregister("subjects")

    @property
    def comparisons(self) -> list[Comparison]:
        """The comparisons that the two sources allow."""
        return comparable(self.columns)

    def linker(self, settings: Mapping[str, Any], threads: int) -> Linker:
        """Return a fresh Splink linker over the two tables, with its own number of threads."""
        self.connection.execute(f"SET threads = {threads}").fetchall()
        database = DuckDBAPI(self.connection)
        tables = [database.register(name, dataset_display_name=name) for name in (LEFT, RIGHT)]
        return Linker(tables, dict(settings), log_level=None, validate_settings=False)


def _mark(
    subjects: pl.DataFrame, in_scope: pl.Series, deterministic: pl.DataFrame, key_links: pl.DataFrame, side: str
) -> pl.DataFrame:
    for name, pairs in ((DETERMINISTIC, deterministic), (CANDIDATE, key_links)):
        numbers = pairs.select(pl.col(side).alias("subject_id"), pl.col("subject_id_l").alias(name))
        subjects = subjects.join(numbers, on="subject_id", how="left", maintain_order="left")
    is_unmatched = pl.col("subject_id").is_in(in_scope.implode()) & pl.col(CANDIDATE).is_null()
    return subjects.with_columns(pl.when(is_unmatched).then(pl.lit(True)).alias(UNMATCHED))

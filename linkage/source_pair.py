"""The subjects of two sources side by side, ready to be compared: who is settled, who is free."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from splink import DuckDBAPI, Linker

from linkage.comparisons import Comparison, comparable
from linkage.match_keys import MatchKey, link_by_keys
from pipeline.tables import connect

LEFT, RIGHT = "left_subjects", "right_subjects"
_MARKS = {"settled", "proposed", "free"}


class SubjectPair:
    """Two sources in one DuckDB, in the tables `left_subjects` and `right_subjects`.

    Beside `subject_id` and the tokens that both sources have, each has three columns. `settled` is a number
    that two subjects share if a strict match-key links them, null for others: they are known not to be
    anybody else. `proposed` is the same for those pairs that are looked for; they are scored as they are. `free`
    (true or null) marks whom a model may link at will.
    """

    def __init__(
        self,
        left: pl.DataFrame,
        right: pl.DataFrame,
        looked_for: tuple[pl.Series, pl.Series],
        keys: tuple[MatchKey, ...],
        threads: int,
    ) -> None:
        """Take all subjects of both sources, and the ids of those who are looked for on either side."""
        sides = ("subject_id_l", "subject_id_r")
        settled = link_by_keys(left, right, tuple(key for key in keys if not key.without_model))
        wanted = [pl.col(side).is_in(ids.implode()) for side, ids in zip(sides, looked_for, strict=True)]
        self.proposed = settled.filter(*wanted)
        self.looked_for = tuple(len(ids) for ids in looked_for)
        self.threads = threads
        frames = [
            _mark(subjects, ids, settled, self.proposed, side)
            for subjects, ids, side in zip((left, right), looked_for, sides, strict=True)
        ]
        known = [{name for name in one.columns if one[name].null_count() < one.height} for one in frames]
        self.columns = [name for name in frames[0].columns if name in known[0] & known[1] | _MARKS]
        self.size_of_right = right.height
        self.connection = connect(threads)
        for name, frame in zip((LEFT, RIGHT), frames, strict=True):
            self.connection.register("subjects", frame.select(self.columns))
            self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM subjects").fetchall()
            self.connection.unregister("subjects")

    @property
    def comparisons(self) -> list[Comparison]:
        """What the two sources allow to compare."""
        return comparable(self.columns)

    @property
    def candidates(self) -> int:
        """How many right subjects somebody on the left may be, once match-keys have had their say."""
        return max(self.looked_for[1] - self.proposed.height, 1)

    def linker(self, settings: Mapping[str, Any], threads: int) -> Linker:
        """Return a fresh Splink linker over the two tables, with its own number of threads."""
        self.connection.execute(f"SET threads = {threads}").fetchall()
        database = DuckDBAPI(self.connection)
        tables = [database.register(name, dataset_display_name=name) for name in (LEFT, RIGHT)]
        return Linker(tables, dict(settings), log_level=None, validate_settings=False)


def _mark(
    subjects: pl.DataFrame, looked_for: pl.Series, settled: pl.DataFrame, proposed: pl.DataFrame, side: str
) -> pl.DataFrame:
    for name, pairs in (("settled", settled), ("proposed", proposed)):
        numbers = pairs.select(pl.col(side).alias("subject_id"), pl.col("subject_id_l").alias(name))
        subjects = subjects.join(numbers, on="subject_id", how="left", maintain_order="left")
    is_free = pl.col("subject_id").is_in(looked_for.implode()) & pl.col("proposed").is_null()
    return subjects.with_columns(pl.when(is_free).then(pl.lit(True)).alias("free"))

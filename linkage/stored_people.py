"""People of an earlier run keep their numbers: each of this run is named as the one with whom it shares most.

A subject of a source is the same in two runs if its person key is: the tokens of keys are compared, under one key of
pseudonyms. Subjects of a source without a person key have no number of their own and follow the people they are of.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.stage import StudyFile
from pipeline.tables import read_table
from pipeline.toml_files import Frozen

MERGED, SPLIT, GONE = "merged", "split", "gone"
"""What happened to a stored person: it is part of another one; part of it is another one; nobody is left of it."""


class StoredPeople(Frozen):
    """The people of an earlier run: its clusters, and the tokens of each source that has a person key."""

    clusters: StudyFile
    tokens: dict[str, StudyFile]

    @classmethod
    def read(cls, run: Path, contracts: dict[str, SourceContract], key_id: str) -> Self:
        """Return what is needed of a run folder; raises `UserError` if it is none, or was made under another key."""
        try:
            manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(f"{run}: not a finished run, as [linkage] 'previous' must be. Correct it.") from None
        if manifest.get("key_id") != key_id:
            raise UserError(
                f"{run}: its pseudonyms were made with another key, so nobody in it can be recognised. Name a run "
                "with the key of this study as [linkage] 'previous'."
            )
        files = {"clusters": run / "tables" / "clusters.parquet"}
        keyed = [source for source, contract in contracts.items() if contract.person_key]
        files |= {source: run / "tables" / "tokens" / f"{source}.parquet" for source in keyed}
        if not files["clusters"].is_file():
            raise UserError(f"{files['clusters']}: is not there, so the run has no people. Name a finished run.")
        found = {name: StudyFile.read(path) for name, path in files.items() if path.is_file()}
        return cls(clusters=found.pop("clusters"), tokens=found)


def models_in(run: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the files of some models in a run folder, by name; without those that the run has not."""
    files = {name: run / "tables" / "models" / f"{name}.json" for name in names}
    return {name: path for name, path in files.items() if path.is_file()}


def keys_of_people(
    clusters: pl.DataFrame, tokens: dict[str, Path], contracts: dict[str, SourceContract]
) -> pl.DataFrame:
    """Return `source, key, person_id` of every subject with a person key, by the best links (draw 0)."""
    best = clusters.filter(pl.col("draw") == 0)
    frames = [pl.DataFrame(schema={"source": pl.String, "key": pl.UInt64, "person_id": pl.Int64})]
    for source, path in tokens.items():
        kind = contracts[source].person_key_kind
        keys = read_table(path, ["subject_id", kind]).rename({kind: "key"})
        own = best.filter(pl.col("source") == source).join(keys, on="subject_id")
        frames.append(own.select("source", "key", "person_id"))
    return pl.concat(frames)


def named_as_before(
    people: pl.DataFrame, now: pl.DataFrame, before: pl.DataFrame, largest: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return clusters with the numbers of stored people, and `person_changes`.

    `people` are clusters of all draws; `now` and `before` the `keys_of_people` of both runs; `largest` is the largest
    number of a stored person. A person takes the number of the stored one with whom it shares most subjects, if no
    other shares more of that one (of several, those with the smallest numbers). All others get new numbers, above
    every stored one, in their order.
    """
    shared = (
        before.join(now, on=["source", "key"], suffix="_now")
        .group_by(old_person_id="person_id", person_id="person_id_now")
        .len()
    )
    ordered = shared.sort("len", "old_person_id", "person_id", descending=[True, False, False])
    first_choice = ordered.unique("person_id", keep="first", maintain_order=True)
    kept = first_choice.unique("old_person_id", keep="first", maintain_order=True)
    every = people.select(pl.col("person_id").unique().sort())
    new = every.join(kept, on="person_id", how="anti")
    numbers = pl.concat(
        [
            kept.select("person_id", number="old_person_id"),
            new.with_row_index("at", offset=1).select("person_id", number=pl.col("at").cast(pl.Int64) + largest),
        ]
    )
    renamed = people.join(numbers, on="person_id", maintain_order="left").select(
        pl.col("number").alias(name) if name == "person_id" else name for name in people.columns
    )
    return renamed, _changes(shared.join(numbers, on="person_id"), before)


def renumbered(two: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return `possibly_one` with the people numbered as in the clusters `after`, not as in those `before`.

    Both have the same rows in the same order.
    """
    number = pl.DataFrame({"old": before["person_id"], "new": after["person_id"]}).unique("old")
    for side in ("person_id", "other_person_id"):
        two = two.join(number.rename({"old": side, "new": f"new_{side}"}), on=side)
    one, other = "new_person_id", "new_other_person_id"
    first, second = pl.min_horizontal(one, other), pl.max_horizontal(one, other)
    return two.select(person_id=first, other_person_id=second, probability="probability")


def _changes(shared: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return `old_person_id, person_id, change` of the stored people that are not one person of the same number.

    Of those of whom nobody is left, `person_id` is the number that they had.
    """
    parts = shared.with_columns(parts=pl.len().over("old_person_id"))
    moved = parts.filter(pl.col("number") != pl.col("old_person_id")).select(
        "old_person_id",
        person_id="number",
        change=pl.when(pl.col("parts") > 1).then(pl.lit(SPLIT)).otherwise(pl.lit(MERGED)),
    )
    gone = before.select(old_person_id=pl.col("person_id").unique()).join(shared, on="old_person_id", how="anti")
    lost = gone.select("old_person_id", person_id="old_person_id", change=pl.lit(GONE))
    return pl.concat([moved, lost]).sort("old_person_id", "person_id")

"""Match-keys: columns that must all agree, tried from strict to looser, accepted if unique on both sides.

Subjects linked in one pass are excluded from later ones (Office for National Statistics, "Beyond 2011: Matching
anonymous data", 2013, section 4). Keys are declared in `match_keys.toml`.
"""

from pathlib import Path

import polars as pl
from pydantic import Field

from pipeline.errors import UserError
from pipeline.toml_files import Frozen, parse, read_toml

MATCH_KEYS = Path(__file__).with_name("match_keys.toml")
KEY_LINKS = {"subject_id_l": pl.Int64, "subject_id_r": pl.Int64, "key": pl.String, "match_probability": pl.Float64}


class MatchKey(Frozen):
    """One match-key; `match_probability` is a stated assumption, used where no model scores the pair."""

    id: str = Field(pattern="^[a-z][a-z0-9_]*$")
    says: str
    columns: tuple[str, ...] = Field(min_length=2)
    match_probability: float = Field(gt=0, lt=1)
    without_model: bool = False


class _MatchKeys(Frozen):
    key: tuple[MatchKey, ...]


def read_match_keys(path: Path = MATCH_KEYS) -> tuple[MatchKey, ...]:
    """Return the match-keys of a TOML file in their order; raises `UserError`."""
    keys = parse(_MatchKeys, read_toml(path), str(path)).key
    ids = [key.id for key in keys]
    for one in ids:
        if ids.count(one) > 1:
            raise UserError(f"{path}: two match-keys have the id '{one}'. Give each its own.")
    return keys


def link_by_keys(left: pl.DataFrame, right: pl.DataFrame, keys: tuple[MatchKey, ...]) -> pl.DataFrame:
    """Return the pairs that match-keys link, a subject at most once on either side.

    `left` and `right` have `subject_id` and token columns; a key is skipped if either lacks one of its
    columns, and null agrees with nothing. Columns out: `KEY_LINKS`, ordered by key, then subject.
    """
    links: list[pl.DataFrame] = []
    for key in keys:
        columns = list(key.columns)
        if not set(columns) <= set(left.columns) & set(right.columns):
            continue
        pairs = (
            _unique(left, columns)
            .join(_unique(right, columns), on=columns, suffix="_r")
            .select(
                pl.col("subject_id").alias("subject_id_l"),
                "subject_id_r",
                pl.lit(key.id).alias("key"),
                pl.lit(key.match_probability).alias("match_probability"),
            )
        )
        links.append(pairs.sort("subject_id_l"))
        left = left.join(pairs, left_on="subject_id", right_on="subject_id_l", how="anti")
        right = right.join(pairs, left_on="subject_id", right_on="subject_id_r", how="anti")
    return pl.concat(links) if links else pl.DataFrame(schema=KEY_LINKS)


def _unique(subjects: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Return the subjects with complete `columns` whose combination of values is unique in the source."""
    complete = subjects.select("subject_id", *columns).drop_nulls(columns)
    return complete.filter(pl.struct(columns).is_unique())

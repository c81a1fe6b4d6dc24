"""The groups by which the quality of links is told: of the subject on the left of a pair, and of movers."""

from datetime import date

import numpy as np
import polars as pl

from linkage.subjects import SUBJECTS, Subjects
from pipeline.ingest.nationality_groups import BRITISH, nationality_group
from pipeline.schemas import AGE_GROUP_STARTS, AGE_GROUPS
from pipeline.tables import query

DIMENSIONS = ("sex", "age_group", "nationality_group", "area")
"""Dimensions of a subject; a group is named `dimension=value`."""
MOVERS, STAYERS = "movers", "stayers"
"""Groups of pairs by whether the two subjects have any postcode in common; pairs without postcodes are neither."""
_PAIRS_AT_ONCE = 1_000_000


def groups_of_subjects(subjects: Subjects, person: np.ndarray, on: date) -> pl.DataFrame:
    """Return `node` and its `DIMENSIONS`: `person` is the person of every node, `on` the day of the ages.

    People born after the day count as aged 0. The nationality group is that of the first nationality which any
    subject of the person has, in the order of nodes; a person whose nationality nobody records counts as British if
    any nationality of the study is a code of a country. A dimension that a subject lacks is null.
    """
    born = "birth_month"
    found = query(
        subjects.connection,
        f"SELECT node::BIGINT AS node, sex, {born}, nationality, area FROM {SUBJECTS} ORDER BY node",
    ).with_columns(pl.Series("person", person), nationality_group(pl.col("nationality")).alias("nationality_group"))
    of_person = pl.col("nationality_group").drop_nulls().first().over("person")
    if found["nationality_group"].null_count() < found.height:
        of_person = of_person.fill_null(BRITISH)
    return found.select("node", "sex", age_group(pl.col(born), on), of_person.alias("nationality_group"), "area")


def age_group(born: pl.Expr, on: date) -> pl.Expr:
    """Return the `age_group` on a day of people born in the month of a date; who is born later counts as aged 0."""
    age = on.year - born.dt.year() - (born.dt.month() > on.month).cast(pl.Int32)
    group = pl.lit(None, pl.String)
    for start, name in zip(AGE_GROUP_STARTS, AGE_GROUPS, strict=True):
        group = pl.when(age.clip(0) >= start).then(pl.lit(name)).otherwise(group)
    return group.alias("age_group")


def with_moved(pairs: pl.DataFrame, subjects: Subjects) -> pl.DataFrame:
    """Return pairs of nodes (`l`, `r`) with `moved`: whether they have no postcode in common; null without one."""
    moved = np.zeros(pairs.height, dtype=np.int8)
    for start in range(0, pairs.height, _PAIRS_AT_ONCE):
        part = pairs.slice(start, _PAIRS_AT_ONCE).select("l", "r").with_row_index("place", offset=start)
        subjects.connection.register("addressed", part)
        found = subjects.connection.execute(
            f"""SELECT p.place, CASE WHEN l.postcode IS NULL OR r.postcode IS NULL THEN -1
                WHEN list_has_any(l.postcodes, r.postcodes) OR l.postcode = r.postcode THEN 0 ELSE 1 END AS moved
            FROM addressed p JOIN {SUBJECTS} l ON l.node = p.l JOIN {SUBJECTS} r ON r.node = p.r"""
        ).fetchnumpy()
        subjects.connection.unregister("addressed")
        moved[np.ma.getdata(found["place"])] = np.ma.getdata(found["moved"])
    known = pl.Series("moved", moved)
    return pairs.with_columns(pl.when(known >= 0).then(known == 1).alias("moved"))

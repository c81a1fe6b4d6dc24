"""Pairs that agree on enough to be one person whatever the model says: independent keys against the links.

Each key leaves one part of an identity out: names, dates of birth, or places. Two subjects who alone in their sources
share its values are nearly always one person, and the key needs nothing of what it leaves out. So the share of such
pairs that the links join estimates recall without any model, and a fault in one part of the linkage (a model that
loses movers, a plan that hangs by the date of birth, names that one source writes in another way) shows as a low
share by the key that is free of it (T. Blakely and C. Salmond 2002, "Probabilistic record linkage and a method to
calculate the positive predictive value", International Journal of Epidemiology 31, use duplicates in the same
manner).
"""

from collections.abc import Mapping

import polars as pl

from linkage.subjects import SUBJECTS, Subjects
from pipeline.ingest.features import COMPOSITES
from pipeline.tables import query

KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "place": (("first_name", "family_name", "date_of_birth", "sex"), ("first_name", "family_name", "date_of_birth")),
    "date": (("first_name", "family_name", "house_street"), ("first_name", "family_name", "postcode")),
    "name": (
        ("date_of_birth", "sex", "house_street"), ("date_of_birth", "sex", "postcode"), ("date_of_birth", "postcode"),
    ),
}  # fmt: skip
"""The keys by the part that they leave out: of each the first whose columns both sources record."""

NAMES_WITH_BIRTH = tuple(
    name for name, parts in COMPOSITES.items()
    if len(parts) == 2 and parts[1] in ("birth_year", "birth_day") and parts[0].startswith(("given_", "family_"))
)  # fmt: skip
YEARS_APART = 10
"""The most that the years of birth of one person's records differ where a key leaves the date out."""


def pairs_by_keys(subjects: Subjects, pairs: list[tuple[int, int]]) -> pl.DataFrame:
    """Return the pairs that keys find between two sources (numbers): `l`, `r` (nodes) and the part `left_out`.

    A key counts only where its values are unique in either source. `names_agree` says whether the two have any part
    of a name in common, or one of its codes; null where either has no name.
    """
    schema = {"l": pl.Int64, "r": pl.Int64, "names_agree": pl.Boolean, "left_out": pl.String}
    found = [pl.DataFrame(schema=schema)]
    for left_out, keys in KEYS.items():
        by_columns: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for left, right in pairs:
            shared = subjects.columns[subjects.sources[left]] & subjects.columns[subjects.sources[right]]
            columns = next((one for one in keys if set(one) <= shared), None)
            if columns is not None and left != right:
                by_columns.setdefault(columns, []).append((left, right))
        for columns, of_columns in by_columns.items():
            found.append(
                _unique_pairs(subjects, columns, of_columns).with_columns(pl.lit(left_out).alias("left_out"))
            )
    return pl.concat(found)


def _unique_pairs(subjects: Subjects, columns: tuple[str, ...], pairs: list[tuple[int, int]]) -> pl.DataFrame:
    values, known = ", ".join(columns), " AND ".join(f"{name} IS NOT NULL" for name in columns)
    of_names = " OR ".join(f"coalesce(l.{name} = r.{name}, FALSE)" for name in NAMES_WITH_BIRTH)
    near = "TRUE"
    if not any("birth" in name for name in columns):
        # parents and children often share a name and a place
        near = f"coalesce(abs(l.birth_year_from - r.birth_year_from) <= {YEARS_APART}, TRUE)"
    wanted = ", ".join(f"({left}, {right})" for left, right in pairs)
    return query(
        subjects.connection,
        f"""WITH alone AS (
            SELECT source, {values}, min(node) AS node, min(birth_year_from) AS birth_year_from FROM {SUBJECTS} WHERE
            {known} GROUP BY source, {values} HAVING count(*) = 1
        )
        , pairs AS (
            SELECT l.node AS one, r.node AS other
            FROM alone l JOIN alone r USING ({values}) JOIN (VALUES {wanted}) p(one, other)
            ON l.source = p.one AND r.source = p.other WHERE {near}
        )
        SELECT p.one::BIGINT AS l, p.other::BIGINT AS r,
            CASE WHEN len(l.name_parts) > 0 AND len(r.name_parts) > 0
                THEN list_has_any(l.name_parts, r.name_parts) OR {of_names} END AS names_agree
        FROM pairs p JOIN {SUBJECTS} l ON l.node = p.one JOIN {SUBJECTS} r ON r.node = p.other
        ORDER BY p.one, p.other""",
    )

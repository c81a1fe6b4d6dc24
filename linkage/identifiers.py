"""Links by direct identifiers: two subjects with the same token of the same kind are one person.

An identifier that different people share links nobody: it is found out by their dates of birth, and becomes evidence.
A mother is found by her identifier too, or by her names and date of birth.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import polars as pl

from linkage.comparisons import same_identifier
from linkage.subjects import Subjects
from pipeline.ingest.columns import PARTS_OF_A_PERSON
from pipeline.ingest.contracts import SourceContract
from pipeline.tables import query, read_table, scan_table

# Log2 odds of a link by direct identifier: above what any model reaches, so that it is always taken first.
CERTAIN_WEIGHT = 100.0
# An identifier is not unique if more than this share of its pairs have dates of birth with nothing in common.
MOST_CONTRADICTED = 0.05
FEWEST_PAIRS = 20
"""Pairs that must share a kind of identifier for its uniqueness to be judged."""
LARGEST_BLOCK = 30
"""Subjects who share one value: more of them cannot be records of one person."""


def check_identifiers(subjects: Subjects, kinds: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the kinds of direct identifiers that link, and a warning for each of the `kinds` that does not.

    A kind that repeats among people who were born on different days is no identifier of one person: it becomes
    evidence with an error rate, a comparison of `subjects`.
    """
    unique, warnings = [], []
    for kind in sorted(kinds):
        pairs, contradicted = _contradicted(subjects, kind)
        if pairs < FEWEST_PAIRS or contradicted <= MOST_CONTRADICTED * pairs:
            unique.append(kind)
            continue
        subjects.comparisons = (*subjects.comparisons, same_identifier(kind))
        warnings.append(
            f"The direct identifier '{kind}' repeats among different people: of {pairs:,} pairs of subjects "
            f"who share it, {contradicted:,} were born on days that have nothing in common. It is used as evidence, "
            "not as an identifier."
        )
    return unique, warnings


def _contradicted(subjects: Subjects, kind: str) -> tuple[int, int]:
    """Return the pairs of subjects who share an identifier, and how many of them cannot be one person."""
    found = query(
        subjects.connection,
        f"""WITH shared AS (
            SELECT *, count(*) OVER (PARTITION BY {kind}) AS together FROM subjects WHERE {kind} IS NOT NULL
        ), small AS (
            SELECT (l.birth_year_from != r.birth_year_from AND l.birth_decade_month_day != r.birth_decade_month_day
                AND NOT list_has_any(l.dates_of_birth, r.dates_of_birth)) AS apart
            FROM shared l JOIN shared r USING ({kind})
            WHERE (l.source < r.source OR (l.source = r.source AND l.node < r.node)) AND l.together <= {LARGEST_BLOCK}
        )
        SELECT count(apart) + (SELECT count(*) FROM shared WHERE together > {LARGEST_BLOCK}) AS pairs,
            coalesce(count_if(apart), 0)
                + (SELECT count(*) FROM shared WHERE together > {LARGEST_BLOCK}) AS contradicted
        FROM small""",
    )
    return int(found["pairs"][0]), int(found["contradicted"][0])


def link_by_identifiers(
    tokens: Mapping[str, pl.DataFrame], kinds: Collection[str], duplicates: Collection[str] = ()
) -> pl.DataFrame:
    """Return the links of every two sources that share one of `kinds`, as rows of `links`.

    `tokens` gives the subjects of each source in scope; of two sources the earlier one is the left. Two subjects of
    one source of `duplicates` are linked likewise.
    """
    pairs = [*combinations(tokens, 2), *((source, source) for source in tokens if source in duplicates)]
    links = [
        _same_identifier(tokens, left, right, kind)
        for left, right in pairs
        for kind in kinds
        if kind in tokens[left].columns and kind in tokens[right].columns
    ]
    if not links:
        return pl.DataFrame(schema=LINKS)
    return pl.concat(links).unique(PAIR, keep="first", maintain_order=True)


PAIR = ["source_l", "subject_id_l", "source_r", "subject_id_r"]
LINKS = {
    "source_l": pl.String,
    "subject_id_l": pl.Int64,
    "source_r": pl.String,
    "subject_id_r": pl.Int64,
    "match_weight": pl.Float64,
    "match_probability": pl.Float64,
    "method": pl.String,
}


def _same_identifier(tokens: Mapping[str, pl.DataFrame], left: str, right: str, kind: str) -> pl.DataFrame:
    pairs = (
        tokens[left]
        .select("subject_id", kind)
        .drop_nulls()
        .join(tokens[right].select("subject_id", kind).drop_nulls(), on=kind, suffix="_r")
        .filter(pl.lit(left != right) | (pl.col("subject_id") < pl.col("subject_id_r")))
    )
    return pairs.select(
        pl.lit(left).alias("source_l"),
        pl.col("subject_id").alias("subject_id_l"),
        pl.lit(right).alias("source_r"),
        "subject_id_r",
        pl.lit(CERTAIN_WEIGHT).alias("match_weight"),
        pl.lit(1.0).alias("match_probability"),
        pl.lit(f"identifier:{kind}").alias("method"),
    ).sort(PAIR)


DESCRIBING = ("given_name", "family_name", "date_of_birth")
"""What finds a mother whose identifier is not known: her date of birth, with at least one of her names."""


def find_mothers(ingest: Path, sources: Sequence[str], contracts: Mapping[str, SourceContract]) -> pl.DataFrame:
    """Return `mothers`: each subject whose record describes its mother, and the mother's own subject.

    The mother is looked for in `sources`, in their order (the spine first): by her identifier in every source that
    has this kind, then by her names and date of birth where these are unique in the source. The first source that has
    her is taken.
    """
    pairs: list[pl.DataFrame] = []
    for source in sources:
        for extract, layout in contracts[source].extracts.items():
            given = sorted({str(one.identifier) for one in layout.columns.values() if one.of == "mother"})
            for columns in _ways_to_find(given):
                records = ingest / "records" / f"{extract}.parquet"
                children = read_table(records, columns=["subject_id", *(f"mother_{kind}" for kind in columns)])
                pairs += [
                    _pair_with_mothers(children.drop_nulls(), source, ingest, mother_source, columns)
                    for mother_source in sources
                ]
    schema = {"source": pl.String, "subject_id": pl.Int64, "mother_source": pl.String, "mother_subject_id": pl.Int64}
    mothers = pl.concat([pl.DataFrame(schema=schema), *pairs])
    return mothers.unique(["source", "subject_id"], keep="first", maintain_order=True)


def _ways_to_find(given: Sequence[str]) -> list[list[str]]:
    """Return the columns of each way to find a mother: her numbers, one at a time, then names and date of birth."""
    numbers = [[kind] for kind in given if kind not in PARTS_OF_A_PERSON]
    described = [kind for kind in DESCRIBING if kind in given]
    if "date_of_birth" not in described or len(described) < len(DESCRIBING) - 1:
        return numbers
    return [*numbers, described]


def _pair_with_mothers(
    children: pl.DataFrame, source: str, ingest: Path, mother_source: str, kinds: Sequence[str]
) -> pl.DataFrame:
    tokens = ingest / "tokens" / f"{mother_source}.parquet"
    schema = {"source": pl.String, "subject_id": pl.Int64, "mother_source": pl.String, "mother_subject_id": pl.Int64}
    if not set(kinds) <= set(scan_table(tokens).collect_schema()):
        return pl.DataFrame(schema=schema)
    mothers = read_table(tokens, columns=["subject_id", *kinds]).drop_nulls()
    if len(kinds) > 1:
        mothers = mothers.filter(pl.struct(kinds).is_unique())
    pairs = children.join(
        mothers.rename({"subject_id": "mother_subject_id"}),
        left_on=[f"mother_{kind}" for kind in kinds],
        right_on=list(kinds),
    )
    return pairs.select(
        pl.lit(source).alias("source"),
        "subject_id",
        pl.lit(mother_source).alias("mother_source"),
        "mother_subject_id",
    ).sort("subject_id", "mother_subject_id")

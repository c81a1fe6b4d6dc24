"""Links by direct identifiers: two subjects with the same token of the same kind are the same person."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import polars as pl

from pipeline.ingest.columns import PARTS_OF_A_PERSON
from pipeline.ingest.contracts import SourceContract
from pipeline.tables import read_table

# Log2 odds of a link by direct identifier: above what any model reaches, so that it is always taken first.
CERTAIN_WEIGHT = 100.0


def direct_kinds(contract: SourceContract) -> set[str]:
    """Return the kinds of direct identifiers that a source carries of its subjects."""
    return contract.identifier_kinds - set(PARTS_OF_A_PERSON)


def link_by_identifiers(tokens: Mapping[str, pl.DataFrame], contracts: Mapping[str, SourceContract]) -> pl.DataFrame:
    """Return the links of every two sources that share a kind of identifier, as rows of `links`.

    `tokens` gives the subjects of each source in scope; of two sources the earlier one is the left.
    """
    links = [
        _same_identifier(tokens, left, right, kind)
        for left, right in combinations(tokens, 2)
        for kind in sorted(direct_kinds(contracts[left]) & direct_kinds(contracts[right]))
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


def find_mothers(
    ingest: Path, tokens: Mapping[str, pl.DataFrame], contracts: Mapping[str, SourceContract]
) -> pl.DataFrame:
    """Return `mothers`: each subject whose record gives its mother's identifier, and the mother's own subject.

    The mother is searched in every source that carries that kind of identifier, in the order of `tokens`
    (the spine first); the first source that has her is taken.
    """
    pairs: list[pl.DataFrame] = []
    for source in tokens:
        for extract, layout in contracts[source].extracts.items():
            for kind in sorted({str(one.identifier) for one in layout.columns.values() if one.of == "mother"}):
                records = ingest / "records" / f"{extract}.parquet"
                children = read_table(records, columns=["subject_id", f"mother_{kind}"]).drop_nulls()
                pairs += [
                    _pair_with_mothers(children, source, subjects, mother_source, kind)
                    for mother_source, subjects in tokens.items()
                    if kind in subjects.columns
                ]
    schema = {"source": pl.String, "subject_id": pl.Int64, "mother_source": pl.String, "mother_subject_id": pl.Int64}
    mothers = pl.concat(pairs) if pairs else pl.DataFrame(schema=schema)
    return mothers.unique(["source", "subject_id"], keep="first", maintain_order=True)


def _pair_with_mothers(
    children: pl.DataFrame, source: str, subjects: pl.DataFrame, mother_source: str, kind: str
) -> pl.DataFrame:
    mothers = subjects.select(pl.col("subject_id").alias("mother_subject_id"), kind).drop_nulls()
    pairs = children.join(mothers, left_on=f"mother_{kind}", right_on=kind)
    return pairs.select(
        pl.lit(source).alias("source"),
        "subject_id",
        pl.lit(mother_source).alias("mother_source"),
        "mother_subject_id",
    ).sort("subject_id", "mother_subject_id")

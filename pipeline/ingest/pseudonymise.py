"""Pseudonyms: the keyed hashes that replace identifiers.

Identifiers are clear only here and in the steps of ingest before, and only in memory. What can be compared of a
subject is derived first (`features`) and then hashed. No token withstands a frequency attack: tokens are pseudonyms,
not anonymous.
"""

import functools
import operator
from collections.abc import Iterable

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.columns import CORROBORATING, FIRST_ARRIVAL, YEARS_OF_BIRTH
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.distinct_values import distinct_values
from pipeline.ingest.features import (
    COMPOSITES,
    LISTS,
    NAMES,
    VALUES,
    attributes,
    comparable_postcode,
    is_initial,
    kind_of,
    recorded_values,
    with_parts,
)
from pipeline.ingest.names import parts_of_name
from pipeline.ingest.standardise import standard_number
from pipeline.ingest.subjects import SUBJECT
from pipeline.keys import PseudonymisationKey

CLEAR = ("sex", "birth_month", *YEARS_OF_BIRTH, "area")
AS_RECORDED = {
    **dict.fromkeys(
        ("given_name", "middle_name", "family_name", "full_name", "name_parts", "former_given_name",
         "former_family_name"), pl.String),
    "date_of_birth": pl.Date,
    **dict.fromkeys(("birth_year", *YEARS_OF_BIRTH), pl.Int32),
    "sex": pl.String,
    **dict.fromkeys(("postcode", "house", "street", "locality"), pl.String),
}  # fmt: skip
"""The describing identifiers as ingest gives them, and the type of each."""
_CLEAR_TYPES = {kind: pl.Date if kind == FIRST_ARRIVAL else pl.String for kind in CORROBORATING}

_NAMES_OF_TOKENS = {
    SUBJECT, "record_id", "first", "last", "day", "extract", *CLEAR, *CORROBORATING, *AS_RECORDED, *VALUES,
    *COMPOSITES, *LISTS,
}  # fmt: skip


def direct_identifier_kinds(contract: SourceContract) -> list[str]:
    """Return the kinds of direct identifiers of a source's subjects, its person key first."""
    kinds = [
        str(column.identifier)
        for extract in contract.extracts.values()
        for column in extract.columns.values()
        if column.is_direct_identifier and column.of is None
    ]
    taken = [kind for kind in kinds if kind in _NAMES_OF_TOKENS]
    if taken:
        raise UserError(
            f"The contract of '{contract.source}' calls an identifier '{taken[0]}'. Choose another name: "
            "Sojourn has a column of its own with this one."
        )
    key = [contract.person_key_kind] if contract.person_key else []
    return list(dict.fromkeys([*key, *kinds]))


def tokens_of_repeated(key: PseudonymisationKey, kind: str, texts: pl.Series) -> pl.Series:
    """Return the token (UInt64) of every text of a series, null for null; each distinct text is hashed once.

    Values that hardly repeat are faster hashed one by one (`PseudonymisationKey.tokens`).
    """
    distinct, places = distinct_values(texts)
    return key.tokens(kind, distinct).gather(places)


def direct_identifier_tokens(key: PseudonymisationKey, kind: str, numbers: pl.Series) -> pl.Series:
    """Return the tokens (UInt64) of clear direct identifiers of one kind, standardised as in ingest."""
    standard = pl.DataFrame({"text": numbers.cast(pl.String)}).select(standard_number(pl.col("text"))).to_series()
    return key.tokens(kind, standard)


def identifier_tokens(key: PseudonymisationKey, kind: str, values: pl.Series) -> pl.Series:
    """Return the token (UInt64) of every value of one kind of identifier, null where it is unknown.

    Names and postcodes are standardised here; direct identifiers already are (`pipeline.ingest.check`). Each distinct
    value is standardised and hashed once.
    """
    distinct, places = distinct_values(values)
    return _tokens_of_distinct(key, kind, distinct).gather(places).alias("token")


def _tokens_of_distinct(key: PseudonymisationKey, kind: str, values: pl.Series) -> pl.Series:
    if kind in NAMES:
        names = pl.DataFrame({"name": parts_of_name(values).list.join("")})
        return key.tokens("name", names.select(pl.when(~is_initial(pl.col("name"))).then("name")).to_series())
    texts = comparable_postcode(values) if kind == "postcode" else values.cast(pl.String)
    return key.tokens(kind, texts)


def subject_tokens(
    identities: pl.DataFrame, kinds: Iterable[str], key: PseudonymisationKey, variants: pl.DataFrame
) -> pl.DataFrame:
    """Return the pseudonymised subjects of one source, one row each, ordered by `subject_id`.

    `identities` has one row for each distinct identity under which a subject was recorded: `subject_id`, columns of
    `AS_RECORDED` and `kinds` (null or absent where unknown), `birth_month`, `area`, `CORROBORATING`, and the ranks
    `first` and `last` of its first and last record. Every subject has its latest known value of each kind: clear for
    `CLEAR` and `CORROBORATING`, tokens (UInt64) for `kinds` (direct identifiers), `VALUES` and `COMPOSITES`; the
    `LISTS` have the tokens of all recorded values in order of first appearance (empty where there is none).
    `variants` is the table of name variants.
    """
    identities = with_parts(complete_identities(identities))
    known = [name for name in identities.columns if name not in {SUBJECT, "first", "last"}]
    latest = (
        identities.sort("last")
        .group_by(SUBJECT, maintain_order=True)
        .agg(pl.col(name).last(ignore_nulls=True) for name in known)
        .sort(SUBJECT)
    )
    made = attributes(latest)
    tokens = {name: tokens_of_repeated(key, kind_of(name), made[name]) for name in made.columns}
    numbers = [key.tokens(kind, latest[kind]).alias(kind) for kind in kinds]
    values = [tokens[name].alias(name) for name in VALUES]
    composites = [_composite(key, name, [tokens[part] for part in parts]) for name, parts in COMPOSITES.items()]
    year = pl.coalesce(pl.col("date_of_birth").dt.year(), "birth_year")
    subjects = latest.select(
        SUBJECT, "sex", "birth_month", *(pl.coalesce(year, end).alias(end) for end in YEARS_OF_BIRTH), "area",
        *CORROBORATING,
    )  # fmt: skip
    subjects = subjects.hstack([*numbers, *values, *composites])
    for name, recorded in recorded_values(identities, variants).items():
        hashed = recorded.with_columns(tokens_of_repeated(key, LISTS[name], recorded["value"]).alias(name))
        distinct = hashed.sort("first").unique([SUBJECT, name], keep="first", maintain_order=True)
        lists = distinct.group_by(SUBJECT, maintain_order=True).agg(name)
        subjects = subjects.join(lists, on=SUBJECT, how="left", maintain_order="left")
    return subjects.with_columns(pl.col(list(LISTS)).fill_null([]))


def complete_identities(identities: pl.DataFrame) -> pl.DataFrame:
    """Return identities with every column that features are made of."""
    types = {**AS_RECORDED, **_CLEAR_TYPES, "birth_month": pl.Date, "area": pl.String}
    missing = [pl.lit(None, kind).alias(name) for name, kind in types.items() if name not in identities.columns]
    as_text = [pl.col(name).cast(kind) for name, kind in _CLEAR_TYPES.items() if name in identities.columns]
    return identities.with_columns(missing + as_text)


def _composite(key: PseudonymisationKey, name: str, parts: list[pl.Series]) -> pl.Series:
    """Return the token of every row of `parts`, null where one of them is null."""
    if len(parts) == 1:
        return parts[0].alias(name)
    known = functools.reduce(operator.and_, (part.is_not_null() for part in parts))
    hashed = key.composites(name, [part.filter(known).to_numpy() for part in parts])
    whole = pl.Series(name, hashed, dtype=pl.UInt64)
    if len(whole) == len(known):
        return whole
    places = known.arg_true()
    return pl.select(pl.repeat(None, len(known), dtype=pl.UInt64)).to_series().scatter(places, whole).alias(name)

"""Pseudonyms: the values derived from identifiers, and the keyed hashes that replace them.

Identifiers are clear only here and in the checks before, and only in memory. Values that agree despite spelling
variants and typing errors (sounds, prefixes, parts of dates) are derived first and hashed as composites: a bare
initial or year would be recognised by its frequency. Deriving before hashing follows Plachta and Shipsey ("Derive
and Conquer", ONS, 2018). No token withstands a frequency attack: tokens are pseudonyms, not anonymous.
"""

from collections.abc import Callable, Iterable

import jellyfish
import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.standardise import (
    first_part,
    full_postcode,
    joined_name,
    sorted_parts,
    standard_name,
    standard_number,
    standard_postcode,
)
from pipeline.keys import PseudonymisationKey

SUBJECT = "subject_id"
CLEAR = ("sex", "birth_month", "area")
AS_RECORDED = {
    "given_name": pl.String,
    "family_name": pl.String,
    "date_of_birth": pl.Date,
    "sex": pl.String,
    "postcode": pl.String,
}
PARTS = ("given_name", "family_name", "full_name", "date_of_birth", "postcode")
COMPOSITES = (
    "given_sound_birth_year",
    "family_sound_birth_year",
    "given_prefix_birth_month",
    "family_prefix_birth_month",
    "initials_date_of_birth",
    "birth_month_day",
    "birth_year_day",
    "birth_day_month_sorted",
)
HISTORIES = {
    "given_names": "given_name",
    "family_names": "family_name",
    "postcodes": "postcode",
    "dates_of_birth": "date_of_birth",
}

_NAMES_OF_TOKENS = {SUBJECT, "record_id", "first", "last", "day", "extract", *CLEAR, *PARTS, *COMPOSITES, *HISTORIES}

# given and family names share a domain, so that swapped names can be found
_DOMAINS = {"given_name": "name", "family_name": "name"}
_PREFIX = 3  # letters


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
    return list(dict.fromkeys([contract.person_key_kind, *kinds]))


def direct_identifier_tokens(key: PseudonymisationKey, kind: str, numbers: pl.Series) -> pl.Series:
    """Return the tokens (UInt64) of clear direct identifiers of one kind, standardised as in ingest."""
    return identifier_tokens(key, kind, _of_distinct(numbers, standard_number))


def identifier_tokens(key: PseudonymisationKey, kind: str, values: pl.Series) -> pl.Series:
    """Return the token (UInt64) of every value of one kind of identifier, null where it is unknown.

    Names and postcodes are standardised here; direct identifiers already are (`pipeline.ingest.check`).
    """
    return _tokens(key, kind, comparable(kind, values))


def comparable(kind: str, values: pl.Series) -> pl.Series:
    """Return the text by which each value of an identifier is compared between sources."""
    if kind in {"given_name", "family_name"}:
        return _of_distinct(values, lambda name: joined_name(standard_name(name)))
    if kind == "postcode":
        return _of_distinct(values, lambda postcode: full_postcode(standard_postcode(postcode)))
    return values.cast(pl.String)  # a date in ISO 8601 form, or a number


def subject_tokens(identities: pl.DataFrame, kinds: Iterable[str], key: PseudonymisationKey) -> pl.DataFrame:
    """Return the pseudonymised subjects of one source, one row each, ordered by `subject_id`.

    `identities` has one row for each distinct identity under which a subject was recorded: `subject_id`,
    the clear columns `given_name`, `family_name`, `date_of_birth`, `sex`, `postcode` and `kinds` (null where
    unknown), `birth_month`, `area`, and the ranks `first` and `last` of its first and last record.
    Every subject has its latest known value of each kind: clear for `CLEAR`, tokens (UInt64) for `kinds` (direct
    identifiers), `PARTS` and `COMPOSITES`; the lists of `HISTORIES` have the tokens of all recorded values in
    order of first appearance (empty where there is none).
    """
    known = [name for name in identities.columns if name not in {SUBJECT, "first", "last"}]
    latest = (
        identities.sort("last")
        .group_by(SUBJECT, maintain_order=True)
        .agg(pl.col(name).last(ignore_nulls=True) for name in known)
        .sort(SUBJECT)
    )
    texts = latest.select(kinds).hstack(parts_and_composites(latest))
    tokens = latest.select(SUBJECT, *CLEAR).hstack(
        [_tokens(key, text.name, text).alias(text.name) for text in texts.iter_columns()]
    )
    for history, kind in HISTORIES.items():
        recorded = identities.select(SUBJECT, "first", identifier_tokens(key, kind, identities[kind]).alias(history))
        distinct = recorded.sort("first").drop_nulls().unique([SUBJECT, history], keep="first", maintain_order=True)
        lists = distinct.group_by(SUBJECT, maintain_order=True).agg(history)
        tokens = tokens.join(lists, on=SUBJECT, how="left", maintain_order="left")
    return tokens.with_columns(pl.col(list(HISTORIES)).fill_null([]))


def parts_and_composites(people: pl.DataFrame) -> pl.DataFrame:
    """Return the columns `PARTS` and `COMPOSITES` as comparable text, null where a part is missing.

    `people` has `given_name`, `family_name`, `postcode` (text as recorded), `date_of_birth` (Date), `sex`.
    """
    names = [_of_distinct(people[kind], standard_name).alias(kind) for kind in ("given_name", "family_name")]
    given, family = pl.col("given_name"), pl.col("family_name")
    ready = pl.DataFrame(names).select(
        joined_name(given).alias("given_name"),
        joined_name(family).alias("family_name"),
        sorted_parts(given, family).alias("full_name"),
        first_part(given).alias("first_given_name"),
    )
    sounds = [
        _sounds(ready[name]).alias(sound)
        for name, sound in (("first_given_name", "given_sound"), ("family_name", "family_sound"))
    ]
    postcode = comparable("postcode", people["postcode"]).alias("postcode")
    frame = ready.hstack([*sounds, postcode, people["date_of_birth"], people["sex"]])
    return (
        frame.with_columns(_composites())
        .with_columns(pl.col("date_of_birth").cast(pl.String))
        .select(*PARTS, *COMPOSITES)
    )


def _composites() -> list[pl.Expr]:
    born = pl.col("date_of_birth")
    year, month, day = born.dt.strftime("%Y"), born.dt.strftime("%m"), born.dt.strftime("%d")
    given, family = pl.col("given_name"), pl.col("family_name")
    pieces = {
        "given_sound_birth_year": [pl.col("given_sound"), year],
        "family_sound_birth_year": [pl.col("family_sound"), year],
        "given_prefix_birth_month": [given.str.head(_PREFIX), year, month],
        "family_prefix_birth_month": [family.str.head(_PREFIX), year, month],
        "initials_date_of_birth": [given.str.head(1), family.str.head(1), year, month, day],
        "birth_month_day": [month, day, pl.col("sex")],
        "birth_year_day": [year, day, pl.col("sex")],
        "birth_day_month_sorted": [year, pl.min_horizontal(day, month), pl.max_horizontal(day, month)],
    }
    return [pl.concat_str(pieces[name], separator="|").alias(name) for name in COMPOSITES]


def _sounds(names: pl.Series) -> pl.Series:
    """Return the Soundex code (Russell, 1918) of each name; a name in another script is its own code."""
    distinct = names.drop_nulls().unique(maintain_order=True)
    codes = [jellyfish.soundex(name) if name.isascii() else name for name in distinct]
    return names.replace_strict(distinct, pl.Series(codes, dtype=pl.String), default=None, return_dtype=pl.String)


def _of_distinct(values: pl.Series, transform: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return `transform` of every text of a series, computed once for each distinct text."""
    distinct = values.cast(pl.String).drop_nulls().unique(maintain_order=True)
    transformed = pl.DataFrame({"text": distinct}).select(transform(pl.col("text"))).to_series()
    return values.cast(pl.String).replace_strict(distinct, transformed, default=None, return_dtype=pl.String)


def _tokens(key: PseudonymisationKey, kind: str, texts: pl.Series) -> pl.Series:
    """Return the token of every text of a series, null for null; each distinct text is hashed once."""
    distinct = texts.drop_nulls().unique(maintain_order=True)
    hashed = pl.Series(key.tokens(_DOMAINS.get(kind, kind), distinct.to_list()), dtype=pl.UInt64)
    return texts.replace_strict(distinct, hashed, default=None, return_dtype=pl.UInt64)

"""The features by which subjects are linked: values that agree between two records of one person.

A feature is a full value, or a composite of several attributes of one record: a code of a name alone would be
recognised by its frequency. Similarity cannot be tested between tokens, so it is derived before hashing, as by J.
Plachta, C. Tomlin and R. Shipsey (2020), "Data linkage of hashed data: Derive and Conquer", International Journal of
Population Data Science 5: the codes of a name (its sound, its first letters, its last letters) are hashed together
with a partner, another attribute on which two records of one person mostly agree. Every code has several partners, so
that no single attribute, wrong or missing, hides that two names are alike.
"""

from collections.abc import Callable, Mapping

import polars as pl

from pipeline.ingest.distinct_values import of_distinct
from pipeline.ingest.name_codes import initial, prefix, skeleton, suffix
from pipeline.ingest.name_variants import canonical
from pipeline.ingest.names import parts_of_name, split_full_name
from pipeline.ingest.standardise import full_postcode, standard_postcode

CODES: Mapping[str, str] = {"sound": "code", "beginning": "prefix", "ending": "suffix"}
"""The codes of a name, and the kind of value that each is."""
PARTNERS: Mapping[str, tuple[str, ...]] = {
    "given": ("birth_year", "birth_day", "family_name", "postcode"),
    "family": ("birth_year", "birth_day", "first_name", "postcode"),
}
"""The attributes with which the codes of given and of family names are hashed, each in turn."""

VALUES = (
    "given_name", "first_name", "middle_name", "family_name", "full_name", "date_of_birth", "postcode", "street",
    "locality",
)  # fmt: skip
"""Features that are one value."""
COMPOSITES: Mapping[str, tuple[str, ...]] = {
    **{f"{name}_{code}_{partner}": (f"{name}_{code}", partner)
       for name, partners in PARTNERS.items() for code in CODES for partner in partners},
    "given_initial_birth": ("given_initial", "date_of_birth"),
    "given_initial_family_name": ("given_initial", "family_name"),
    "initials_date_of_birth": ("given_initial", "family_initial", "date_of_birth"),
    "middle_initial_birth_year": ("middle_initial", "birth_year"),
    "middle_initial_birth_day": ("middle_initial", "birth_day"),
    "middle_initial_first_name": ("middle_initial", "first_name"),
    "middle_initial_family_name": ("middle_initial", "family_name"),
    "middle_initial_postcode": ("middle_initial", "postcode"),
    "birth_decade_month_day": ("birth_day",),
    "house_street": ("house", "street"),
    "house_postcode": ("house", "postcode"),
}  # fmt: skip
"""Features that are composites: the attributes of which each is made."""
LISTS: Mapping[str, str] = {
    "given_names": "name", "family_names": "name", "name_parts": "name", "family_parts": "name",
    "given_variants": "variant", "postcodes": "postcode", "dates_of_birth": "date_of_birth",
}  # fmt: skip
"""Features that are lists: all values that were ever recorded of a subject, and the kind of value that each has."""

_KINDS = {
    "given_name": "name", "first_name": "name", "middle_name": "name", "family_name": "name",
    **{f"{name}_{code}": kind for name in PARTNERS for code, kind in CODES.items()},
    **dict.fromkeys(("given_initial", "family_initial", "middle_initial"), "initial"),
}  # fmt: skip


def kind_of(attribute: str) -> str:
    """Return the kind of value that an attribute is: equal values of one kind have equal tokens, whatever the column.

    Given, middle and family names are one kind, so that names in another order are found.
    """
    return _KINDS.get(attribute, attribute)


NAMES = ("given_name", "middle_name", "family_name", "former_given_name", "former_family_name")
"""The kinds of identifiers that are names; `with_parts` makes lists of their parts."""


def with_parts(people: pl.DataFrame) -> pl.DataFrame:
    """Return people with each of `NAMES` as the list of its parts in standard form, null where there is none.

    Where no column of their own gives a given and a family name, they are taken from the full name in one column, or
    from its parts in unknown order (`full_name`, `name_parts`).
    """
    in_one = [name for name in ("full_name", "name_parts") if people[name].null_count() < people.height]
    if in_one:
        split = split_full_name(people.select(pl.coalesce(in_one).alias("full_name")).to_series())
        people = people.with_columns(
            pl.coalesce(pl.col(name), split[name]).alias(name) for name in ("given_name", "family_name")
        )
    parts = parts_of_name(pl.concat(people[name].cast(pl.String) for name in NAMES))  # a name is standardised once
    return people.with_columns(
        parts.slice(at * people.height, people.height).alias(name) for at, name in enumerate(NAMES)
    )


def attributes(people: pl.DataFrame) -> pl.DataFrame:
    """Return the attributes of which features are made, as comparable text, null where they are not known.

    `people` has `given_name`, `middle_name`, `family_name` (lists of parts), `postcode`, `house`, `street`,
    `locality` (text as recorded), `date_of_birth` (Date), `birth_year` (Int32).
    """
    given, middle, family = (pl.col(name) for name in ("given_name", "middle_name", "family_name"))
    first = given.list.first()
    # second given names, and middle names in a column of their own
    more = pl.concat_list(given.list.slice(1).fill_null([]), middle.fill_null([]))
    joined = {"given_name": given.list.join(""), "family_name": family.list.join("")}
    frame = people.select(
        # an initial is no name: on its own it is compared in composites only
        *(pl.when(~is_initial(name)).then(name).alias(kind) for kind, name in joined.items()),
        pl.when(~is_initial(first)).then(first).alias("first_name"),
        pl.concat_list(given, family).list.unique().list.sort().list.join(" ").alias("full_name"),
        first.alias("first_part"),
        pl.when(more.list.len() > 0).then(more.list.join("")).alias("middle"),
    )
    both = pl.concat([frame["first_part"], frame["family_name"].alias("first_part")])
    codes = [
        coded.slice(at * frame.height, frame.height).alias(f"{name}_{alias}")
        for alias, code in (("sound", skeleton), ("beginning", prefix), ("ending", suffix), ("initial", initial))
        for coded in (of_distinct(both, code),)
        for at, name in enumerate(("given", "family"))
    ]
    codes.append(initial(frame["middle"]).alias("middle_initial"))
    middle_name = pl.when(~is_initial(pl.col("middle"))).then("middle").alias("middle_name")
    frame = frame.with_columns(middle_name).drop("first_part", "middle").hstack(codes)
    return frame.hstack(_dates(people)).hstack(_places(people))


def _dates(people: pl.DataFrame) -> pl.DataFrame:
    """Return the date of birth, its year, and its month and day within ten years.

    A birthday of all years would be one token: one person in whose records day and month are exchanged tells its day,
    since the month is clear, and would tell it of all who share it. Most wrong years are of the same decade.
    """
    born = pl.col("date_of_birth")
    year, month, day = born.dt.strftime("%Y"), born.dt.strftime("%m"), born.dt.strftime("%d")
    return people.select(
        born.cast(pl.String).alias("date_of_birth"),
        pl.coalesce(year, pl.col("birth_year").cast(pl.String)).alias("birth_year"),
        pl.concat_str(year.str.head(3), month, day, separator="-").alias("birth_day"),
    )


def _places(people: pl.DataFrame) -> pl.DataFrame:
    """Return the parts of an address in comparable form: letters and digits alone, in upper case, in their order."""
    word = r"[^\p{L}\p{N}]+"
    places = [
        _of_distinct(people[name], lambda text: _known(text.str.to_uppercase().str.replace_all(word, ""))).alias(name)
        for name in ("house", "street", "locality")
    ]
    return pl.DataFrame([comparable_postcode(people["postcode"]), *places])


def comparable_postcode(postcodes: pl.Series) -> pl.Series:
    """Return the text by which each postcode is compared; null for one that is only an outward code."""
    return _of_distinct(postcodes, lambda text: full_postcode(standard_postcode(text))).alias("postcode")


def _known(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.len_bytes() > 0).then(text)


def _of_distinct(texts: pl.Series, transform: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return `transform` of every text of a series, computed once for each distinct text."""
    return of_distinct(
        texts, lambda distinct: distinct.to_frame("text").select(transform(pl.col("text"))).to_series()
    )


def is_initial(name: pl.Expr) -> pl.Expr:
    """Return whether a name is one letter of an alphabet: it stands for a name, and only composites contain it.

    A character of Han or Hangul is a whole name.
    """
    return (name.str.len_chars() == 1) & ~name.str.contains(r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}]")


def recorded_values(identities: pl.DataFrame, variants: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return, by name of `LISTS`, every value ever recorded of a subject: `subject_id, first, value`.

    `identities` has `NAMES` as lists of parts; `variants` is a table of name variants. A former name counts as a
    value of the name that it was.
    """
    whole = {
        "given_names": ("given_name", "former_given_name"),
        "family_names": ("family_name", "former_family_name"),
    }
    parts = {"name_parts": NAMES, "family_parts": ("family_name", "former_family_name")}
    recorded = {
        name: pl.concat(_values(identities, identities[kind].list.join("")) for kind in kinds)
        for name, kinds in whole.items()
    }
    for name, kinds in parts.items():
        every = pl.concat(_values(identities, identities[kind]) for kind in kinds).explode("value")
        recorded[name] = every
    first = identities["given_name"].list.first()
    recorded["given_variants"] = _values(identities, canonical_names(first, variants)).explode("value")
    recorded = {name: values.filter(~is_initial(pl.col("value"))) for name, values in recorded.items()}
    recorded["postcodes"] = _values(identities, comparable_postcode(identities["postcode"]))
    recorded["dates_of_birth"] = _values(identities, identities["date_of_birth"].cast(pl.String))
    return recorded


def canonical_names(parts: pl.Series, variants: pl.DataFrame) -> pl.Series:
    """Return the names for which each part of a name may stand, computed once for each distinct part."""
    distinct = parts.drop_nulls().unique(maintain_order=True)
    known = pl.DataFrame({parts.name: distinct, "stands_for": canonical(distinct, variants)})
    return parts.to_frame().join(known, on=parts.name, how="left", maintain_order="left")["stands_for"]


def _values(identities: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    return identities.select("subject_id", "first").with_columns(values.alias("value")).drop_nulls("value")

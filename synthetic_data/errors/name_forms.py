"""Correct names in another form: another spelling, another order, a part of the name, or a nickname.

No form is a misspelling: another register could contain it for the same person. The forms that a name can take depend
on its origin (`tables/name_customs.csv`, `name_variants.csv`, `nicknames.csv`).
"""

from functools import cache, lru_cache
from unicodedata import category, normalize

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from synthetic_data.country.tables import table
from synthetic_data.errors.record_draws import Records
from synthetic_data.errors.susceptibility import HOME_NAMES
from synthetic_data.numbers.labels import Labels

FIRST_NAME_UNKNOWN = "FNU"
_PLAIN = str.maketrans({
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
    "ß": "ss", "æ": "ae", "Æ": "Ae", "ı": "i",
})  # fmt: skip
"""Letters that Unicode does not decompose into a plain letter and an accent."""
PARTS = ("given_name", "family_name")
GIVEN, FAMILY = (pl.col(part) for part in PARTS)
_FIRST, _LAST = r"^([^ ]+)", r"([^ ]+)$"
_BOTH, _FIRST_ALONE, _LAST_ALONE, _HYPHENATED = range(4)
"""What is written of two family names: both, the first, the last, or both with a hyphen."""
_WRITTEN = np.array([[_FIRST_ALONE, _LAST_ALONE, _HYPHENATED], [_LAST_ALONE, _FIRST_ALONE, _HYPHENATED]])
"""The main one, the other, or both with a hyphen: where the first is the main one, and where the last is."""
_ACCENTED = pl.any_horizontal(part.str.len_bytes() != part.str.len_chars() for part in (GIVEN, FAMILY))
_SHORTER = (
    pl.when("first_alone").then(GIVEN.str.extract(_FIRST)).otherwise(GIVEN).alias("given_name"),
    pl.when(pl.col("of_two") == _BOTH).then(FAMILY)
    .when(pl.col("of_two") == _FIRST_ALONE).then(FAMILY.str.extract(_FIRST))
    .when(pl.col("of_two") == _LAST_ALONE).then(FAMILY.str.extract(_LAST))
    .otherwise(FAMILY.str.replace_all(" ", "-", literal=True))
    .alias("family_name"),
)  # fmt: skip


def in_other_forms(names: pl.DataFrame, origin: Labels, records: Records) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return the places of names that a source records in another form, and `given_name, family_name` in that form.

    `origin` is the origin of the names, among `names.ORIGINS`. Most names are written alike by every source, and
    nothing is looked up for them.
    """
    recorded = {part: names[part] for part in PARTS}
    changed = np.zeros(len(records), dtype=bool)

    def chosen(form: str) -> NDArray[np.bool_]:
        return (records.draws(form) < records.rate("forms", form)) & _can_take(form)[origin.numbers]

    def write(rows: NDArray[np.int64], **parts: pl.Series | str) -> None:
        for part, new in parts.items():
            recorded[part] = recorded[part].scatter(rows, new)
        changed[rows] = True

    def change(rows: NDArray[np.int64], to: tuple[pl.Expr, ...], **columns: ArrayLike) -> None:
        if len(rows):
            some = pl.DataFrame({part: written[rows] for part, written in recorded.items()} | columns)
            write(rows, **some.select(to).to_dict())

    other = np.flatnonzero(chosen("variant"))
    drawn = {f"{part} as": records[other].draws(f"{part} as") for part in PARTS}
    change(other, _variants(), origin=origin[other].series("origin"), **drawn)
    called = np.flatnonzero(chosen("nickname"))
    change(called, _nicknames(), called=records[called].draws("called"))
    first_alone, of_two = chosen("one_given_name"), _of_two_family_names(origin, records)
    shorter = np.flatnonzero(first_alone | (of_two != _BOTH))
    change(shorter, _SHORTER, first_alone=first_alone[shorter], of_two=of_two[shorter])
    # a single name becomes the family name, and the first name is unknown
    single = np.flatnonzero(chosen("unnamed"))
    write(single, given_name=FIRST_NAME_UNKNOWN, family_name=recorded["given_name"][single])
    swapped = np.flatnonzero(chosen("reversed"))
    write(swapped, given_name=recorded["family_name"][swapped], family_name=recorded["given_name"][swapped])
    accented = pl.DataFrame(recorded).select(_ACCENTED).to_series().to_numpy()
    plain = np.flatnonzero(chosen("accents_lost") & accented)
    write(plain, **{part: _without_accents(written[plain]) for part, written in recorded.items()})
    places = np.flatnonzero(changed)
    return places, pl.DataFrame({part: written[places] for part, written in recorded.items()})


def _of_two_family_names(origin: Labels, records: Records) -> NDArray[np.int64]:
    """Return what is written of two family names; the main one is the first or the last, by origin."""
    forms = ("main_family_name", "other_family_name", "hyphenated")
    which, rates = records.draws("family names"), np.cumsum([records.rate("forms", form) for form in forms])
    some = np.flatnonzero((which < rates[-1]) & _can_take("one_family_name")[origin.numbers])
    last_is_main = _can_take("last_is_main")[origin.numbers[some]].astype(np.int64)
    written = np.full(len(records), _BOTH)
    written[some] = _WRITTEN[last_is_main, np.searchsorted(rates, which[some], side="right")]
    return written


@cache
def _can_take(form: str) -> NDArray[np.bool_]:
    """Return which origins of names (rows of the table of customs) can take a form."""
    customs = table("name_customs")
    those = {
        "nickname": customs["origin"].is_in(HOME_NAMES),
        "one_given_name": customs["several_given_names"] > 0,
        "one_family_name": customs["main_family_name"].is_not_null(),
        "last_is_main": customs["main_family_name"].eq_missing("last"),
        "unnamed": customs["single_name"] == 1,
        "reversed": customs["family_first"] == 1,
    }.get(form, customs["origin"].is_not_null())
    return those.to_numpy()


def _first_replaced(part: str, of: str, column: str, uniform: str) -> pl.Expr:
    """Return names with the first word replaced by one of the alternatives in a table, if it has any."""
    keys = [one for one in ("origin", "name") if one in table(of).columns]
    alternatives = (
        table(of).group_by(pl.concat_str(keys, separator=" ").alias("key"), maintain_order=True).agg(column)
    )
    word = pl.col(part).str.extract(_FIRST)
    key = pl.concat_str("origin", word, separator=" ") if "origin" in keys else word
    known = pl.lit(alternatives[column]).gather(key.cast(pl.Enum(alternatives["key"]), strict=False).to_physical())
    other = known.list.get((pl.col(uniform) * known.list.len()).cast(pl.Int64), null_on_oob=True)
    return pl.coalesce(other + pl.col(part).str.replace(_FIRST, ""), part).alias(part)


@cache
def _variants() -> tuple[pl.Expr, ...]:
    return tuple(_first_replaced(part, "name_variants", "variant", f"{part} as") for part in PARTS)


@cache
def _nicknames() -> tuple[pl.Expr, ...]:
    return (_first_replaced("given_name", "nicknames", "nickname", "called"),)


def _without_accents(names: pl.Series) -> pl.Series:
    """Return names in plain letters: `Małgorzata` as `Malgorzata`."""
    # names recur, and each is made plain once
    return pl.Series([_plain(name) for name in names.to_list()], dtype=pl.String)


@lru_cache(maxsize=2**16)
def _plain(name: str) -> str:
    letters = normalize("NFKD", name.translate(_PLAIN))
    return "".join(letter for letter in letters if not category(letter).startswith("M"))

"""Right names in another form: spelt as others spell them, in another order, in part, or as friends say them.

No form is a misspelling: each is what another register would hold of the same person. Who is open to which form
follows from the origin of the names (`tables/name_customs.csv`, `name_variants.csv`, `nicknames.csv`).
"""

from functools import cache
from unicodedata import category, normalize

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import draws
from synthetic_data.errors import Errors
from synthetic_data.labels import Labels
from synthetic_data.proneness import HOME_NAMES

FIRST_NAME_UNKNOWN = "FNU"
_PLAIN = {
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
    "ß": "ss", "æ": "ae", "Æ": "Ae", "ı": "i",
}  # fmt: skip
"""Letters that Unicode does not take apart into a plain letter and an accent."""
PARTS = ("given_name", "family_name")
GIVEN, FAMILY = (pl.col(part) for part in PARTS)
_FIRST, _LAST = r"^([^ ]+)", r"([^ ]+)$"
_OF_TWO_FAMILY_NAMES = ("main_family_name", "other_family_name", "hyphenated")
_ACCENTED = pl.any_horizontal(part.str.len_bytes() != part.str.len_chars() for part in (GIVEN, FAMILY))


def in_other_forms(
    names: pl.DataFrame,
    origin: Labels,
    errors: Errors,
    seed: int,
    source: str,
    stream: str,
    entities: NDArray[np.int64],
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return the places of those names that a source holds in another form, and `given_name, family_name` as held.

    `origin` is that of the names (`origins`), `stream` names the source's record of a person. Most names are written
    alike by every source, and nothing is looked up for them.
    """
    held = {part: names[part] for part in PARTS}
    changed = np.zeros(len(entities), dtype=bool)

    def chosen(form: str) -> NDArray[np.bool_]:
        uniform = draws(seed, f"{stream} {form}", entities)
        return (uniform < errors.rate("forms", form, source)) & _open_to(form)[origin.numbers]

    def change(
        rows: NDArray[np.int64], to: tuple[pl.Expr, ...], drawn: tuple[str, ...] = (), **told: pl.Series
    ) -> None:
        if not len(rows):
            return
        uniform = {name: draws(seed, f"{stream} {name}", entities[rows]) for name in drawn}
        some = pl.DataFrame({part: column[rows] for part, column in held.items()} | uniform | told)
        for new in some.select(to):
            held[new.name] = held[new.name].scatter(rows, new)
        changed[rows] = True

    others = np.flatnonzero(chosen("variant"))
    change(others, _variants(), ("given_name as", "family_name as"), origin=origin[others].series("origin"))
    change(np.flatnonzero(chosen("nickname")), _nicknames(), ("called",))
    change(np.flatnonzero(chosen("one_given_name")), _ONE_GIVEN_NAME)
    fate = draws(seed, f"{stream} family names", entities)
    rates = np.cumsum([errors.rate("forms", form, source) for form in _OF_TWO_FAMILY_NAMES])
    two = np.flatnonzero((fate < rates[-1]) & _open_to("one_family_name")[origin.numbers])
    kept = pl.Series(np.searchsorted(rates, fate[two], side="right"))
    change(two, _ONE_FAMILY_NAME, kept=kept, last_is_main=pl.Series(_open_to("last_is_main")[origin.numbers[two]]))
    change(np.flatnonzero(chosen("unnamed")), _UNNAMED)
    change(np.flatnonzero(chosen("reversed")), _REVERSED)
    accented = pl.DataFrame(held).select(_ACCENTED).to_series().to_numpy()
    change(np.flatnonzero(chosen("accents_lost") & accented), _without_accents())
    places = np.flatnonzero(changed)
    return places, pl.DataFrame({part: column[places] for part, column in held.items()})


def origins(known: pl.Series) -> Labels:
    """Return origins of names as labels, in the order of the table of customs."""
    return Labels.of(known, table("name_customs")["origin"].to_list())


@cache
def _open_to(form: str) -> NDArray[np.bool_]:
    """Return which origins of names (rows of the table of customs) are open to a form."""
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
    """Return names with the first word replaced by one of those that a table offers, if it offers any."""
    keys = [one for one in ("origin", "name") if one in table(of).columns]
    offered = table(of).group_by(pl.concat_str(keys, separator=" ").alias("key"), maintain_order=True).agg(column)
    word = pl.col(part).str.extract(_FIRST)
    key = pl.concat_str("origin", word, separator=" ") if "origin" in keys else word
    offers = pl.lit(offered[column]).gather(key.cast(pl.Enum(offered["key"]), strict=False).to_physical())
    other = offers.list.get((pl.col(uniform) * offers.list.len()).cast(pl.Int64), null_on_oob=True)
    return pl.coalesce(other + pl.col(part).str.replace(_FIRST, ""), part).alias(part)


@cache
def _variants() -> tuple[pl.Expr, ...]:
    return tuple(_first_replaced(part, "name_variants", "variant", f"{part} as") for part in PARTS)


@cache
def _nicknames() -> tuple[pl.Expr, ...]:
    return (_first_replaced("given_name", "nicknames", "nickname", "called"),)


@cache
def _without_accents() -> tuple[pl.Expr, ...]:
    """Return names in plain letters (`Małgorzata` as `Malgorzata`): those of all letters in the tables of names."""
    columns = (("given_names", "name"), ("family_names", "name"), ("name_variants", "variant"))
    names = pl.concat(table(of)[column] for of, column in columns)
    known = {letter for letter in "".join(names) if not letter.isascii()}
    plain = {
        one: "".join(part for part in normalize("NFKD", one) if category(part)[0] != "M") for one in sorted(known)
    }
    return tuple(pl.col(part).str.replace_many(plain | _PLAIN) for part in PARTS)


_ONE_GIVEN_NAME = (GIVEN.str.extract(_FIRST),)
_ONE_FAMILY_NAME = (
    pl.when(pl.col("kept") == _OF_TWO_FAMILY_NAMES.index("hyphenated"))
    .then(FAMILY.str.replace_all(" ", "-", literal=True))
    .when(pl.col("last_is_main") == (pl.col("kept") == _OF_TWO_FAMILY_NAMES.index("main_family_name")))
    .then(FAMILY.str.extract(_LAST))
    .otherwise(FAMILY.str.extract(_FIRST))
    .alias("family_name"),
)
_UNNAMED = (pl.lit(FIRST_NAME_UNKNOWN).alias("given_name"), GIVEN.alias("family_name"))
"""Of people with a single name: it is the family name, and the first one is unknown."""
_REVERSED = (FAMILY.alias("given_name"), GIVEN.alias("family_name"))

"""Right names in another form: spelt as others spell them, in another order, in part, or as friends say them.

No form is a misspelling: each is what another register would hold of the same person. Who is open to which form
follows from the origin of the names (`tables/name_customs.csv`, `name_variants.csv`, `nicknames.csv`).
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import Floats, draws
from synthetic_data.errors import Errors
from synthetic_data.proneness import HOME_NAMES

FIRST_NAME_UNKNOWN = "FNU"
_PLAIN = {
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
    "ß": "ss", "æ": "ae", "Æ": "Ae", "ı": "i",
}  # fmt: skip
"""Letters that Unicode does not take apart into a plain letter and an accent."""


PARTS = ("given_name", "family_name")
Change = Callable[[pl.DataFrame], pl.DataFrame]


def in_other_forms(
    names: pl.DataFrame, errors: Errors, seed: int, source: str, stream: str, entities: NDArray[np.int64]
) -> pl.DataFrame:
    """Return `given_name, family_name, origin` as a source holds them; `stream` names its record of a person."""

    def chosen(form: str) -> NDArray[np.bool_]:
        return draws(seed, f"{stream} {form}", entities) < errors.rate("forms", form, source)

    def custom(holds: pl.Series) -> NDArray[np.bool_]:
        return holds.fill_null(value=False).to_numpy()[origin]

    customs = table("name_customs")
    origin = names["origin"].cast(pl.Enum(customs["origin"])).to_physical().to_numpy()
    at_home = custom(customs["origin"].is_in(HOME_NAMES))
    for part in PARTS:
        spelt = draws(seed, f"{stream} {part} as", entities)
        names = _changed(names, chosen("variant"), partial(_replaced, part, "name_variants", "variant"), spelt)
    called = draws(seed, f"{stream} called", entities)
    nickname = partial(_replaced, "given_name", "nicknames", "nickname")
    names = _changed(names, chosen("nickname") & at_home, nickname, called)
    names = _changed(names, chosen("one_given_name") & custom(customs["several_given_names"] > 0), _one_given_name)
    rates = [errors.rate("forms", form, source) for form in ("main_family_name", "other_family_name", "hyphenated")]
    fate = draws(seed, f"{stream} family names", entities)
    for order in ("first", "last"):
        of_order = custom(customs["main_family_name"] == order) & (fate < sum(rates))
        names = _changed(names, of_order, partial(_of_two, order, *rates), fate)
    names = _changed(names, chosen("unnamed") & custom(customs["single_name"] == 1), _unnamed)
    names = _changed(names, chosen("reversed") & custom(customs["family_first"] == 1), _reversed)
    accented = pl.any_horizontal(pl.col(part).str.len_bytes() != pl.col(part).str.len_chars() for part in PARTS)
    return _changed(names, chosen("accents_lost") & names.select(accented).to_series().to_numpy(), _without_accents)


def _changed(
    names: pl.DataFrame, chosen: NDArray[np.bool_], change: Change, uniform: Floats | None = None
) -> pl.DataFrame:
    """Return names with those of the chosen changed.

    `change` is given the names of the chosen alone, and `uniform`: most names are written alike by every source, and
    nothing is looked up for them.
    """
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return names
    some = names[rows]
    if uniform is not None:
        some = some.with_columns(uniform=pl.Series(uniform[rows]))
    new = change(some)
    return names.with_columns(names[part].scatter(rows, new[part]) for part in PARTS)


def _one_given_name(names: pl.DataFrame) -> pl.DataFrame:
    return names.with_columns(pl.col("given_name").str.extract(r"^([^ ]+)"))


def _of_two(order: str, of_main: float, of_other: float, hyphen: float, names: pl.DataFrame) -> pl.DataFrame:
    """Return what is written of two family names: both, one of them, or both with a hyphen.

    The main one is the `first` or the `last`, by their order.
    """
    family, fate = pl.col("family_name"), pl.col("uniform")
    first, last = family.str.extract(r"^([^ ]+)"), family.str.extract(r"([^ ]+)$")
    main, other = (first, last) if order == "first" else (last, first)
    return names.with_columns(
        pl.when(~family.str.contains(" ", literal=True)).then(family)
        .when(fate < of_main).then(main)
        .when(fate < of_main + of_other).then(other)
        .when(fate < of_main + of_other + hyphen).then(family.str.replace_all(" ", "-", literal=True))
        .otherwise(family)
    )  # fmt: skip


def _unnamed(names: pl.DataFrame) -> pl.DataFrame:
    """Return names of people with a single name: it is the family name, and the first one is unknown."""
    return names.with_columns(given_name=pl.lit(FIRST_NAME_UNKNOWN), family_name="given_name")


def _reversed(names: pl.DataFrame) -> pl.DataFrame:
    return names.with_columns(given_name="family_name", family_name="given_name")


def _replaced(part: str, of: str, column: str, names: pl.DataFrame) -> pl.DataFrame:
    """Return names with the first word of `part` replaced by one of those that a table offers, if it does."""
    keys = ["name"] if "origin" not in table(of).columns else ["origin", "name"]
    found = names.with_columns(pl.col(part).str.extract(r"^([^ ]+)").alias("name")).join(
        _offered(of, column), on=keys, how="left", maintain_order="left"
    )
    number = (pl.col("uniform") * pl.col(column).list.len()).cast(pl.Int64)
    word = pl.col(column).list.get(number, null_on_oob=True)
    rest = pl.col(part).str.replace(r"^[^ ]+", "")
    return found.with_columns(pl.when(word.is_null()).then(part).otherwise(word + rest).alias(part))


@cache
def _offered(of: str, column: str) -> pl.DataFrame:
    """Return what a table offers for each name, of each origin where it tells them apart, as a list."""
    return table(of).group_by([one for one in ("origin", "name") if one in table(of).columns]).agg(column)


def _without_accents(names: pl.DataFrame) -> pl.DataFrame:
    """Return names in plain letters: `Małgorzata` -> `Malgorzata`."""
    return names.with_columns(
        pl.col(PARTS).str.replace_many(_PLAIN).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    )

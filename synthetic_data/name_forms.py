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

    variant, nickname = chosen("variant"), chosen("nickname") & names["origin"].is_in(HOME_NAMES).to_numpy()
    for part in PARTS:
        spelt = draws(seed, f"{stream} {part} as", entities)
        names = _changed(names, variant, partial(_replaced, part, "name_variants", "variant"), spelt)
    called = draws(seed, f"{stream} called", entities)
    names = _changed(names, nickname, partial(_replaced, "given_name", "nicknames", "nickname"), called)
    names = _changed(names, chosen("one_given_name"), _one_given_name)
    rates = [errors.rate("forms", form, source) for form in ("main_family_name", "other_family_name", "hyphenated")]
    fate = draws(seed, f"{stream} family names", entities)
    names = _changed(names, fate < sum(rates), partial(_of_two, *rates), fate)
    names = _changed(names, chosen("unnamed"), _unnamed)
    names = _changed(names, chosen("reversed"), _reversed)
    accented = pl.any_horizontal(pl.col(part).str.len_bytes() != pl.col(part).str.len_chars() for part in PARTS)
    return _changed(names, chosen("accents_lost") & names.select(accented).to_series().to_numpy(), _without_accents)


def _changed(
    names: pl.DataFrame, chosen: NDArray[np.bool_], change: Change, uniform: Floats | None = None
) -> pl.DataFrame:
    """Return names with those of the chosen changed.

    `change` is given the names of the chosen alone, with the customs of their origin and `uniform`: most names are
    written alike by every source, and nothing is looked up for them.
    """
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return names
    some = names[rows].join(table("name_customs"), on="origin", how="left", maintain_order="left")
    if uniform is not None:
        some = some.with_columns(uniform=pl.Series(uniform[rows]))
    new = change(some)
    return names.with_columns(names[part].scatter(rows, new[part]) for part in PARTS)


def _one_given_name(names: pl.DataFrame) -> pl.DataFrame:
    given = pl.col("given_name")
    several = pl.col("several_given_names") > 0
    return names.with_columns(pl.when(several).then(given.str.extract(r"^([^ ]+)")).otherwise(given))


def _of_two(of_main: float, of_other: float, hyphen: float, names: pl.DataFrame) -> pl.DataFrame:
    """Return what is written of two family names: both, one of them, or both with a hyphen."""
    family, main, fate = pl.col("family_name"), pl.col("main_family_name"), pl.col("uniform")
    first, last = family.str.extract(r"^([^ ]+)"), family.str.extract(r"([^ ]+)$")
    two = main.is_not_null() & family.str.contains(" ", literal=True)
    return names.with_columns(
        pl.when(~two).then(family)
        .when(fate < of_main).then(pl.when(main == "first").then(first).otherwise(last))
        .when(fate < of_main + of_other).then(pl.when(main == "first").then(last).otherwise(first))
        .when(fate < of_main + of_other + hyphen).then(family.str.replace_all(" ", "-", literal=True))
        .otherwise(family)
    )  # fmt: skip


def _unnamed(names: pl.DataFrame) -> pl.DataFrame:
    """Return names of people with a single name, who would do, with that one as the family name."""
    given, family, single = pl.col("given_name"), pl.col("family_name"), pl.col("single_name") == 1
    return names.with_columns(
        pl.when(single).then(pl.lit(FIRST_NAME_UNKNOWN)).otherwise(given).alias("given_name"),
        pl.when(single).then(given).otherwise(family).alias("family_name"),
    )


def _reversed(names: pl.DataFrame) -> pl.DataFrame:
    given, family, swapped = pl.col("given_name"), pl.col("family_name"), pl.col("family_first") == 1
    return names.with_columns(
        pl.when(swapped).then(family).otherwise(given).alias("given_name"),
        pl.when(swapped).then(given).otherwise(family).alias("family_name"),
    )


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

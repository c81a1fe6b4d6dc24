"""Right names in another form: spelt as others spell them, in another order, in part, or as friends say them.

No form is a misspelling: each is what another register would hold of the same person. Who is open to which form
follows from the origin of the names (`tables/name_customs.csv`, `name_variants.csv`, `nicknames.csv`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import draws
from synthetic_data.errors import Errors
from synthetic_data.proneness import HOME_NAMES

FIRST_NAME_UNKNOWN = "FNU"
_PLAIN = {
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
    "ß": "ss", "æ": "ae", "Æ": "Ae", "ı": "i",
}  # fmt: skip
"""Letters that Unicode does not take apart into a plain letter and an accent."""


def in_other_forms(
    names: pl.DataFrame, errors: Errors, seed: int, source: str, stream: str, entities: NDArray[np.int64]
) -> pl.DataFrame:
    """Return `given_name, family_name, origin` as a source holds them; `stream` names its record of a person."""
    customs = names.select("origin").join(table("name_customs"), on="origin", how="left", maintain_order="left")

    def chosen(form: str) -> pl.Series:
        uniform = pl.Series(form, draws(seed, f"{stream} {form}", entities))
        return uniform < errors.rate("forms", form, source)

    # nothing is looked up for the many whose names every source writes alike
    given, family = pl.col("given_name"), pl.col("family_name")
    names = _other_spelling(names, "given_name", chosen("variant"), seed, stream, entities)
    names = _other_spelling(names, "family_name", chosen("variant"), seed, stream, entities)
    names = _nicknamed(names, chosen("nickname"), seed, stream, entities)
    several = pl.lit(chosen("one_given_name")) & (customs["several_given_names"] > 0)
    names = names.with_columns(pl.when(several).then(given.str.extract(r"^([^ ]+)")).otherwise(given))
    names = names.with_columns(_of_two(family, customs["main_family_name"], errors, seed, source, stream, entities))
    unnamed = pl.lit(chosen("unnamed") & (customs["single_name"] == 1))
    names = names.with_columns(
        pl.when(unnamed).then(pl.lit(FIRST_NAME_UNKNOWN)).otherwise(given).alias("given_name"),
        pl.when(unnamed).then(given).otherwise(family).alias("family_name"),
    )
    swapped = pl.lit(chosen("reversed") & (customs["family_first"] == 1))
    names = names.with_columns(
        pl.when(swapped).then(family).otherwise(given).alias("given_name"),
        pl.when(swapped).then(given).otherwise(family).alias("family_name"),
    )
    return _without_accents(names, chosen("accents_lost"))


def _of_two(
    family: pl.Expr,
    main: pl.Series,
    errors: Errors,
    seed: int,
    source: str,
    stream: str,
    entities: NDArray[np.int64],
) -> pl.Expr:
    """Return what is written of two family names: both, one of them, or both with a hyphen."""
    fate = pl.lit(pl.Series(draws(seed, f"{stream} family names", entities)))
    first, last = family.str.extract(r"^([^ ]+)"), family.str.extract(r"([^ ]+)$")
    main_name = pl.when(pl.lit(main) == "first").then(first).otherwise(last)
    other_name = pl.when(pl.lit(main) == "first").then(last).otherwise(first)
    of_main, of_other, hyphen = (
        errors.rate("forms", form, source) for form in ("main_family_name", "other_family_name", "hyphenated")
    )
    two = pl.lit(main.is_not_null()) & family.str.contains(" ", literal=True)
    return (
        pl.when(~two).then(family)
        .when(fate < of_main).then(main_name)
        .when(fate < of_main + of_other).then(other_name)
        .when(fate < of_main + of_other + hyphen).then(family.str.replace_all(" ", "-", literal=True))
        .otherwise(family)
    )  # fmt: skip


def _other_spelling(
    names: pl.DataFrame, part: str, chosen: pl.Series, seed: int, stream: str, entities: NDArray[np.int64]
) -> pl.DataFrame:
    """Return names with the first word of `part` spelt in another usual way, for the chosen who have one."""
    return _replaced(names, part, "name_variants", "variant", chosen, draws(seed, f"{stream} {part} as", entities))


def _nicknamed(
    names: pl.DataFrame, chosen: pl.Series, seed: int, stream: str, entities: NDArray[np.int64]
) -> pl.DataFrame:
    """Return names with a short form of the given name, for the chosen whose names are English or Irish."""
    at_home = chosen & names["origin"].is_in(HOME_NAMES)
    uniform = draws(seed, f"{stream} called", entities)
    return _replaced(names, "given_name", "nicknames", "nickname", at_home, uniform)


def _replaced(
    names: pl.DataFrame, part: str, of: str, column: str, chosen: pl.Series, uniform: NDArray[np.float64]
) -> pl.DataFrame:
    """Return names with the first word of `part` replaced by one of those that a table offers, for the chosen."""
    rows = np.flatnonzero(chosen.to_numpy())
    if not len(rows):
        return names
    keys = ["name"] if "origin" not in table(of).columns else ["origin", "name"]
    offered = table(of).group_by(keys, maintain_order=True).agg(column)
    some = names[rows].select("origin", pl.col(part).str.extract(r"^([^ ]+)").alias("name"), whole=part)
    found = some.join(offered, on=keys, how="left", maintain_order="left").with_columns(
        uniform=pl.Series(uniform[rows])
    )
    number = (pl.col("uniform") * pl.col(column).list.len()).cast(pl.Int64)
    word = pl.col(column).list.get(number, null_on_oob=True)
    written = found.select(
        pl.when(word.is_null()).then("whole").otherwise(word + pl.col("whole").str.replace(r"^[^ ]+", ""))
    ).to_series()
    return names.with_columns(names[part].scatter(rows, written))


def _without_accents(names: pl.DataFrame, chosen: pl.Series) -> pl.DataFrame:
    """Return names in plain letters, for the chosen: `Małgorzata` -> `Malgorzata`."""
    for part in ("given_name", "family_name"):
        accented = names[part].str.len_bytes() != names[part].str.len_chars()
        rows = np.flatnonzero((chosen & accented).to_numpy())
        if len(rows):
            plain = names[part][rows].str.replace_many(_PLAIN).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
            names = names.with_columns(names[part].scatter(rows, plain))
    return names

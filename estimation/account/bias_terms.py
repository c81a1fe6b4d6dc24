"""The shared biases of an account: which cells each of them covers, and how large it may be.

A term is one unknown relative bias; its rows in `bias_terms.csv` are the parts of its scope, in which blank means
all. Terms of one measure whose scopes have the same blanks (by sex and age, by time, by area, by nationality group)
are of one kind and share a scale, which can be estimated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from estimation.account.columns import PLACE_KEYS, read_columns, refuse_blanks, refuse_rows, to_numbers, to_sex_codes
from estimation.arrays import Booleans, Floats, Integers
from pipeline.errors import UserError, unknown

PRIOR = "prior_"
"""Before a measure: what was expected of it, in the files that begin so."""
BIASED = ("population", "immigration", "emigration", f"{PRIOR}immigration", f"{PRIOR}emigration")
LEVEL_SD = 0.01
"""How far what is expected of a flow is too high or too low throughout, unless a term says so or data object."""
TERM_TYPES = {
    "term": pl.String,
    "measure": pl.String,
    "sex": pl.String,
    "nationality_group": pl.String,
    "age_from": pl.Int32,
    "age_to": pl.Int32,
    "time": pl.Int32,
    "sd": pl.Float64,
}
"""Columns of the terms that Sojourn writes; those of a folder with areas also have `area`."""
SCOPE_TYPES = {**TERM_TYPES, "area": pl.String}


@dataclass(frozen=True)
class BiasTerms:
    """Relative biases shared by cells: `scope` has one row per term and part of its scope, blank meaning all.

    `names` are the terms in order, `sds` their declared standard deviations, `correlated` tells which of them have
    a covariance with another; `covariance` is that of the correlated ones, (correlated, correlated). `assumed` are
    terms that no file declares: the scale of such a term is estimated even if it is the only one of its kind.
    """

    names: tuple[str, ...]
    scope: pl.DataFrame
    sds: Floats
    correlated: Booleans
    covariance: Floats
    assumed: Booleans

    @classmethod
    def none(cls) -> "BiasTerms":
        """Return no biases at all."""
        return cls.independent(pl.DataFrame(schema=SCOPE_TYPES))

    @classmethod
    def independent(cls, scope: pl.DataFrame) -> "BiasTerms":
        """Return the terms of a scope, without correlations."""
        absent = [pl.lit(None, kind).alias(name) for name, kind in SCOPE_TYPES.items() if name not in scope.columns]
        scope = scope.with_columns(absent).select(list(SCOPE_TYPES)).cast(dict(SCOPE_TYPES))
        sds = scope.group_by("term", maintain_order=True).agg(pl.col("sd").first())
        names = tuple(sds["term"])
        no_term = np.zeros(len(names), dtype=bool)
        return cls(names, scope, sds["sd"].to_numpy().astype(float), no_term, np.zeros((0, 0)), no_term)

    def prior(self) -> Floats:
        """Return the covariance of all terms before the data were seen, (terms, terms)."""
        found = np.diag(self.sds**2)
        found[np.ix_(self.correlated, self.correlated)] = self.covariance
        return found

    def with_levels(self, measures: list[str], areas: list[str | None]) -> "BiasTerms":
        """Return the terms, and one for the level of each expected measure in each area that has none of its own."""
        new = [
            (f"{PRIOR}{measure} level" + (f" {area}" if area else ""), f"{PRIOR}{measure}", area, LEVEL_SD)
            for measure in measures
            if f"{PRIOR}{measure}" not in self.scope["measure"]
            for area in areas
        ]
        more = pl.DataFrame(new, schema={name: SCOPE_TYPES[name] for name in ("term", "measure", "area", "sd")},
                            orient="row")  # fmt: skip
        whole = BiasTerms.independent(pl.concat([self.scope, more], how="diagonal"))
        assumed = np.arange(len(whole.names)) >= len(self.names)
        tied = np.append(self.correlated, np.zeros(len(new), dtype=bool))
        return replace(whole, correlated=tied, covariance=self.covariance, assumed=assumed)

    def kinds(self) -> pl.DataFrame:
        """Return the kind of every term, in order: `term, measure, by_person, by_time, by_area, by_group, kind`."""
        by = {
            "by_person": ("sex", "age_from", "age_to"),
            "by_time": ("time",),
            "by_area": ("area",),
            "by_group": ("nationality_group",),
        }
        flags = [
            pl.any_horizontal(pl.col(one).is_not_null() for one in columns).any().alias(name)
            for name, columns in by.items()
        ]
        terms = self.scope.group_by("term", maintain_order=True).agg(pl.col("measure").first(), *flags)
        return terms.with_columns(kind=pl.struct("measure", *by).rank("dense").cast(pl.Int64) - 1)

    def own_area(self) -> list[str | None]:
        """Return for every term the one area that it is confined to, None if it is shared by areas."""
        found = self.scope.group_by("term", maintain_order=True).agg(
            pl.col("area").first(), pl.col("area").n_unique().alias("areas")
        )
        one = found.select(pl.when(pl.col("areas") == 1).then(pl.col("area"))).to_series()
        return [None if tied else area for area, tied in zip(one, self.correlated, strict=True)]


def read_bias_terms(folder: Path, places: dict[str, set[str]]) -> BiasTerms:
    """Return the shared biases of a folder whose keys have the values `places`.

    Raises `UserError` for unknown measures, keys or terms, and for negative sds.
    """
    path = folder / "bias_terms.csv"
    scope = read_columns(path, ["term", "measure", "sd"], SCOPE_TYPES)
    scope = scope.with_columns(pl.lit(None, pl.String).alias(one) for one in SCOPE_TYPES if one not in scope.columns)
    numbers = {name: kind for name, kind in SCOPE_TYPES.items() if kind != pl.String}
    scope = to_sex_codes(to_numbers(scope.select(list(SCOPE_TYPES)), path, numbers), path)
    refuse_blanks(scope.select("term", "measure", "sd"), path, ["term", "measure", "sd"])
    valid = {"measure": set(BIASED)} | {name: places.get(name, set()) for name in PLACE_KEYS}
    for name, values in valid.items():
        if not values:
            refuse_rows(scope, path, pl.col(name).is_not_null(), f"{name} '{{{name}}}', but no cells have {name}.")
        for row, value in enumerate(scope[name], start=1):
            if value is not None and value not in values:
                raise unknown(name, value, values, f"{path}: row {row}")
    refuse_rows(scope, path, pl.col("sd") < 0, "sd {sd} is negative; every term needs an 'sd' of at least 0.")
    differ = pl.col("sd") != pl.col("sd").first().over("term")
    refuse_rows(scope, path, differ, "the rows of '{term}' need the same 'sd', because they share one bias.")
    terms = BiasTerms.independent(scope)
    return _with_covariance(folder / "bias_covariance.csv", terms)


def _with_covariance(path: Path, terms: BiasTerms) -> BiasTerms:
    """Return the terms with the covariances of pairs of them; a folder without the file has independent biases."""
    if not path.exists():
        return terms
    frame = to_numbers(read_columns(path, ["term", "other", "covariance"]), path, {"covariance": pl.Float64})
    refuse_blanks(frame, path, ["term", "other", "covariance"])
    position = {name: index for index, name in enumerate(terms.names)}
    for name in sorted(set(frame["term"]) | set(frame["other"])):
        if name not in position:
            raise unknown("term", str(name), terms.names, str(path))
    frame = frame.filter(pl.col("term") != pl.col("other"))  # the variances are the squares of the terms' own sds
    covariance = np.diag(terms.sds**2)
    rows, columns = (np.array([position[one] for one in frame[name]], dtype=np.int64) for name in ("term", "other"))
    values = frame["covariance"].to_numpy()
    covariance[rows, columns] = covariance[columns, rows] = values
    correlated = np.zeros(len(terms.names), dtype=bool)
    correlated[rows] = correlated[columns] = True
    kept = covariance[np.ix_(correlated, correlated)]
    if len(kept) and np.linalg.eigvalsh(kept)[0] < -1e-6 * np.trace(kept):
        raise UserError(f"{path}: the covariances are larger than the terms' own 'sd' allow. Correct them.")
    return replace(terms, correlated=correlated, covariance=kept)


SCOPE_KEYS = ("area", "sex", "nationality_group", "time")
"""What the scope of a term may name beside ages."""


def refuse_terms_without_cells(terms: BiasTerms, cells: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Raise `UserError` for a term that covers no cell: its bias would be unknown, and a mistake in it unseen.

    `cells` are those of each measure; of what was expected of a flow (`prior_` measures) only cells that are expected
    count. A term may have rows that cover none, such as the oldest ages of an area without them.
    """
    rows = terms.scope.with_row_index("row", offset=1)
    given = [pl.col(name).is_not_null().alias(f"by_{name}") for name in SCOPE_KEYS]
    parts = rows.with_columns(given).partition_by("measure", *(f"by_{name}" for name in SCOPE_KEYS))
    covering = [_rows_with_cells(part, cells) for part in parts]
    empty = rows.join(
        pl.concat([*covering, rows.select("term").clear()]), on="term", how="anti", maintain_order="left"
    )
    if empty.height:
        first = empty.row(0, named=True)
        measure = str(first["measure"])
        raise UserError(
            f"{path}: row {first['row']}: the term '{first['term']}' covers no cell of {measure}.csv. Correct "
            f"{', '.join((*SCOPE_KEYS, 'age_from', 'age_to'))} of its rows, or remove it."
        )


def _rows_with_cells(part: pl.DataFrame, cells: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the terms of rows that cover a cell; all rows are of one measure, and name the same keys."""
    measure = str(part["measure"][0])
    of_measure = cells[measure.removeprefix(PRIOR)]
    if measure.startswith(PRIOR):
        if "expected" not in of_measure.columns:
            return part.select("term").clear()
        of_measure = of_measure.filter(pl.col("expected_variance").is_finite())
    keys = [name for name in SCOPE_KEYS if part[f"by_{name}"][0]]
    places = of_measure.select(*keys, "age").unique()
    joined = part.join(places, on=keys) if keys else part.join(places, how="cross")
    lowest, highest = pl.col("age_from").fill_null(pl.col("age")), pl.col("age_to").fill_null(pl.col("age"))
    return joined.filter(pl.col("age").is_between(lowest, highest)).select("term").unique()


def covered_cells(
    part: pl.DataFrame, series: pl.DataFrame, measures: list[str], ages: Integers, times: Integers
) -> Booleans:
    """Return which cells each row of a scope covers, (rows, series, columns).

    `measures` and `times` are those of the columns, `ages` (series, columns).
    """
    rows = part.height
    covered = np.ones((rows, *ages.shape), dtype=bool)
    measure = part["measure"].str.strip_prefix(PRIOR)
    covered &= (measure.to_numpy()[:, None] == np.array(measures)[None, :])[:, None, :]
    for name in ("area", "sex", "nationality_group"):
        wanted = part[name]
        if wanted.null_count() < rows:
            same = wanted.to_numpy()[:, None] == series[name].to_numpy()[None, :]
            covered &= (same | wanted.is_null().to_numpy()[:, None])[:, :, None]
    lowest = part["age_from"].fill_null(-(2**30)).to_numpy()[:, None, None]
    highest = part["age_to"].fill_null(2**30).to_numpy()[:, None, None]
    covered &= (ages[None] >= lowest) & (ages[None] <= highest)
    when = part["time"].fill_null(-1).to_numpy()[:, None]
    return covered & ((when == times[None, :]) | (when == -1))[:, None, :]

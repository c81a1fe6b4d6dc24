"""Flows by what else is known of migrants: single year of age, reason, country of birth and area, beside `flows`.

Every table adds up to `flows`, and is given for all people and by one division at a time, not by all crossings. Ages
come from the account itself, with its exact variance. A category takes the share of its cell (sex, age group and
nationality group) that it has among the counted migrations. Of n counted and T estimated migrations of a cell, a
share s is known of the n; the T - n others are taken to be divided as these are:

    Var(T s) = s^2 Var(T) + s (1 - s) (|T - n| + (T - n)^2 / n) + T^2 ((1 - 2 s) v + s^2 V) / n^2

The second term is binomial, with the error of the share itself; the third is that of unfinished stays, whose variance
is v in the category and V in the cell (delta method). Cells without any counted migration are divided as their
nationality group is, or, without one of that, as all are. What an interval consists of is that of the cells, by their
shares, and these two terms.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.reconcile import Account
from estimation.account.variance_by_source import VarianceBySource
from estimation.arrays import Floats
from estimation.cells import DIVISION_VALUES, DIVISIONS, GROSS_FLOWS, marginal_keys
from estimation.flow_categories import CATEGORIES, NOT_RECORDED
from estimation.interval_sources import MODEL, UNFINISHED_STAYS
from estimation.periods import year_end, year_start
from estimation.published_tables import marginal_weights, provisional_years, with_intervals_of_flows
from pipeline.schemas import ALL, INTERVAL_PARTS

OLDEST_AGE = 100
"""This age and older ones are published together."""
SHAPE = tuple(len(values) for values in DIVISION_VALUES.values())
NATIONALITIES = SHAPE[-1]
SHARES = {part: f"share_{part.replace(' ', '_')}" for part in INTERVAL_PARTS}
"""The column of `detail_parts` that has the share of each part of an interval."""
SHARE_DECIMALS = 6


@dataclass(frozen=True)
class FlowDetail:
    """A table beside `flows`: its name, its rows, and those of `detail_parts` for them, without `definition`."""

    name: str
    flows: pl.DataFrame
    parts: pl.DataFrame


def flows_by_age(
    account: Account, by_part: VarianceBySource, counts: pl.DataFrame, years: tuple[int, ...]
) -> FlowDetail:
    """Return flows by single year of age at the end of the year, for all people and by sex and nationality group.

    The sources of `by_part` are `INTERVAL_PARTS`.
    """
    found = pl.concat([_ages_of(account, by_part, year) for year in years])
    return _as_published(found, counts, "age")


@dataclass(frozen=True)
class FinestFlows:
    """The flows of a year by sex, age group and nationality group, first of immigration and then of emigration.

    `totals` are the account's estimates and `covariance` theirs; `of_parts` (parts, cells, cells) divides it.
    """

    totals: Floats
    covariance: Floats
    of_parts: Floats

    @classmethod
    def of(cls, account: Account, by_part: VarianceBySource, year: int) -> "FinestFlows":
        """Return the flows of a year; the sources of `by_part` are `INTERVAL_PARTS`."""
        finest = sparse.csr_array(
            sparse.vstack([marginal_weights(account, measure, year)[_finest_rows()] for measure in GROSS_FLOWS])
        )
        totals, _ = account.totals(finest)
        return cls(totals, account.covariance(finest), by_part.covariances(by_part.influence(finest)))


def flows_by_category(
    finest: Mapping[int, FinestFlows], counts: pl.DataFrame, categories: pl.DataFrame, kind: str
) -> FlowDetail:
    """Return flows by the categories of one kind (`CATEGORIES`), for all people and by one division at a time.

    `finest` has the flows of every year, `categories` are rows of the table `flow_categories`. The column of the
    category has the name of the kind.
    """
    assert kind in CATEGORIES
    own = categories.filter(pl.col("kind") == kind)
    names = [*sorted({*own["category"]} - {NOT_RECORDED}), NOT_RECORDED]
    found = [_categories_of(flows, own, names, year).rename({"category": kind}) for year, flows in finest.items()]
    return _as_published(pl.concat(found), counts, kind)


def _as_published(found: pl.DataFrame, counts: pl.DataFrame, by: str) -> FlowDetail:
    provisional = provisional_years(counts)
    flagged = found.drop(SHARES.values()).with_columns(
        provisional=pl.col("period_end").dt.year().is_in(sorted(provisional))
    )
    consist = found.select(
        pl.col(by).cast(pl.String).alias("category"),
        *("measure", "period_start", "period_end"),
        *DIVISIONS,
        *SHARES.values(),
        by=pl.lit(by),
    )
    return FlowDetail(f"flows_by_{by}", with_intervals_of_flows(flagged, [by]), consist)


def _shares_of_variance(variances: Floats) -> dict[str, pl.Series]:
    """Return the columns of shares of `variances` (rows, parts); null where there is none."""
    kept = np.maximum(variances, 0.0)
    total = kept.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, kept / np.where(total > 0, total, 1.0), np.nan)
    return {
        name: pl.Series(shares[:, at]).fill_nan(None).round(SHARE_DECIMALS) for at, name in enumerate(SHARES.values())
    }


def _ages_of(account: Account, by_part: VarianceBySource, year: int) -> pl.DataFrame:
    """Return the flows of one year by age, sex and nationality group, at most one of the two latter at a time."""
    ages = np.arange(OLDEST_AGE + 1)
    cells = account.cells.with_row_index("cell")
    measured: dict[str, sparse.csr_array] = {}
    keys = pl.DataFrame(
        [("all", ALL, ALL), *(("sex", sex, ALL) for sex in DIVISION_VALUES["sex"]),
         *(("nationality_group", ALL, group) for group in DIVISION_VALUES["nationality_group"])],
        schema=["division", "sex", "nationality_group"], orient="row",
    )  # fmt: skip
    for name in GROSS_FLOWS:
        own = cells.filter(pl.col("measure") == name, pl.col("time") == year)
        age = own["age"].clip(0, OLDEST_AGE).to_numpy()
        blocks = []
        for division, sex, group in keys.iter_rows():
            wanted = {"all": None, "sex": sex, "nationality_group": group}[division]
            here = np.ones(own.height) if wanted is None else (own[division] == wanted).cast(pl.Float64).to_numpy()
            blocks.append(
                sparse.csr_array((here, (age, own["cell"].to_numpy())), shape=(len(ages), account.cells.height))
            )
        measured[name] = sparse.csr_array(sparse.vstack(blocks))
    measured["net"] = sparse.csr_array(measured["immigration"] - measured["emigration"])
    weights = sparse.csr_array(sparse.vstack(list(measured.values())))
    values, variances = account.totals(weights)
    by_age = keys.drop("division").join(pl.DataFrame({"age": ages}), how="cross", maintain_order="left_right")
    return pl.concat([by_age.with_columns(measure=pl.lit(name)) for name in measured]).with_columns(
        age_group=pl.lit(ALL), estimate=pl.Series(values), standard_error=pl.Series(np.sqrt(variances)),
        **_span(year), **_shares_of_variance(by_part.of_sums(weights)),
    )  # fmt: skip


def _categories_of(finest: FinestFlows, own: pl.DataFrame, names: list[str], year: int) -> pl.DataFrame:
    """Return the flows of one year by category and by one division at a time."""
    totals, covariance, of_parts = finest.totals, finest.covariance, finest.of_parts
    shares, of_division, of_open = zip(
        *(
            _shares(*_counted(own, names, measure, year), part)
            for measure, part in zip(GROSS_FLOWS, np.split(totals, 2), strict=True)
        ),
        strict=True,
    )
    keys, sums = _one_division_at_a_time()
    frames = []
    for column, name in enumerate(names):
        weights = [sums * share[:, column] for share in shares]  # (marginals, finest cells), of each measure
        signed = {
            "immigration": np.hstack([weights[0], np.zeros_like(weights[1])]),
            "emigration": np.hstack([np.zeros_like(weights[0]), weights[1]]),
            "net": np.hstack([weights[0], -weights[1]]),
        }
        added = {
            part: _with_net(sums, of, column) for part, of in ((MODEL, of_division), (UNFINISHED_STAYS, of_open))
        }
        for measure, matrix in signed.items():
            own_variance = sum(of[measure] for of in added.values())
            variance = np.einsum("ij,jk,ik->i", matrix, covariance, matrix) + own_variance
            parts = ((matrix @ of_parts) * matrix).sum(axis=2).T
            for part, of in added.items():
                parts[:, INTERVAL_PARTS.index(part)] += of[measure]
            frames.append(
                keys.with_columns(
                    measure=pl.lit(measure),
                    category=pl.lit(name),
                    estimate=pl.Series(np.einsum("ij,j->i", matrix, totals)),
                    standard_error=pl.Series(np.sqrt(np.maximum(variance, 0.0))),
                    **_span(year),
                    **_shares_of_variance(parts),
                )
            )
    return pl.concat(frames)


def _with_net(sums: Floats, variances: Sequence[Floats], column: int) -> dict[str, Floats]:
    """Return the variances of a category's sums by measure; `variances` are those of cells, of each gross flow."""
    gross = [sums @ of_cells[:, column] for of_cells in variances]
    return dict(zip((*GROSS_FLOWS, "net"), (*gross, gross[0] + gross[1]), strict=True))


def _shares(counted: Floats, unfinished: Floats, totals: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the share of each category in each cell, and the variances that division and unfinished stays add.

    `counted` and the variance of its `unfinished` are (cells, categories), `totals` the estimates of the cells.
    """
    by_group = counted.reshape(-1, NATIONALITIES, counted.shape[1]).sum(axis=0)
    of_group = np.tile(by_group, (len(counted) // NATIONALITIES, 1))
    own, group = counted.sum(axis=1), of_group.sum(axis=1)
    basis = np.where((own > 0)[:, None], counted, np.where((group > 0)[:, None], of_group, counted.sum(axis=0)))
    number = np.maximum(basis.sum(axis=1), 1e-12)[:, None]
    nothing_known = np.eye(counted.shape[1])[-1]
    shares = np.where(basis.sum(axis=1, keepdims=True) > 0, basis / number, nothing_known)
    unknown = np.abs(totals - own)[:, None]
    binomial = shares * (1 - shares) * (unknown + unknown**2 / np.maximum(number, 1.0))
    of_unfinished = (1 - 2 * shares) * unfinished + shares**2 * unfinished.sum(axis=1, keepdims=True)
    scale = np.where(own > 0, totals / np.maximum(own, 1e-12), 0.0)[:, None]
    return shares, binomial, scale**2 * np.maximum(of_unfinished, 0.0)


def _counted(own: pl.DataFrame, names: list[str], measure: str, year: int) -> tuple[Floats, Floats]:
    """Return the counted migrations of one measure and year and their variance, (finest cells, categories) each."""
    rows = own.filter(pl.col("measure") == measure, pl.col("time") == year).sort(*DIVISIONS, "category")
    codes = [
        rows[name].cast(pl.String).cast(pl.Enum(values)).to_physical().cast(pl.Int64).to_numpy()
        for name, values in DIVISION_VALUES.items()
    ]
    places = rows["category"].replace_strict({name: place for place, name in enumerate(names)}, return_dtype=pl.Int64)
    at = np.ravel_multi_index(tuple(codes), SHAPE), places.to_numpy()
    found = []
    for column in ("count", "variance_unfinished"):
        values = np.zeros((int(np.prod(SHAPE)), len(names)))
        values[at] = rows[column].to_numpy()
        found.append(values)
    return found[0], found[1]


def _finest_rows() -> list[int]:
    """Return the places of the combinations of `marginal_keys` without any total, in their order."""
    keys = marginal_keys().with_row_index("row")
    return keys.filter(*(pl.col(name) != ALL for name in DIVISIONS))["row"].to_list()


def _one_division_at_a_time() -> tuple[pl.DataFrame, Floats]:
    """Return the keys of which at most one is not a total, and the sums that make them of the finest cells."""
    finest = marginal_keys()[_finest_rows()]
    wanted = marginal_keys().filter(sum(pl.col(name) != ALL for name in DIVISIONS) <= 1)
    sums = np.array(
        [
            np.all([np.full(finest.height, key[name] == ALL) | (finest[name] == key[name]).to_numpy()
                    for name in DIVISIONS], axis=0)
            for key in wanted.to_dicts()
        ],
        dtype=float,
    )  # fmt: skip
    return wanted, sums


def _span(year: int) -> dict[str, pl.Expr]:
    return {"period_start": pl.lit(year_start(year)), "period_end": pl.lit(year_end(year))}


def all_details(
    account: Account,
    by_part: VarianceBySource,
    counts: pl.DataFrame,
    categories: pl.DataFrame,
    years: tuple[int, ...],
) -> Iterator[FlowDetail]:
    """Yield the tables beside `flows`; the sources of `by_part` are `INTERVAL_PARTS`."""
    yield flows_by_age(account, by_part, counts, years)
    finest = {year: FinestFlows.of(account, by_part, year) for year in years}
    for kind in CATEGORIES:
        yield flows_by_category(finest, counts, categories, kind)

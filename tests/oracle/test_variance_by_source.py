"""The variance of sums by source of error, compared with an account that is solved again for every single error.

Each report is changed alone, and each bias that cells share is made to happen alone; by how much a sum then moves,
squared and weighted by the variance of that error, is what the error adds to the variance of the sum.
"""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from test_account_dense import biases, is_in_scope, random_files

from estimation.account.bias_terms import BiasTerms
from estimation.account.error_parts import CELL_KEY, PARTS_OF_TERMS, ErrorParts
from estimation.account.files import NOISY, AccountFiles
from estimation.account.reconcile import Account, balance
from estimation.account.variance_by_source import VarianceBySource

SOURCES = ("lists", "rules", "late", "survey", "assumption")
OWN, SHARED = SOURCES[:3], SOURCES[2:]
TERMS = [
    ("stocks", "population", None, None, None, None, None, 0.1),
    ("stocks of men", "population", None, "M", None, None, None, 0.05),
    ("young", "immigration", None, None, None, 1, None, 0.2),
    ("year", "emigration", None, None, None, None, 2017, 0.3),
    ("none", "emigration", None, None, None, None, 2018, 0.0),
]


def one_area(seed: int) -> AccountFiles:
    """Return an account of one area, two of whose biases are correlated; no sum in it has to be kept from 0."""
    files = random_files(seed, TERMS, size=40.0)
    cells = {name: frame.filter(pl.col("area") == "south") for name, frame in files.cells.items()}
    for name in NOISY:
        cells[name] = cells[name].with_columns(pl.col("count") + 200)
    cells["births"] = cells["births"].with_columns(pl.col("count") + 200)
    correlated = np.array([True, True, False, False, False])
    terms = biases(TERMS)
    return replace(files, cells=cells, biases=replace(terms, correlated=correlated, covariance=prior(terms)[:2, :2]))


def prior(terms: BiasTerms) -> np.ndarray:
    covariance = np.diag(terms.sds**2)
    covariance[0, 1] = covariance[1, 0] = 0.002
    return covariance


def random_parts(files: AccountFiles, seed: int) -> ErrorParts:
    """Return the errors of the files, divided among sources at random: own errors by cell, shared ones by term."""
    draw = np.random.default_rng(seed)
    rows = []
    for name in NOISY:
        for row in files.cells[name].iter_rows(named=True):
            key = [name, *(row[one] for one in CELL_KEY[1:])]
            rows += [(*key, source, row["sd"] ** 2 * share)
                     for source, share in zip(OWN, draw.dirichlet(np.ones(3)), strict=True)]  # fmt: skip
    schema = dict.fromkeys(CELL_KEY[:3], pl.String) | dict.fromkeys(CELL_KEY[3:], pl.Int32)
    cells = pl.DataFrame(rows, schema=schema | {"error_source": pl.String, "variance": pl.Float64}, orient="row")
    names, whole = files.biases.names, prior(files.biases)
    found = []
    for i, j in np.argwhere(whole != 0):
        # correlated terms are divided alike, so that every part is a covariance matrix
        shares = (0.2, 0.3, 0.5) if max(i, j) < 2 else tuple(np.random.default_rng(seed + i).dirichlet(np.ones(3)))
        found += [(names[i], names[j], one, whole[i, j] * share) for one, share in zip(SHARED, shares, strict=True)]
    return ErrorParts(cells, pl.DataFrame(found, schema=PARTS_OF_TERMS, orient="row"))


def some_sums(account: Account, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    random = draw.normal(0, 1, (2, account.cells.height)) * (draw.random((2, account.cells.height)) < 0.5)
    last = (pl.col("time") == 2018).cast(pl.Float64)
    sign = pl.when(pl.col("measure") == "immigration").then(1.0).when(pl.col("measure") == "emigration").then(-1.0)
    net = account.cells.select(last * sign.otherwise(0.0)).to_series().to_numpy()
    return np.vstack([random, net])


def estimates(files: AccountFiles) -> np.ndarray:
    return balance(files, "changed").cells["estimate"].to_numpy()


def with_counts(files: AccountFiles, added: np.ndarray) -> AccountFiles:
    """Return the files with so much added to each report; what biases multiply stays as it is."""
    changed, first = dict(files.cells), 0
    for name in NOISY:
        frame = files.cells[name]
        changed[name] = frame.with_columns(pl.col("count") + pl.Series(added[first : first + frame.height]))
        first += frame.height
    return replace(files, cells=changed)


@pytest.mark.parametrize("seed", range(3))
def test_parts_are_those_of_an_account_that_is_solved_again_for_every_error(seed):
    files = one_area(seed)
    account, parts = balance(files, "random"), random_parts(files, seed)
    weights = some_sums(account, seed)
    before, reports = estimates(files), [(name, row) for name in NOISY for row in files.cells[name].to_dicts()]

    moved = np.array([weights @ (estimates(with_counts(files, one)) - before) for one in np.eye(len(reports))])
    slow = np.zeros((len(weights), len(SOURCES)))
    by_cell = {(*row[:-2], row[-2]): row[-1] for row in parts.cells.iter_rows()}
    for (name, row), change in zip(reports, moved, strict=True):
        for source in OWN:
            variance = by_cell[(name, *(row[one] for one in CELL_KEY[1:]), source)]
            slow[:, SOURCES.index(source)] += change**2 * variance
    of_bias = {}
    for scope in files.biases.scope.to_dicts():
        size = [is_in_scope(name, row, scope) * row["smoothed_count"] for name, row in reports]
        of_bias[scope["term"]] = weights @ (estimates(with_counts(files, np.array(size))) - before)
    for term, other, source, covariance in parts.terms.iter_rows():
        slow[:, SOURCES.index(source)] += of_bias[term] * of_bias[other] * covariance

    divided = VarianceBySource.of(account, parts, SOURCES)
    fast = divided.by_source(divided.influence(sparse.csr_array(weights)))
    assert fast == pytest.approx(slow, rel=1e-6, abs=1e-9)
    assert (fast.sum(axis=1) > 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_parts_add_up_to_the_variance_of_any_sum(seed):
    files = one_area(seed)
    account = balance(files, "random")
    weights = sparse.csr_array(some_sums(account, seed))
    divided = VarianceBySource.of(account, random_parts(files, seed), SOURCES)
    parts = divided.by_source(divided.influence(weights))

    assert parts.sum(axis=1) == pytest.approx(account.totals(weights)[1], rel=1e-9)
    assert parts.min() > -1e-9


def test_cells_of_another_account_are_refused():
    files = one_area(1)
    parts = random_parts(files, 1)
    other = ErrorParts(parts.cells.with_columns(pl.col("cohort") + 1), parts.terms)
    with pytest.raises(ValueError, match="does not have all cells"):
        VarianceBySource.of(balance(files, "random"), other, SOURCES)

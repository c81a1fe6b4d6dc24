"""The scales of biases that EM finds, compared with the posterior density that they should maximise."""

import numpy as np
import polars as pl
import pytest

from estimation.account.balancing import Evidence
from estimation.account.bias_estimates import PRIOR_WEIGHT, TermLayout, estimate_biases
from estimation.account.bias_terms import BiasTerms

AREAS = ["a", "b", "c"]


def terms() -> BiasTerms:
    rows = [(f"year {year}", "population", None, year, 0.02) for year in range(4)]
    rows += [(f"{area} {year}", "immigration", area, year, 0.1) for area in AREAS for year in range(3)]
    rows += [("all", "emigration", None, None, 0.3)]
    return BiasTerms.independent(pl.DataFrame(rows, schema=["term", "measure", "area", "time", "sd"], orient="row"))


def evidence(seed: int, layout: TermLayout) -> list[Evidence]:
    draw = np.random.default_rng(seed)
    found = []
    for area in range(len(AREAS)):
        size = len(layout.of_area(area))
        root = draw.normal(0, 30, (size, size + 3))
        information = root @ root.T
        truth = draw.normal(0, 0.05, size)
        found.append(Evidence(information, information @ truth + root @ draw.normal(0, 1, size + 3)))
    return found


def log_posterior(scales: dict[str, float], every: BiasTerms, layout: TermLayout, found: list[Evidence]) -> float:
    """Return the log density of two scales up to a constant: what areas say, and the declared scale as a prior."""
    size = len(every.names)
    information, score = np.zeros((size, size)), np.zeros(size)
    for area, one in enumerate(found):
        index = layout.of_area(area)
        information[np.ix_(index, index)] += one.information
        score[index] += one.score
    sds = every.sds * [scales.get(measure, 1.0) for measure in every.scope["measure"]]
    _, determinant = np.linalg.slogdet(np.eye(size) + sds[:, None] * information * sds)
    fit = score @ np.linalg.solve(np.diag(1 / sds**2) + information, score)
    prior = sum(-PRIOR_WEIGHT * np.log(one) - PRIOR_WEIGHT / (2 * one**2) for one in scales.values())
    return float(fit / 2 - determinant / 2 + prior)


@pytest.mark.parametrize("seed", range(3))
def test_the_scales_are_at_the_mode_of_their_posterior(seed):
    every = terms()
    layout = TermLayout.of(every, AREAS)
    found = evidence(seed, layout)
    _, scales = estimate_biases(every, layout, found, em=True)
    best = {"population": float(scales[0]), "immigration": float(scales[4])}
    top = log_posterior(best, every, layout, found)

    assert scales[-1] == 1.0  # a single term keeps its declared sd
    assert len(set(scales[4:13])) == 1  # terms of one kind share a scale, whatever their area
    for name, scale in best.items():
        for factor in (0.98, 1.02):
            assert log_posterior(best | {name: scale * factor}, every, layout, found) < top


def test_terms_of_an_area_are_eliminated_exactly():
    every = terms()
    layout = TermLayout.of(every, AREAS)
    found = evidence(9, layout)
    together = TermLayout((np.zeros(0, dtype=np.int64),), np.arange(14))
    whole = estimate_biases(every, together, [stacked(found, layout)], em=False)[0]
    arrow = estimate_biases(every, layout, found, em=False)[0]

    assert arrow.estimates == pytest.approx(whole.estimates, abs=1e-10)
    assert arrow.posterior_variances == pytest.approx(whole.posterior_variances, abs=1e-12)


def stacked(found: list[Evidence], layout: TermLayout) -> Evidence:
    information, score = np.zeros((14, 14)), np.zeros(14)
    for area, one in enumerate(found):
        index = layout.of_area(area)
        information[np.ix_(index, index)] += one.information
        score[index] += one.score
    return Evidence(information, score)

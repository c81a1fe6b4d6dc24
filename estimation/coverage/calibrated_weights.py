"""Weights of the coverage survey that add up to known totals.

A survey by chance has too many people of one stratum or age and too few of another. Where their number is known
exactly, from outside, each weight d is multiplied by a factor g so that the survey adds up to what is known: with x
the membership of a person in each total T,

    sum of d g x = T,      g = 1 + x'l (linear, the generalised regression estimator) or exp(x'l) (raking),

which of all weights that do so are the nearest to d (J.-C. Deville and C.-E. Sarndal, Calibration estimators in
survey sampling, J. American Statistical Association 87, 1992, section 2). The l are found by Newton steps. Replicates
of a survey are each calibrated, so that their variance is that of calibrated estimates.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from pipeline.errors import UserError
from pipeline.study import KnownTotal, KnownTotals

STEPS = 100
LONGEST_STEP = 1.0
"""A step changes no raked weight by more than this on the logarithmic scale, so that it cannot overshoot."""
TOLERANCE = 1e-9
"""How far, relative to itself, a calibrated survey may be from a known total."""


def calibration_factors(design: Floats, members: Floats, totals: Floats, method: str) -> Floats:
    """Return g of people who are alike, (replicates, kinds), so that they add up to the totals as far as they can.

    `design` (replicates, kinds) are sums of weights, `members` (kinds, totals) what one person of a kind counts in
    each total.
    """
    multipliers = np.zeros((len(design), len(totals)))
    of_linear = method == "linear"
    for _ in range(STEPS):
        on_kinds = multipliers @ members.T
        factors = 1 + on_kinds if of_linear else np.exp(on_kinds)
        gaps = totals - (design * factors) @ members
        if (np.abs(gaps) <= TOLERANCE * np.abs(totals)).all():
            return factors
        slopes = design if of_linear else design * factors
        information = np.einsum("rk,kt,ku->rtu", slopes, members, members, optimize=True)
        step = (np.linalg.pinv(information, hermitian=True) @ gaps[:, :, None])[:, :, 0]
        length = np.abs(step @ members.T).max(axis=1, keepdims=True)
        multipliers = multipliers + (
            step if of_linear else step * np.minimum(1.0, LONGEST_STEP / np.maximum(length, 1e-300))
        )
        if np.abs(step).max() <= TOLERANCE**2:
            break
    return factors


@dataclass(frozen=True)
class Calibration:
    """How the people of a survey are calibrated: `members` (kinds, totals), what each kind counts in each total.

    `design` (clusters, kinds) are sums of the weights of its design.
    """

    known: KnownTotals
    members: Floats
    design: Floats

    def factors(self, weighted: Callable[[Floats], Floats]) -> Floats:
        """Return the factor of each kind of people in replicates of the survey, (replicates, kinds), on average 1.

        `weighted` turns figures of clusters into their sums in each replicate. Raises `UserError` for totals that no
        weights can add up to, and where a replicate of the survey cannot.
        """
        design = weighted(self.design)
        totals = np.array([one.people for one in self.known.total])
        factors = calibration_factors(design, self.members, totals, self.known.method)
        gaps = np.abs((design * factors) @ self.members - totals).max(axis=0) / totals
        worst = int(np.argmax(gaps))
        if not gaps[worst] <= TOLERANCE**0.5:  # one that is no number is not met either
            raise UserError(
                f"study file, [coverage.known_totals]: no weights of the survey add up to all totals; that of "
                f"{described(self.known.total[worst])} ({self.known.total[worst].people:g} people) is missed by "
                f"{gaps[worst]:.2%}. Totals that divide the same people must have the same sum, and each needs "
                "people in several clusters: correct them, or merge small ones."
            )
        if (factors < 0).any():
            raise UserError(
                "study file, [coverage.known_totals]: the method 'linear' gives some people of the survey, or of a "
                "replicate of it, a weight below 0, so far are the totals from what the survey adds up to. Use "
                'method = "raking", whose weights are above 0.'
            )
        return factors * design.sum(axis=1, keepdims=True) / (design * factors).sum(axis=1, keepdims=True)


def kinds_of_people(surveyed: pl.DataFrame, known: KnownTotals) -> tuple[Integers, Floats]:
    """Return the kind of every row of `people_surveyed`, and what each kind counts in each total, (kinds, totals).

    Raises `UserError` for people who are in no total, or a total in which nobody is.
    """
    columns = {f"total {at}": _is_in(one).cast(pl.Float64) for at, one in enumerate(known.total)}
    members = surveyed.with_columns(**columns).select(list(columns)).to_numpy()
    share = surveyed["share"].to_numpy()
    nowhere = round(share[members.sum(axis=1) == 0].sum())
    if nowhere:
        raise UserError(
            f"study file, [coverage.known_totals]: {nowhere:,} of {share.sum():,.0f} people of the survey are in no "
            "total. Give totals that divide everybody: otherwise some weights would be calibrated and others not."
        )
    for one, people in zip(known.total, members.sum(axis=0), strict=True):
        if not people:
            raise UserError(
                f"study file, [coverage.known_totals]: nobody of {described(one)} is in the survey. Correct this "
                "total, or merge it with another."
            )
    kinds, kind = np.unique(members, axis=0, return_inverse=True)
    return kind.ravel().astype(np.int64), kinds


def described(total: KnownTotal) -> str:
    """Return whom a total counts, in words."""
    ages = f"ages {total.age_from if total.age_from is not None else 0}" + (
        f" to {total.age_to}" if total.age_to is not None else " and over"
    )
    parts = [
        f"stratum {total.stratum}" if total.stratum is not None else "",
        f"sex {total.sex}" if total.sex else "",
        ages if total.age_from is not None or total.age_to is not None else "",
        total.nationality_group or "",
    ]
    return ", ".join(part for part in parts if part) or "all people"


def _is_in(total: KnownTotal) -> pl.Expr:
    """Return whether people are in a total; who does not say what it asks for is not."""
    conditions = [
        pl.col(name).cast(pl.String) == value
        for name in ("stratum", "sex", "nationality_group")
        if (value := getattr(total, name)) is not None
    ]
    if total.age_from is not None:
        conditions.append(pl.col("age") >= total.age_from)
    if total.age_to is not None:
        conditions.append(pl.col("age") <= total.age_to)
    return pl.all_horizontal(pl.lit(value=True), *conditions).fill_null(value=False)

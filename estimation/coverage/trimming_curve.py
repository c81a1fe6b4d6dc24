"""The trimming curve: estimated residents by the list trimmed to each depth, and which depth is enough.

A dual-system estimate takes every wrong record on the list for a resident whom the survey missed. Trimming removes
wrong records sooner than right ones, so the estimate falls from depth to depth, until it falls no more (L.-C.
Zhang and J. Dunne, Trimmed dual system estimation, in Capture-Recapture Methods for the Social and Medical
Sciences, 2017). All depths have the same survey, so a step is far more certain than either estimate: both are
computed from the same replicates of clusters and draws of linkage errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from estimation.cells import DIVISIONS
from estimation.coverage.classes import CoverageClass
from estimation.coverage.lists import (
    Lists,
    SurveySums,
    TrimmedLists,
    factors,
    on_trimmed_list,
    resampled,
    whole_survey,
)
from estimation.coverage.sampling import not_answering, not_asked
from estimation.exact_sums import exact_sum
from pipeline.schemas import ALL, NATIONALITY_GROUPS, TRIMMING_DEPTHS

FLAT = 1.0
"""Standard errors by which an estimate must fall for wrong records to have been trimmed off."""


@dataclass(frozen=True)
class Draws:
    """What the errors of a survey are drawn from.

    `clusters` (replicates, clusters) are weights of the survey's clusters; recall and false-link rate of its links
    are known as `recall` and `false_link_rate`, (1,), and drawn as `recalls` and `false_link_rates`, (replicates,).
    """

    clusters: Floats
    recall: Floats
    false_link_rate: Floats
    recalls: Floats
    false_link_rates: Floats


def trimming_curve(
    day: date,
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    classes: Sequence[CoverageClass],
    lists: TrimmedLists,
    draws: Draws,
    minimum_matches: int,
    used: int,
) -> pl.DataFrame:
    """Return the table `trimming_curve` of the survey of a `day`, whose factors have the depth `used`.

    `counted`, `listed` and `surveyed` are those of `estimate_coverage`, `classes` its coverage classes, the same
    at all depths, and `lists` what list and survey have in each.
    """
    shares = _shares_of_groups(counted, classes)
    depths = [lists.depths(one, minimum_matches) for one in range(len(TRIMMING_DEPTHS))]
    curve = [_Estimates.at(lists.at(one), draws) for one in depths]
    sizes = [_people_on_lists(listed, surveyed, classes, one) for one in depths]
    rows = []
    for depth, (estimates, size) in enumerate(zip(curve, sizes, strict=True)):
        before = curve[depth - 1] if depth else None
        for group, people in shares.items():
            on_list, matches = size[group]
            row = {
                "survey_date": day, "depth": depth, "nationality_group": group, "listed": on_list, "matches": matches,
                "estimated": float(estimates.residents @ people), "standard_error": estimates.error(people),
                "difference": None, "difference_standard_error": None,
            }  # fmt: skip
            if before is not None:
                row["difference"] = float((estimates.residents - before.residents) @ people)
                row["difference_standard_error"] = estimates.error(people, before)
            rows.append(row)
    table = pl.DataFrame(rows, schema_overrides={"difference": pl.Float64, "difference_standard_error": pl.Float64})
    table = table.with_columns(pl.col(pl.Float64).round(6))
    return table.with_columns(
        chosen=pl.col("depth") == depth_that_is_enough(table.filter(pl.col("nationality_group") == ALL)),
        used=pl.col("depth") == used,
    )


def depth_that_is_enough(curve: pl.DataFrame) -> int:
    """Return the first depth from which the next step is no fall by more than one standard error of it, or the last.

    `curve` (`depth`, `difference`, `difference_standard_error`) has one row a depth. Wrong records can only make the
    estimate fall when they are trimmed off; one that rises shows that who is left is likelier to be missed by the
    survey, and is no reason to go on.
    """
    steps = curve.sort("depth")
    is_flat = pl.col("difference") >= -FLAT * pl.col("difference_standard_error")
    flat = steps.filter(is_flat)  # the first depth has no step before it
    return int(flat["depth"][0]) - 1 if flat.height else int(steps["depth"][-1])


@dataclass(frozen=True)
class _Estimates:
    """Residents by class at one depth, with what their errors are made of.

    `sampling` and `linkage` are deviations of replicates, (replicates, classes); `on_list` and `not_answering` give
    the variance of who answers in a country of which everybody was asked.
    """

    residents: Floats
    sampling: Floats
    linkage: Floats
    on_list: Floats
    not_answering: Floats

    @classmethod
    def at(cls, lists: Lists, draws: Draws) -> "_Estimates":
        """Return the estimates by some lists."""

        def residents(survey: SurveySums, recall: Floats, false_link_rate: Floats) -> Floats:
            return factors(lists, survey, recall, false_link_rate) * lists.full

        point, survey = (draws.recall, draws.false_link_rate), whole_survey(lists)
        estimated = residents(survey, *point)[0]
        replicates = residents(resampled(lists, draws.clusters), *point)
        factor = estimated / np.maximum(lists.full, 1.0)
        return cls(
            estimated,
            (replicates - replicates.mean(axis=0)) * not_asked(lists, factor),
            residents(survey, draws.recalls, draws.false_link_rates) - estimated,
            np.maximum(lists.trimmed, 1.0),
            not_answering(lists, factor),
        )

    def error(self, people: Floats, before: "_Estimates | None" = None) -> float:
        """Return the standard error of the residents of a group, or of the step from the depth `before` to this one.

        `people` is the share of each class that is in the group. If everybody is asked, and answers with probability
        p, N by a list of A people has the variance N^2 (1 - p) / p (1 / A - 1 / N), and the step from a larger list
        to one within it, of B of them, N^2 (1 - p) / p (1 / B - 1 / A).
        """
        sampling, linkage = self.sampling, self.linkage
        larger = np.maximum(self.residents, self.on_list)
        if before is not None:
            sampling, linkage, larger = sampling - before.sampling, linkage - before.linkage, before.on_list
        complete = self.residents**2 * self.not_answering * np.maximum(1 / self.on_list - 1 / larger, 0.0)
        variance = (
            np.mean((sampling @ people) ** 2) * len(sampling) / max(len(sampling) - 1, 1)
            + np.mean((linkage @ people) ** 2)
            + complete @ people**2
        )
        return float(np.sqrt(variance))


def _shares_of_groups(counted: pl.DataFrame, classes: Sequence[CoverageClass]) -> dict[str, Floats]:
    """Return which share of the people counted in each class is of each nationality group, and of all."""
    sums = counted.group_by(DIVISIONS).agg(exact_sum(pl.col("count")))
    of_cell = {row[:3]: row[3] for row in sums.iter_rows()}
    people = {
        group: np.array([sum(of_cell.get(cell, 0.0) for cell in one if cell[2] == group) for one in classes])
        for group in NATIONALITY_GROUPS
    }
    total = np.maximum(np.sum(list(people.values()), axis=0), 1e-9)
    return {group: one / total for group, one in people.items()} | {ALL: np.ones(len(classes))}


def _people_on_lists(
    listed: pl.DataFrame, surveyed: pl.DataFrame, classes: Sequence[CoverageClass], depths: Integers
) -> dict[str, tuple[int, int]]:
    """Return, by nationality group, people on the list trimmed to the `depths` of classes, and those surveyed."""
    cells = pl.DataFrame(
        [(*cell, int(depth)) for one, depth in zip(classes, depths, strict=True) for cell in one],
        schema=[*DIVISIONS, "depth"],
        orient="row",
    )

    def by_group(people: pl.DataFrame) -> dict[str, int]:
        on_it = people.join(cells, on=DIVISIONS).filter(on_trimmed_list(pl.col("depth")))
        sums = dict(on_it.group_by("nationality_group").agg(exact_sum(pl.col("share"))).iter_rows())
        return {one: round(sums.get(one, 0.0)) for one in NATIONALITY_GROUPS} | {ALL: round(sum(sums.values()))}

    both = by_group(listed), by_group(surveyed.filter("listed"))
    return {group: (both[0][group], both[1][group]) for group in (*NATIONALITY_GROUPS, ALL)}

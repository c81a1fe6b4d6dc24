"""How many people on the list are no residents, from list people at sampled postcodes whom the survey did not find.

The survey went to the postcodes of its sample, so residents who are listed there were found if they answered, and
people who have left were not. Residents are found there as often as people on the trimmed list, of their coverage
class: that rate has in it who answers, which households were asked, whose address is out of date, and which links
are missed. So of the people listed there, 1 less their rate over that one is wrong. It is blind to wrong people on
the trimmed list, as the factor is; and it is too high where the addresses of others are further out of date
(people who moved to another sampled postcode are found there). The standard error is that of leaving out one
cluster at a time.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.cells import DIVISIONS, cells_of_classes
from estimation.coverage.bootstrap import cluster_index
from estimation.coverage.jackknife import jackknife_covariance, totals_without_each
from estimation.coverage.lists import USUAL_DEPTH
from estimation.exact_sums import exact_sum
from pipeline.schemas import ALL, NATIONALITY_GROUPS

GROUPS = (*NATIONALITY_GROUPS, ALL)
MEASURED, NOT_MEASURED = "measured", "not measured"
NO_POSTCODES = "the survey and the spine share no postcode that was sampled"
NOBODY_FOUND = "nobody on the trimmed list at a sampled postcode was found by the survey"
NOBODY_LISTED = "nobody of the group is listed at a sampled postcode"


def over_coverage(
    coverage: pl.DataFrame,
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    places: pl.DataFrame,
    found: pl.Series,
) -> pl.DataFrame:
    """Return the table `over_coverage`.

    `coverage` is the table; `counted` (`DIVISIONS`, `count`), `listed`, `surveyed` and `known` are those of
    `estimate_coverage`; `places` and `found` those of `sampled_postcodes`.
    """
    by_factor = _by_factor(coverage, counted)
    here = _people_at(places, listed, coverage, surveyed, found)
    if here.is_empty():
        return _table(coverage, by_factor, reason=NO_POSTCODES)
    sums = _sums_by_cluster(here, surveyed, coverage.height)
    if not sums[..., -1].sum():
        return _table(coverage, by_factor, reason=NOBODY_FOUND)
    flat = sums.reshape(len(sums), -1)
    false = _false_links(coverage, surveyed, known)
    share, expected = _wrong(flat.sum(axis=0)[None, :].reshape(1, *sums.shape[1:]), false)
    left_out = totals_without_each(flat, surveyed).reshape(len(flat), *sums.shape[1:])
    error = np.sqrt(np.diag(jackknife_covariance(_wrong(left_out, false)[0], surveyed)))
    return _table(coverage, by_factor, _Measured(here, share[0], expected[0], error))


def _people_at(
    places: pl.DataFrame, listed: pl.DataFrame, coverage: pl.DataFrame, surveyed: pl.DataFrame, found: pl.Series
) -> pl.DataFrame:
    """Return the people listed at sampled postcodes: `stratum, cluster, weight, class, group, share, trimmed, found`.

    `class` and `group` are positions; the weight is the mean of the cluster's answers.
    """
    weight = surveyed.group_by("stratum", "cluster").agg(
        weight=exact_sum(pl.col("weight") * pl.col("share")) / exact_sum(pl.col("share"))
    )
    depth = pl.max_horizontal(pl.col("depth"), USUAL_DEPTH)
    classes = cells_of_classes(coverage).join(
        coverage.with_row_index("class").select("coverage_class", "class", depth="trimming_depth"),
        on="coverage_class",
    )
    groups = pl.DataFrame({"nationality_group": NATIONALITY_GROUPS}).with_row_index("group")
    return (
        listed.join(places, on="person_id")
        .join(weight, on=["stratum", "cluster"])
        .join(classes, on=DIVISIONS)
        .join(groups, on="nationality_group")
        .with_columns(
            trimmed=pl.col("trimming_depth") >= depth,
            found=pl.col("person_id").is_in(found.implode()),
        )
        .sort("person_id", "group")
    )


def _sums_by_cluster(here: pl.DataFrame, surveyed: pl.DataFrame, classes: int) -> Floats:
    """Return weighted people, (clusters, classes, groups, 4): listed, found of them, trimmed, found of those."""
    columns = surveyed.select("stratum", "cluster").with_columns(column=pl.Series(cluster_index(surveyed))).unique()
    here = here.join(columns, on=["stratum", "cluster"], how="left", maintain_order="left")
    at = tuple(here[name].cast(pl.Int64).to_numpy() for name in ("column", "class", "group"))
    people = (here["weight"] * here["share"]).to_numpy()
    found, trimmed = here["found"].to_numpy(), here["trimmed"].to_numpy()
    sums = np.zeros((columns.height, classes, len(NATIONALITY_GROUPS), 4))
    for place, kept in enumerate((np.ones(len(people)), found, trimmed, found & trimmed)):
        np.add.at(sums[..., place], at, people * kept)
    return sums


def _wrong(sums: Floats, false: float) -> tuple[Floats, Floats]:
    """Return the share of people listed who are wrong, and the share found of residents, (replicates, groups).

    `sums` is (replicates, classes, groups, 4); `false` is how often a person is found by a false link. A class with
    nobody on the trimmed list at these postcodes is found as often as all are.
    """
    listed, found, on_trimmed, found_trimmed = np.moveaxis(sums, -1, 0)
    listed, found = (np.concatenate([one, one.sum(axis=2, keepdims=True)], axis=2) for one in (listed, found))
    of_class, of_all = on_trimmed.sum(axis=2), on_trimmed.sum(axis=(1, 2))[:, None]
    overall = found_trimmed.sum(axis=(1, 2))[:, None] / np.maximum(of_all, 1e-9)
    own = found_trimmed.sum(axis=2) / np.where(of_class > 0, of_class, 1.0)
    rate = np.where(of_class > 0, own, overall) - false
    expected = (listed * rate[..., None]).sum(axis=1)
    right = (found - false * listed).sum(axis=1)
    return 1 - right / np.where(expected > 0, expected, np.inf), expected / np.maximum(listed.sum(axis=1), 1e-9)


def _false_links(coverage: pl.DataFrame, surveyed: pl.DataFrame, known: int) -> float:
    """Return how often a person whom some source knows is linked to a survey person whom none knows."""
    mean = (pl.col("recall", "false_link_rate") * pl.col("surveyed")).sum() / pl.col("surveyed").sum()
    recall, rate = coverage.select(mean).row(0)
    people, linked = surveyed.select(exact_sum(pl.col("share")), k=exact_sum(pl.col("share").filter("known"))).row(0)
    really_known = (linked - rate * people) / max(recall - rate, 1e-9)
    return rate * max(people - really_known, 0.0) / max(known, 1)


def _by_factor(coverage: pl.DataFrame, counted: pl.DataFrame) -> dict[str, float]:
    """Return the share of the people counted who are no residents as `coverage` has it, by nationality group."""
    cells = (
        cells_of_classes(coverage)
        .join(coverage.select("coverage_class", "share_erroneous"), on="coverage_class")
        .join(counted.select(*DIVISIONS, "count"), on=DIVISIONS)
    )
    both = pl.concat([cells, cells.with_columns(nationality_group=pl.lit(ALL))])
    people, wrong = exact_sum(pl.col("count")), exact_sum(pl.col("count") * pl.col("share_erroneous"))
    sums = both.group_by("nationality_group").agg(people=people, wrong=wrong).filter(pl.col("people") > 0)
    return dict(sums.select("nationality_group", pl.col("wrong") / pl.col("people")).iter_rows())


@dataclass(frozen=True)
class _Measured:
    """The people listed at sampled postcodes, and by group of `GROUPS` the figures of the table."""

    here: pl.DataFrame
    share: Floats
    expected: Floats
    error: Floats

    def row(self, at: int) -> dict[str, object]:
        """Return the figures of a group; why there are none, if nobody of it is listed there."""
        own = self.here if GROUPS[at] == ALL else self.here.filter(pl.col("group") == at)
        share = pl.col("share")
        people, found = own.select(all=exact_sum(share), found=exact_sum(share.filter("found"))).row(0)
        numbers = {"listed": round(people), "found": round(found)}
        if people == 0:
            return numbers | {"reason": NOBODY_LISTED}
        return numbers | {
            "status": MEASURED,
            "expected_share_found": float(self.expected[at]),
            "share_erroneous": float(self.share[at]),
            "standard_error": float(self.error[at]),
        }


def _table(
    coverage: pl.DataFrame, by_factor: dict[str, float], measured: _Measured | None = None, reason: str = ""
) -> pl.DataFrame:
    """Return the rows of all groups; without `measured`, that they are not measured and why."""
    floats = ("expected_share_found", "share_erroneous", "standard_error")
    nothing = dict.fromkeys(("listed", "found", *floats))
    rows = [
        {"survey_date": coverage["survey_date"][0], "nationality_group": group, "status": NOT_MEASURED, **nothing}
        | {"share_by_factor": by_factor.get(group), "reason": reason}
        | (measured.row(at) if measured else {})
        for at, group in enumerate(GROUPS)
    ]
    schema = {"listed": pl.Int64, "found": pl.Int64} | dict.fromkeys((*floats, "share_by_factor"), pl.Float64)
    return pl.DataFrame(rows, schema_overrides=schema).with_columns(pl.col(pl.Float64).round(9))

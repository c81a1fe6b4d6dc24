"""The replicates of a finished run: every draw of its links, and several replicates of each.

Linkage enters once. The list, its matches with the survey and the migrations are all those of one draw of links,
and no recall or doubt corrects for what a draw varies; pairs that no rule proposed, which are in no draw, are
corrected by expected recall.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from estimation.account.files import read_account_files
from estimation.account.inputs import write_account_inputs
from estimation.account.reconcile import reconcile
from estimation.arrays import Floats, Integers
from estimation.by_replicates.counted_again import Records, count_again
from estimation.by_replicates.drawn_factors import FactorDraws, LinksNotVaried
from estimation.by_replicates.fixed_account import FixedAccount, independent_variances
from estimation.by_replicates.replicate_figures import Replicates, figures_of, stacked
from estimation.coverage.linkage_error import LIMITS_OF_RECALL
from estimation.coverage.survey import SURVEY, survey_answers
from estimation.measured_periods import without
from estimation.stages import ACCOUNT, COUNT
from flows.by_replicates.link_draws import people_of_best_links, people_of_draw
from flows.progress import ProgressListener
from flows.variants.run_rules import RunRules
from linkage.quality import MISSED_ERROR, UNFORESEEN
from linkage.stages import LINK
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.study import Periods
from pipeline.tables import read_table
from rules.stages import STAYS

REPLICATES = "replicates"
LEAST_PER_DRAW = 2
"""Replicates of a draw of links, so that what links vary can be told from what all else does."""


@dataclass(frozen=True)
class ReplicatedRun:
    """The figures of all replicates, (replicates, figures), by what is frozen (`""`: nothing), with their link draws.

    `keys` has the `KEY` of the figures, `within` the variance of each by errors that no replicate draws.
    """

    keys: pl.DataFrame
    figures: Mapping[str, Floats]
    draw: Integers
    within: Floats


def check_can_be_replicated(base: RunRules, replicates: int) -> None:
    """Raise `UserError`, which says what to do, if a run has no replicates."""
    study, skip, draws = base.study, base.records[ACCOUNT.name].skip, base.study.linkage.draws
    if skip is not None:
        raise UserError(f"{base.run}: publishes no intervals, because {skip.reason}. So there are none to compare.")
    if draws < LEAST_PER_DRAW:
        raise UserError(
            f"{study.path}: asks for no alternative sets of links, so replicates could not vary the links. Write "
            f"'draws = 20' under [linkage], and run `sojourn run {study.path}` again."
        )
    if study.coverage.other_surveys:
        raise UserError(
            f"{study.path}, [coverage]: names surveys of other runs, whose links no draw of this run varies. "
            "Replicates are made of a study with one survey: leave out 'other_surveys'."
        )
    if replicates < LEAST_PER_DRAW * draws:
        raise UserError(
            f"--replicates {replicates}: too few for {draws} draws of links. Give at least {LEAST_PER_DRAW * draws}, "
            f"{LEAST_PER_DRAW} of each."
        )


def replicated(base: RunRules, replicates: int, work: Path, listener: ProgressListener) -> ReplicatedRun:
    """Return the replicates of a run; `work` is an empty folder for what is computed again.

    Nothing else is written. Replicate r is of draw r mod K + 1 of K.
    """
    made, within = prepared(base, replicates, work / "account_in")
    draws = base.study.linkage.draws
    draw = np.arange(replicates, dtype=np.int64) % draws + 1
    found: list[Mapping[str, Floats]] = [{}] * replicates
    for one in range(1, draws + 1):
        listener.progress(REPLICATES, f"links {one} of {draws}: stays again")
        decided = people_of_draw(base, one, work / f"draw_{one}")
        for replicate in np.flatnonzero(draw == one).tolist():
            listener.progress(REPLICATES, f"links {one} of {draws}: replicate {replicate + 1:,} of {replicates:,}")
            found[replicate] = made.figures(decided, replicate)
    return ReplicatedRun(made.keys, stacked(found), draw, within)


def prepared(base: RunRules, replicates: int, folder: Path) -> tuple[Replicates, Floats]:
    """Return what replicates of a run have in common, and the variance of figures that none of them draws.

    Account files without what is drawn are written into `folder`.
    """
    counts, own = base.records[COUNT.name].folder, base.records[ACCOUNT.name].folder
    table = {
        name: read_table(counts / f"{name}.parquet")
        for name in (
            "counts", "coverage", "coverage_covariance", "coverage_ages", "nationality_covariance", "unmeasured",
        )
    }  # fmt: skip
    periods = without(base.study.periods, table["unmeasured"])
    account = FixedAccount.of(reconcile(own / "account_in", em=base.study.account.estimate_scales))
    records = _records(base, periods)
    factors = FactorDraws.of(
        count_again(people_of_best_links(base), records).lists,
        table["coverage"],
        table["coverage_covariance"],
        _not_varied(base, records.spine),
        replicates,
        base.study.seed,
    )
    keys, weights = figures_of(account, periods)
    made = Replicates(account, records, factors, table["coverage_ages"], keys, weights, base.study.seed)
    decided = table["counts"].with_columns(variance_unfinished=pl.lit(0.0))
    write_account_inputs(
        periods, base.study.flow_errors, decided, table["coverage"], table["coverage_covariance"],
        table["coverage_ages"], table["nationality_covariance"], folder,
    )  # fmt: skip
    return made, made.within(independent_variances(read_account_files(folder)), table["coverage_covariance"])


def _records(base: RunRules, periods: Periods) -> Records:
    folder, day = base.records[INGEST.name].folder / "records", base.study.coverage.reference_date
    births, deaths = (
        read_table(folder / f"{name}.parquet", columns=["subject_id", "sex", "birth_month", dated_by])
        for name, dated_by in (("births", "registration_date"), ("deaths", "date_of_death"))
    )
    return Records(
        births,
        deaths,
        survey_answers(folder / f"{SURVEY}.parquet", day),
        read_table(base.records[STAYS.name].folder / "flow_completeness.parquet"),
        periods,
        day,
        base.records[LINK.name].facts["spine"],
        base.study.coverage.known_totals,
    )


def _not_varied(base: RunRules, spine: str) -> LinksNotVaried:
    """Return the share of survey people on the spine whose pair no rule proposed, with the error that linkage states.

    It is that of an expected number of missed pairs, and the share of all pairs that no estimate foresees, of which
    their limits are so many times as large as in coverage.
    """
    quality = read_table(base.records[LINK.name].folder / "linkage_quality.parquet")
    row = quality.filter(source_l=SURVEY, source_r=spine, group="all").row(0, named=True)
    unseen, missed = (row[name] or 0.0 for name in ("unseen_pairs", "missed_pairs"))
    pairs = row["joined_pairs"] * (row["expected_precision"] or 1.0) + missed + unseen
    share = unseen / pairs if pairs else 0.0
    return LinksNotVaried(share, ((share * math.log(MISSED_ERROR)) ** 2 + UNFORESEEN**2) ** 0.5 / LIMITS_OF_RECALL)

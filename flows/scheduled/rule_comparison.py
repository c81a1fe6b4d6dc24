"""The flow that decides the people of a finished run by several sets of rules: one task a set."""

from functools import partial
from pathlib import Path

import polars as pl
from prefect import flow
from prefect.client.schemas.objects import State

from flows.live.live_runs import check_not_live
from flows.scheduled.outcomes import ended
from flows.scheduled.parameters import RuleComparison
from flows.scheduled.run_artifacts import leave_table
from flows.scheduled.tasks import in_subflow
from flows.variants.estimates import Counted, Published
from flows.variants.rule_sets import beside_each_other, check_uncalibrated, comparison_folder, estimates_by
from flows.variants.run_rules import opened
from pipeline.schemas import ALL
from pipeline.tables import write_text


@flow(name="rule-comparison", flow_run_name="{comparison.label}", persist_result=False)
def rule_comparison(comparison: RuleComparison) -> State:
    """Estimate a finished run again by other sets of rules, on the same people."""
    return ended(lambda: compared(comparison))


def compared(comparison: RuleComparison) -> str:
    """Write `estimates.csv`, and leave its totals; returns what was compared.

    Raises `UserError` for a run that is live or was, unless another folder is named: it is never changed.
    """
    run = Path(comparison.run)
    if comparison.out is None:
        check_not_live(run, "Name another folder for the comparison.")
    folder = comparison_folder(run) if comparison.out is None else Path(comparison.out)
    with opened(run) as (base,):
        check_uncalibrated(base)
        estimates = Counted(base) if comparison.counted else Published(base)
        variants = base.variants(comparison.threads)
        works = {name: partial(estimates_by, name, base, variants, estimates) for name in comparison.rule_sets}
        table = beside_each_other(list(in_subflow("variants", works).values()))
    write_text(table.write_csv(), folder / "estimates.csv")
    last = table.filter(measure="net")["period"].max()
    totals = table.filter(pl.col("group") == ALL, pl.col("period") == last)
    leave_table("rule-comparison", totals, f"to {last}; all groups and years in {folder}")
    return f"{len(comparison.rule_sets)} sets of rules, on the people of {run}"

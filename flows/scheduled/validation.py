"""The flow that estimates synthetic countries and compares them with their truth: one task a country."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl
from prefect import flow
from prefect.client.schemas.objects import State

from flows.replicate import Replicate
from flows.scheduled.outcomes import ended
from flows.scheduled.parameters import Validation
from flows.scheduled.run_artifacts import leave_table
from flows.scheduled.tasks import in_subflow
from flows.terminal import Terminal
from flows.validate import run_side_by_side, validate
from flows.variants.estimates import MEASURES
from pipeline.errors import UserError
from pipeline.schemas import ALL

FIGURES = ("measure", "margin", "period", "replicates", "bias", "relative_bias", "rmse", "coverage")


@flow(name="validation", flow_run_name="{validation.label}", persist_result=False)
def validate_figures(validation: Validation) -> State:
    """Simulate, run and evaluate over many seeds, and pool the scores: bias, error and coverage of every figure."""
    return ended(lambda: validated(validation))


def validated(validation: Validation) -> str:
    """Validate as `sojourn validate` does, one task a country, and leave the pooled totals; says where they are."""
    out = Path(validation.out)
    status = validate(
        validation.replicates,
        validation.residents,
        scenario=validation.scenario,
        rule_set=validation.rule_set,
        calibration=validation.calibration,
        first_seed=validation.seed,
        out=out,
        threads=validation.threads,
        run_replicates=as_tasks,
    )
    if status:
        raise UserError(f"{out}: some replicates failed; their tasks say why. What was scored is kept.")
    figures = json.loads((out / "validation.json").read_text(encoding="utf-8"))
    pooled = pl.DataFrame(figures, infer_schema_length=None)
    totals = pooled.filter(pl.col("group") == ALL, pl.col("measure").is_in(MEASURES))
    leave_table("accuracy", totals.select(FIGURES), f"totals; all figures in {out / 'accuracy.md'}")
    return f"{validation.replicates} countries, scored in {out}"


def as_tasks(waiting: Sequence[Replicate], threads: int, terminal: Terminal) -> dict[int, str]:
    """Run replicates as tasks, each in a process of its own; returns why each failed one failed, by its seed."""
    works = {f"seed {one.seed}": partial(run_side_by_side, [one], 1, terminal) for one in waiting}
    found = in_subflow("replicates", works, threads, lambda failed: "; ".join(failed.values())) if works else {}
    return {seed: why for failed in found.values() for seed, why in failed.items()}

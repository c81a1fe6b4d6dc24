"""Making a calibration: the decisions of runs on training studies, whose truth is known, become a file of curves."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from flows.evaluate import cases_of_run, flows_of_run
from flows.terminal import Terminal, typed
from pipeline.errors import UserError
from pipeline.tables import write_text
from publication.run_folder import read_manifest
from rules.calibration import UNCALIBRATED, Calibration, as_toml, fitted_curves
from rules.completeness import (
    EACH_COMPLETENESS,
    EACH_SEASON,
    Completeness,
    Season,
    fitted_completeness,
    fitted_seasons,
)

NOT_COUNTED = tuple(
    Completeness(direction=direction, nationality_group=group, child=child, recent=recent, migrations_per_case=1.0)
    for direction, group, child, recent in EACH_COMPLETENESS
)
NO_SEASON = tuple(
    Season(direction=direction, nationality_group=group, quarter=quarter, migrations_per_case=1.0)
    for direction, group, quarter in EACH_SEASON
)
"""Each case is taken to be one migration, dated rightly, while the calibrated ones are counted."""


def write_calibration(runs: Sequence[Path], file: Path) -> int:
    """Write a calibration made from runs, say what it rests on, and return the exit status.

    Raises `UserError` for runs of different rule sets, and for runs whose probabilities are calibrated already.
    """
    if file.suffix != ".toml":
        raise UserError(f"--write-calibration {file}: the name of a calibration ends in .toml. Give it that ending.")
    terminal = Terminal()
    made_by: dict[str, str] = {}
    definitions: set[str] = set()
    studies, seeds, cases = [], [], []
    for run in runs:
        manifest = read_manifest(run)
        if manifest is None:
            raise UserError(f"{run}: no finished run here (no manifest.json). Make one with `sojourn run STUDY`.")
        if manifest.get("calibration", UNCALIBRATED) != UNCALIBRATED:
            raise UserError(f"{run}: its probabilities are calibrated already. Run its study without a calibration.")
        made_by |= {manifest["rule_set"]["digest"]: manifest["rule_set"]["id"]}
        if len(made_by) > 1:
            raise UserError(f"{run}: made with another rule set than {runs[0]}. Use runs of one rule set.")
        definitions.add(manifest["definition"])
        if len(definitions) > 1:
            raise UserError(f"{run}: publishes another definition than {runs[0]}. Use runs of one definition.")
        terminal.progress("evaluate", f"comparing the decisions of {typed(run)} with the truth")
        cases.append(cases_of_run(run))
        studies.append(manifest["study"]["name"])
        seeds.append(int(manifest["seed"]))
    digest, rule_set = made_by.popitem()
    known = pl.concat(cases)
    curves = fitted_curves(known)
    if not curves:
        raise UserError(f"{file}: too few decisions to calibrate ({known.height:,}). Use more or larger studies.")
    terminal.progress("evaluate", "comparing flows with the truth")
    found = Calibration(
        rule_set=rule_set,
        rule_set_digest=digest,
        definition=definitions.pop(),
        studies=tuple(studies),
        seeds=tuple(seeds),
        curve=curves,
        completeness=NOT_COUNTED,
        season=NO_SEASON,
    )
    flows = pl.concat([flows_of_run(run, found) for run in runs])
    completeness = fitted_completeness(flows)
    whole = {"completeness": completeness, "season": fitted_seasons(flows, completeness)}
    write_text(as_toml(found.model_copy(update=whole)), file)
    terminal.close()
    terminal.print_line(
        f"  {known.height:,} decisions of {len(runs)} runs by {rule_set}: {len(curves)} curves, written to "
        f"{typed(file)}"
    )
    return 0

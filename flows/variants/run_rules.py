"""The rules of a finished run, and its people decided by others."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estimation.stages import ACCOUNT, COUNT
from flows.evaluate import study_of_run
from flows.stages_again import stored_result
from linkage.stages import LINK
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.stage import StageRecord
from pipeline.store import Store
from pipeline.study import Study
from publication.run_folder import read_manifest
from rules.model import RuleSet
from rules.rule_set import person_rules_of, read_rule_set, rule_set_path
from rules.stages import EVIDENCE, STAYS, StaysStudy
from rules.variants import Variants

STAGES = (INGEST, LINK, EVIDENCE, STAYS, COUNT, ACCOUNT)


@dataclass(frozen=True)
class RunRules:
    """A finished run: its rules, with the definition that it publishes, and its stored results by stage."""

    run: Path
    study: Study
    manifest: Mapping[str, Any]
    rules: RuleSet
    records: Mapping[str, StageRecord]

    def variants(self, threads: int = 2) -> Variants:
        """Return what other rules decide of the people of the run."""
        folders = {name: record.folder for name, record in self.records.items()}
        return Variants(StaysStudy.of(self.study, self.run), self.rules.evidence, folders, threads)


@contextmanager
def opened(*runs: Path) -> Generator[tuple[RunRules, ...]]:
    """Read finished runs, and reserve their folders meanwhile, so that no other process changes their results."""
    for run in runs:
        if read_manifest(run) is None:  # a folder that is no run is left as it is
            raise UserError(
                f"{run}: no finished run here (no manifest.json). Make one with `sojourn run STUDY.toml`."
            )
    with ExitStack() as reserved:
        for run in sorted({run.resolve() for run in runs}):
            reserved.enter_context(Store(run).locked())
        yield tuple(_read_run_rules(run) for run in runs)


def _read_run_rules(run: Path) -> RunRules:
    """Return a finished run with its rules.

    Raises `UserError` if there is none, if it has no stays, or if its study or its rules have been changed since.
    """
    run = run.resolve()
    study, manifest = study_of_run(run), read_manifest(run)
    assert manifest is not None, "`study_of_run` has read it"
    rules = read_rule_set(study)
    if rules.digest != manifest["rule_set"]["digest"]:
        raise UserError(
            f"{rule_set_path(study)}: not the rules that {run} was made by, because they have been changed since. "
            "Run `sojourn run` again; to compare two sets of rules, keep each in a file of its own."
        )
    records = {one.name: stored_result(run, one.name, manifest["stages"][one.name]["key"]) for one in STAGES}
    skip = records[STAYS.name].skip
    if skip is not None:
        raise UserError(f"{run}: has no stays, because {skip.reason}. So there is nothing that rules decide.")
    return RunRules(run, study, manifest, rules.model_copy(update={"people": person_rules_of(rules, study)}), records)

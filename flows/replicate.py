"""One replicate of `validate`: a country simulated, run and scored in one process; its scores are kept.

A replicate's folder contains the study and its run while they are computed. What remains of it afterwards is what
later validations need: with `--from STAGE` the study and the stored results of earlier stages, with `--keep` all.
"""

import json
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from flows.chain import STAGES, run_chain
from flows.evaluate import evaluate
from flows.progress import NullListener
from flows.simulate import MARK, simulate_study
from flows.study_assumptions import PUBLISH_TABLES
from pipeline import disk
from pipeline.errors import UserError
from pipeline.stage import StageRecord
from pipeline.store import Store, code_digest, digest, library_versions
from pipeline.study import STUDY_FILE, digest_of_file, read_study
from pipeline.tables import read_table, write_text
from publication.scores import Scores
from rules.calibration import named_calibration
from rules.rule_file import named_set
from synthetic_data.scenarios.scenario import read_scenario

SIMULATE, EVALUATE = "simulate", "evaluate"
ALL_STAGES = (SIMULATE, *(stage.name for stage in STAGES), EVALUATE)
PACKAGES = ("estimation", "flows", "linkage", "pipeline", "publication", "rules", "synthetic_data")
FIRST_BY_RULES = "evidence"
"""The first stage that reads the rule set."""
RUN_RECORD, SCORE_RECORD = "replicate.json", "scored.json"


@dataclass(frozen=True)
class Country:
    """What is simulated: how many residents, which scenario (a name or a file), and by which rules it is judged.

    `rule_set` and `calibration` are names or files; None leaves those of the simulated study.
    """

    residents: int
    scenario: str
    rule_set: str | None = None
    calibration: str | None = None

    def simulated_as(self) -> dict[str, Any]:
        """Return what identifies the country, apart from its seed; raises `UserError` for an unknown scenario."""
        return {"residents": self.residents, "scenario": read_scenario(self.scenario).model_dump(mode="json")}

    def judged_by(self) -> dict[str, str]:
        """Return the digests of the rules, if not those of the study; raises `UserError` for unknown ones."""
        files = {}
        if self.rule_set:
            files["rule_set"] = named_set(self.rule_set, Path(), "--rule-set")
        if self.calibration:
            by_path = self.calibration.endswith(".toml")
            files["calibration"] = Path(self.calibration) if by_path else named_calibration(self.calibration)
        return {name: digest_of_file(path) for name, path in files.items()}

    def study_in(self, folder: Path) -> Path:
        """Return the file of the study in `folder`; where rules are chosen, one beside it that names them."""
        if not self.judged_by():
            return folder / STUDY_FILE
        text = (folder / STUDY_FILE).read_text(encoding="utf-8")
        if self.rule_set:
            named = f"rule_set = {json.dumps(self.rule_set)}"
            text = re.sub("^rule_set = .*$", lambda _: named, text, flags=re.MULTILINE)
        if self.calibration:
            text += f"\n[rules]\ncalibration = {json.dumps(self.calibration)}\n"
        write_text(text, folder / "judged.toml")
        return folder / "judged.toml"


@dataclass(frozen=True)
class Replicate:
    """One seed of a country, below the folder of a validation.

    `start` is the first stage that today's code computes; results of earlier stages are taken as they are stored.
    `ablation` is scored instead of the run itself, if there is one.
    """

    out: Path
    country: Country
    seed: int
    start: str = SIMULATE
    keep: bool = False
    ablation: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of the study and its run."""
        return self.out / "replicates" / str(self.seed)

    @property
    def scores(self) -> Path:
        """The folder of the scores that are kept."""
        return self.out / "scores" / str(self.seed)

    @property
    def earlier(self) -> tuple[str, ...]:
        """The stages before `start`, whose results are kept."""
        return ALL_STAGES[: ALL_STAGES.index(self.start)]

    def is_scored(self) -> bool:
        """Return whether nothing is left to do: its scores, from this code and these earlier results, exist."""
        scored = _read(self.scores / SCORE_RECORD).get("key") == self._key(self._stored_keys())
        return scored and (not self.keep or (self.folder / "run" / "evaluation").is_dir())

    def __call__(self) -> str | None:
        """Simulate, run, score and clean up; returns None, or why this replicate failed."""
        try:
            self._score()
        except UserError as error:
            return str(error)
        except MemoryError:
            return "there was too little memory"
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: {error}"
        return None

    def tidy(self) -> None:
        """Delete what is left of a scored replicate, unless it is kept; with `start`, only from that stage on."""
        if self.folder.exists() and not _read(self.scores / SCORE_RECORD).get("kept"):
            self._delete(self.folder / "run")

    def read_scores(self) -> Scores:
        """Return the scores of a scored replicate."""
        return Scores(**{one.name: read_table(self.scores / f"{one.name}.parquet") for one in fields(Scores)})

    def _score(self) -> None:
        run = self.folder / "run"
        if _read(self.folder / RUN_RECORD).get("country") not in (None, self._digest_of_country()):
            disk.remove(self.folder)
        given = self._given()
        if SIMULATE not in given:
            simulate_study(
                self.country.residents,
                self.seed,
                self.folder / "study",
                NullListener(),
                scenario=self.country.scenario,
                threads=1,
            )
        study = read_study(self.country.study_in(self.folder / "study"))
        of_chain = {name: record for name, record in given.items() if name != SIMULATE}
        # nobody opens the page of a replicate that is not kept
        stages = STAGES if self.keep else (*STAGES[:-1], PUBLISH_TABLES)
        records = run_chain(study, run, threads=1, given=of_chain, stages=stages)
        simulated = str(_read(self.folder / "study" / MARK)["key"])
        keys = {SIMULATE: simulated} | {name: record.key for name, record in records.items()}
        self._record(keys)
        evaluate(run, NullListener(), report=self.keep)
        scored = run / "evaluation"
        if self.ablation:
            evaluate(run, NullListener(), self.ablation)
            scored /= self.ablation
        self._keep_scores(scored, keys)
        self.tidy()

    def _digest_of_country(self) -> str:
        return digest(self.country.simulated_as() | {"seed": self.seed})

    def _record(self, keys: Mapping[str, str]) -> None:
        """Write which stored results are the latest, for a later validation from a stage on."""
        kept = {"country": self._digest_of_country(), "judged_by": self.country.judged_by(), "keys": dict(keys)}
        write_text(json.dumps(kept, indent=1) + "\n", self.folder / RUN_RECORD)

    def _stored_keys(self) -> dict[str, str]:
        """Return the keys of the stored results of earlier stages; none if any of them is missing."""
        kept = _read(self.folder / RUN_RECORD)
        if kept.get("country") != self._digest_of_country():
            return {}
        return {name: key for name, key in kept["keys"].items() if name in self.earlier}

    def _given(self) -> dict[str, StageRecord]:
        """Return the records of earlier stages, `simulate` among them, if all of their results are stored.

        Those of stages that read rules are none if they were made by others than these.
        """
        if self.start == SIMULATE:
            return {}
        keys, store = self._stored_keys(), Store(self.folder / "run")
        if _read(self.folder / "study" / MARK).get("key") != keys.pop(SIMULATE, ""):
            return {}
        found = {name: store.finished(name, key) for name, key in keys.items()}
        records = {name: record for name, record in found.items() if record is not None}
        if set(records) != set(self.earlier) - {SIMULATE}:
            return {}
        if _read(self.folder / RUN_RECORD).get("judged_by") != self.country.judged_by():
            before_rules = ALL_STAGES[: ALL_STAGES.index(FIRST_BY_RULES)]
            records = {name: record for name, record in records.items() if name in before_rules}
        return {SIMULATE: StageRecord(SIMULATE, "", self.folder, {}, "", (), 0.0, {}, reused=True)} | records

    def _key(self, keys: Mapping[str, str]) -> str:
        """Return the digest of all that can change the scores; `keys` are those of stages not computed again."""
        return digest(
            {
                "country": self._digest_of_country(),
                "judged_by": self.country.judged_by(),
                "start": self.start,
                "ablation": self.ablation,
                "given": {name: keys[name] for name in sorted(keys) if name in self.earlier},
                "code": code_digest(PACKAGES),
                "libraries": library_versions(),
            }
        )

    def _keep_scores(self, scored: Path, keys: Mapping[str, str]) -> None:
        with disk.replaced(self.scores) as aside:
            for one in fields(Scores):
                disk.copy_file(scored / f"{one.name}.parquet", aside / f"{one.name}.parquet")
            write_text(json.dumps({"key": self._key(keys), "kept": self.keep}) + "\n", aside / SCORE_RECORD)

    def _delete(self, run: Path) -> None:
        """Delete a run, all but the stored results of earlier stages; without any of those, its study too."""
        if self.start == SIMULATE:
            disk.remove(self.folder)
            return
        for path in run.iterdir():
            if path.name != "store":
                disk.remove(path)
        kept = self._stored_keys()
        for path in (run / "store").iterdir():
            if path.is_dir() and path.name not in self.earlier:
                disk.remove(path)
        del kept[SIMULATE]
        for stage, key in kept.items():
            latest = Store(run).folder(stage, key)
            for path in latest.parent.iterdir():
                if path != latest:
                    disk.remove(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}

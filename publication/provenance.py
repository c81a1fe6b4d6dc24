"""What a report says about how it was made: the study, the stages, the inputs and the versions of a run."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from publication import words
from publication.report_tables.report_table import ReportTable


def provenance(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the report's template on the study and on all that is needed to reproduce the run."""
    described: Mapping[str, Any] = manifest.get("study") or {}
    rule_set = manifest.get("rule_set") or {}
    facts = [
        ("Command", manifest.get("command")),
        ("Run", manifest.get("run_id")),
        ("Sojourn", manifest.get("sojourn_version")),
        ("Commit", manifest.get("commit")),
        ("Code, SHA-256", manifest.get("code")),
        ("Lock file, SHA-256", manifest.get("lock")),
        ("Study, SHA-256", described.get("digest")),
        ("Data date", described.get("data_date")),
        ("Seed", manifest.get("seed", described.get("seed"))),
        ("Rule set", rule_set.get("id")),
        ("Rule set, SHA-256", rule_set.get("digest")),
        *((f"Extends {base['id']}, SHA-256", base["digest"]) for base in rule_set.get("extends") or ()),
        ("Definition", manifest.get("definition")),
        ("Residents by", manifest.get("resident_family")),
        ("Calibration of probabilities", manifest.get("calibration")),
        *((f"Model {name}", _digest(model)) for name, model in (manifest.get("models") or {}).items()),
    ]
    data_date = described.get("data_date")
    return {
        "study": {"name": described.get("name", "unnamed study"), "synthetic": bool(described.get("synthetic"))},
        "data_date": words.day(date.fromisoformat(str(data_date))) if data_date else None,
        "rule_set": rule_set.get("id"),
        "facts": [(name, str(value)) for name, value in facts if value not in (None, "")],
        "stages": _stages(manifest.get("stages") or {}),
        "inputs": _inputs(manifest.get("inputs") or []),
        "packages": _packages(manifest.get("packages") or {}),
    }


def _digest(model: object) -> str:
    return str(model.get("sha256", "")) if isinstance(model, Mapping) else str(model)


def _stages(stages: Mapping[str, Mapping[str, Any]]) -> ReportTable | None:
    rows = tuple(
        (
            name,
            str(stage.get("sentence", "")),
            "; ".join(stage.get("warnings") or ()),
            f"{stage.get('seconds', 0):.1f}",
            str(stage.get("key", ""))[:12],
        )
        for name, stage in stages.items()
    )
    columns = ("Stage", "Result", "Warnings", "Seconds", "Key")
    return ReportTable("Stages of the run", columns, rows, numeric=(3,)) if rows else None


def _inputs(inputs: list[Mapping[str, Any]]) -> ReportTable | None:
    rows = tuple((str(one["file"]), words.count(one["rows"]), str(one["sha256"])) for one in inputs)
    return ReportTable("Input files", ("File", "Rows", "SHA-256"), rows, numeric=(1,)) if rows else None


def _packages(packages: Mapping[str, str]) -> ReportTable | None:
    rows = tuple((name, str(version)) for name, version in sorted(packages.items()))
    return ReportTable("Packages", ("Package", "Version"), rows) if rows else None

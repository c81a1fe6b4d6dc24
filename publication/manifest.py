"""The manifest: all that another person needs to reproduce a run, and nothing that must stay secret."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.stage import StageRecord
from pipeline.store import digest
from pipeline.tables import read_table
from publication.stages import PublishStudy

# Who may see a table is decided by its grain, not by its name in a listing. There is no disclosure control yet, so no
# table is publishable: cells of one person are in all of them, the published figures and their quality included.
AGGREGATE = {
    "flows", "flows_by_age", "flows_by_reason", "flows_by_country_of_birth", "flows_by_area", "flow_categories",
    "stocks", "linkage_quality", "link_errors", "implausible_people", "coverage", "error_sources",
    "interval_parts", "detail_parts", "ledger", "review_of_links",
    "counts", "estimates", "coverage_covariance", "nationality_covariance", "model_levels", "link_weights",
    "account_in", "funnel", "gaps", "source_cards", "delivery_volumes", "unmeasured", "skipped", "conflicts",
    "flow_completeness", "bridge", "unknown_by_quarter", "days_present", "registration_lags", "coverage_ages",
    "coverage_by_year", "coverage_by_year_covariance", "dependence_sensitivity", "trimming_curve",
    "over_coverage", "coverage_of_arrivals", "border_completeness",
    "assumptions",
    "account_adjustments", "account_left_out", "account_biases",
}  # fmt: skip


def build_manifest(
    study: PublishStudy, records: Mapping[str, StageRecord], digests: Mapping[str, str], tables: Path
) -> dict[str, Any]:
    """Return the manifest of the stages in `records`; `digests` has the SHA-256 of every file in `tables`."""
    ledger = read_table(tables / "ledger.parquet").to_dicts()
    facts = {name: fact for record in records.values() for name, fact in record.facts.items()}
    models = {name: sha for name, sha in records["link"].outputs.items() if name.startswith("models/")}
    return {
        "run_id": run_id(records),
        "sojourn_version": study.versions["sojourn"],
        "command": command_line(),
        "study": {
            "path": study.location,
            "name": study.name,
            "synthetic": study.synthetic,
            "data_date": study.data_date.isoformat(),
            "seed": study.seed,
            "digest": study.digest,
        },
        "seed": study.seed,
        "key_id": facts["key_id"],
        "spine": facts.get("spine", ""),
        "rule_set": {
            "id": facts["rule_set"],
            "digest": facts["rule_set_digest"],
            "extends": [
                dict(zip(("id", "digest"), one.split(" "), strict=True))
                for one in facts["rule_set_extends"].split(", ")
                if one
            ],
        },
        "definition": facts["definition"],
        "calibration": facts["calibration"],
        "resident_family": facts["resident_family"],
        "inputs": [
            {"file": one["file"], "extract": one["extract"], "sha256": one["sha256"], "rows": one["rows_in"]}
            for one in ledger
        ],
        "ledger": ledger,
        "models": models,
        "packages": {name: version for name, version in study.versions.items() if name != "sojourn"},
        "code": study.code,
        "commit": study.commit,
        "lock": study.lock,
        "stages": {
            name: {
                "key": record.key,
                "seconds": record.seconds,
                "counts": dict(record.counts),
                "sentence": record.sentence,
                "warnings": list(record.warnings),
                "skipped": {skip.step: skip.reason for skip in record.skips},
                "made_from": dict(record.made_from),
                "wrote": sorted(record.outputs),
            }
            for name, record in records.items()
        },
        "outputs": {
            f"tables/{name}": {"sha256": sha, "sensitivity": sensitivity(name)}
            for name, sha in sorted(digests.items())
        },
    }


def sensitivity(name: str) -> str:
    """Return the class of an output file: aggregate-unprotected, or person-level if it is not known to be one."""
    table = Path(name).parts[0].partition(".")[0]
    return "aggregate-unprotected" if table in AGGREGATE or name.endswith(".json") else "person-level"


def run_id(records: Mapping[str, StageRecord]) -> str:
    """Return the id of a run: 12 hexadecimal digits of the digest of its stage keys."""
    return digest({name: record.key for name, record in records.items()})[:12]


def command_line() -> str:
    """Return the command that was given; a key is never part of one."""
    return " ".join(["sojourn", *sys.argv[1:]])

"""A linkage model of two sources, as Splink 5 applies it, and its file.

The model is that of I. Fellegi and A. Sunter (1969), "A Theory for Record Linkage": each comparison of a pair adds
the log2 ratio of two probabilities of its level, m among records of one person and u among records of two people.
"""

import json
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from linkage.comparisons import BLOCKING_RULES, Comparison, Level, agree, usable
from linkage.model_file import REMEDY, ModelFile, ModelLevel
from linkage.source_pair import CANDIDATE, UNMATCHED, SourcePair
from pipeline.errors import UserError
from pipeline.tables import query, write_text

# Splink logs its progress through its own loggers; the stage reports its own.
logging.getLogger("splink").setLevel(logging.ERROR)


@dataclass(frozen=True)
class LinkageModel:
    """A trained model: `settings` are complete settings of Splink; `levels` say where each number comes from."""

    name: str
    settings: dict[str, Any]
    levels: tuple[ModelLevel, ...]

    @property
    def levels_by_default(self) -> int:
        """The number of levels that took a stated default."""
        return sum(level.by_default for level in self.levels)

    @property
    def inverted_comparisons(self) -> list[str]:
        """The comparisons in which disagreement is more evidence for one person than agreement is."""
        weights: dict[str, list[float]] = {}
        for level in self.levels:
            weights.setdefault(level.comparison, []).append(level.match_weight)
        return [comparison for comparison, one in weights.items() if one[0] <= one[-1]]

    def save(self, folder: Path) -> Path:
        """Write the model as `<name>.json`; its key `splink` has the settings that Splink's `Linker` reads."""
        by_default = [[level.comparison, level.level] for level in self.levels if level.by_default]
        content = {"model": self.name, "by_default": by_default, "splink": self.settings}
        path = folder / f"{self.name}.json"
        write_text(json.dumps(content, indent=2) + "\n", path)
        return path


def model_of_file(name: str, file: ModelFile, pair: SourcePair) -> LinkageModel:
    """Return the model that was read from a file; raises `UserError` if it does not fit the data of two sources."""
    expected = [(comparison.name, level.name) for comparison in pair.comparisons for level in comparison.levels]
    if [(level.comparison, level.level) for level in file.levels] != expected:
        raise UserError(f"{file.path}: the levels of this model are not those that '{name}' compares. {REMEDY}")
    return LinkageModel(name, splink_settings(pair, file.levels), file.levels)


def splink_settings(pair: SourcePair, levels: Iterable[ModelLevel]) -> dict[str, Any]:
    """Return Splink's settings: the comparisons with their probabilities, and the blocking rules."""
    known = {(level.comparison, level.level): level for level in levels}
    blocks = [agree((CANDIDATE,)), *(agree(rule, UNMATCHED) for rule in usable(BLOCKING_RULES, pair.columns))]
    return {
        "link_type": "link_only",
        "unique_id_column_name": "subject_id",
        # as if every left subject had one partner on the right; their share is estimated in `posterior`
        "probability_two_random_records_match": 1 / max(pair.size_of_right, 2),
        "comparisons": [_comparison_settings(comparison, known) for comparison in pair.comparisons],
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": rule, "sql_dialect": "duckdb"} for rule in blocks
        ],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
    }


def _comparison_settings(comparison: Comparison, known: dict[tuple[str, str], ModelLevel]) -> dict[str, Any]:
    missing = {"sql_condition": comparison.missing, "label_for_charts": "missing", "is_null_level": True}
    levels = [_level_settings(level, known[comparison.name, level.name]) for level in comparison.levels]
    return {"output_column_name": comparison.name, "comparison_levels": [missing, *levels]}


def _level_settings(level: Level, known: ModelLevel) -> dict[str, Any]:
    settings: dict[str, Any] = {"sql_condition": level.condition, "label_for_charts": level.name}
    if known.m is not None:
        settings["m_probability"] = known.m
    settings["u_probability"] = known.u
    if level.frequency:
        settings["tf_adjustment_column"] = level.columns[0]
    return settings


def score(model: LinkageModel, pair: SourcePair, minimum_evidence: float) -> pl.DataFrame:
    """Return the candidate pairs of at least `minimum_evidence` (log2 ratio of m to u, all comparisons together).

    Columns `subject_id_l`, `subject_id_r`, `evidence` (rounded to 6 decimals), ordered by the ids.
    """
    prior = model.settings["probability_two_random_records_match"]
    prior_weight = math.log2(prior / (1 - prior))
    linker = pair.linker(model.settings, pair.threads)
    scored = linker.inference.predict(threshold_match_weight=minimum_evidence + prior_weight)
    frame = query(pair.connection, f"SELECT subject_id_l, subject_id_r, match_weight FROM {scored.physical_name}")
    return frame.select(
        "subject_id_l",
        "subject_id_r",
        (pl.col("match_weight") - prior_weight).round(6).alias("evidence"),
    ).sort("subject_id_l", "subject_id_r")


def model_levels(models: Iterable[LinkageModel]) -> pl.DataFrame:
    """Return one row per level of a model, in the order in which levels are tested: m, u and their log2 ratio."""
    schema = {
        "model": pl.String, "comparison": pl.String, "level": pl.String, "m": pl.Float64, "u": pl.Float64,
        "match_weight": pl.Float64, "by_default": pl.Boolean,
    }  # fmt: skip
    rows = [
        (model.name, one.comparison, one.level, one.m, one.u, one.match_weight, one.by_default)
        for model in models
        for one in model.levels
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")

"""A linkage model of two sources, and its file.

The model is that of I. Fellegi and A. Sunter (1969), "A Theory for Record Linkage": each comparison of a pair adds
the log2 ratio of two probabilities of its level, m among records of one person and u among records of two people. The
file has complete settings of Splink beside what Sojourn adds, so that Splink and its charts can read every model.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from linkage.comparisons import Comparison, Level, as_of_splink
from linkage.model_file import REMEDY, ModelFile
from linkage.model_name import model_name
from pipeline.errors import UserError
from pipeline.tables import write_text


@dataclass(frozen=True)
class PairModel:
    """The model of two sources: m and u of every level (comparisons by levels), and what they rest on.

    `comparisons` are those of the run, `compared` the places of those that both sources allow, `possible` the levels
    at which pairs can be. `namesakes` is the excess of namesakes by class of rarity and `namesake_u` the u of two
    people with the same names (`linkage.namesakes`), `relatives` the shares of relatives at each level and
    `relatives_rate` their share of all pairs (`linkage.relatives`). `by_default` marks levels of which too few pairs
    were seen, so that their probabilities are mostly those stated. `origin` is own, pooled or file.
    """

    left: str
    right: str
    comparisons: tuple[Comparison, ...]
    compared: tuple[int, ...]
    possible: np.ndarray
    m: np.ndarray
    u: np.ndarray
    by_default: np.ndarray
    namesakes: np.ndarray
    namesake_u: np.ndarray
    relatives_rate: float
    relatives: np.ndarray
    origin: str

    @property
    def name(self) -> str:
        """The name of the model, by which a study names its file."""
        return model_name(self.left, self.right)

    @property
    def weights(self) -> np.ndarray:
        """The evidence (log2 of m over u) of each level; 0 for comparisons that are not made and neutral levels."""
        weights = np.zeros_like(self.m)
        for at in self.compared:
            for number, level in enumerate(self.comparisons[at].levels):
                if not level.neutral and self.possible[at, number]:
                    weights[at, number] = np.log2(self.m[at, number] / self.u[at, number])
        return weights

    @property
    def levels(self) -> list[tuple[str, str, float, float, float, bool]]:
        """The comparison, name, m, u and weight of every level in their order, and whether it rests on defaults."""
        weights = self.weights
        return [
            (
                self.comparisons[at].name,
                level.name,
                float(self.u[at, number] if level.neutral else self.m[at, number]),
                float(self.u[at, number]),
                round(float(weights[at, number]), 6),
                bool(self.by_default[at, number]) and not level.neutral,
            )
            for at in self.compared
            for number, level in enumerate(self.comparisons[at].levels)
            if self.possible[at, number]
        ]

    @property
    def levels_by_default(self) -> list[str]:
        """The levels that rest on defaults, each as `comparison: level`."""
        return [f"{comparison}: {level}" for comparison, level, *_, default in self.levels if default]

    @property
    def inverted_comparisons(self) -> list[str]:
        """The comparisons in which disagreement is more evidence for one person than agreement is."""
        weights = self.weights
        return [
            self.comparisons[at].name
            for at in self.compared
            if weights[at, self.possible[at].argmax()] <= weights[at, len(self.comparisons[at].levels) - 1]
        ]

    def save(self, folder: Path) -> Path:
        """Write the model as `<name>.json`; its key `splink` has the settings that Splink's `Linker` reads."""
        content = {
            "model": self.name,
            "by_default": [[comparison, level] for comparison, level, *_, default in self.levels if default],
            "namesakes": [round(float(one), 6) for one in self.namesakes],
            "namesake_u": self._by_comparison(self.namesake_u),
            "relatives_rate": self.relatives_rate,
            "relatives": self._by_comparison(self.relatives),
            "splink": self._settings(),
        }
        path = folder / f"{self.name}.json"
        write_text(json.dumps(content, indent=2) + "\n", path)
        return path

    def _by_comparison(self, values: np.ndarray) -> dict[str, list[float]]:
        return {
            self.comparisons[at].name: values[at, : len(self.comparisons[at].levels)].tolist() for at in self.compared
        }

    def _settings(self) -> dict[str, Any]:
        values = {(comparison, level): (m, u) for comparison, level, m, u, *_ in self.levels}
        return {
            "link_type": "dedupe_only" if self.left == self.right else "link_only",
            "unique_id_column_name": "subject_id",
            "comparisons": [_comparison_settings(self.comparisons[at], values) for at in self.compared],
            "retain_matching_columns": False,
            "retain_intermediate_calculation_columns": False,
        }


def model_of_file(
    file: ModelFile,
    left: str,
    right: str,
    comparisons: Sequence[Comparison],
    compared: Sequence[int],
    possible: np.ndarray,
) -> PairModel:
    """Return the model in a file; raises `UserError` if its levels are not those that two sources allow."""
    expected = [
        (comparisons[at].name, level.name)
        for at in compared
        for number, level in enumerate(comparisons[at].levels)
        if possible[at, number]
    ]
    if [(level.comparison, level.level) for level in file.levels] != expected:
        raise UserError(
            f"{file.path}: the levels of this model are not those that '{model_name(left, right)}' compares. {REMEDY}"
        )
    longest = max(len(one.levels) for one in comparisons)
    m, u = np.zeros((len(comparisons), longest)), np.ones((len(comparisons), longest))
    by_default = np.zeros((len(comparisons), longest), dtype=bool)
    relatives, namesake_u = np.ones((len(comparisons), longest)), np.ones((len(comparisons), longest))
    levels = iter(file.levels)
    for at in compared:
        for key, given, values in (
            ("relatives", file.relatives, relatives),
            ("namesake_u", file.namesake_u, namesake_u),
        ):
            shares = given.get(comparisons[at].name, ())
            if len(shares) != len(comparisons[at].levels):
                raise UserError(
                    f"{file.path}: '{key}' does not have all levels of '{comparisons[at].name}'. {REMEDY}"
                )
            values[at, : len(shares)] = shares
        for number in np.flatnonzero(possible[at]):
            level = next(levels)
            m[at, number], u[at, number], by_default[at, number] = level.m, level.u, level.by_default
    return PairModel(
        left, right, tuple(comparisons), tuple(compared), possible, m, u, by_default, np.array(file.namesakes),
        namesake_u, file.relatives_rate, relatives, "file",
    )  # fmt: skip


def _comparison_settings(
    comparison: Comparison, values: dict[tuple[str, str], tuple[float, float]]
) -> dict[str, Any]:
    unknown = {
        "sql_condition": as_of_splink(comparison.unknown),
        "label_for_charts": "missing",
        "is_null_level": True,
    }
    possible = [level for level in comparison.levels if (comparison.name, level.name) in values]
    levels = [_level_settings(level, *values[comparison.name, level.name]) for level in possible]
    levels[-1]["sql_condition"] = "ELSE"
    return {"output_column_name": comparison.name, "comparison_levels": [unknown, *levels]}


def _level_settings(level: Level, m: float, u: float) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "sql_condition": as_of_splink(level.condition),
        "label_for_charts": level.name,
        "m_probability": m,
        "u_probability": u,
    }
    if level.frequency:
        settings["tf_adjustment_column"] = level.frequency
    return settings


def model_levels(models: Iterable[PairModel]) -> pl.DataFrame:
    """Return one row per level of a model, in the order in which levels are tested: m, u and their log2 ratio."""
    schema = {
        "model": pl.String, "comparison": pl.String, "level": pl.String, "m": pl.Float64, "u": pl.Float64,
        "match_weight": pl.Float64, "by_default": pl.Boolean,
    }  # fmt: skip
    rows = [(model.name, *level) for model in models for level in model.levels]
    return pl.DataFrame(rows, schema=schema, orient="row")

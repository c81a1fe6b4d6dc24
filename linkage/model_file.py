"""A file of a linkage model, as a study names it: read and checked before any stage runs, without Splink."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from linkage.comparisons import COMPARISONS
from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen

REMEDY = "Name a model that a run of this version wrote for these sources, or no file, so that one is trained."


@dataclass(frozen=True)
class ModelLevel:
    """One level of a model: its probabilities, and whether either is a stated default.

    m is None while it is still to be trained.
    """

    comparison: str
    level: str
    m: float | None
    u: float
    by_default: bool = False

    @property
    def match_weight(self) -> float:
        """What the level adds to the weight of a pair: log2 of m over u, rounded to 6 decimals."""
        return round(math.log2((self.m or 0.0) / self.u), 6)


class ModelFile(Frozen):
    """The levels of a model in a file, in their order; where the file is matters to nothing but messages."""

    levels: tuple[ModelLevel, ...]
    path: Path = Field(exclude=True)


def read_model_file(name: str, path: Path) -> ModelFile:
    """Return the model in a file that an earlier run wrote; `name` is the model that the study reads from it.

    Raises `UserError` for a file that is missing or no model, for a probability outside (0, 1], and for a level that
    this version does not compare.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        by_default = {(comparison, level) for comparison, level in content["by_default"]}
        levels = tuple(
            ModelLevel(*names, float(level["m_probability"]), float(level["u_probability"]), names in by_default)
            for comparison in content["splink"]["comparisons"]
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
            for names in [(comparison["output_column_name"], level["label_for_charts"])]
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such model file, though the study names it for '{name}'. {REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a linkage model ({error!r}). {REMEDY}") from None
    if content.get("model") != name:
        raise UserError(
            f"{path}: the model of '{content.get('model')}', and the study names it for '{name}'. {REMEDY}"
        )
    known = {f"{comparison.name}: {level.name}" for comparison in COMPARISONS for level in comparison.levels}
    for level in levels:
        if f"{level.comparison}: {level.level}" not in known:
            raise unknown("level", f"{level.comparison}: {level.level}", known, str(path))
        if not (0 < (level.m or 0) <= 1 and 0 < level.u <= 1):
            raise UserError(
                f"{path}: m and u of '{level.comparison}: {level.level}' are {level.m} and {level.u}, and a "
                f"probability lies above 0 and is at most 1. {REMEDY}"
            )
    return ModelFile(levels=levels, path=path)

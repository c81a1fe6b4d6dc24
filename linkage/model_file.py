"""The file of a linkage model that a study names: read and checked before any stage runs, without Splink."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from linkage.comparisons import COMPARISONS
from linkage.rarity import RARITY_CLASSES
from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen

REMEDY = "Name a model that a run of this version wrote for these sources, or no file, so that one is trained."


@dataclass(frozen=True)
class ModelLevel:
    """One level of a model: its probabilities, and whether they rest on stated ones."""

    comparison: str
    level: str
    m: float
    u: float
    by_default: bool = False


class ModelFile(Frozen):
    """The levels of a model in a file, in their order; `path` serves messages alone."""

    levels: tuple[ModelLevel, ...]
    namesakes: tuple[float, ...]
    namesake_u: dict[str, tuple[float, ...]]
    relatives_rate: float
    relatives: dict[str, tuple[float, ...]]
    path: Path = Field(exclude=True)


def read_model_file(name: str, path: Path) -> ModelFile:
    """Return the model in a file that an earlier run wrote; `name` is the model that the study reads from it.

    Raises `UserError` for a file that is missing or no model, for a probability outside (0, 1], and for a level that
    this version does not compare.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        model = content["model"]
        if model != name:
            raise UserError(f"{path}: the model of '{model}', and the study names it for '{name}'. {REMEDY}")
        namesakes = tuple(float(one) for one in content["namesakes"])
        rate = float(content["relatives_rate"])
        relatives, namesake_u = (
            {str(name): tuple(map(float, shares)) for name, shares in content[key].items()}
            for key in ("relatives", "namesake_u")
        )
        by_default = {(comparison, level) for comparison, level in content["by_default"]}
        levels = tuple(
            ModelLevel(*names, float(level["m_probability"]), float(level["u_probability"]), names in by_default)
            for comparison in content["splink"]["comparisons"]
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
            for names in [(comparison["output_column_name"], level["label_for_charts"])]
        )
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such model file, though the study names it for '{name}'. {REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a linkage model ({error!r}). {REMEDY}") from None
    known = {f"{comparison.name}: {level.name}" for comparison in COMPARISONS for level in comparison.levels}
    for level in levels:
        if f"{level.comparison}: {level.level}" not in known:
            raise unknown("level", f"{level.comparison}: {level.level}", known, str(path))
        if not (0 < level.m <= 1 and 0 < level.u <= 1):
            raise UserError(
                f"{path}: m and u of '{level.comparison}: {level.level}' are {level.m} and {level.u}, and a "
                f"probability lies above 0 and is at most 1. {REMEDY}"
            )
    if len(namesakes) != RARITY_CLASSES or min(namesakes) < 1:
        raise UserError(
            f"{path}: 'namesakes' must have {RARITY_CLASSES} numbers of at least 1, one for each class of "
            f"rarity. {REMEDY}"
        )
    shares = [share for one in (relatives, namesake_u) for shares in one.values() for share in shares]
    if not 0 <= rate < 1 or not all(0 < share <= 1 for share in shares):
        raise UserError(
            f"{path}: 'relatives_rate' and the shares of 'relatives' and 'namesake_u' must be probabilities. {REMEDY}"
        )
    return ModelFile(
        levels=levels, namesakes=namesakes, namesake_u=namesake_u, relatives_rate=rate, relatives=relatives, path=path
    )

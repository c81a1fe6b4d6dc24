"""What every stage of the chain is given and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.study import Study


def silent(message: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class StageContext:
    """One run of one stage: the study, the folders of the stages before it, and the folder to fill.

    `folders` maps the name of each finished stage to its folder; `tell` takes one short sentence on what
    is being done now (progress for a terminal, never a result).
    """

    study: Study
    folders: Mapping[str, Path]
    out: Path
    threads: int = 2
    tell: Callable[[str], None] = silent


@dataclass(frozen=True)
class StageResult:
    """What a stage says of itself: counts by name, one line for the terminal, warnings to show the user."""

    counts: Mapping[str, int | float]
    sentence: str
    warnings: tuple[str, ...] = field(default=())

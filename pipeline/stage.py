"""A stage of the chain: the part of a study that it declares, what it is given, and what it returns.

A stage receives the declared part and nothing else of a study, read and frozen before the first stage runs. The
same declaration is part of its key, so that a key cannot omit anything that the stage reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from pydantic import Field

from pipeline.study import Study, digest_of_file
from pipeline.toml_files import Frozen


def silent(message: str) -> None:
    """Report progress to no one."""


class StudyFile(Frozen):
    """A file that a study names: its content is part of a stage's key, its folder is not."""

    name: str
    sha256: str
    path: Path = Field(exclude=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the file at a path; raises `UserError` if it cannot be read."""
        return cls(name=path.name, sha256=digest_of_file(path), path=path)


class StudyPart(Frozen):
    """The part of a study that one stage declares; fields with `exclude=True` cannot change its result.

    `study_file` is where messages send the user.
    """

    study_file: Path = Field(exclude=True)

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` for every mistake in it, before any stage runs.

        `run` is the run folder, for a part that locates the study relative to it.
        """
        raise TypeError(f"{cls.__name__} does not say how it is read from a study")

    @property
    def declared(self) -> dict[str, Any]:
        """What is part of the key of the stage."""
        return self.model_dump(mode="json")


Part = TypeVar("Part", bound=StudyPart)


@dataclass(frozen=True)
class Skip:
    """A stage, or a `step` of one, that is not done because the study names no files of what it needs.

    `reason` is a clause that follows "because"; `lacks` names the extracts that the study would have to name, and is
    empty where no single one is missing. Files that are named and give no record are no reason to skip: an error.
    """

    step: str
    reason: str
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageResult:
    """What a stage reports: counts by name, one line for the terminal, warnings to show the user.

    `facts` are texts that identify what the stage used (an id, a digest), for the manifest; `skips` are what it did
    not do.
    """

    counts: Mapping[str, int | float]
    sentence: str
    warnings: tuple[str, ...] = field(default=())
    facts: Mapping[str, str] = field(default_factory=dict)
    skips: tuple[Skip, ...] = ()

    @classmethod
    def skipped(cls, skip: Skip, facts: Mapping[str, str] | None = None) -> Self:
        """Return the result of a stage that was skipped as a whole; `skip.step` is its name."""
        return cls(counts={}, sentence=f"skipped, because {skip.reason}", facts=facts or {}, skips=(skip,))


@dataclass(frozen=True)
class StageRecord:
    """What the store records of one finished stage; `reused` means that it was not run this time.

    `made_from` has, by name, the digest of each thing on which its key depends (`pipeline.store.made_from`).
    """

    stage: str
    key: str
    folder: Path
    counts: Mapping[str, int | float]
    sentence: str
    warnings: tuple[str, ...]
    seconds: float
    outputs: Mapping[str, str]
    reused: bool
    facts: Mapping[str, str] = field(default_factory=dict)
    skips: tuple[Skip, ...] = ()
    made_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def skip(self) -> Skip | None:
        """Why the stage was skipped as a whole, else None."""
        return next((skip for skip in self.skips if skip.step == self.stage), None)


@dataclass(frozen=True)
class StageContext(Generic[Part]):
    """One run of one stage: its part of the study, the folders of the stages that it reads, the folder to fill.

    `report` takes one short sentence on what is being done now (progress for a terminal, never a result);
    `records` describe the stages that it reads, by name.
    """

    study: Part
    folders: Mapping[str, Path]
    out: Path
    threads: int = 2
    report: Callable[[str], None] = silent
    records: Mapping[str, StageRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage(Generic[Part]):
    """A stage of the chain: the stages that it reads, its part of the study, and its function.

    `package` contains its code, which is part of its key. `declared_data` names folders of the package with data that
    enter the key only as part of a study. `work` (`module:function`) is named, not imported, so that a stage whose
    result is reused imports nothing.
    """

    name: str
    reads: tuple[str, ...]
    package: str
    part: type[Part]
    work: str
    declared_data: tuple[str, ...] = ()

    def run(self, context: StageContext[Part]) -> StageResult:
        """Do the work: fill `context.out` and report what was found."""
        module, _, name = self.work.partition(":")
        return getattr(import_module(module), name)(context)

"""Whoever is told how a run goes: a terminal, a log, nobody."""

from typing import Protocol

from pipeline.store import StageRecord


class Audience(Protocol):
    """Hears what a stage is doing, and that it has finished."""

    def progress(self, stage: str, message: str) -> None:
        """Hear what a stage is doing now."""

    def finished(self, record: StageRecord) -> None:
        """Hear that a stage has finished."""


class Nobody:
    """An audience that does not listen."""

    def progress(self, stage: str, message: str) -> None:
        """Ignore it."""

    def finished(self, record: StageRecord) -> None:
        """Ignore it."""

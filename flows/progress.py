"""Who is informed of a run's progress: a terminal, a log, or no one."""

from typing import Protocol

from pipeline.stage import StageRecord


class ProgressListener(Protocol):
    """Receives what a stage is doing, and its record when it has finished."""

    def progress(self, stage: str, message: str) -> None:
        """Receive what a stage is doing now."""

    def finished(self, record: StageRecord) -> None:
        """Receive the record of a stage that has finished."""


class NullListener:
    """A listener that ignores everything."""

    def progress(self, stage: str, message: str) -> None:
        """Ignore it."""

    def finished(self, record: StageRecord) -> None:
        """Ignore it."""

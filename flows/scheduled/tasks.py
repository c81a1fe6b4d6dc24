"""Work as tasks of Prefect: one a stage, retried only while reading, and mapped work as tasks of a sub-flow.

A task takes no parameters and keeps no result in Prefect: what a stage needs, which may include a key, and what it
finds, stay in this process.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import wait
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.scheduled.outcomes import ERRORS, PROGRAM_FAULT, EndedInStateError, failed, is_passing

Found = TypeVar("Found")
Wrong = Callable[[Found], str]
"""Says what is wrong with the result of some work; an empty text where nothing is."""
WAITS_WHILE_READING = (5.0, 30.0, 120.0)
"""Seconds before each new attempt at reading, after an error that may be over by then."""


def nothing_wrong(_: object) -> str:
    """Find nothing wrong with any result."""
    return ""


class KeptTask(Generic[Found]):
    """A task whose result, and whose error, stay in this process."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Found],
        waits: Sequence[float] = (),
        wrong: Wrong[Found] = nothing_wrong,
    ) -> None:
        self._name = name
        self._work = work
        self._wrong = wrong
        self._found: list[Found] = []
        self._caught: list[BaseException] = []
        self.task: Task[[], State] = task(
            name=name,
            task_run_name=name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=len(waits),
            retry_delay_seconds=list(waits) or None,
            retry_condition_fn=lambda *_: is_passing(self._caught[-1]),
        )(self._run)

    def _run(self) -> State:
        try:
            self._found.append(self._work())
        except ERRORS as error:
            self._caught.append(error)
            return failed(error)
        why = self._wrong(self._found[-1])
        return Failed(name=PROGRAM_FAULT, message=why) if why else Completed()

    def result(self, state: State | None) -> Found:
        """Return what the work returned; raises what it raised, or that Prefect ended it in another state."""
        if self._found:
            return self._found[-1]
        if self._caught:
            raise self._caught[-1]
        name, message = (state.name, state.message) if state else (None, None)
        raise EndedInStateError(name or "Crashed", f"{self._name}: {message or 'it was not run'}")


def in_task(name: str, work: Callable[[], Found], waits: Sequence[float] = ()) -> Found:
    """Do some work as a task of this name and return its result; raises what it raises.

    `waits` are the seconds before each new attempt, after errors of a disk or network that may pass; by default there
    is one attempt.
    """
    kept = KeptTask(name, work, waits)
    return kept.result(kept.task(return_state=True))


def in_subflow(
    name: str, works: Mapping[str, Callable[[], Found]], at_once: int = 1, wrong: Wrong[Found] = nothing_wrong
) -> dict[str, Found]:
    """Do many pieces of work as tasks of one sub-flow, some at once; returns their results by name.

    A result with which something is `wrong` is returned too, and its task is shown as failed. Raises the error of the
    first piece that raised one, when all have ended.
    """
    kept = {label: KeptTask(label, work, wrong=wrong) for label, work in works.items()}

    @flow(  # ty: ignore[no-matching-overload]
        name=name,
        flow_run_name=f"{name} ({len(works)})",
        task_runner=ThreadPoolTaskRunner(max_workers=at_once),
        persist_result=False,
    )
    def mapped() -> State:
        futures = [one.task.submit() for one in kept.values()]
        wait(futures)
        bad = next((one.state for one in futures if not one.state.is_completed()), None)
        return Failed(name=bad.name, message=bad.message) if bad else Completed()

    state: State = mapped(return_state=True)
    return {label: one.result(state) for label, one in kept.items()}

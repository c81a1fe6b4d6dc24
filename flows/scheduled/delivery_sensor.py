"""The sensor: it looks whether a delivery is complete and, when it is, starts the quarterly run, once.

Prefect itself keeps that it was started: the run has an idempotency key, the fingerprint of the delivery.
"""

import time
from datetime import UTC, date, datetime
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.states import Completed, Failed

from flows.delivery import Check, Delivery, look_at, missing_in_words
from flows.receive import faults_of
from flows.scheduled.outcomes import FAILED_CHECK, LATE_DELIVERY, ended
from flows.scheduled.parameters import AwaitedDelivery, QuarterlyRun
from flows.scheduled.tasks import WAITS_WHILE_READING, in_task
from pipeline.study import read_study

QUARTERLY = "quarterly-estimates/quarterly"
WAITING, ARRIVING, STARTED, NOTHING_NEW = "Waiting", "Arriving", "Started", "Nothing new"
CHECK: Check = faults_of
"""What a complete delivery must pass before a run is started."""


@flow(name="delivery-sensor", flow_run_name="{delivery.label}", persist_result=False)
def delivery_sensor(delivery: AwaitedDelivery) -> State:
    """Look for a complete delivery, and start the quarterly run of it; a delivery starts one run only."""
    return ended(lambda: watched(delivery))


def watched(awaited: AwaitedDelivery, check: Check | None = None) -> State:
    """Look at a delivery twice; returns the state in which the sensor ends, after it has started a run or not."""
    study = read_study(Path(awaited.study))
    before = in_task("look", lambda: look_at(study), WAITS_WHILE_READING)
    if not before.missing:
        time.sleep(awaited.seconds_between_looks)
    now = in_task("look again", lambda: look_at(study), WAITS_WHILE_READING)
    not_ready = why_not(before, now, awaited.due, datetime.now(UTC).date())
    if not_ready is not None:
        return not_ready
    wrong = in_task("check", lambda: (check or CHECK)(study))
    if wrong:
        return Failed(name=FAILED_CHECK, message=f"{study.path}: {' '.join(wrong)}")
    return start(awaited.run, now)


def why_not(before: Delivery, now: Delivery, due: date | None, today: date) -> State | None:
    """Return the state of a delivery that is not complete, else None: waiting, late, or still arriving."""
    if now.missing:
        if due is not None and today > due:
            return Failed(name=LATE_DELIVERY, message=f"due on {due}: {missing_in_words(now)}")
        return Completed(name=WAITING, message=missing_in_words(now))
    if now.files != before.files:
        return Completed(name=ARRIVING, message="files are still being written")
    return None


def start(run: QuarterlyRun, delivery: Delivery) -> State:
    """Start the quarterly run of a delivery, unless that was done before."""
    begun = datetime.now(UTC)
    started = run_deployment(
        QUARTERLY,
        parameters={"run": run.model_dump(mode="json")},
        timeout=0,
        idempotency_key=delivery.fingerprint,
        as_subflow=False,
        tags=["delivery"],
    )
    assert isinstance(started, FlowRun), "it is one wherever no event loop runs"
    if started.created is not None and started.created < begun:
        return Completed(name=NOTHING_NEW, message=f"this delivery was estimated by the run '{started.name}'")
    return Completed(name=STARTED, message=f"{delivery.named} files have arrived: the run '{started.name}'")

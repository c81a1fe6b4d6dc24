"""The verb `serve`: a Prefect server, a worker and the flows of Sojourn, until Ctrl-C; nothing outlives it."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flows.live.live_runs import LiveRuns
from flows.prefect_api import PrefectApi
from flows.prefect_settings import settings_of_server
from flows.served_processes import Environment, ServedProcess, end_all
from flows.terminal import Terminal, typed
from pipeline import disk
from pipeline.errors import UserError
from pipeline.store import ROOT
from pipeline.study import Study, read_study

HOST = "127.0.0.1"
POOL = "sojourn"
DEPLOYMENTS = ROOT / "prefect.yaml"
STUDY_VARIABLE = "SOJOURN_STUDY"
PLACEHOLDER = "/path/to/study.toml"
"""What the forms show where no study was named; the schedules are off then."""
SECONDS_TO_START = 120.0
SECONDS_BETWEEN_LOOKS = 0.5
SENSOR = "sensor"
GIVEN_TO = {"quarterly": "run", SENSOR: "delivery"}
"""The deployments with a schedule, and the name of the form that each is given."""


def serve(study: Path | None, folder: Path, port: int, live: Path | None = None) -> int:
    """Start server, work pool and worker, register the flows, print the address, and wait; returns the exit status.

    With `live`, a folder of live runs, scheduled runs of the study are written there and go live after their checks.
    Raises `UserError` for a study that cannot be read, a folder or port that cannot be used, and settings of the
    user's own that name another server.
    """
    if not 0 <= port <= 65_535:
        raise UserError(f"--port: {port} is not a port. Choose one from 1024 to 65535, or 0 for any that is free.")
    scheduled = read_study(study) if study is not None else None
    if live is not None:
        if scheduled is None:
            raise UserError("--live: is the folder of scheduled runs. Name the STUDY that they are about.")
        LiveRuns(live).prepare()
    folder = folder.resolve()
    address = f"http://{HOST}:{free_port(port)}"
    environment = settings_of_server(folder / ".prefect", address)
    terminal = Terminal()
    with reserved(folder), stopped_by_signals() as stop, ExitStack() as running:
        terminal.print_line(f"sojourn serve · {typed(folder)}")
        processes = start(folder, Environment(environment), address, scheduled, live, stop, running)
        if not stop.is_set():
            for line in described(address, scheduled):
                terminal.print_line(line)
        while not stop.wait(SECONDS_BETWEEN_LOOKS):
            for process in processes:
                process.check_running()
        terminal.print_line("  stopping: runs that have not ended stop too, and resume when started again")
    terminal.print_line("  stopped")
    return 0


def start(
    folder: Path,
    environment: Environment,
    address: str,
    study: Study | None,
    live: Path | None,
    stop: threading.Event,
    running: ExitStack,
) -> list[ServedProcess]:
    """Start a server and a worker, and register the flows; returns the two, which `running` ends in reverse order.

    Returns early when `stop` is set.
    """
    api = running.enter_context(PrefectApi(address))
    running.callback(end_all, environment)
    port = address.rpartition(":")[2]
    server = ServedProcess("server", ["server", "start", "--host", HOST, "--port", port], environment, folder)
    running.callback(server.end)
    _wait(api.is_ready, server, stop)
    if stop.is_set():
        return [server]
    api.make_pool(POOL)
    running.callback(api.mark_unfinished_runs, "the server was stopped")
    worker = ServedProcess("worker", ["worker", "start", "--pool", POOL, "--type", "process"], environment, folder)
    running.callback(end_all, environment, but=server)
    running.callback(worker.end)
    named = environment.with_more({STUDY_VARIABLE: str(study.path) if study is not None else PLACEHOLDER})
    arguments = ["--no-prompt", "deploy", "--all", "--prefect-file", str(DEPLOYMENTS)]
    deploy = ServedProcess("deploy", arguments, named, folder)
    running.callback(deploy.end)
    _wait(deploy.has_succeeded, deploy, stop)
    if not stop.is_set():
        if study is None:
            api.stop_schedules()
        else:
            if live is not None:
                for name, group in GIVEN_TO.items():
                    api.set_parameter(name, group, "live", str(live.resolve()))
            api.start_run_of(SENSOR)
    return [server, worker]


def described(address: str, study: Study | None) -> list[str]:
    """Return what a user needs to know about a server that has started."""
    if study is None:
        schedule = "none, because no study was named: fill in the form of a flow, or start again with a STUDY"
    else:
        schedule = f"looks for a complete delivery of {typed(study.path)} now and every quarter of an hour"
    return [f"  address  {address}/deployments", f"  schedule {schedule}", "  stop     Ctrl-C"]


def _wait(condition: Callable[[], bool], process: ServedProcess, stop: threading.Event) -> None:
    """Wait until a condition holds or `stop` is set; raises `UserError` if the process fails or time is up."""
    until = time.monotonic() + SECONDS_TO_START
    while not condition() and not stop.wait(SECONDS_BETWEEN_LOOKS):
        process.check_not_failed()
        if time.monotonic() > until:
            raise UserError(f"Prefect's {process.name} did not start within two minutes: see {process.log}.")


@contextmanager
def reserved(folder: Path) -> Generator[None]:
    """Make the folder of a server, and reserve it; raises `UserError` for one of other files, or in use."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a folder. Choose another --folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / ".prefect").is_dir():
        raise UserError(f"{folder}: contains files that are not of `sojourn serve`. Choose a new --folder.")
    disk.make_folder(folder / ".prefect")
    with disk.locked(folder / ".lock") as is_ours:
        if not is_ours:
            raise UserError(f"{folder}: another `sojourn serve` uses this folder. Stop it first.")
        yield


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """Return an event that Ctrl-C and SIGTERM set while this lasts."""
    stop = threading.Event()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    for one, answer in before.items():
        if answer is not signal.SIG_IGN:  # a job in the background ignores Ctrl-C
            signal.signal(one, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for one, answer in before.items():
            signal.signal(one, answer)


def free_port(port: int) -> int:
    """Return the port, or one that is free for 0; raises `UserError` if it is in use."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError as error:
            raise UserError(f"--port {port}: cannot be used ({error.strerror}). Choose another.") from None
        return tried.getsockname()[1]

"""The benchmark `prefect`: a run under a standing Prefect server against the plain run, in turn.

Seconds of processor time are those of the process of the run and of all that it starts, as the system counts them.
Those of the server are not among them: it stands anyway.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from flows.chain import STAGES
from flows.prefect_api import PrefectApi
from flows.prefect_settings import settings_of_server
from flows.progress import ProgressListener
from flows.serve import HOST, free_port
from flows.served_processes import Environment, ServedProcess, end_all
from flows.simulate import simulate_study
from pipeline.disk import make_folder
from pipeline.errors import UserError

RESIDENTS = 6_000
SEED = 1
REPEATS = 5
SOJOURN = "import sys; from flows.cli import main; main(sys.argv[1:])"


@dataclass(frozen=True)
class Cost:
    """What one process cost: when it began, seconds on the clock, and seconds of processor time."""

    begun: datetime
    seconds: float
    cpu: float


def compare_prefect(
    residents: int | None, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float]]:
    """Return the stages of a run, its seconds under Prefect, no ratios, and figures.

    Figures are medians of `REPEATS` runs in turn: of a run that computes every stage, with a standing server and
    without Prefect; of one that finds every stage done, where only the cost of Prefect differs, with the seconds
    until its flow begins and those of each task after that; and of one with a temporary server.
    """
    with TemporaryDirectory() as name, standing_server(Path(name, "server"), listener) as standing:
        environment, api, started = standing
        folder = Path(name)
        study = folder / "study"
        simulate_study(residents or RESIDENTS, SEED, study, listener)
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        computed: dict[str, list[Cost]] = {"plain": [], "prefect": []}
        reused: dict[str, list[Cost]] = {"plain": [], "prefect": []}
        until_flow: list[float] = []
        a_task: list[float] = []
        for number in range(REPEATS):
            for way, variables, more in (("plain", plain, []), ("prefect", environment, ["--prefect"])):
                listener.progress("bench", f"{way}, {number + 1} of {REPEATS}")
                arguments = ["run", str(study), "--out", str(folder / f"{way}-{number}"), *more]
                computed[way].append(cost_of(arguments, variables))
                reused[way].append(cost_of(arguments, variables))
            flow_begun, flow_seconds = api.latest_run()
            until_flow.append((flow_begun - reused["prefect"][-1].begun).total_seconds())
            a_task.append(flow_seconds / (len(STAGES) + 1))
        temporary = cost_of(["run", str(study), "--out", str(folder / "plain-0"), "--prefect"], plain)
    cpu = {way: median(one.cpu for one in costs) for way, costs in computed.items()}
    cpu_reused = {way: median(one.cpu for one in costs) for way, costs in reused.items()}
    seconds = {way: median(one.seconds for one in costs) for way, costs in computed.items()}
    seconds_reused = {way: median(one.seconds for one in costs) for way, costs in reused.items()}
    figures = {
        "cpu_seconds_plain": cpu["plain"],
        "cpu_seconds_prefect": cpu["prefect"],
        "percent_more_cpu": 100 * (cpu["prefect"] / cpu["plain"] - 1),
        "seconds_plain": seconds["plain"],
        "seconds_prefect": seconds["prefect"],
        "cpu_seconds_of_prefect_itself": cpu_reused["prefect"] - cpu_reused["plain"],
        "seconds_of_prefect_itself": seconds_reused["prefect"] - seconds_reused["plain"],
        "seconds_until_the_flow_begins": median(until_flow),
        "seconds_of_a_reused_stage": median(a_task),
        "seconds_of_a_temporary_server": temporary.seconds - seconds_reused["prefect"],
        "seconds_until_a_server_stands": started,
    }
    return len(STAGES), seconds["prefect"], {}, {name: round(value, 2) for name, value in figures.items()}


def cost_of(arguments: list[str], environment: dict[str, str]) -> Cost:
    """Run the command in a process of its own, and return what it cost; raises `UserError` if it fails."""
    now, begun = datetime.now(UTC), time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-c", SOJOURN, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise UserError(f"sojourn {' '.join(arguments)}: ended with status {process.returncode}.")
    return Cost(now, time.perf_counter() - begun, used.ru_utime + used.ru_stime)


@contextmanager
def standing_server(folder: Path, listener: ProgressListener) -> Generator[tuple[dict[str, str], PrefectApi, float]]:
    """Start a Prefect server; gives the environment of a run that uses it, its API, and the seconds that it took."""
    make_folder(folder)
    port = str(free_port(0))
    address = f"http://{HOST}:{port}"
    environment = Environment(settings_of_server(folder / ".prefect", address))
    listener.progress("bench", "starting a server")
    begun = time.perf_counter()
    server = ServedProcess("server", ["server", "start", "--host", HOST, "--port", port], environment, folder)
    try:
        with PrefectApi(address) as api:
            _wait(api.is_ready, server)
            yield dict(environment), api, time.perf_counter() - begun
    finally:
        server.end()
        end_all(environment)


def _wait(condition: Callable[[], bool], server: ServedProcess) -> None:
    while not condition():
        server.check_running()
        time.sleep(0.1)

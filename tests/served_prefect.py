"""A real `sojourn serve` for tests: its process, its address, and questions to its Prefect server."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 150
SERVE = "import sys\nfrom flows.cli import main\nmain(sys.argv[1:])"


@dataclass
class Served:
    """A running `sojourn serve`, its folder, the study that its runs are about, and its address."""

    process: subprocess.Popen[str]
    folder: Path
    study: Path
    address: str

    def post(self, path: str, **asked: object) -> object:
        request = urllib.request.Request(
            self.address + "/api" + path, json.dumps(asked).encode(), {"content-type": "application/json"}
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503:  # the database is locked for a moment
                    raise
                time.sleep(0.5)

    def deployments(self) -> dict[str, dict]:
        return {one["name"]: one for one in self.post("/deployments/filter")}

    def start(self, name: str, parameters: dict | None = None) -> str:
        chosen = {} if parameters is None else {"parameters": parameters}
        path = f"/deployments/{self.deployments()[name]['id']}/create_flow_run"
        return self.post(path, state={"type": "SCHEDULED"}, **chosen)["id"]

    def runs(self, deployment: str) -> list[dict]:
        wanted = self.deployments()[deployment]["id"]
        asked = {"deployments": {"id": {"any_": [wanted]}}, "flow_runs": {"tags": {"all_": []}}}
        return [one for one in self.post("/flow_runs/filter", **asked) if not one["auto_scheduled"]]

    def ended(self, deployment: str, number: int = 1) -> list[dict]:
        """Return the runs of a deployment, when at least so many have ended."""

        def found() -> list[dict]:
            runs = [one for one in self.runs(deployment) if one["end_time"]]
            return runs if len(runs) >= number else []

        return until(found)


def until(condition: Callable[[], object]):
    """Return what a condition returns, as soon as it is anything."""
    last = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < last, "it took too long"
        time.sleep(0.5)
    return found


@contextmanager
def serving(study: Path, *arguments: str, folder: Path) -> Iterator[Served]:
    """Serve while this lasts, in `folder/server`, with a home folder of its own; the study is told by `arguments`."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", *arguments, "--folder", str(folder / "server"), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", start_new_session=True,
        env={**os.environ, "HOME": str(folder / "home")},
    )  # fmt: skip
    printed = []
    try:
        for line in process.stdout:
            printed.append(line)
            if line.startswith("  stop"):
                break
        address = next((line.split()[1] for line in printed if line.startswith("  address")), None)
        assert address, printed
        yield Served(process, folder / "server", study, address.removesuffix("/deployments"))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)

"""The few questions that `serve` asks its Prefect server, by HTTP: Prefect itself takes seconds to import."""

import time
from datetime import datetime
from typing import Any, Self

import httpx

from pipeline.errors import UserError

UNFINISHED = ("RUNNING", "PENDING", "CANCELLING")
WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a question is asked again that a locked database did not answer."""


class PrefectApi:
    """The API of the server at an address of this machine."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"{address}/api", timeout=30.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def is_ready(self) -> bool:
        """Return whether the server answers."""
        try:
            return self._client.get("/health").is_success
        except httpx.HTTPError:
            return False

    def make_pool(self, name: str) -> None:
        """Make a work pool for processes, unless it is there."""
        answer = self._asked("POST", "/work_pools/", {"name": name, "type": "process"})
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    def stop_schedules(self) -> None:
        """Switch off the schedules of all deployments."""
        for deployment in self._found("deployments"):
            for one in deployment["schedules"]:
                path = f"/deployments/{deployment['id']}/schedules/{one['id']}"
                self._asked("PATCH", path, {"active": False}).raise_for_status()

    def set_parameter(self, name: str, group: str, parameter: str, value: str) -> None:
        """Set what the deployment of this name is given for a parameter of a group, beside what it has."""
        for deployment in self._found("deployments"):
            if deployment["name"] == name:
                given = deployment["parameters"]
                parameters = given | {group: given.get(group, {}) | {parameter: value}}
                path = f"/deployments/{deployment['id']}"
                self._asked("PATCH", path, {"parameters": parameters}).raise_for_status()

    def start_run_of(self, name: str) -> None:
        """Start a run of the deployment of this name now, with the parameters that it has."""
        for deployment in self._found("deployments"):
            if deployment["name"] == name:
                path = f"/deployments/{deployment['id']}/create_flow_run"
                self._asked("POST", path, {"state": {"type": "SCHEDULED"}}).raise_for_status()

    def latest_run(self) -> tuple[datetime, float]:
        """Return when the flow run that started last began, and how many seconds it took."""
        run = self._found("flow_runs", {"sort": "START_TIME_DESC", "limit": 1})[0]
        return datetime.fromisoformat(run["start_time"]), float(run["total_run_time"])

    def mark_unfinished_runs(self, why: str) -> None:
        """Mark the runs that have not ended as crashed: nobody will report on them any more."""
        try:
            for run in self._found("flow_runs", {"flow_runs": {"state": {"type": {"any_": UNFINISHED}}}}):
                state = {"type": "CRASHED", "name": "Crashed", "message": why}
                self._asked("POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})
        except (httpx.HTTPError, UserError):
            return  # the server has ended by itself

    def _found(self, kind: str, asked: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        answer = self._asked("POST", f"/{kind}/filter", asked or {})
        answer.raise_for_status()
        return answer.json()

    def _asked(self, method: str, path: str, asked: dict[str, Any]) -> httpx.Response:
        """Return the answer of the server; asks again while its database is locked or it is too busy to answer.

        Raises `UserError` if it does not answer at all.
        """
        for wait in WAITS:
            try:
                answer = self._client.request(method, path, json=asked)
            except httpx.TransportError:
                time.sleep(wait)
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            time.sleep(wait)
        raise UserError(f"{self._client.base_url}: the Prefect server does not answer. Start it again.")

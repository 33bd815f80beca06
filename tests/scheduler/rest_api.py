"""The scheduler's REST API, as a user with a token sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

UNFINISHED = ("queued", "running", "scheduled", "up_for_retry", "up_for_reschedule", None)


@dataclass(frozen=True)
class Api:
    """Where the API server answers, and the token to ask it with."""

    address: str
    token: str

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = httpx.get(
            f"{self.address}/api/v2/{path}", params=query, headers=self._headers(), timeout=60
        )
        answer.raise_for_status()
        return dict(answer.json())

    def trigger(self, dag_id: str) -> str:
        """Start a run; gives its id."""
        answer = httpx.post(
            f"{self.address}/api/v2/dags/{dag_id}/dagRuns",
            json={"logical_date": None},
            headers=self._headers(),
            timeout=60,
        )
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

    def runs(self, dag_id: str = "~") -> list[dict[str, Any]]:
        return list(self.get(f"dags/{dag_id}/dagRuns", limit=100)["dag_runs"])

    def ended(self, dag_id: str, run_id: str) -> str | None:
        """How a run ended, ``None`` while it goes on."""
        state = self.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"]
        return None if state in UNFINISHED else str(state)

    def tasks(self, dag_id: str = "~", run_id: str = "~") -> list[dict[str, Any]]:
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self.get(path, limit=100)["task_instances"])

    def attempts(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        """All attempts of a task instance, the failed ones too."""
        path = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        return list(self.get(f"{path}/tries")["task_instances"])

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def wait_until(what: str, seconds: float, is_so: Callable[[], Any]) -> Any:
    """The first true answer of ``is_so``; fails with ``what`` when it has not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = is_so()
        if answer:
            return answer
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {what}")


def interval(task: dict[str, Any]) -> tuple[datetime, datetime]:
    """When a finished task instance started and ended."""
    return datetime.fromisoformat(task["start_date"]), datetime.fromisoformat(task["end_date"])

"""One night on the real scheduler: triggers, assets, retry and pool; `make test-scheduler`.

The tests follow the night in order and share one scheduler: it takes a minute to start. One source
delivers a file that cannot be read; it is repaired while the scheduler waits for the next attempt.
"""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from ingestion import settings
from ingestion.ledger import open_ledger
from rapport import airflow_server
from rapport.home_lock import is_held
from tests.scheduler.rest_api import UNFINISHED, Api, interval, wait_until

pytestmark = pytest.mark.scheduler

RAPPORT = Path(sys.executable).with_name("rapport")
LATE = "shopify"
# Generous: the machine may be busy with other things, and a build takes three starts of dbt.
MINUTES = 60


@dataclass(frozen=True)
class Night:
    """A home with a scheduler, the source whose file is broken at first, and that file."""

    home: Path
    exports: Path
    server: airflow_server.Server
    api: Api
    broken: Path
    whole: bytes


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("scheduler")
    home, exports = folder / "home", folder / "exports"
    subprocess.run([RAPPORT, "simulate", exports, "--customers", "150", "--days", "60"], check=True)
    home.mkdir()
    (home / settings.CONFIGURATION).write_text(_three_sources(exports))
    broken = max((exports / LATE).rglob("*.*"), key=lambda path: path.stat().st_size)
    whole = broken.read_bytes()
    broken.write_bytes(b"\xff\xfe" + whole[: len(whole) // 2])
    server = airflow_server.up(home, str(exports), "127.0.0.1", _free_port())
    try:
        token = airflow_server.token(home, server.address)
        yield Night(home, exports, server, Api(server.address, token), broken, whole)
    finally:
        airflow_server.down(home)


def _three_sources(exports: Path) -> str:
    """The trap company's configuration, without what only costs time here."""
    given = yaml.safe_load((exports / settings.CONFIGURATION).read_text())
    sources = given["sources"]
    rates = [
        file
        for file in sources["back_office"]["files"]
        if file["contract"] == "generic_exchange_rates"
    ]
    given["sources"] = {
        "back_office": sources["back_office"] | {"files": rates},
        "hubspot": sources["hubspot"],
        "shopify": sources["shopify"],
    }
    return yaml.safe_dump(given)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _processes(night: Night) -> list[psutil.Process]:
    parents = [psutil.Process(component.pid) for component in night.server.components]
    return [one for parent in parents for one in (parent, *parent.children(recursive=True))]


def test_it_listens_on_this_machine_only_and_asks_for_the_generated_password(night: Night) -> None:
    listening = {
        connection.laddr.ip
        for process in _processes(night)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    wrong = [
        httpx.post(
            f"{night.server.address}/auth/token", json={"username": user, "password": password}
        ).status_code
        for user, password in (("admin", "admin"), ("rapport", "admin"), ("rapport", ""))
    ]

    assert listening == {"127.0.0.1"}
    assert httpx.get(f"{night.server.address}/api/v2/dags").status_code == httpx.codes.UNAUTHORIZED
    assert all(httpx.codes.is_client_error(code) for code in wrong)


def test_every_dag_is_there_unpaused_and_loads(night: Night) -> None:
    dags = night.api.get("dags", limit=100)["dags"]
    sources = settings.source_names(night.home)

    assert len(sources) >= 2
    assert {dag["dag_id"]: dag["is_paused"] for dag in dags} == {
        **{f"ingest_{source}": False for source in sources},
        "build_marts": False,
        "publish_marts": False,
    }
    assert night.api.get("importErrors")["total_entries"] == 0


def test_the_pool_of_the_warehouse_has_one_slot(night: Night) -> None:
    assert night.api.get("pools/warehouse")["slots"] == 1


def test_a_source_triggered_over_the_api_is_taken_in(night: Night) -> None:
    source = next(name for name in settings.source_names(night.home) if name != LATE)

    run_id = night.api.trigger(f"ingest_{source}")

    ended = wait_until(
        f"ingest_{source} has ended",
        4 * MINUTES,
        lambda: night.api.ended(f"ingest_{source}", run_id),
    )
    with open_ledger(night.home) as ledger:
        taken_in = ledger.deliveries(source)
    assert ended == "success"
    assert sum(delivery.rows_delivered for delivery in taken_in) > 0


def test_an_unreadable_export_is_tried_again_and_taken_in_once_repaired(night: Night) -> None:
    def attempts(state: str) -> list[int]:
        return [
            task["try_number"]
            for task in night.api.tasks(f"ingest_{LATE}")
            if task["state"] == state
        ]

    wait_until("the first attempt fails", 4 * MINUTES, lambda: attempts("up_for_retry"))
    night.broken.write_bytes(night.whole)

    succeeded = wait_until("a later attempt succeeds", 6 * MINUTES, lambda: attempts("success"))
    assert max(succeeded) >= 2


def test_publishing_waits_while_a_step_of_the_build_has_the_warehouse(night: Night) -> None:
    def running() -> list[str]:
        return [
            task["task_id"]
            for task in night.api.tasks("build_marts")
            if task["state"] == "running" and task["task_id"].startswith("run_dbt")
        ]

    (step, *_) = wait_until("dbt runs", 6 * MINUTES, running)
    run_id = night.api.trigger("publish_marts")

    # It is refused in the middle of a build, and its next attempts find the finished one.
    ended = wait_until(
        "publish_marts has ended",
        10 * MINUTES,
        lambda: night.api.ended("publish_marts", run_id),
    )
    (publishing,) = night.api.tasks("publish_marts", run_id)
    starts = [interval(attempt)[0] for attempt in night.api.attempts(publishing)]
    (building,) = [
        task
        for task in night.api.tasks("build_marts")
        if task["task_id"] == step and task["state"] == "success"
    ]
    assert ended == "success"
    assert min(starts) >= interval(building)[1]


def test_the_night_s_assets_build_and_publish_once(night: Night) -> None:
    wait_until(
        "everything has come to rest",
        10 * MINUTES,
        lambda: all(run["state"] not in UNFINISHED for run in night.api.runs()),
    )
    builds = night.api.runs("build_marts")
    loads = [task for task in night.api.tasks("build_marts") if task["task_id"] == "load_raw"]

    assert [run["state"] for run in night.api.runs() if run["state"] != "success"] == []
    assert {run["run_type"] for run in builds} == {"asset_triggered"}
    assert "asset_triggered" in {run["run_type"] for run in night.api.runs("publish_marts")}
    # All sources in one build; a later run that another asset started found nothing new.
    assert [task["state"] for task in loads].count("success") == 1
    assert (night.home / "published" / "CURRENT").read_text().strip() == "releases/000001"


def test_the_build_waited_for_the_source_that_came_last(night: Night) -> None:
    (load,) = [
        task
        for task in night.api.tasks("build_marts")
        if task["task_id"] == "load_raw" and task["state"] == "success"
    ]
    last = [task for task in night.api.tasks(f"ingest_{LATE}") if task["state"] == "success"]

    assert min(interval(task)[1] for task in last) < interval(load)[0]


def test_no_two_tasks_ever_had_the_warehouse_at_once(night: Night) -> None:
    attempts = [
        attempt
        for dag_id in ("build_marts", "publish_marts")
        for task in night.api.tasks(dag_id)
        if task["pool"] == "warehouse" and task["start_date"] and task["state"] != "skipped"
        for attempt in night.api.attempts(task)
    ]
    intervals = sorted(interval(attempt) for attempt in attempts)

    assert len(intervals) >= 10
    for (_, end), (start, _) in itertools.pairwise(intervals):
        assert end <= start


def test_a_run_beside_the_scheduler_is_refused(night: Night) -> None:
    ended = subprocess.run(
        [RAPPORT, "run", "--home", night.home, "--exports", night.exports],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert f"already running (the scheduler at {night.server.address}" in ended.stderr


def test_it_stops_cleanly_and_lets_go_of_the_home(night: Night) -> None:
    processes = _processes(night)
    assert is_held(night.home)

    assert airflow_server.down(night.home)

    assert not is_held(night.home)
    assert [process for process in processes if process.is_running()] == []
    assert not airflow_server.down(night.home)

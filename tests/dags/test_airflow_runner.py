"""The night in one process: order, faults, exit codes, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rapport import airflow_runner

ROOT = Path(__file__).parents[2]
BUILD_CALLS = [
    "has_news",
    "load_raw",
    "validate raw",
    "run_dbt staging",
    "validate staging",
    "resolve_identity",
    "run_dbt facts",
    "estimate_lifetime_values",
    "run_dbt marts",
    "validate marts",
]


def _start(home: Path, *nights: str) -> subprocess.Popen[str]:
    """Nights in a process of their own: Airflow is loaded once per process, for one home."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.dags.night_process", str(home), *nights],
        cwd=ROOT,
        # Somebody else's Airflow: none of it may be read or written.
        env=os.environ
        | {
            "HOME": str(home.parent),
            "AIRFLOW__CORE__DAGS_FOLDER": "/nowhere",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nobody@nowhere/airflow",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_call(home: Path, call: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while call not in _calls(home):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, _calls(home)
        time.sleep(0.05)


def _calls(home: Path) -> list[str]:
    path = home / "calls.txt"
    return path.read_text().splitlines() if path.exists() else []


def _outcomes(output: str) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix("OUTCOME "))
        for line in output.splitlines()
        if line.startswith("OUTCOME ")
    ]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], str, str]:
    """Nights on one home: good, a broken source, a closed gate, good again, all sources broken."""
    home = tmp_path_factory.mktemp("nights") / "home"
    home.mkdir()
    (home / "rapport.yml").write_text(
        "reporting_currency: NOK\ntime_zone: Europe/Oslo\nsources: {hubspot: {}, shopify: {}}\n"
    )
    process = _start(home, "-", "break_hubspot", "close_staging", "-", "break_all")
    output, errors = process.communicate(timeout=300)
    outcomes = _outcomes(output)
    assert len(outcomes) == 5, errors
    return home, outcomes, output, errors


def _calls_of_night(home: Path, number: int) -> list[str]:
    """The calls from the number-th ingest of the first source on."""
    calls = _calls(home)
    starts = [index for index, call in enumerate(calls) if call.startswith("ingest_source hubspot")]
    return calls[starts[number] : [*starts, len(calls)][number + 1]]


def test_a_night_ingests_builds_and_publishes_in_order_with_one_start_time(nights: Any) -> None:
    home, outcomes, _, _ = nights

    assert outcomes[0] == {"exit_code": 0, "failures": [], "built": True, "published": True}
    assert _calls_of_night(home, 0) == [
        "ingest_source hubspot 2026-11-22T04:00:00",
        "ingest_source shopify 2026-11-22T04:00:00",
        *BUILD_CALLS,
        "publish 2026-11-22T04:00:00",
    ]


def test_a_source_that_fails_stops_neither_the_others_nor_the_build(nights: Any) -> None:
    home, outcomes, _, _ = nights
    (failure,) = outcomes[1]["failures"]

    assert (outcomes[1]["exit_code"], outcomes[1]["published"]) == (1, True)
    assert (failure["dag_id"], failure["task_id"]) == ("ingest_hubspot", "ingest_source")
    assert failure["message"] == (
        "FileNotFoundError: /exports/hubspot: no file customers_*.csv; ask the vendor"
    )
    assert _calls_of_night(home, 1)[1:] == [
        "ingest_source shopify 2026-11-23T04:00:00",
        *BUILD_CALLS,
        "publish 2026-11-23T04:00:00",
    ]


def test_a_closed_gate_stops_the_build_publishes_nothing_and_exits_3(nights: Any) -> None:
    home, outcomes, _, _ = nights
    (failure,) = outcomes[2]["failures"]

    assert outcomes[2]["exit_code"] == 3
    assert (outcomes[2]["built"], outcomes[2]["published"]) == (False, False)
    assert failure["message"] == "gate staging is closed: 3 orders without currency"
    assert failure["gate_closed"]
    assert _calls_of_night(home, 2)[2:] == BUILD_CALLS[: BUILD_CALLS.index("validate staging") + 1]


def test_what_a_closed_gate_left_unpublished_is_built_the_next_night(nights: Any) -> None:
    home, outcomes, _, _ = nights

    assert outcomes[3]["exit_code"] == 0
    assert _calls_of_night(home, 3)[-1] == "publish 2026-11-25T04:00:00"


def test_the_console_carries_one_line_per_task_and_nothing_of_airflow(nights: Any) -> None:
    _, _, output, errors = nights
    lines = [line for line in output.splitlines() if not line.startswith("OUTCOME")]

    assert errors == ""
    assert lines[0] == "ingest_hubspot: ingest_source"
    assert len(lines) > 30
    assert all(line.startswith(("ingest_", "build_marts: ", "publish_marts: ")) for line in lines)


def test_the_log_of_each_night_tells_the_failure_in_full(nights: Any) -> None:
    home, outcomes, _, _ = nights
    logs = sorted((home / "airflow" / "logs").glob("run-*.log"))

    assert len(logs) == 5
    assert outcomes[1]["failures"][0]["log"] == str(logs[1])
    text = logs[1].read_text()
    assert "Traceback" in text
    assert "customers_*.csv" in text


def test_everything_of_airflow_is_private_and_in_the_home(nights: Any) -> None:
    home, _, _, _ = nights
    folder = home / "airflow"

    assert not (home.parent / "airflow").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("secrets.json", "run.cfg", "run.db"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_with_nothing_new_nothing_is_built_or_published(nights: Any) -> None:
    home, outcomes, _, _ = nights

    assert outcomes[4]["exit_code"] == 1
    assert [failure["dag_id"] for failure in outcomes[4]["failures"]] == [
        "ingest_hubspot",
        "ingest_shopify",
    ]
    assert (outcomes[4]["built"], outcomes[4]["published"]) == (False, False)
    assert _calls_of_night(home, 4)[2:] == ["has_news"]


def test_a_run_that_airflow_itself_ends_badly_is_a_failure(tmp_path: Path) -> None:
    night = airflow_runner._Night(report=print, log=tmp_path / "run.log")
    dag = SimpleNamespace(
        dag_id="build_marts", tasks=[], test=lambda **_: SimpleNamespace(state="failed")
    )

    airflow_runner._run_dag(dag, datetime.fromisoformat("2026-11-22T04:00:00+00:00"), night)

    assert [failure.message for failure in night.failures] == ["Airflow ended the run as failed"]
    assert airflow_runner._exit_code(night.failures) == 1


@pytest.mark.slow
def test_a_second_run_is_refused_and_a_killed_one_does_not_hinder_the_next(home: Path) -> None:
    (home / "wait").touch()
    first = _start(home, "-")
    _wait_for_call(home, "load_raw", first)

    second = _start(home, "-")
    output, _ = second.communicate(timeout=300)
    (refused,) = _outcomes(output)
    first.kill()
    first.communicate()
    (home / "wait").unlink()
    third = _start(home, "-")
    output, _ = third.communicate(timeout=300)

    assert second.returncode == 1
    assert refused["failures"][0]["message"] == (
        f"{home}: already running (rapport run, process {first.pid}); "
        "wait until it ends, or stop it"
    )
    assert first.returncode == -signal.SIGKILL
    # The same start time as the killed run's: its leftovers are in nobody's way.
    assert _outcomes(output) == [{"exit_code": 0, "failures": [], "built": True, "published": True}]


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_stops_in_the_middle_of_a_task(home: Path) -> None:
    (home / "wait").touch()
    process = _start(home, "-")
    _wait_for_call(home, "load_raw", process)

    process.terminate()
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM
    assert _outcomes(output) == []
    assert _calls(home)[-1] == "load_raw"

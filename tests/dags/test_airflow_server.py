"""What the scheduler's starter refuses, and that an old process number harms nobody."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import psutil
import pytest

from rapport import airflow_configuration as configuration
from rapport import airflow_server
from rapport.home_lock import hold


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104
def test_a_host_that_others_reach_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    code = airflow_server.main(["up", "--home", str(home), "--host", host])

    assert code == 1
    assert "others could reach it" in capsys.readouterr().err
    assert not (home / "airflow").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_a_host_that_only_this_machine_reaches_is_taken(host: str) -> None:
    assert airflow_server.refuse_open_host(host) is None


def test_a_home_without_sources_is_not_scheduled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow_server.main(["up", "--home", str(tmp_path)]) == 1
    assert "no sources" in capsys.readouterr().err


def test_a_port_in_use_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = airflow_server.main(["up", "--home", str(home), "--port", str(port)])

    assert code == 1
    assert f"port {port} on 127.0.0.1" in capsys.readouterr().err


def test_a_home_in_which_a_run_is_at_work_is_not_scheduled(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold(home, "rapport run, process 1"):
        code = airflow_server.main(["up", "--home", str(home), "--port", "8439"])

    assert code == 1
    assert "already running (rapport run, process 1)" in capsys.readouterr().err


def test_a_process_number_that_belongs_to_another_by_now_is_left_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = configuration.airflow_folder(home)
    earlier = psutil.Process(os.getpid()).create_time() - 3600
    state = {
        "address": "http://127.0.0.1:8080",
        "components": [{"name": "scheduler", "pid": os.getpid(), "created": earlier}],
    }
    (folder / "server.json").write_text(json.dumps(state))

    assert airflow_server.main(["status", "--home", str(home)]) == 1
    assert airflow_server.main(["down", "--home", str(home)]) == 0
    assert capsys.readouterr().out == "not running\nwas not running\n"
    assert not (folder / "server.json").exists()


def test_settings_and_secrets_are_private_and_secrets_are_kept(home: Path) -> None:
    path = configuration.airflow_folder(home) / "scheduler.cfg"
    sections = configuration.served(home, path.with_suffix(".db"), "127.0.0.1", 8080, "rapport")
    again = configuration.served(home, path.with_suffix(".db"), "127.0.0.1", 8080, "rapport")
    configuration.write_configuration(path, sections)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((path.parent / "secrets.json").stat().st_mode) == 0o600
    assert sections == again
    assert sections["api"]["host"] == "127.0.0.1"
    assert len(sections["api_auth"]["jwt_secret"]) >= 32
    assert "admin:admin" not in path.read_text()

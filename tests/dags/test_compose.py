"""What the container files promise: open to this machine only, and no password of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service.get("build"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# A value asked for at start, with the hint that follows `:?`; never a default after `:-`.
ASKED_FOR = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")
SECRET = re.compile(r"PASSWORD$|SECRET|_KEY$|SQL_ALCHEMY_CONN")


def _published() -> list[str]:
    return [port for service in SERVICES.values() for port in service.get("ports", [])]


def _secrets() -> list[tuple[str, str, str]]:
    return [
        (name, key, str(value))
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
        if SECRET.search(key)
    ]


def test_the_whole_scheduler_is_there() -> None:
    assert sorted(SERVICES) == ["api-server", "dag-processor", "init", "postgres", "scheduler"]
    assert OURS == ["api-server", "dag-processor", "init", "scheduler"]


def test_every_port_is_open_to_this_machine_only() -> None:
    assert _published() == ["127.0.0.1:${RAPPORT_PORT:-8080}:8080"]
    assert not any("network_mode" in service for service in SERVICES.values())


def test_the_metadata_is_reached_by_the_services_only() -> None:
    assert SERVICES["postgres"]["networks"] == ["metadata"]
    assert COMPOSE["networks"]["metadata"] == {"internal": True}


def test_every_secret_is_asked_for_and_none_has_a_default() -> None:
    secrets = _secrets()

    assert len(secrets) >= 15
    for service, key, value in secrets:
        assert ASKED_FOR.search(value), f"{service}: {key} is not asked for"
        assert ":-" not in value, f"{service}: {key} has a default"


def test_no_known_default_password_is_anywhere() -> None:
    text = (ROOT / "docker-compose.yml").read_text() + DOCKERFILE

    assert re.findall(r"admin:admin|airflow:airflow|password: *\w+$", text) == []


def test_the_pool_of_the_warehouse_has_one_slot() -> None:
    assert "airflow pools set warehouse 1 " in SERVICES["init"]["command"][-1]


def test_the_scheduler_holds_the_lock_of_the_data_home() -> None:
    assert SERVICES["scheduler"]["command"][:4] == [
        "flock",
        "--nonblock",
        "--no-fork",
        "/var/lib/rapport/.lock",
    ]


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "init"])
def test_whatever_keeps_running_says_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_nothing_that_they_need_not(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


def test_every_base_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert bases == ["python:3.11-slim-bookworm"]
    assert SERVICES["postgres"]["image"] == "postgres:17-bookworm"


def test_the_image_is_made_from_the_lock_and_runs_without_root() -> None:
    instructions = [
        line.split()[0] for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)
    ]
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)

    assert not DOCKERFILE.startswith("# syntax=")
    assert users == ["10001:10001"]
    assert instructions.index("USER") > max(
        index for index, word in enumerate(instructions) if word in ("RUN", "COPY")
    )
    for install in re.findall(r"pip install(?:[^&]|&(?!&))*", DOCKERFILE):
        assert "--require-hashes" in install or "--no-deps" in install, install


def test_no_secret_is_baked_into_the_image() -> None:
    assert re.findall(r"^ARG .*", DOCKERFILE, re.MULTILINE) == []
    assert re.findall(r"(?i)(password|secret|fernet|token)\w*=", DOCKERFILE) == []


def test_the_build_sees_what_the_image_needs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        part.split("/")[0]
        for sources in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
        for part in sources.split()
    }

    assert "*" in lines
    assert let_in == copied

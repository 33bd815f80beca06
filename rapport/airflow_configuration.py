"""Airflow's settings for one data home: nothing of another Airflow on the machine leaks in or out.

Everything lies in `<home>/airflow` (0700): one configuration file for the embedded run, one for the
scheduler, their secrets (0600), metadata and logs.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

DAGS = Path(__file__).parents[1] / "dags"

Sections = Mapping[str, Mapping[str, str]]


def airflow_folder(home: Path) -> Path:
    """`<home>/airflow`, made if it is not there; nobody but the owner may look inside."""
    folder = home / "airflow"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "logs").mkdir(exist_ok=True)
    return folder


def embedded(home: Path, database: Path) -> Sections:
    """Settings of a run in this process: no scheduler, no server, no ports."""
    return _shared(home, database)


def served(home: Path, database: Path, host: str, port: int, user: str) -> Sections:
    """Settings of the scheduler and of its API server on ``host`` and ``port``."""
    folder = airflow_folder(home)
    sections = {name: dict(values) for name, values in _shared(home, database).items()}
    address = f"http://{host}:{port}"
    sections["core"] |= {
        "executor": "LocalExecutor",
        # Ingests run side by side; SQLite has one writer, and more workers would only wait for it.
        "parallelism": "4",
        "dags_are_paused_at_creation": "False",
        "execution_api_server_url": f"{address}/execution/",
        "simple_auth_manager_users": f"{user}:admin",
        "simple_auth_manager_passwords_file": str(folder / "passwords.json"),
    }
    sections["api"] |= {
        "host": host,
        "port": str(port),
        "base_url": address,
        "workers": "1",
        "expose_config": "False",
    }
    # A source added to rapport.yml shows up within a minute.
    sections["dag_processor"] = {"min_file_process_interval": "60", "parsing_processes": "1"}
    return sections


def _shared(home: Path, database: Path) -> Sections:
    folder = airflow_folder(home)
    keys = _keys(folder / "secrets.json")
    return {
        "core": {
            "dags_folder": str(DAGS),
            "plugins_folder": str(folder / "plugins"),
            "load_examples": "False",
            "unit_test_mode": "False",
            "fernet_key": keys["fernet_key"],
        },
        "database": {
            "sql_alchemy_conn": f"sqlite:///{database}",
            "load_default_connections": "False",
        },
        "api": {"secret_key": keys["secret_key"]},
        "api_auth": {"jwt_secret": keys["jwt_secret"]},
        "logging": {"base_log_folder": str(folder / "logs"), "colored_console_log": "False"},
        "usage_data_collection": {"enabled": "False"},
    }


def _keys(path: Path) -> dict[str, str]:
    if path.exists():
        keys: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return keys
    keys = {
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "secret_key": secrets.token_urlsafe(32),
        "jwt_secret": secrets.token_urlsafe(32),
    }
    write_private(path, json.dumps(keys))
    return keys


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read (0600), whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def write_configuration(path: Path, sections: Sections) -> None:
    """Write ``sections`` as an Airflow configuration file (0600)."""
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        # A percent sign in a path is text to us and a reference to configparser.
        lines += [f"{key} = {value.replace('%', '%%')}" for key, value in values.items()]
    write_private(path, "\n".join(lines) + "\n")


def environment(
    inherited: Mapping[str, str], home: Path, exports: str, configuration: Path
) -> dict[str, str]:
    """The environment of a process that runs our Airflow, from the one it inherits.

    Whatever the user's shell says to another Airflow (`AIRFLOW__…`) is left out: it would reach
    into our metadata, or we into theirs.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(("AIRFLOW", "_AIRFLOW"))
    }
    return kept | {
        "AIRFLOW_HOME": str(configuration.parent),
        "AIRFLOW_CONFIG": str(configuration),
        "RAPPORT_HOME": str(home),
        "RAPPORT_EXPORTS": exports,
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
        "PYTHONPATH": _python_path(kept.get("PYTHONPATH", "")),
    }


def _python_path(inherited: str) -> str:
    """The project's root first: the scheduler's processes start elsewhere and import `rapport`."""
    root = str(DAGS.parent)
    return os.pathsep.join([root, *(part for part in inherited.split(os.pathsep) if part)])

"""The real scheduler on this machine: `python -m rapport.airflow_server up|down|status`.

Three processes of Airflow (scheduler, DAG processor, API server) in the background, on SQLite,
bound to a loopback address, with a generated password; no triggerer, because no task defers.

They share the lock of the data home: while one of them lives, `rapport run` on the same home is
refused. When all are gone, however they ended, the kernel has released it; a process number that
is left in the state file is checked against the time its process was made.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from ingestion import settings
from rapport import airflow_configuration as configuration
from rapport.home_lock import HomeInUseError, hold, is_held

USER = "rapport"
# The log server of the scheduler would listen on every address; logs are read from the folder.
COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
# Two cores under load were seen to need 60 s for the imports of all three.
START_SECONDS = 240
# A task gets this long to end by itself; what is killed is taken up again at the next start.
STOP_SECONDS = 30


class ServerError(RuntimeError):
    """The scheduler cannot be started or stopped; the message says why and what to do."""


@dataclass(frozen=True)
class Component:
    """A background process, and when it was made: process numbers are used again."""

    name: str
    pid: int
    created: float


@dataclass(frozen=True)
class Server:
    """Where a scheduler of a data home answers, and its processes."""

    address: str
    components: tuple[Component, ...]


def up(home: Path, exports: str, host: str, port: int) -> Server:
    """Start the scheduler of ``home`` and wait until it has loaded the DAGs.

    Raises ServerError for a host that others can reach, a port in use, a home without sources, or
    a process that ends early; HomeInUseError while something else works in the home.
    """
    refuse_open_host(host)
    sources = settings.source_names(home)
    if not sources:
        raise ServerError(
            f"{home / settings.CONFIGURATION}: no sources, so there is nothing to schedule; "
            "do a first `rapport run`, or write one (docs/mapping.md)"
        )
    address = f"http://{host}:{port}"
    with hold(home, f"the scheduler at {address}; make down stops it") as lock:
        _refuse_used_port(host, port)
        path = configuration.airflow_folder(home) / "scheduler.cfg"
        database = path.with_suffix(".db")
        configuration.write_configuration(
            path, configuration.served(home, database, host, port, USER)
        )
        _password(home)
        environment = configuration.environment(os.environ, home, exports, path)
        _prepare(environment, database)
        server = _start(home, address, environment, lock)
        try:
            _wait_until_ready(home, server, dags=len(sources) + 2)
        except BaseException:
            _end(server)
            raise
    return server


def down(home: Path) -> bool:
    """Stop the scheduler of ``home``; False if none was running. Raises ServerError if it stays."""
    server = _read(home)
    if server is None or not any(map(_process, server.components)):
        _state(home).unlink(missing_ok=True)
        return False
    _end(server)
    if any(map(_process, server.components)) or is_held(home):
        raise ServerError(f"{home}: still held after {STOP_SECONDS} s; see {_logs(home)}")
    _state(home).unlink(missing_ok=True)
    return True


def status(home: Path) -> Mapping[str, bool]:
    """Which components of the scheduler live; empty if none was started."""
    server = _read(home)
    if server is None:
        return {}
    return {one.name: _process(one) is not None for one in server.components}


def password(home: Path) -> str:
    """The password of user `rapport`, generated at the first start and kept (0600)."""
    kept: dict[str, str] = json.loads(_passwords(home).read_text(encoding="utf-8"))
    return kept[USER]


def token(home: Path, address: str) -> str:
    """A token for the REST API, for as long as Airflow's `[api_auth] jwt_expiration_time`."""
    answer = httpx.post(
        f"{address}/auth/token", json={"username": USER, "password": password(home)}, timeout=30
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def refuse_open_host(host: str) -> None:
    """Raise ServerError unless ``host`` is this machine alone.

    Airflow's SimpleAuthManager, which keeps this password in a file, is made for one machine.
    """
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise ServerError(
        f"--host {host}: others could reach it, and its one password is kept in a file. Use "
        "127.0.0.1, from elsewhere through an SSH tunnel"
    )


def _refuse_used_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"port {port} on {host}: {error}; choose another with --port"
            ) from None


def _password(home: Path) -> None:
    path = _passwords(home)
    if not path.exists():
        configuration.write_private(path, json.dumps({USER: secrets.token_urlsafe(18)}) + "\n")


def _passwords(home: Path) -> Path:
    return home / "airflow" / "passwords.json"


def _state(home: Path) -> Path:
    return home / "airflow" / "server.json"


def _logs(home: Path) -> Path:
    return home / "airflow" / "logs"


def _prepare(environment: Mapping[str, str], database: Path) -> None:
    """Make or migrate the metadata, and the pool with the one slot of the warehouse."""
    script = (
        "from airflow.utils.db import initdb; initdb()\n"
        "from airflow.models.pool import Pool; from airflow.utils.session import create_session\n"
        "with create_session() as session:\n"
        "    Pool.create_or_update_pool('warehouse', 1, 'One writer: whoever opens the warehouse"
        " file', True, session=session)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise ServerError(f"{database}: could not be prepared:\n{ended.stdout[-2000:]}")
    database.chmod(0o600)


def _start(home: Path, address: str, environment: Mapping[str, str], lock: int) -> Server:
    started = []
    for name, command in COMPONENTS.items():
        with (_logs(home) / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *command],
                env=dict(environment),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
        started.append(Component(name, process.pid, psutil.Process(process.pid).create_time()))
        server = Server(address, tuple(started))
        # Written after each start: whatever happens next, `down` knows what there is.
        configuration.write_private(_state(home), json.dumps(asdict(server)))
    return server


def _wait_until_ready(home: Path, server: Server, dags: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for component in server.components:
            if _process(component) is None:
                log = _logs(home) / f"{component.name}.log"
                raise ServerError(f"{component.name} ended early; the end of {log}:\n{_tail(log)}")
        with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):
            if _is_ready(home, server, dags):
                return
        time.sleep(0.5)
    raise ServerError(f"not ready after {START_SECONDS} s; see {_logs(home)}")


def _is_ready(home: Path, server: Server, dags: int) -> bool:
    health = httpx.get(f"{server.address}/api/v2/monitor/health", timeout=30).json()
    if any(health[one]["status"] != "healthy" for one in ("scheduler", "dag_processor")):
        return False
    answer = httpx.get(
        f"{server.address}/api/v2/dags",
        headers={"Authorization": f"Bearer {token(home, server.address)}"},
        timeout=30,
    )
    answer.raise_for_status()
    return bool(answer.json()["total_entries"] >= dags)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _read(home: Path) -> Server | None:
    path = _state(home)
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Server(kept["address"], tuple(Component(**one) for one in kept["components"]))


def _process(component: Component) -> psutil.Process | None:
    """The component's process, unless it has ended or its number belongs to another by now."""
    try:
        process = psutil.Process(component.pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive and abs(process.create_time() - component.created) < 1 else None


def _end(server: Server) -> None:
    """Ask all to end, the scheduler first so that nothing new starts; then kill what is left."""
    parents = [process for one in server.components if (process := _process(one))]
    tree = {process.pid: process for process in _with_children(parents)}
    for component in sorted(server.components, key=lambda one: one.name != "scheduler"):
        process = _process(component)
        if process is None:
            continue
        tree |= {one.pid: one for one in _with_children([process])}
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            if component.name == "scheduler":
                psutil.wait_procs([process], timeout=STOP_SECONDS)
    _, left = psutil.wait_procs(list(tree.values()), timeout=STOP_SECONDS)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=STOP_SECONDS)


def _with_children(parents: Sequence[psutil.Process]) -> Iterator[psutil.Process]:
    for parent in parents:
        yield parent
        with contextlib.suppress(psutil.NoSuchProcess):
            yield from parent.children(recursive=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 done, 1 failed (status: 1 if a component is down), 2 usage."""
    parser = argparse.ArgumentParser(prog="python -m rapport.airflow_server", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("--home", type=Path, default=settings.home(), help="the data folder")
    parser.add_argument("--exports", default=settings.exports(), help="where exports lie")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=8080)
    given = parser.parse_args(arguments)
    home = given.home.absolute()
    if "://" not in given.exports:
        given.exports = str(Path(given.exports).absolute())
    try:
        return {"up": _say_up, "down": _say_down, "status": _say_status}[given.command](home, given)
    except (ServerError, HomeInUseError, settings.SettingsError) as error:
        print(error, file=sys.stderr)
        return 1


def _say_up(home: Path, given: argparse.Namespace) -> int:
    server = _read(home)
    if server is None or not all(map(_process, server.components)):
        server = up(home, given.exports, given.host, given.port)
    print(f"The scheduler runs at {server.address}\nuser {USER}, password {password(home)}")
    return 0


def _say_down(home: Path, given: argparse.Namespace) -> int:
    print("stopped" if down(home) else "was not running")
    return 0


def _say_status(home: Path, given: argparse.Namespace) -> int:
    alive, server = status(home), _read(home)
    if server is None or not any(alive.values()):
        print("not running")
        return 1
    print(server.address)
    for name, lives in alive.items():
        print(f"{name}: {'running' if lives else 'DOWN (see ' + str(_logs(home)) + ')'}")
    return 0 if all(alive.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

"""An ingest that is killed at its n-th side effect, to be run in a process of its own.

Every opening of a file for writing, fsync, rename, link, removal, new folder and statement of the ledger counts. It dies
by SIGKILL just before the n-th one (0: never) and otherwise leaves the number of them in the file ``effects``.
"""

from __future__ import annotations

import builtins
import io
import os
import pathlib
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ingestion.company import SMALL_ORDERS, Company


class Counter:
    """Counts side effects; kills at the one that was asked for."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.count = 0

    def effect(self) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **more: Any) -> Any:
            self.effect()
            return function(*arguments, **more)

        return counted

    def opening(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
            if set(mode) & set("wax+"):
                self.effect()
            return function(file, mode, *arguments, **more)

        return counted


def install(counter: Counter) -> None:
    """Put the counter before every side effect that the ingest has."""
    for module, name in (
        (os, "replace"), (os, "rename"), (os, "fsync"), (os, "link"), (os, "unlink"), (os, "mkdir"),
        (os, "rmdir"), (shutil, "rmtree"), (pathlib.Path, "replace"), (pathlib.Path, "unlink"),
        (pathlib.Path, "mkdir"),
    ):  # fmt: skip
        setattr(module, name, counter.before(getattr(module, name)))
    builtins.open = io.open = counter.opening(io.open)
    pathlib.Path.open = _path_open(counter)  # type: ignore[method-assign]
    connect = sqlite3.connect

    def connected(*arguments: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **more)
        # Called for every statement, so for begin, each insert and commit.
        connection.set_trace_callback(lambda _: counter.effect())
        return connection

    sqlite3.connect = connected


def _path_open(counter: Counter) -> Callable[..., Any]:
    opened = pathlib.Path.open

    def counted(path: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if set(mode) & set("wax+"):
            counter.effect()
        return opened(path, mode, *arguments, **more)

    return counted


def ingest_until(folder: str, fatal: int) -> None:
    """Ingest what lies in ``folder``, up to side effect number ``fatal``."""
    company = Company(Path(folder), SMALL_ORDERS)
    company.settings  # noqa: B018 - writes rapport.yml, which is no side effect of the ingest
    counter = Counter(fatal)
    install(counter)
    company.ingest()
    done = counter.count
    Path(folder, "effects").write_text(str(done))

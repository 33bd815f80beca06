"""Kill a publish at each of its side effects in turn: ``kill_publish.py FOLDER ACTION``.

For n = 1, 2, ... a forked child publishes (or rolls back) and is killed with SIGKILL right before
its n-th side effect (a file opened for writing, a folder made, an fsync, a rename, a link, a
removal), until a child gets through. After each kill one line of JSON tells what a reader finds,
and what is found after running the same command again.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd  # noqa: F401  (DuckDB loads both when needed: better once than in every fork)
import pyarrow.dataset  # noqa: F401
from small_warehouse import AS_OF, CREATED_AT, build, release_inputs

from publishing import manifest as manifests
from publishing import pointer
from publishing.database_file import DATABASE
from publishing.release import publish

NEXT_DAY = AS_OF + dt.timedelta(days=1)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EFFECTS = {
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.symlink",
    "os.remove",
    "os.rmdir",
    "os.chmod",
}


def publish_next(home: Path) -> None:
    """What a night does: publish if there is anything new."""
    if not pointer.is_current(home, "second"):
        publish(home, release_inputs("second", as_of=NEXT_DAY))


def roll_back(home: Path) -> None:
    """What a person does who wants release 1 back, and again when in doubt."""
    shown = pointer.current(home)
    if shown is None or shown.number != 1:
        pointer.rollback(home, 1, now=CREATED_AT)


ACTIONS: dict[str, Callable[[Path], None]] = {"publish": publish_next, "rollback": roll_back}


def build_marts(home: Path, as_of: dt.date, generation: int) -> None:
    """One large fact and one small mart: every file costs several kills."""
    with duckdb.connect(build(home, as_of=as_of, generation=generation)) as connection:
        connection.execute("drop table marts.sessions; drop table marts.kpis_daily")
        connection.execute("delete from marts.interactions where interaction_id = 'i1'")


def prepare(home: Path, action: str) -> None:
    """A home with release 1 published and release 2 about to be, or to be rolled back from."""
    build_marts(home, AS_OF, 1)
    publish(home, release_inputs("first"))
    build_marts(home, NEXT_DAY, 2)
    if action == "rollback":
        publish_next(home)


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a fork; returns its exit code, negative for the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_before_effect(number: int) -> None:
    """From now on, count the side effects of this process and die right before this one."""
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EFFECTS or (event == "open" and arguments[2] & WRITING):
            count()

    fsync = os.fsync

    def counted_fsync(descriptor: Any) -> None:
        count()
        fsync(descriptor)

    vars(os)["fsync"] = counted_fsync
    sys.addaudithook(on_event)


def die_after(seconds: float) -> None:
    """Die at a moment that no side effect announces, as inside DuckDB's or Arrow's own writing."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def reader(home: Path) -> dict[str, object]:
    """What a reader finds who resolves `current` once: the release, and the generation of every
    mart.
    """
    folder = (home / "published" / pointer.LINK).resolve(strict=True)
    manifest = manifests.verify(folder)
    with duckdb.connect(folder / DATABASE, read_only=True) as connection:
        generations = {
            mart: connection.execute(f"select max(generation) from {mart}").fetchall()[0][0]
            for mart in ("interactions", "orders")
        }
    return {"release": manifest.release, "generations": sorted(set(generations.values()))}


def end_state(home: Path) -> dict[str, object]:
    """All that stands in `published`, except for what holds this home's own path (the database
    file).
    """
    published = home / "published"
    found: dict[str, object] = {
        "staging": sorted(path.name for path in (published / pointer.STAGING).iterdir()),
        "current": str((published / pointer.LINK).readlink()),
        "line": (published / pointer.LINE).read_text(),
        "moves": sorted(
            {(one.from_release, one.to_release) for one in pointer.rollbacks(published)}
        ),
    }
    for number in pointer.release_numbers(published):
        manifest = json.loads(
            manifests.to_json(manifests.verify(pointer.release_folder(published, number)))
        )
        manifest["files"] = [file["path"] for file in manifest["files"]]
        found[f"release {number}"] = manifest
    return found


def report(home: Path, action: str, kill: Callable[[], None], name: str) -> int:
    """One killed run: print what a reader finds after it and what a rerun ends in."""
    shutil.copytree(home.parent / "template", home, symlinks=True)

    def die_at_work() -> None:
        kill()
        ACTIONS[action](home)

    code = in_child(die_at_work)

    def tell() -> None:
        after_kill = reader(home)
        ACTIONS[action](home)
        line = {"kill": name, "code": code, "reader": after_kill, "end": end_state(home)}
        print(json.dumps(line, sort_keys=True), flush=True)

    told = in_child(tell)
    shutil.rmtree(home)
    if told != 0:
        raise SystemExit(f"after a kill at {name} the reader or the rerun failed ({told})")
    return code


def main(folder: Path, action: str) -> None:
    """Kill at every side effect, then at random moments of what a run takes (seeded)."""
    if in_child(lambda: prepare(folder / "template", action)) != 0:
        raise SystemExit("the template could not be prepared")
    number = 1
    started = time.monotonic()
    while report(folder / "home", action, partial(die_before_effect, number), f"{number}") != 0:
        number += 1
    moments = random.Random(20260630)  # noqa: S311  (seeded: the same moments every time)
    longest = (time.monotonic() - started) / number
    for _ in range(10 if action == "publish" else 0):
        seconds = moments.uniform(0.001, longest)
        report(folder / "home", action, partial(die_after, seconds), f"{seconds:.4f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

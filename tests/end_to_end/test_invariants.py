"""Same deliveries, same marts: in any order, twice, in pieces, and after a night killed anywhere.

Whole nights, some twenty minutes of them: ``make test-kill``.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from publishing.manifest import verify
from tests.end_to_end.night import (
    PATIENCE_SECONDS,
    Company,
    Night,
    rapport,
    rapport_process,
    run_night,
)

pytestmark = pytest.mark.slow

# These tell how the deliveries came, not what they say.
ABOUT_DELIVERIES = {
    "restatements",
    "pipeline_ledger",
    "pipeline_ledger_amounts",
    "survey_exclusions",
}
SEED = 20261122


def _content(night: Night) -> dict[str, str]:
    """The content hash of every mart that may depend on nothing but the rows."""
    hashes = {mart["name"]: mart["content_hash"] for mart in night.manifest["marts"]}
    assert hashes.keys() > ABOUT_DELIVERIES
    return {
        name: value
        for name, value in hashes.items()
        if name not in ABOUT_DELIVERIES and not name.endswith("_history")
    }


def _floats(night: Night, mart: str) -> list[tuple[Any, ...]]:
    """The DOUBLE columns of a mart, rows in the order of all others."""
    columns = night.ask(
        "select column_name, data_type = 'DOUBLE' from information_schema.columns "
        "where table_name = ? order by column_name",
        mart,
    )
    floats = ", ".join(f'"{name}"' for name, is_float in columns if is_float)
    others = ", ".join(f'"{name}"' for name, is_float in columns if not is_float)
    return night.ask(f'select {floats} from "{mart}" order by {others}') if floats else []


def _assert_same_marts(night: Night, first: Night) -> None:
    verify(night.release)
    assert _content(night) == _content(first)
    compared = 0
    for mart in _content(first):
        for row, expected in zip(_floats(night, mart), _floats(first, mart), strict=True):
            for value, other in zip(row, expected, strict=True):
                compared += 1
                assert (value is None) == (other is None), mart
                if value is not None:
                    assert math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9), mart
    assert compared > 100


def _new_home(folder: Path, first: Night) -> Path:
    """An empty home with the key of the first one: without it, the same person has another name."""
    (folder / "home" / "vault").mkdir(parents=True, mode=0o700)
    key = shutil.copy2(first.home / "vault" / "key", folder / "home" / "vault" / "key")
    Path(key).chmod(0o600)
    return folder / "home"


def _night(folder: Path, exports: Path, first: Night) -> Night:
    home = _new_home(folder, first)
    done = run_night(home, exports)
    assert done.returncode == 0, done.stdout + done.stderr
    return Night(Company(exports), home, done)


def test_the_same_deliveries_in_a_fresh_home_give_the_same_marts(
    night: Night, tmp_path: Path
) -> None:
    _assert_same_marts(_night(tmp_path, night.company.exports, night), night)


def test_every_file_twice_under_another_name_gives_the_same_marts(
    night: Night, tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    shutil.copytree(night.company.exports, exports)
    files = sorted(exports.glob("*/*"))
    for path in files:
        stem, dot, ending = path.name.partition(".")
        shutil.copyfile(path, path.with_name(f"{stem} (2){dot}{ending}"))
    twice = _night(tmp_path, exports, night)
    assert len(files) > 300
    assert twice.one("select count(*) from pipeline_ledger") == 2 * len(files)
    _assert_same_marts(twice, night)


def test_appended_files_in_pieces_give_the_same_marts(night: Night, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    shutil.copytree(night.company.exports, exports)
    pieces = sum(
        _split(path)
        for pattern in ("pesanan_*.csv", "samtykker_*.csv")
        for path in sorted(exports.glob(f"back_office/{pattern}"))
    )
    assert pieces > 10
    _assert_same_marts(_night(tmp_path, exports, night), night)


def _split(path: Path) -> int:
    """Cut a file without line breaks in fields into two that differ; returns the pieces."""
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    half = len(lines) // 2
    if not half or lines[:half] == lines[half:]:
        return 0
    for number, part in enumerate((lines[:half], lines[half:]), 1):
        piece = path.with_name(f"{path.stem}_part{number}{path.suffix}")
        piece.write_text(header + "".join(part), encoding="utf-8")
    path.unlink()
    return 2


def test_deliveries_in_any_order_over_several_nights_give_the_same_marts(
    night: Night, tmp_path: Path
) -> None:
    delivered, exports = night.company.exports, tmp_path / "exports"
    files = sorted(path.relative_to(delivered) for path in delivered.glob("*/*"))
    draws = random.Random(SEED)  # noqa: S311 -- the same order every time
    # Without exchange rates no night may be published, and where malformed rows are all that an
    # object receives in a night its gate closes: these come first; all others come as they come.
    malformed = {row["file"] for row in night.company.truth_rows("quarantine.csv")}
    files.sort(
        key=lambda path: (
            not path.name.startswith("valutakurser") and path.as_posix() not in malformed,
            draws.random(),
        )
    )
    for folder in {path.parent for path in files}:
        (exports / folder).mkdir(parents=True)
    home = _new_home(tmp_path, night)
    shutil.copyfile(delivered / "rapport.yml", home / "rapport.yml")
    third = len(files) // 3
    for part, command in (
        (files[:third], "run"),
        (files[third : 2 * third], "ingest"),
        (files[2 * third :], "run"),
    ):
        for path in part:
            shutil.copyfile(delivered / path, exports / path)
        done = rapport(command, "--home", home, "--exports", exports)
        assert done.returncode == 0, done.stdout + done.stderr
    last = Night(Company(exports), home, done)
    assert last.manifest["release"] == 2
    assert len(last.ask("select distinct received_at from pipeline_ledger")) > 2
    _assert_same_marts(last, night)


# --- killed nights ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """When to kill: some time, drawn up to ``seconds``, after ``dag`` has started ``task``."""

    dag: str
    task: str
    seconds: float


# In the order of the night. The times are what the tasks take on a quiet machine.
MOMENTS = (
    Moment("ingest_hubspot", "ingest_source", 1.0),
    Moment("ingest_ga4", "ingest_source", 1.5),
    Moment("ingest_back_office", "ingest_source", 1.0),
    Moment("build_marts", "load_raw", 1.0),
    Moment("build_marts", "validate_raw", 2.0),
    Moment("build_marts", "run_dbt_staging", 5.0),
    Moment("build_marts", "run_dbt_facts", 6.0),
    Moment("build_marts", "run_dbt_marts", 6.0),
    Moment("build_marts", "validate_marts", 2.0),
    Moment("publish_marts", "publish", 0.3),
    Moment("publish_marts", "publish", 0.8),
)


@dataclass(frozen=True)
class Killed:
    """What was left of a killed night."""

    moment: Moment
    exit_code: int
    current: str
    ledger: str


@pytest.fixture(scope="module")
def killed(night: Night, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Killed], Night]:
    """Nights on one home, each killed somewhat later than the one before; then one to its end."""
    home = _new_home(tmp_path_factory.mktemp("killed"), night)
    draws = random.Random(SEED)  # noqa: S311 -- the same moments every time
    left = [
        _kill(home, night.company.exports, moment, draws.uniform(0, moment.seconds))
        for moment in MOMENTS
    ]
    done = run_night(home, night.company.exports)
    return left, Night(night.company, home, done)


def _kill(home: Path, exports: Path, moment: Moment, delay: float) -> Killed:
    known = set(_logs(home))
    process = rapport_process("run", "--home", home, "--exports", exports)
    try:
        for _ in _ticks(process):
            if any(_has_started(path, moment) for path in set(_logs(home)) - known):
                break
        time.sleep(delay)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    pointer = home / "published" / "CURRENT"
    return Killed(
        moment,
        process.returncode,
        pointer.read_text().strip() if pointer.exists() else "",
        _integrity(home / "ledger.sqlite"),
    )


def _ticks(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Until the process ends or patience does; either fails the test that waits for something."""
    until = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < until:
        yield
        time.sleep(0.01)
    pytest.fail(f"the night ended with {process.poll()} before its moment came")


def _logs(home: Path) -> list[Path]:
    return sorted((home / "airflow" / "logs").glob("run-*.log"))


def _has_started(log: Path, moment: Moment) -> bool:
    text = log.read_text(encoding="utf-8", errors="replace")
    return f"running task <TaskInstance: {moment.dag}.{moment.task} " in text


def _integrity(database: Path) -> str:
    if not database.exists():
        return "ok"
    with sqlite3.connect(database) as connection:
        (found,) = connection.execute("pragma integrity_check").fetchone()
    connection.close()
    return str(found)


def test_every_kill_hit_a_running_night(killed: tuple[list[Killed], Night]) -> None:
    left, _ = killed
    assert len(left) == len(MOMENTS) >= 8
    assert {item.exit_code for item in left} == {-signal.SIGKILL}


def test_readers_never_see_half_a_release(killed: tuple[list[Killed], Night]) -> None:
    left, night = killed
    for item in left:
        may_be_there = item.moment.task == "publish"
        assert item.current in ({"", "releases/000001"} if may_be_there else {""}), item
        assert item.ledger == "ok"
    for release in (night.home / "published" / "releases").iterdir():
        verify(release)


def test_a_night_killed_anywhere_and_run_again_gives_the_same_marts(
    killed: tuple[list[Killed], Night], night: Night
) -> None:
    _, finished = killed
    assert finished.done.returncode == 0, finished.done.stdout + finished.done.stderr
    _assert_same_marts(finished, night)
    assert finished.one("select count(*) from pipeline_ledger") == night.one(
        "select count(*) from pipeline_ledger"
    )


def test_killed_nights_leave_no_junk(killed: tuple[list[Killed], Night], night: Night) -> None:
    _, finished = killed
    for folder in ("_staging", "published/_staging"):
        assert list((finished.home / folder).iterdir()) == []
    for layer in ("landing", "raw", "quarantine", "vault", "gates"):
        found, expected = (
            {path.relative_to(home) for path in (home / layer).rglob("*") if path.is_file()}
            for home in (finished.home, night.home)
        )
        assert found == expected
    unfinished = [
        path for path in finished.home.rglob("*") if path.suffix in (".partial", ".draft", ".tmp")
    ]
    assert unfinished == []

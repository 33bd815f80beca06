"""Readers who resolve `current` once never see an error, nor two releases at once."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import duckdb
import pytest
from small_warehouse import AS_OF, build, release_inputs

from publishing import manifest as manifests
from publishing import pointer
from publishing.release import publish

READERS = 2
# Several reads fall into every publish, which takes a third of a second; without a pause the
# readers would take the processor from it.
PAUSE_SECONDS = 0.05
MARTS = ("interactions", "sessions", "orders", "kpis_daily")


def read_once(home: Path) -> tuple[int, set[int], set[dt.date]]:
    """The release a reader resolves, and the generations and days found in all of its marts."""
    folder = (home / "published" / pointer.LINK).resolve(strict=True)
    manifest = manifests.read(folder)
    generations, days = set(), set()
    with duckdb.connect(
        folder / "marts.duckdb", read_only=True, config={"threads": 1}
    ) as connection:
        for mart in MARTS:
            files = [str(path) for path in (folder / "marts").rglob(f"*{mart}*.parquet")]
            rows = connection.execute(
                f"select max(generation), max(as_of), count(*) from {mart} union all"
                f" select max(generation), max(as_of), count(*)"
                f" from read_parquet({files}, hive_partitioning = true)"
            ).fetchall()
            generations |= {generation for generation, _, _ in rows}
            days |= {day for _, day, _ in rows}
            entry = manifest.mart(mart)
            assert entry is not None
            assert [count for _, _, count in rows] == [entry.rows] * 2
    return manifest.release, generations, days


@pytest.mark.parametrize("publishes", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_readers_never_see_a_mixed_release_while_others_are_published(
    tmp_path: Path, publishes: int
) -> None:
    build(tmp_path, generation=1)
    publish(tmp_path, release_inputs("1"))
    seen: list[tuple[int, set[int], set[dt.date]]] = []
    errors: list[BaseException] = []
    is_over = threading.Event()

    def read_all_the_time() -> None:
        try:
            while not is_over.wait(PAUSE_SECONDS):
                seen.append(read_once(tmp_path))
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read_all_the_time) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for number in range(2, publishes + 2):
        as_of = AS_OF + dt.timedelta(days=number - 1)
        build(tmp_path, generation=number, as_of=as_of)
        publish(tmp_path, release_inputs(str(number), as_of=as_of))
    is_over.set()
    for reader in readers:
        reader.join()
    seen.append(read_once(tmp_path))

    assert errors == []
    assert seen[-1][0] == publishes + 1
    assert len({release for release, _, _ in seen}) > publishes / 5
    for release, generations, days in seen:
        assert generations == {release}
        assert days == {AS_OF + dt.timedelta(days=release - 1)}

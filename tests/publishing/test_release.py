"""Publish: a whole release of exactly the marts, or none and the reason."""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from small_warehouse import AS_OF, CREATED_AT, INTERACTIONS, build, gates, release_inputs

from publishing import pointer
from publishing.manifest import GateOutcome, verify
from publishing.refusal import PublishFailed, PublishRefused
from publishing.release import FailedSource, content_hashes, publish

NEXT_DAY = AS_OF + dt.timedelta(days=1)
MARTS = ["interactions", "kpis_daily", "orders", "sessions"]


def change(home: Path, *statements: str) -> None:
    with duckdb.connect(home / "warehouse.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def files_of(folder: Path, mart: str) -> dict[str, Path]:
    """Parquet files of a partitioned mart by the folder of their month."""
    return {path.parts[-3]: path for path in (folder / "marts" / mart).rglob("*.parquet")}


def test_the_release_holds_every_row_of_every_mart(tmp_path: Path) -> None:
    warehouse = build(tmp_path)
    release = publish(tmp_path, release_inputs("a"))
    with duckdb.connect(warehouse, read_only=True) as connection:
        expected = content_hashes(connection, MARTS)
    with duckdb.connect(release.folder / "marts.duckdb", read_only=True) as connection:
        assert content_hashes(connection, MARTS, "main") == expected
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        for mart in MARTS:
            entry = release.manifest.mart(mart)
            assert entry is not None
            files = [str(release.folder / file.path) for file in entry.files]
            names = ", ".join(column.name for column in entry.columns)
            connection.execute(
                f"create view marts.{mart} as select {names}"
                f" from read_parquet({files}, hive_partitioning = true)"
            )
            assert entry.content_hash == expected[mart]
        assert content_hashes(connection, MARTS) == expected


def test_months_are_folders_and_a_row_without_a_time_is_kept(tmp_path: Path) -> None:
    build(tmp_path)
    files = files_of(publish(tmp_path, release_inputs("a")).folder, "interactions")
    rows = {month: pq.read_metadata(path).num_rows for month, path in files.items()}
    assert rows == {
        "month=2026-04": 1,
        "month=2026-05": 2,
        "month=2026-06": 2,
        "month=__HIVE_DEFAULT_PARTITION__": 1,
    }
    lost = pq.read_table(files["month=__HIVE_DEFAULT_PARTITION__"], partitioning=None)
    assert lost["interaction_id"].to_pylist() == ["i5"]


def test_the_schema_is_that_of_the_mart_and_month_only_a_folder(tmp_path: Path) -> None:
    warehouse = build(tmp_path)
    folder = publish(tmp_path, release_inputs("a")).folder
    with duckdb.connect(warehouse, read_only=True) as connection:
        expected = {m: connection.execute(f"describe marts.{m}").fetchall() for m in MARTS}
    with duckdb.connect(folder / "marts.duckdb", read_only=True) as connection:
        found = {m: connection.execute(f"describe {m}").fetchall() for m in MARTS}
    assert found == expected
    for path in files_of(folder, "interactions").values():
        inside = pq.read_schema(path).names
        assert "month" not in inside
        assert "as_of" not in inside


def test_unchanged_months_are_hard_links_although_the_day_moved_on(tmp_path: Path) -> None:
    build(tmp_path, generation=1)
    first = publish(tmp_path, release_inputs("a"))
    build(tmp_path, as_of=NEXT_DAY, generation=2)
    second = publish(tmp_path, release_inputs("b", as_of=NEXT_DAY))
    before = files_of(first.folder, "interactions")
    after = files_of(second.folder, "interactions")
    shared = {month for month in before if after[month].samefile(before[month])}
    assert shared == {"month=2026-04", "month=2026-05", "month=__HIVE_DEFAULT_PARTITION__"}
    with duckdb.connect(second.folder / "marts.duckdb", read_only=True) as connection:
        days = connection.execute("select distinct as_of from interactions").fetchall()
    assert days == [(NEXT_DAY,)]
    entry = second.manifest.mart("interactions")
    assert entry is not None
    assert {file.month: file.written_by_release for file in entry.files} == {
        "2026-04": 1,
        "2026-05": 1,
        "2026-06": 2,
        None: 1,
    }


def test_a_changed_float_or_type_is_a_changed_month(tmp_path: Path) -> None:
    build(tmp_path)
    first = publish(tmp_path, release_inputs("a"))
    change(tmp_path, "update marts.interactions set score_points = 0.4 where interaction_id = 'i1'")
    second = publish(tmp_path, release_inputs("b"))
    change(tmp_path, "alter table marts.interactions alter generation type integer")
    third = publish(tmp_path, release_inputs("c"))
    files = [files_of(one.folder, "interactions") for one in (first, second, third)]
    assert not files[1]["month=2026-04"].samefile(files[0]["month=2026-04"])
    assert files[1]["month=2026-05"].samefile(files[0]["month=2026-05"])
    assert not any(files[2][month].samefile(files[1][month]) for month in files[1])
    changed = {mart.name: mart.is_changed for mart in second.manifest.marts}
    assert changed == {
        "interactions": True,
        "kpis_daily": False,
        "orders": False,
        "restatements": False,
        "sessions": False,
    }


def test_a_damaged_month_is_not_handed_on(tmp_path: Path) -> None:
    build(tmp_path)
    first = publish(tmp_path, release_inputs("a"))
    damaged = files_of(first.folder, "interactions")["month=2026-05"]
    damaged.chmod(0o644)
    content = bytearray(damaged.read_bytes())
    content[20] ^= 1
    damaged.write_bytes(bytes(content))
    second = publish(tmp_path, release_inputs("b"))
    assert verify(second.folder).release == 2
    assert not files_of(second.folder, "interactions")["month=2026-05"].samefile(damaged)
    assert ["month=2026-05" in note for note in second.manifest.notes] == [True]


def test_without_hard_links_an_unchanged_month_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path)
    first = publish(tmp_path, release_inputs("a"))

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    second = publish(tmp_path, release_inputs("b"))
    before, after = (files_of(one.folder, "sessions") for one in (first, second))
    assert {month: path.read_bytes() for month, path in before.items()} == {
        month: path.read_bytes() for month, path in after.items()
    }
    assert not any(path.samefile(before[month]) for month, path in after.items())
    assert verify(second.folder).release == 2


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    sums = []
    for name, order in (("one", "asc"), ("two", "desc")):
        home = tmp_path / name
        build(home)
        change(
            home,
            "create table marts.long_list as select 'c' || hash(i) as customer_id, i % 7 as n,"
            f" date '{AS_OF}' as as_of from range(300000) as r (i) order by i {order}",
        )
        manifest = publish(home, release_inputs("a")).manifest
        sums.append({file.path: file.sha256 for mart in manifest.marts for file in mart.files})
    assert len(sums[0]) > len(MARTS)
    assert sums[0] == sums[1]


def test_parquet_is_zstd_with_page_checksums_and_read_only(tmp_path: Path) -> None:
    build(tmp_path)
    folder = publish(tmp_path, release_inputs("a")).folder
    path = folder / "marts" / "orders.parquet"
    column = pq.read_metadata(path).row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert pq.read_table(path, page_checksum_verification=True).num_rows == 3
    modes = {file.stat().st_mode & 0o777 for file in folder.rglob("*") if file.is_file()}
    assert modes == {0o444}


def test_the_database_opens_read_only_in_another_process(tmp_path: Path) -> None:
    home = tmp_path / "o'neill & sons"
    build(home)
    folder = publish(home, release_inputs("a")).folder
    query = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
        "print(c.execute('select count(*), count(occurred_at) from interactions').fetchall(),"
        " c.execute('select tags from duckdb_databases() where path is not null').fetchall())"
    )
    said = subprocess.run(
        [sys.executable, "-c", query, folder / "marts.duckdb"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    ).stdout
    assert "[(6, 5)]" in said
    assert "v1.4.0" in said


def test_a_moved_release_is_read_where_the_variable_says(tmp_path: Path) -> None:
    build(tmp_path / "home")
    folder = publish(tmp_path / "home", release_inputs("a")).folder
    moved = tmp_path / "mounted"
    shutil.copytree(folder, moved)
    shutil.rmtree(tmp_path / "home")
    with duckdb.connect(moved / "marts.duckdb", read_only=True) as connection:
        with pytest.raises(duckdb.IOException):
            connection.execute("select count(*) from interactions")
        connection.execute(f"set variable rapport_release = '{moved}'")
        assert connection.execute("select count(*) from interactions").fetchall() == [(6,)]


def test_an_empty_large_fact_is_still_a_mart(tmp_path: Path) -> None:
    build(tmp_path)
    change(tmp_path, "delete from marts.sessions")
    folder = publish(tmp_path, release_inputs("a")).folder
    assert len(files_of(folder, "sessions")) == 1
    with duckdb.connect(folder / "marts.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from sessions").fetchall() == [(0,)]


def test_the_manifest_says_where_the_numbers_come_from(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    build(tmp_path, generation=2)
    change(tmp_path, "delete from marts.orders where order_id = 'o3'")
    release = publish(tmp_path, release_inputs("b"))
    said = json.loads((release.folder / "manifest.json").read_text())
    assert said["release"] == 2
    assert said["previous_release"] == 1
    assert said["as_of"] == "2026-06-30"
    assert said["created_at"] == CREATED_AT.isoformat()
    assert said["code_version"] == "0123abc"
    assert said["inputs"][0]["sha256"] == "ab" * 32
    assert [gate["gate"] for gate in said["gates"]] == ["raw", "staging", "marts"]
    marts = {mart["name"]: mart for mart in said["marts"]}
    assert (marts["orders"]["rows_before"], marts["orders"]["rows"]) == (3, 2)
    assert marts["interactions"]["data_through"] == {"column": "occurred_at", "date": "2026-06-20"}
    assert {"name": "net_amount", "type": "DECIMAL(18,4)"} in marts["orders"]["columns"]
    assert marts["interactions"]["rows"] == len(INTERACTIONS) + 1


def test_nothing_new_publishes_nothing(tmp_path: Path) -> None:
    build(tmp_path)
    first = publish(tmp_path, release_inputs("a"))
    again = publish(tmp_path, release_inputs("a"))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.number == 1
    assert pointer.release_numbers(tmp_path / "published") == [1]


def test_what_was_rolled_back_does_not_come_back_by_itself(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    build(tmp_path, generation=2)
    publish(tmp_path, release_inputs("b"))
    pointer.rollback(tmp_path, now=CREATED_AT, reason="prices in cents")
    assert pointer.is_current(tmp_path, "b")
    with pytest.raises(PublishRefused, match=r"release 2 .*prices in cents"):
        publish(tmp_path, release_inputs("b"))
    assert pointer.rollback(tmp_path, 2, now=CREATED_AT).number == 2
    assert not publish(tmp_path, release_inputs("b")).is_new


def test_a_number_is_never_used_twice(tmp_path: Path) -> None:
    build(tmp_path)
    for fingerprint in "ab":
        publish(tmp_path, release_inputs(fingerprint))
    pointer.rollback(tmp_path, now=CREATED_AT)
    shutil.rmtree(tmp_path / "published" / "releases" / "000002")
    third = publish(tmp_path, release_inputs("c"))
    assert third.number == 3
    assert third.manifest.previous_release == 1


CLOSED = GateOutcome(
    "marts", False, ({"table": "orders", "expectation": "row_count", "success": False},)
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gates": (*gates()[:2], CLOSED)}, r"gate marts is closed.*row_count"),
        ({"gates": gates()[:2]}, r"no report from the gates \['marts'\]"),
        ({"gates": (*gates()[:2], GateOutcome("marts", True, ()))}, "marts checked nothing"),
        (
            {"failed_required_sources": (FailedSource("shopify_no", "no delivery since Monday"),)},
            "shopify_no: no delivery since Monday",
        ),
        ({"as_of": NEXT_DAY}, r"as_of 2026-06-30, but the release is of 2026-07-01"),
    ],
)
def test_a_release_that_must_not_be_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    with pytest.raises(PublishRefused, match=said) as refused:
        publish(tmp_path, dataclasses.replace(release_inputs("b"), **changes))
    assert refused.value.next_step
    must_be_untouched(tmp_path)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table marts.orders drop as_of", "orders has no column as_of"),
        ("create table marts.orders__dbt_backup as from marts.orders", "orders__dbt_backup"),
        ('create table marts."../../x" as from marts.orders', "no marts"),
        ("alter table marts.sessions rename started_at to month", "needs a timestamp started_at"),
        ("create table marts.restatements as from marts.orders", "publishing writes that mart"),
        ("drop schema marts cascade", "no table in the schema marts"),
    ],
)
def test_a_schema_that_is_no_set_of_marts_is_refused(
    tmp_path: Path, statement: str, said: str
) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    change(tmp_path, statement)
    with pytest.raises(PublishRefused, match=said):
        publish(tmp_path, release_inputs("b"))
    must_be_untouched(tmp_path)


def must_be_untouched(home: Path) -> None:
    """Readers see release 1, whole, and nothing unfinished is left."""
    shown = pointer.current(home)
    assert shown is not None
    assert shown.number == 1
    assert verify(shown.folder).release == 1
    assert pointer.release_numbers(home / "published") == [1]
    assert list((home / "published" / "_staging").iterdir()) == []


def test_hostile_column_names_stay_names(tmp_path: Path) -> None:
    build(tmp_path)
    change(tmp_path, """alter table marts.orders add column "a""; drop table x; --'" text""")
    folder = publish(tmp_path, release_inputs("a")).folder
    assert "a\"; drop table x; --'" in pq.read_schema(folder / "marts" / "orders.parquet").names
    with duckdb.connect(folder / "marts.duckdb", read_only=True) as connection:
        assert len(connection.execute("from orders").fetchall()) == 3


def test_without_a_warehouse_the_next_step_is_to_build(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="run `rapport build` first"):
        publish(tmp_path, release_inputs("a"))


def test_too_little_space_is_found_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(PublishRefused, match="100,000 bytes free"):
        publish(tmp_path, release_inputs("b"))
    must_be_untouched(tmp_path)


def hold_open(path: Path, is_open: Event, may_close: Event) -> None:
    with duckdb.connect(path):
        is_open.set()
        may_close.wait(30)


def test_a_warehouse_that_is_being_written_is_not_published(tmp_path: Path) -> None:
    warehouse = build(tmp_path)
    spawn = multiprocessing.get_context("spawn")
    is_open, may_close = spawn.Event(), spawn.Event()
    writer = spawn.Process(target=hold_open, args=(warehouse, is_open, may_close))
    writer.start()
    try:
        assert is_open.wait(30)
        with pytest.raises(PublishRefused, match="cannot be opened for reading"):
            publish(tmp_path, release_inputs("a"))
    finally:
        may_close.set()
        writer.join()
    assert publish(tmp_path, release_inputs("a")).number == 1


def test_two_publishers_at_once_are_one_and_a_refusal(tmp_path: Path) -> None:
    build(tmp_path)
    published = pointer.published_folder(tmp_path)
    with (
        pointer.only_writer(published),
        pytest.raises(PublishRefused, match="another publish, rollback or prune"),
    ):
        publish(tmp_path, release_inputs("a"))
    assert publish(tmp_path, release_inputs("a")).number == 1


@pytest.mark.parametrize("limit", [0, 1_000, 3_000, 100_000])
def test_a_full_disk_leaves_the_old_release_and_no_rest(tmp_path: Path, limit: int) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    build(tmp_path, generation=2)
    script = Path(__file__).with_name("publish_with_file_limit.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path, str(limit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 1
    assert "PublishFailed: publishing broke off" in done.stderr
    assert "File too large" in done.stderr
    must_be_untouched(tmp_path)
    assert publish(tmp_path, release_inputs("b")).number == 2


def test_a_disk_that_fills_while_copying_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublishFailed, match="No space left on device"):
        publish(tmp_path, release_inputs("b"))
    must_be_untouched(tmp_path)

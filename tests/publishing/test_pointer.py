"""Which release readers see: listed, rolled back, pruned, and never half."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import duckdb
import pytest
from small_warehouse import AS_OF, CREATED_AT, build, release_inputs

from publishing import pointer
from publishing.manifest import verify
from publishing.refusal import ReleaseError, RollbackRefused
from publishing.release import publish

NOW = CREATED_AT + dt.timedelta(hours=5)


def publish_generations(home: Path, count: int) -> None:
    for generation in range(1, count + 1):
        build(home, generation=generation)
        publish(home, release_inputs(f"f{generation}"))


def shown(home: Path) -> tuple[str, str]:
    """What the link and the one-line file say."""
    published = home / "published"
    return str((published / "current").readlink()), (published / "CURRENT").read_text()


def test_releases_are_listed_with_the_one_readers_see(tmp_path: Path) -> None:
    assert pointer.releases(tmp_path) == []
    publish_generations(tmp_path, 2)
    first, second = pointer.releases(tmp_path)
    assert (first.number, first.is_current, second.is_current) == (1, False, True)
    assert (second.as_of, second.created_at) == (AS_OF, CREATED_AT)
    assert second.rows == 6 + 4 + 3 + 1
    assert shown(tmp_path) == ("releases/000002", "releases/000002\n")


def test_rollback_is_one_call_under_a_second_and_recorded(tmp_path: Path) -> None:
    publish_generations(tmp_path, 3)
    started = time.monotonic()
    release = pointer.rollback(tmp_path, now=NOW, reason="wrong currency")
    assert time.monotonic() - started < 1
    assert release.number == 2
    assert shown(tmp_path) == ("releases/000002", "releases/000002\n")
    pointer.rollback(tmp_path, 1, now=NOW)
    (line, second) = (tmp_path / "published" / "rollbacks.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "rolled_back_at": NOW.isoformat(),
        "from_release": 3,
        "to_release": 2,
        "from_fingerprint": "f3",
        "reason": "wrong currency",
    }
    assert json.loads(second)["to_release"] == 1
    assert [one.to_release for one in pointer.rollbacks(tmp_path / "published")] == [2, 1]


def test_rollback_goes_to_what_readers_saw_before_not_to_what_was_withdrawn(
    tmp_path: Path,
) -> None:
    publish_generations(tmp_path, 2)
    pointer.rollback(tmp_path, now=NOW)
    publish(tmp_path, release_inputs("f3"))
    assert pointer.rollback(tmp_path, now=NOW).number == 1


def test_a_damaged_release_is_no_target(tmp_path: Path) -> None:
    publish_generations(tmp_path, 2)
    orders = tmp_path / "published" / "releases" / "000001" / "marts" / "orders.parquet"
    orders.chmod(0o644)
    orders.write_bytes(orders.read_bytes()[:-1] + b"x")
    with pytest.raises(RollbackRefused, match=r"orders.parquet has another sha256"):
        pointer.rollback(tmp_path, now=NOW)
    assert shown(tmp_path) == ("releases/000002", "releases/000002\n")
    assert pointer.rollbacks(tmp_path / "published") == []


@pytest.mark.parametrize(
    ("number", "said"), [(7, "no release 7"), (1, "already current"), (None, "no earlier release")]
)
def test_a_target_that_makes_no_sense_is_refused(
    tmp_path: Path, number: int | None, said: str
) -> None:
    publish_generations(tmp_path, 1)
    with pytest.raises(RollbackRefused, match=said):
        pointer.rollback(tmp_path, number, now=NOW)


def test_before_the_first_release_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    with pytest.raises(RollbackRefused, match="nothing is published yet"):
        pointer.rollback(tmp_path, now=NOW)


def test_prune_keeps_the_last_and_the_current_whole(tmp_path: Path) -> None:
    publish_generations(tmp_path, 5)
    pointer.rollback(tmp_path, 2, now=NOW)
    assert pointer.prune(tmp_path, 2) == [1, 3]
    published = tmp_path / "published"
    assert pointer.release_numbers(published) == [2, 4, 5]
    # Release 5 shares April and May with the releases that went.
    for number in (2, 4, 5):
        folder = pointer.release_folder(published, number)
        assert verify(folder).release == number
        with duckdb.connect(folder / "marts.duckdb", read_only=True) as connection:
            assert connection.execute("select count(*) from interactions").fetchall() == [(6,)]
    assert pointer.prune(tmp_path, 2) == []
    assert list((published / "_staging").iterdir()) == []


def test_prune_cannot_keep_nothing(tmp_path: Path) -> None:
    publish_generations(tmp_path, 1)
    with pytest.raises(ReleaseError, match="cannot keep 0 releases"):
        pointer.prune(tmp_path, 0)
    assert pointer.release_numbers(tmp_path / "published") == [1]


def test_is_current_tells_whether_there_is_anything_new(tmp_path: Path) -> None:
    assert not pointer.is_current(tmp_path, "f1")
    publish_generations(tmp_path, 1)
    assert pointer.is_current(tmp_path, "f1")
    assert not pointer.is_current(tmp_path, "f2")


def test_a_one_line_file_left_behind_is_mended_by_the_next_publish(tmp_path: Path) -> None:
    publish_generations(tmp_path, 2)
    (tmp_path / "published" / "CURRENT").write_text("releases/000001\n")
    assert not pointer.is_current(tmp_path, "f2")
    assert not publish(tmp_path, release_inputs("f2")).is_new
    assert shown(tmp_path) == ("releases/000002", "releases/000002\n")

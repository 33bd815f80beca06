"""The history of scores: as published, the last of each week, then of each month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from publishing.content import literal
from publishing.score_history import KEPT, SCORE_HISTORY, score_history

FIRST = dt.date(2026, 1, 1)
Rows = list[tuple[Any, ...]]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def _night(
    connection: duckdb.DuckDBPyConnection,
    releases: Path,
    release: int,
    as_of: dt.date,
    scores: dict[str, int | None],
) -> Rows:
    """Publish the history of one release, and give its customers, days, scores and releases."""
    columns = dict.fromkeys(KEPT, "varchar") | {"score": "decimal(9, 6)"}
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"create or replace temp table tonight ({typed}, as_of date)")
    connection.executemany(
        "insert into tonight (customer_id, score, as_of) values (?, ?, ?)",
        [(customer, score, as_of) for customer, score in scores.items()],
    )
    before = releases / str(release - 1) if release > 1 else None
    relation, notes = score_history(connection, "tonight", before, release=release, as_of=as_of)
    assert notes == []
    folder = releases / str(release) / "marts"
    folder.mkdir(parents=True)
    connection.execute(f"copy {relation} to {literal(str(folder / f'{SCORE_HISTORY}.parquet'))}")
    return connection.execute(
        f"select customer_id, scored_on, score::int, published_in from {relation} "
        "order by customer_id, scored_on"
    ).fetchall()


def test_weeks_become_months_after_thirteen_weeks(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    days = [FIRST + dt.timedelta(days=number) for number in range(0, 200, 3)]
    for number, day in enumerate(days, start=1):
        found = _night(connection, tmp_path, number, day, {"c1": number})
    monday = days[-1] - dt.timedelta(days=days[-1].weekday())
    oldest_week = monday - dt.timedelta(weeks=12)
    last = {
        (day.year, day.month, day.isocalendar().week if day >= oldest_week else None): day
        for day in days
    }
    expected = sorted(last.values())
    assert [day for _, day, _, _ in found] == expected
    assert len(expected) == 4 + 13 + 2  # months, weeks, and weeks that two months share
    assert all(score == (day - FIRST).days // 3 + 1 for _, day, score, _ in found)


def test_a_score_stays_as_it_was_published(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    week = dt.timedelta(weeks=1)
    _night(connection, tmp_path, 1, FIRST, {"c1": 10, "merged": 20})
    found = _night(connection, tmp_path, 2, FIRST + week, {"c1": 30, "silent": None})
    assert found == [
        ("c1", FIRST, 10, 1),
        ("c1", FIRST + week, 30, 2),
        ("merged", FIRST, 20, 1),
    ]


def test_of_two_releases_of_one_day_the_later_stands(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    _night(connection, tmp_path, 1, FIRST, {"c1": 10})
    assert _night(connection, tmp_path, 2, FIRST, {"c1": 11}) == [("c1", FIRST, 11, 2)]


def test_a_release_of_an_earlier_day_knows_nothing_of_later_ones(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    _night(connection, tmp_path, 1, FIRST + dt.timedelta(days=9), {"c1": 10})
    assert _night(connection, tmp_path, 2, FIRST, {"c1": 11}) == [("c1", FIRST, 11, 2)]


def test_a_history_of_another_form_begins_anew_and_says_so(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    _night(connection, tmp_path, 1, FIRST, {"c1": 10})
    path = tmp_path / "1" / "marts" / f"{SCORE_HISTORY}.parquet"
    path.unlink()
    connection.execute(f"copy (select 'c1' as customer_id) to {literal(str(path))}")
    _, notes = score_history(connection, "tonight", tmp_path / "1", release=2, as_of=FIRST)
    assert len(notes) == 1
    assert "lacks" in notes[0]
    assert "begins anew" in notes[0]

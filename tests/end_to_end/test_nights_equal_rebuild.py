"""Nights that rewrite only what changed end where a full rebuild ends: ``rapport audit`` is silent.

Whole nights, some ten minutes of them: ``make test-invariants``.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion import settings
from ingestion.ledger import open_ledger
from ingestion.warehouse import warehouse_path
from rapport import steps
from rapport.audit import audit
from tests.end_to_end.night import Company

pytestmark = pytest.mark.slow

NOW = datetime.fromisoformat("2026-11-22T03:00")
SEEDS = (1, 2)
NIGHTS = 3
# Trackers with counters that begin anew, and one that tells visits apart by silence alone.
TRACKER = """
reporting_currency: NOK
time_zone: UTC
sources:
  web:
    files:
      - contract: generic_web_events
        pattern: "*.csv"
        columns:
          {event_id: id, anonymous_id: who, session_id: visit, event_name: what, occurred_at: at}
"""
FIRST = datetime.fromisoformat("2026-01-01T00:00")


def _deliver(home: Path, company: Company, exports: Path, files: Sequence[Path]) -> None:
    for path in files:
        (exports / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(company.exports / path, exports / path)
    for source in settings.load(home).sources:
        if (exports / source.path).exists():
            steps.ingest_source(home, str(exports), source.name, NOW)


def _first_files(company: Company, seed: int) -> list[Path]:
    """All files in an order of chance, so that many come later than what follows them."""
    draws = random.Random(seed)  # noqa: S311 -- the same order every time
    files = sorted(path.relative_to(company.exports) for path in company.exports.glob("*/*"))
    # Without exchange rates no night may be published; everything else comes as it comes.
    return sorted(
        files, key=lambda path: (not path.name.startswith("valutakurser"), draws.random())
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_late_files_over_several_nights_give_what_a_full_rebuild_gives(
    seed: int, company: Company, tmp_path: Path
) -> None:
    home, exports = tmp_path / "home", tmp_path / "exports"
    home.mkdir()
    shutil.copyfile(company.exports / "rapport.yml", home / "rapport.yml")
    files = _first_files(company, seed)
    for night in range(NIGHTS):
        part = files[night * len(files) // NIGHTS : (night + 1) * len(files) // NIGHTS]
        _deliver(home, company, exports, part)
        steps.build_marts(home)
    assert _rewritten(home) > 0
    assert audit(home) == []
    _reject_a_delivery(home)
    steps.build_marts(home)
    assert audit(home) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_sessions_that_late_events_join_or_part_are_those_of_a_full_rebuild(
    seed: int, tmp_path: Path
) -> None:
    home, exports = tmp_path / "home", tmp_path / "exports"
    home.mkdir()
    (exports / "web").mkdir(parents=True)
    (home / "rapport.yml").write_text(TRACKER)
    draws = random.Random(seed)  # noqa: S311 -- the same order every time
    events = [_web_event(draws, number) for number in range(400)]
    for night in range(NIGHTS):
        path = exports / "web" / f"{night}.csv"
        rows = "".join(events[night * len(events) // NIGHTS : (night + 1) * len(events) // NIGHTS])
        path.write_text("id,who,visit,what,at\n" + rows)
        steps.ingest_source(home, str(exports), "web", NOW)
        steps.build_marts(home)
    assert _rewritten(home) > 0
    assert audit(home) == []
    with open_ledger(home) as ledger:
        ledger.set_status(ledger.deliveries()[1].delivery_id, "rejected", "taken out")
    steps.build_marts(home)
    assert audit(home) == []


def _web_event(draws: random.Random, number: int) -> str:
    """Of one of three users, whose visits are called 1 or 2 or nothing, some day of 300."""
    at = FIRST + timedelta(days=draws.randrange(300), minutes=20 * draws.randrange(72))
    return f"{number},{draws.choice('abc')},{draws.choice(['1', '2', ''])},page_view,{at}\n"


def _rewritten(home: Path) -> int:
    """How many touch points the last night rewrote: none would mean that it made all anew."""
    with duckdb.connect(str(warehouse_path(home)), read_only=True) as connection:
        row = connection.execute(
            "select count(*) from intermediate.int_touched_interactions"
        ).fetchone()
    return row[0] if row else 0


def _reject_a_delivery(home: Path) -> None:
    with open_ledger(home) as ledger:
        events = [
            item
            for item in ledger.deliveries()
            if item.object == "ga4_events" and item.status == "accepted" and item.rows_delivered
        ]
        ledger.set_status(events[len(events) // 2].delivery_id, "rejected", "taken out")

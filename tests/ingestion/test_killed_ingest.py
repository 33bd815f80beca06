"""Killed anywhere and run again is never killed."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ingestion.ledger import open_ledger
from tests.ingestion.company import ORDER_HEADER, SMALL_ORDERS, Company, order
from tests.ingestion.killed_ingest import ingest_until

# Every seventh side effect in make test; RAPPORT_KILL_STEP=1 takes all of them.
STEP = int(os.environ.get("RAPPORT_KILL_STEP", "7"))
FIRST = {
    "a.csv": [ORDER_HEADER, order(1), order(2, amount="bad")],
    "b_2026-05-14.csv.gz": [ORDER_HEADER, order(3), order(4)],
    "copy.csv": [ORDER_HEADER, order(1), order(2, amount="bad")],
}


def company_with(folder: Path, files: dict[str, list[str]]) -> Company:
    company = Company(folder, SMALL_ORDERS)
    for name, rows in files.items():
        path = company.deliver(name, rows)
        # The mark of a file is its time and place in the file system; the same in every copy of the company.
        os.utime(path, ns=(10**18, 10**18))
    return company


# Children are forked off a server that has imported everything and done nothing: 0.1 s instead of 1.5 s each.
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["tests.ingestion.killed_ingest"])


def child(folder: Path, fatal: int) -> int | None:
    """How an ingest in ``folder`` ended that was to be killed at side effect number ``fatal``."""
    process = CHILDREN.Process(target=ingest_until, args=(str(folder), fatal))
    process.start()
    process.join(120)
    return process.exitcode


def state(company: Company) -> dict[str, Any]:
    """Everything that readers can see: ledger, rows, and which files there are."""
    with open_ledger(company.home) as ledger:
        return {
            "deliveries": [dataclasses.asdict(item) for item in ledger.deliveries()],
            "amounts": list(ledger.amounts()),
            "notes": ledger.notes(),
            "runs": ledger.runs(),
            "seen": sorted(ledger.seen("shop")),
            "accepted": company.accepted(),
            "quarantined": company.reasons(),
            "files": sorted(
                str(path.relative_to(company.home))
                for folder in ("landing", "raw", "quarantine", "vault", "_staging")
                for path in (company.home / folder).rglob("*")
                if path.is_file()
            ),
        }


@pytest.mark.parametrize("what", ["first run", "changed mapping"])
def test_an_ingest_killed_anywhere_and_run_again_is_never_killed(what: str, tmp_path: Path) -> None:
    def prepared(name: str) -> Company:
        company = company_with(tmp_path / name, FIRST)
        if what == "changed mapping":
            company.entry = {"columns": {**SMALL_ORDERS["columns"], "channel": "note"}}
            company.ingest()
            company.entry = SMALL_ORDERS
        return company

    unharmed = prepared("unharmed")
    assert child(unharmed.folder, 0) == 0
    effects = int((unharmed.folder / "effects").read_text())
    assert effects > 80
    expected = state(unharmed)
    assert len(expected["deliveries"]) == 3
    assert not any(name.startswith("_staging") for name in expected["files"])

    for fatal in range(1, effects + 1, STEP):
        company = prepared(f"killed-{fatal}")
        assert child(company.folder, fatal) == -signal.SIGKILL, fatal
        company.ingest()
        assert state(company) == expected, f"killed at side effect {fatal} of {effects}"

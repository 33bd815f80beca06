"""The ledger: all of a commit or nothing, and the same for every reader."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.ledger import Amount, Delivery, Entry, Ledger, SeenFile, SourceRun, open_ledger

DELIVERY = Delivery(
    delivery_id="d1",
    source="shop",
    object="generic_orders",
    entry=0,
    file_name="a.csv",
    sha256="00",
    bytes=10,
    version_key="1a",
    arrival=1,
    reading="r1",
    received_at="2026-11-22T03:00:00",
    rows_in_file=3,
    rows_filtered=0,
    rows_delivered=3,
    rows_quarantined=1,
    data_from="2026-05-14",
    data_through=None,
    raw_sha256="11",
)
MONEY = Amount("NOK", "accepted", "", 2, Decimal("12345678901234.5678"))


def test_what_is_entered_is_what_is_read(tmp_path: Path) -> None:
    seen = SeenFile("a.csv", None, "mark", "r1")
    with open_ledger(tmp_path) as ledger:
        ledger.record("shop", [Entry(DELIVERY, (MONEY,), ("odd",))], [seen])
        ledger.record_run(SourceRun("shop", "2026-11-22", "done", ""))
    with open_ledger(tmp_path) as ledger:
        assert ledger.deliveries() == ledger.deliveries("shop") == [DELIVERY]
        assert ledger.deliveries("other") == []
        assert list(ledger.amounts()) == [("d1", MONEY)]
        assert ledger.notes() == {"d1": ["odd"]}
        assert ledger.seen("shop") == {"a.csv": seen}
        assert ledger.runs()["shop"].status == "done"


def test_a_commit_that_fails_enters_nothing(tmp_path: Path) -> None:
    broken = dataclasses.replace(DELIVERY, delivery_id="d2", status="lost")
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(Exception, match="CHECK constraint failed"):
            ledger.record("shop", [Entry(DELIVERY, (MONEY,)), Entry(broken)])
        assert ledger.deliveries() == []
        assert list(ledger.amounts()) == []
        ledger.record("shop", [Entry(DELIVERY)])
        assert ledger.deliveries() == [DELIVERY]


def test_a_new_reading_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    copy = dataclasses.replace(DELIVERY, delivery_id="c1", status="duplicate", duplicate_of="d1")
    anew = dataclasses.replace(DELIVERY, delivery_id="d2", reading="r2")
    with open_ledger(tmp_path) as ledger:
        ledger.record("shop", [Entry(DELIVERY, (MONEY,), ("odd",)), Entry(copy)])
        ledger.record("shop", [Entry(anew, replaces="d1")])
        assert {item.delivery_id: item.duplicate_of for item in ledger.deliveries()} == {
            "c1": "d2",
            "d2": None,
        }
        assert list(ledger.amounts()) == []
        assert ledger.notes() == {}
        assert ledger.replaced("shop") == [("generic_orders", "d1")]
        # Read by the first mapping again: its files are needed once more.
        ledger.record("shop", [Entry(DELIVERY, replaces="d2")])
        assert ledger.replaced("shop") == [("generic_orders", "d2")]
        ledger.forget_replaced("shop")
        assert ledger.replaced("shop") == []


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    for number, ledger in enumerate((first, second, first)):
        entry = Entry(dataclasses.replace(DELIVERY, delivery_id=str(number), sha256=str(number)))
        ledger.record("shop", [entry])
    assert [item.delivery_id for item in second.deliveries()] == ["0", "1", "2"]
    first.close()
    second.close()

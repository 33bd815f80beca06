"""Restatements say what changed in earlier numbers, by how much and why. Numbers by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from small_warehouse import AS_OF, build, release_inputs

from publishing.release import Release, publish

NEXT_DAY = AS_OF + dt.timedelta(days=1)
ORDER = (
    "insert into marts.orders by name select '{}' as order_id, '{}' as source,"
    " timestamp '{}' as ordered_at, 'NOK' as currency, {} as net_amount, 0 as refund_amount,"
    " true as is_counted, date '2026-07-01' as as_of"
)
KPI = (
    "insert into marts.kpis_daily by name select '{}' as metric, 'all' as segment,"
    " 'all' as channel, date '{}' as date, {} as value, date '2026-07-01' as as_of"
)

Row = tuple[str, Decimal | None, Decimal | None, Decimal, str]


def next_night(home: Path, fingerprint: str, *statements: str) -> Release:
    build(home, as_of=NEXT_DAY)
    with duckdb.connect(home / "warehouse.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)
    return publish(home, release_inputs(fingerprint, as_of=NEXT_DAY))


def restated(release: Release) -> list[Row]:
    rows = pq.read_table(release.folder / "marts" / "restatements.parquet").to_pylist()
    assert {row["as_of"] for row in rows} <= {release.manifest.as_of}
    return [
        (row["key_group"], row["before"], row["after"], row["change"], row["reason"])
        for row in rows
        if row["release"] == release.number
    ]


def test_the_first_release_restates_nothing(tmp_path: Path) -> None:
    build(tmp_path)
    assert restated(publish(tmp_path, release_inputs("a"))) == []


def test_the_same_orders_and_new_ones_are_no_restatement(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    release = next_night(
        tmp_path,
        "b",
        ORDER.format("o4", "shopify_no", "2026-06-30 10:00", 12),
        ORDER.format("w1", "web_shop", "2026-01-01 10:00", 5),
        KPI.format("aov", "2026-07-01", 60),
        KPI.format("nps", "2026-06-01", 33),
    )
    assert restated(release) == []


def test_late_refunded_removed_and_corrected_orders_are_told_apart(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    release = next_night(
        tmp_path,
        "b",
        ORDER.format("o0", "shopify_no", "2026-04-01 10:00", 7),
        "update marts.orders set net_amount = 90.10, refund_amount = 10 where order_id = 'o1'",
        "update marts.orders set net_amount = 40.05 where order_id = 'o2'",
        "delete from marts.orders where order_id = 'o3'",
    )
    place = "source=shopify_{}|currency={}|month={}|measure={}"
    assert restated(release) == [
        (
            place.format("id", "IDR", "2026-06", "net_amount"),
            Decimal(250000),
            Decimal(0),
            Decimal(-250000),
            "removed",
        ),
        (
            place.format("id", "IDR", "2026-06", "order_count"),
            Decimal(1),
            Decimal(0),
            Decimal(-1),
            "removed",
        ),
        (
            place.format("no", "NOK", "2026-04", "net_amount"),
            Decimal(0),
            Decimal(7),
            Decimal(7),
            "late data",
        ),
        (
            place.format("no", "NOK", "2026-04", "order_count"),
            Decimal(0),
            Decimal(1),
            Decimal(1),
            "late data",
        ),
        (
            place.format("no", "NOK", "2026-05", "net_amount"),
            Decimal("100.10"),
            Decimal("90.10"),
            Decimal(-10),
            "refund",
        ),
        (
            place.format("no", "NOK", "2026-06", "net_amount"),
            Decimal("50.05"),
            Decimal("40.05"),
            Decimal(-10),
            "correction",
        ),
    ]


def test_an_order_that_moves_to_another_month_changes_both(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    release = next_night(
        tmp_path,
        "b",
        "update marts.orders set ordered_at = timestamp '2026-03-31 23:00' where order_id = 'o1'",
    )
    changes = {group.split("month=")[1]: change for group, _, _, change, _ in restated(release)}
    assert changes == {
        "2026-03|measure=net_amount": Decimal("100.10"),
        "2026-03|measure=order_count": Decimal(1),
        "2026-05|measure=net_amount": Decimal("-100.10"),
        "2026-05|measure=order_count": Decimal(-1),
    }
    assert {reason for *_, reason in restated(release)} == {"correction"}


def test_a_kpi_that_says_something_else_of_an_earlier_day_is_restated(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    release = next_night(
        tmp_path,
        "b",
        "update marts.kpis_daily set value = 76",
        KPI.format("aov", "2026-06-04", 10),
    )
    key = "metric=aov|segment=all|channel=all|date=2026-06-0{}"
    assert restated(release) == [
        (key.format(4), None, Decimal(10), Decimal(10), "changed"),
        (key.format(5), Decimal("75.075"), Decimal(76), Decimal("0.925"), "changed"),
    ]


def test_a_float_that_moves_in_its_last_bits_is_not_restated(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    release = next_night(tmp_path, "b", "update marts.kpis_daily set value = value + 1e-12")
    assert restated(release) == []


def test_earlier_restatements_stay(tmp_path: Path) -> None:
    build(tmp_path)
    publish(tmp_path, release_inputs("a"))
    next_night(tmp_path, "b", "delete from marts.orders where order_id = 'o1'")
    release = next_night(tmp_path, "c")
    rows = pq.read_table(release.folder / "marts" / "restatements.parquet").to_pylist()
    assert sorted((row["release"], row["change"]) for row in rows) == [
        (2, Decimal("-100.10")),
        (2, Decimal(-1)),
        (3, Decimal(1)),
        (3, Decimal("100.10")),
    ]
    assert {row["as_of"] for row in rows} == {NEXT_DAY}


def test_a_release_that_cannot_be_compared_says_so(tmp_path: Path) -> None:
    build(tmp_path)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("alter table marts.orders drop refund_amount")
        connection.execute("drop table marts.kpis_daily")
    publish(tmp_path, release_inputs("a"))
    release = next_night(tmp_path, "b")
    assert restated(release) == []
    assert release.manifest.notes == (
        "orders of the earlier release lacks ['refund_amount']: no restatements",
        "kpis_daily is missing in the earlier release: no restatements",
    )

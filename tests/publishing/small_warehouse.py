"""A warehouse small enough to check by hand, and what `publish` is told about it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from publishing.manifest import GateOutcome, InputFile
from publishing.release import ReleaseInputs

AS_OF = dt.date(2026, 6, 30)
CREATED_AT = dt.datetime.fromisoformat("2026-07-01T03:00:00")  # naive UTC, as everywhere

# Four months of interactions, one of them "no month": a row without a time must not vanish.
INTERACTIONS = [
    ("i1", "hubspot", "c1", "2026-04-30 23:59:59.999999", "email"),
    ("i2", "hubspot", "c1", "2026-05-01 00:00:00", "email"),
    ("i3", "ga4", "c2", "2026-05-17 08:30:00", "web"),
    ("i4", "ga4", None, "2026-06-02 12:00:00", "web"),
    ("i5", "ga4", "c2", None, "web"),
]


def build(home: Path, *, as_of: dt.date = AS_OF, generation: int = 1) -> Path:
    """Write ``<home>/warehouse.duckdb`` anew; every mart says its `generation` in some rows."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute("create schema marts")
        connection.execute(
            """
            create table marts.interactions (
                interaction_id text, source text, customer_id text, occurred_at timestamp,
                channel text, score_points double, generation bigint, as_of date
            )
            """
        )
        connection.executemany(
            "insert into marts.interactions values (?, ?, ?, ?, ?, 1.0 / 3, 0, ?)",
            [(*row, as_of) for row in INTERACTIONS],
        )
        connection.execute(
            "insert into marts.interactions by name select 'new-' || $n as interaction_id,"
            " 'ga4' as source, timestamp '2026-06-20 10:00:00' as occurred_at, 'web' as channel,"
            " 0.5::double as score_points, $n::bigint as generation, $d::date as as_of",
            {"n": generation, "d": as_of},
        )
        connection.execute(
            """
            create table marts.sessions as
            select 's' || number as session_id, 'ga4' as source, 'c1' as customer_id,
                timestamp '2026-05-30' + number * interval 1 day as started_at,
                number as page_views, $n::bigint as generation, $d::date as as_of
            from range(4) as numbers (number)
            """,
            {"n": generation, "d": as_of},
        )
        connection.execute(
            """
            create table marts.orders as
            select *, $n::bigint as generation, $d::date as as_of
            from (values
                ('o1', 'shopify_no', timestamp '2026-05-03 09:00', 'NOK', 100.10::decimal(18, 4),
                    0::decimal(18, 4), true),
                ('o2', 'shopify_no', timestamp '2026-06-05 09:00', 'NOK', 50.05::decimal(18, 4),
                    0::decimal(18, 4), true),
                ('o3', 'shopify_id', timestamp '2026-06-06 09:00', 'IDR', 250000::decimal(18, 4),
                    0::decimal(18, 4), true)
            ) as rows (order_id, source, ordered_at, currency, net_amount, refund_amount,
                is_counted)
            """,
            {"n": generation, "d": as_of},
        )
        connection.execute(
            """
            create table marts.kpis_daily as
            select 'aov' as metric, 'all' as segment, 'all' as channel, date '2026-06-05' as date,
                75.075::double as value, 2::bigint as n, 70::double as interval_low,
                80::double as interval_high, $n::bigint as generation, $d::date as as_of
            """,
            {"n": generation, "d": as_of},
        )
    return path


def gates() -> tuple[GateOutcome, ...]:
    """Every required gate, open, with one passed check each."""
    check = {"table": "orders", "expectation": "row_count", "success": True}
    return tuple(GateOutcome(gate, True, (check,)) for gate in ("raw", "staging", "marts"))


def release_inputs(
    fingerprint: str, *, as_of: dt.date = AS_OF, gates: tuple[GateOutcome, ...] = gates()
) -> ReleaseInputs:
    """What a night with one delivery tells `publish`."""
    delivery = InputFile("orders.csv", "ab" * 32, 3, "d1", "shopify_no")
    return ReleaseInputs(as_of, CREATED_AT, "0123abc", fingerprint, (delivery,), gates)

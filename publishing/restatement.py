"""What a new release says about earlier days that the one before it said otherwise.

Two releases are compared where the earlier one already had a number:

- orders, by source, currency and month of `ordered_at`: net amount and number of counted orders.
  Orders later than the latest one the earlier release had from the same source are news, not a
  restatement.
- `kpis_daily`, by metric, segment, channel and date, up to the latest date the earlier release had.

The reason is what the orders themselves show: an order that was not there before came late, a
higher refund is a refund, a vanished order was removed (erased, rejected or merged into another),
anything else is a correction. A KPI has no rows to tell more from than that it changed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from publishing.content import columns_of, literal

RESTATEMENTS = "restatements"

# Money has four decimals, KPIs are DOUBLE and agree to 1e-9: a change too small for six decimals is
# none.
AMOUNT = "decimal(28, 6)"

SCHEMA = pa.schema(
    [
        ("mart", pa.string()),
        ("key_group", pa.string()),
        ("release", pa.int64()),
        ("before", pa.decimal128(28, 6)),
        ("after", pa.decimal128(28, 6)),
        ("change", pa.decimal128(28, 6)),
        ("reason", pa.string()),
        ("as_of", pa.date32()),
    ]
)

_ORDERS = """
    with old as (select * from earlier_orders),
    new as (select * from later_orders),
    reach as (select source, max(ordered_at) as ordered_at from old group by source),
    sides as (
        select source, order_id, ordered_at, currency, net_amount, refund_amount, is_counted,
            true as is_before
        from old
        union all
        select new.source, order_id, new.ordered_at, currency, net_amount, refund_amount,
            is_counted, false as is_before
        from new
        inner join reach on new.source = reach.source
        where new.ordered_at is null or new.ordered_at <= reach.ordered_at
            or exists (
                select 1 from old
                where old.source = new.source and old.order_id = new.order_id
            )
    ),
    placed as (
        select *, concat_ws('|', 'source=' || source, 'currency=' || coalesce(currency, 'unknown'),
            'month=' || coalesce(strftime(ordered_at, '%Y-%m'), 'unknown')) as place
        from sides
    ),
    order_changes as (
        select source, order_id,
            bool_or(is_before) as was_there, bool_or(not is_before) as is_there,
            coalesce(sum(net_amount) filter (where is_before), 0) as net_before,
            coalesce(sum(net_amount) filter (where not is_before), 0) as net_after,
            coalesce(sum(refund_amount) filter (where is_before), 0) as refund_before,
            coalesce(sum(refund_amount) filter (where not is_before), 0) as refund_after,
            count(*) filter (where is_before and is_counted) as counted_before,
            count(*) filter (where not is_before and is_counted) as counted_after,
            min(place) filter (where is_before) as place_before,
            min(place) filter (where not is_before) as place_after
        from placed
        group by source, order_id
    ),
    reasons as (
        select source, order_id,
            case
                when not was_there then 'late data'
                when not is_there then 'removed'
                when place_before <> place_after then 'correction'
                when net_before = net_after and counted_before = counted_after then null
                when refund_after > refund_before
                    and net_after - net_before = refund_before - refund_after then 'refund'
                when refund_after > refund_before then 'correction, refund'
                else 'correction'
            end as reason
        from order_changes
    ),
    totals as (
        select place,
            coalesce(sum(net_amount) filter (where is_before), 0) as net_before,
            coalesce(sum(net_amount) filter (where not is_before), 0) as net_after,
            count(*) filter (where is_before and is_counted) as counted_before,
            count(*) filter (where not is_before and is_counted) as counted_after,
            string_agg(distinct reason, ', ' order by reason) as reason
        from placed
        left join reasons using (source, order_id)
        group by place
    )
    select place || '|measure=net_amount' as key_group, net_before as before, net_after as after,
        reason
    from totals
    where net_before <> net_after
    union all
    select place || '|measure=order_count', counted_before, counted_after, reason
    from totals
    where counted_before <> counted_after
"""

_KPIS = f"""
    with sides as (
        select *, true as is_before from earlier_kpis_daily
        union all
        select *, false as is_before from later_kpis_daily
        where date <= (select max(date) from earlier_kpis_daily)
    ),
    -- A series the earlier release did not have is new, not restated.
    series as (
        select metric, segment, channel, date,
            max(value::{AMOUNT}) filter (where is_before and isfinite(value)) as before,
            max(value::{AMOUNT}) filter (where not is_before and isfinite(value)) as after,
            bool_or(is_before) over (partition by metric, segment, channel) as is_known
        from sides
        group by metric, segment, channel, date, is_before
    ),
    days as (
        select metric, segment, channel, date, max(before) as before, max(after) as after
        from series
        where is_known
        group by metric, segment, channel, date
    )
    select
        concat_ws('|', 'metric=' || metric, 'segment=' || coalesce(segment, ''),
            'channel=' || coalesce(channel, ''), 'date=' || date) as key_group,
        before, after, 'changed' as reason
    from days
    where before is distinct from after
"""


@dataclass(frozen=True)
class Compared:
    """A mart that is compared: its name, the columns the query needs, and the query."""

    name: str
    columns: tuple[str, ...]
    query: str


COMPARED = (
    Compared(
        "orders",
        (
            "source",
            "order_id",
            "ordered_at",
            "currency",
            "net_amount",
            "refund_amount",
            "is_counted",
        ),
        _ORDERS,
    ),
    Compared("kpis_daily", ("metric", "segment", "channel", "date", "value"), _KPIS),
)


def _name_sides(
    connection: duckdb.DuckDBPyConnection, before: Path, after: Path, mart: Compared
) -> str | None:
    """Name both sides of a mart for its query; returns why they cannot be compared, if so."""
    for side, folder in (("earlier", before), ("later", after)):
        path = folder / "marts" / f"{mart.name}.parquet"
        if not path.is_file():
            return f"{mart.name} is missing in the {side} release: no restatements"
        relation = f"read_parquet({literal(str(path))})"
        present = {column.name for column in columns_of(connection, relation)}
        if not set(mart.columns) <= present:
            lacking = sorted(set(mart.columns) - present)
            return f"{mart.name} of the {side} release lacks {lacking}: no restatements"
        connection.execute(
            f"create or replace temp view {side}_{mart.name} as"
            f" select {', '.join(mart.columns)} from {relation}"
        )
    return None


def _changes(
    connection: duckdb.DuckDBPyConnection, mart: Compared, release: int, as_of: dt.date
) -> pa.Table:
    found = connection.execute(
        f"""
        select {literal(mart.name)} as mart, key_group, {release}::bigint as release,
            before::{AMOUNT} as before, after::{AMOUNT} as after,
            (coalesce(after, 0) - coalesce(before, 0))::{AMOUNT} as change, reason,
            date '{as_of}' as as_of
        from ({mart.query})
        order by key_group
        """
    ).to_arrow_table()
    return found.cast(SCHEMA)


def restatements(
    connection: duckdb.DuckDBPyConnection,
    before: Path | None,
    after: Path,
    *,
    release: int,
    as_of: dt.date,
) -> tuple[pa.Table, list[str]]:
    """Rows of the mart `restatements`: those of earlier releases, then what `after` says anew.

    `before` and `after` are release folders (`before` None for the first release), `release` and
    `as_of` those of `after`. Columns: mart, key_group, release, before, after, change (after -
    before), reason, as_of; one row per mart, key group and release. `before` or `after` is null
    where that side has no such KPI.
    """
    if before is None:
        return SCHEMA.empty_table(), []
    tables = []
    notes = []
    history = before / "marts" / f"{RESTATEMENTS}.parquet"
    if history.is_file():
        earlier = connection.execute(
            f"select * replace (date '{as_of}' as as_of)"
            f" from read_parquet({literal(str(history))}) order by release, mart, key_group"
        ).to_arrow_table()
        tables.append(earlier.select(SCHEMA.names).cast(SCHEMA))
    for mart in COMPARED:
        obstacle = _name_sides(connection, before, after, mart)
        if obstacle:
            notes.append(obstacle)
        else:
            tables.append(_changes(connection, mart, release, as_of))
    return pa.concat_tables([SCHEMA.empty_table(), *tables]), notes

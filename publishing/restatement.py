"""What a new release says about earlier days that the one before it said otherwise.

Two releases are compared where the earlier one already had a number:

- orders, by source, currency and month of `ordered_at`: net amount and number of counted orders. Orders later than the
  latest one the earlier release had from the same source are news, not a restatement.
- `kpis_daily`, by metric, segment, channel and date, up to the latest date the earlier release had.

The reason is what the orders themselves show: an order that was not there before came late, a higher refund is a
refund, a vanished order was removed (erased, rejected or merged into another), anything else is a correction. A KPI has
no rows to tell more from than that it changed.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa

from publishing.content import literal

RESTATEMENTS = "restatements"
ORDERS = Path("marts/orders.parquet")
KPIS = Path("marts/kpis_daily.parquet")

# Money has four decimals, KPIs are DOUBLE and agree to 1e-9: a change too small for six decimals is none.
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

_ORDERS = f"""
    with old as (select * from earlier_orders),
    new as (select * from later_orders),
    reach as (select source, max(ordered_at) as ordered_at from old group by source),
    sides as (
        select source, order_id, ordered_at, currency, net_amount, refund_amount, is_counted,
            true as is_before
        from old
        union all
        select new.source, order_id, new.ordered_at, currency, net_amount, refund_amount, is_counted,
            false as is_before
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
    with old as (
        select metric, segment, channel, date, value::{AMOUNT} as value from earlier_kpis
        where isfinite(value)
    ),
    -- A series the earlier release did not have is new, not restated.
    new as (
        select metric, segment, channel, date, value::{AMOUNT} as value from later_kpis
        where isfinite(value) and date <= (select max(date) from earlier_kpis)
            and exists (
                select 1 from old
                where old.metric = later_kpis.metric
                    and old.segment is not distinct from later_kpis.segment
                    and old.channel is not distinct from later_kpis.channel
            )
    )
    select
        concat_ws('|', 'metric=' || metric, 'segment=' || coalesce(segment, ''),
            'channel=' || coalesce(channel, ''), 'date=' || date) as key_group,
        old.value as before, new.value as after, 'changed' as reason
    from old
    full join new
        on old.metric = new.metric
        and old.segment is not distinct from new.segment
        and old.channel is not distinct from new.channel
        and old.date = new.date
    where old.value is distinct from new.value
"""


def _views(connection: duckdb.DuckDBPyConnection, before: Path, after: Path, mart: Path) -> bool:
    """Name both sides' files of a mart for the queries; False where a release has no such mart."""
    pairs = [("earlier", before / mart), ("later", after / mart)]
    if not all(path.is_file() for _, path in pairs):
        return False
    for side, path in pairs:
        view = f"{side}_{mart.stem.removesuffix('_daily')}"
        connection.execute(
            f"create or replace temp view {view} as select * from read_parquet({literal(str(path))})"
        )
    return True


def _changes(
    connection: duckdb.DuckDBPyConnection, query: str, mart: str, release: int, as_of: dt.date
) -> pa.Table:
    found = connection.execute(
        f"""
        select {literal(mart)} as mart, key_group, {release}::bigint as release,
            before::{AMOUNT} as before, after::{AMOUNT} as after,
            (coalesce(after, 0) - coalesce(before, 0))::{AMOUNT} as change, reason,
            date '{as_of}' as as_of
        from ({query})
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
) -> pa.Table:
    """Rows of the mart `restatements`: earlier ones carried over, then what `after` changes in `before`.

    `before` and `after` are release folders (`before` None for the first release), `release` and `as_of` those of
    `after`. Columns: mart, key_group, release, before, after, change (after - before), reason, as_of; one row per mart,
    key group and release. `before` or `after` is null where that side has no such KPI.
    """
    if before is None:
        return SCHEMA.empty_table()
    tables = []
    history = before / "marts" / f"{RESTATEMENTS}.parquet"
    if history.is_file():
        earlier = connection.execute(
            f"select * replace (date '{as_of}' as as_of) from read_parquet({literal(str(history))})"
            " order by release, mart, key_group"
        ).to_arrow_table()
        tables.append(earlier.select(SCHEMA.names).cast(SCHEMA))
    for mart, query in ((ORDERS, _ORDERS), (KPIS, _KPIS)):
        if _views(connection, before, after, mart):
            tables.append(_changes(connection, query, mart.stem, release, as_of))
    return pa.concat_tables([SCHEMA.empty_table(), *tables])

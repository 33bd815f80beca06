"""The numbers of the release report, read from the files of the release itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from publishing.content import columns_of, literal
from publishing.manifest import InputFile, Manifest
from publishing.simulated_truth import lifetime_deciles

Row = Mapping[str, Any]

SERIES_DAYS = 90  # a quarter: long enough to see a trend, short enough for a line of 120 pixels
RESTATEMENTS_SHOWN = 20


@dataclass(frozen=True)
class Question:
    """A query of the report: its mart, the columns it needs, and SQL over the view `mart`."""

    mart: str
    columns: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class ReportTables:
    """What the report shows beside the manifest.

    Each list of rows is empty where the release has no such mart, or the mart lacks a column the
    report needs.
    """

    new_inputs: tuple[InputFile, ...]
    kpis: Sequence[Row]
    ledger: Sequence[Row]
    quarantine: Sequence[Row]
    score_quality: Sequence[Row]
    unbeaten_scorers: Sequence[Row]
    clv_quality: Sequence[Row]
    clv_calibration: Sequence[Row]
    lifetime_truth: Sequence[Row]
    restatements: Sequence[Row]
    restatement_count: int


# Of each metric the series with the most observations on its latest day: the whole, not a segment
# of it.
_KPIS = """
    with days as (
        select * from mart where date <= $as_of and isfinite(value)
    ),
    latest as (
        select metric, segment, channel, max(date) as date, arg_max(value, date) as value,
            arg_max(n, date) as n, arg_max(interval_low, date) as interval_low,
            arg_max(interval_high, date) as interval_high
        from days
        group by metric, segment, channel
    ),
    chosen as (
        select *, row_number() over (
            partition by metric order by date desc, n desc nulls last, segment, channel
        ) as place
        from latest
    )
    select chosen.metric, chosen.segment, chosen.channel, chosen.date, chosen.value, chosen.n,
        chosen.interval_low, chosen.interval_high, list(days.value order by days.date) as series
    from chosen
    inner join days
        on days.metric = chosen.metric
        and days.segment is not distinct from chosen.segment
        and days.channel is not distinct from chosen.channel
        and days.date > chosen.date - $days
    where chosen.place = 1
    group by all
    order by chosen.metric
"""

_LEDGER = """
    select source, object, count(*) as deliveries, sum(rows_delivered)::bigint as rows_delivered,
        sum(rows_accepted)::bigint as rows_accepted,
        sum(rows_quarantined)::bigint as rows_quarantined,
        sum(rows_duplicate)::bigint as rows_duplicate, max(data_through)::date as data_through
    from mart
    group by source, object
    order by source, object
"""

_QUARANTINE = """
    select outcome, reason, currency, sum(amount)::decimal(28, 4) as amount
    from mart
    where outcome <> 'accepted'
    group by outcome, reason, currency
    order by outcome desc, currency, abs(sum(amount)) desc, reason
"""

_LATEST_ORIGIN = """
    select * from mart
    qualify dense_rank() over (order by origin_date desc) = 1
    order by horizon_days, {order}
"""

_RESTATEMENTS = """
    select mart, key_group, before, after, change, reason, count(*) over () as restated
    from mart
    where release = $release
    order by mart desc, abs(change) desc, key_group
    limit $shown
"""

KPIS = Question(
    "kpis_daily",
    (
        "metric",
        "segment",
        "channel",
        "date",
        "value",
        "n",
        "interval_low",
        "interval_high",
    ),
    _KPIS,
)
LEDGER = Question(
    "pipeline_ledger",
    (
        "source",
        "object",
        "rows_delivered",
        "rows_accepted",
        "rows_quarantined",
        "rows_duplicate",
        "data_through",
    ),
    _LEDGER,
)
QUARANTINE = Question(
    "pipeline_ledger_amounts", ("outcome", "reason", "currency", "amount"), _QUARANTINE
)
SCORE_QUALITY = Question(
    "score_quality",
    ("origin_date", "horizon_days", "scorer", "auc", "top_decile_lift", "n", "base_rate"),
    _LATEST_ORIGIN.format(order="auc desc nulls last, scorer"),
)
UNBEATEN_SCORERS = Question(
    "score_quality",
    ("scorer", "auc_margin", "lift_ratio", "is_beaten"),
    """
    select scorer, count(*) as origins, count_if(is_beaten) as origins_beaten,
        avg(auc_margin) as auc_margin, avg(lift_ratio) as lift_ratio
    from mart
    where scorer <> 'engagement' and is_beaten is not null
    group by scorer
    having 2 * count_if(is_beaten) <= count(*)
    order by auc_margin, scorer
    """,
)
_LATEST_BACKTESTS = """
    select * from mart
    where horizon_days > 0
    qualify dense_rank() over (partition by horizon_days order by origin_date desc) = 1
    order by horizon_days, is_champion desc nulls last, model
"""
CLV_QUALITY = Question(
    "clv_model_quality",
    (
        "origin_date",
        "horizon_days",
        "model",
        "actual",
        "predicted",
        "mae",
        "naive_mae",
        "is_champion",
        "status",
    ),
    _LATEST_BACKTESTS,
)
CLV_CALIBRATION = Question(
    "clv_calibrations",
    ("horizon_days", "origin_date", "decile", "predicted_share", "actual_share"),
    """
    select horizon_days, decile, count(*) as origins, avg(predicted_share) as predicted_share,
        avg(actual_share) as actual_share
    from mart
    group by horizon_days, decile
    order by horizon_days, decile
    """,
)
RESTATEMENTS = Question(
    "restatements",
    ("mart", "key_group", "release", "before", "after", "change", "reason"),
    _RESTATEMENTS,
)


def _ask(
    connection: duckdb.DuckDBPyConnection, folder: Path, question: Question, values: Row
) -> list[Row]:
    path = folder / "marts" / f"{question.mart}.parquet"
    if not path.is_file():
        return []
    relation = f"read_parquet({literal(str(path))})"
    if not set(question.columns) <= {column.name for column in columns_of(connection, relation)}:
        return []
    connection.execute(f"create or replace temp view mart as select * from {relation}")
    found: list[Row] = connection.execute(question.sql, dict(values)).to_arrow_table().to_pylist()
    return found


def read_tables(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    manifest: Manifest,
    earlier_inputs: Sequence[InputFile],
    truth: Path | None = None,
) -> ReportTables:
    """Read what the report shows from the files in `folder`; `earlier_inputs` are the previous
    release's, `truth` is what is known about simulated customers.
    """
    known = {file.delivery_id for file in earlier_inputs}
    as_of: dt.date = manifest.as_of
    restated = _ask(
        connection,
        folder,
        RESTATEMENTS,
        {"release": manifest.release, "shown": RESTATEMENTS_SHOWN},
    )
    return ReportTables(
        new_inputs=tuple(file for file in manifest.inputs if file.delivery_id not in known),
        kpis=_ask(connection, folder, KPIS, {"as_of": as_of, "days": SERIES_DAYS}),
        ledger=_ask(connection, folder, LEDGER, {}),
        quarantine=_ask(connection, folder, QUARANTINE, {}),
        score_quality=_ask(connection, folder, SCORE_QUALITY, {}),
        unbeaten_scorers=_ask(connection, folder, UNBEATEN_SCORERS, {}),
        clv_quality=_ask(connection, folder, CLV_QUALITY, {}),
        clv_calibration=_ask(connection, folder, CLV_CALIBRATION, {}),
        lifetime_truth=lifetime_deciles(connection, folder / "marts", truth, as_of)
        if truth
        else [],
        restatements=restated,
        restatement_count=restated[0]["restated"] if restated else 0,
    )

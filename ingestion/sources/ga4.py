"""Google Analytics 4: the BigQuery export tables ``events_*`` and ``events_intraday_*``.

What arrives: nested rows as NDJSON (often gzipped) or Parquet, one file per table and day.

Quirks: parameters are key-value lists; ``event_timestamp`` is in microseconds UTC while
``event_date`` is a day in the property's zone; a session id is unique only within a
``user_pseudo_id``; intraday and daily tables overlap and daily tables change for three days;
without consent the ids are null; ``(not set)`` stands for nothing.

Data flow::

    events_*.ndjson.gz, *.parquet -> raw/ga4_events

Run alone: ``rapport ingest ga4``
"""

from ingestion.source import ObjectExport, Source

SOURCE = Source(
    name="ga4",
    title="GA4 BigQuery export as NDJSON or Parquet",
    objects=(
        ObjectExport(
            object="events",
            patterns=(
                "*events*.ndjson",
                "*events*.ndjson.gz",
                "*events*.parquet",
                "*events*.json*",
            ),
            provisional="intraday",
            signatures=(("user_pseudo_id", "event_params"),),
        ),
    ),
)

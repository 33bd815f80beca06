"""The mart `engagement_score_history`: what earlier releases said of each customer's engagement.

Nothing is computed anew here: a score stands in the history as it was published, also when later
data, weights or merges would say otherwise. Of the last thirteen weeks the history keeps the last
score of each week (in a week of two months that of either), of the time before the last of each
month: for a customer it grows by twelve rows a year. A day without a score is no row.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from publishing.content import columns_of, literal

SCORE_HISTORY = "engagement_score_history"
SCORES = "customer_engagement_scores"
WEEKS = 13

# The columns of a published score that the history keeps.
KEPT = (
    "customer_id",
    "score",
    "behavioural_score",
    "cognitive_score",
    "emotional_score",
    "social_score",
    "confidence",
    "tier",
    "config_version",
    "reference_version",
)
_COLUMNS = ", ".join(KEPT)


def score_history(
    connection: duckdb.DuckDBPyConnection,
    scores: str,
    before: Path | None,
    *,
    release: int,
    as_of: dt.date,
) -> tuple[str, list[str]]:
    """The name of a relation with the rows of the mart, and notes for the reader.

    ``scores``: the relation of tonight's scores; ``before``: the folder of the release that readers
    see; ``release`` and ``as_of``: those of the release being written. Columns beside KEPT:
    scored_on (date, the day of the score), published_in (number of the release) and as_of.
    """
    rows = [
        f"select {_COLUMNS}, as_of as scored_on, {release}::bigint as published_in "
        f"from {scores} where score is not null"
    ]
    notes = []
    path = before / "marts" / f"{SCORE_HISTORY}.parquet" if before else None
    if path is not None and path.is_file():
        earlier = f"read_parquet({literal(str(path))})"
        lacking = {*KEPT, "scored_on", "published_in"} - {
            column.name for column in columns_of(connection, earlier)
        }
        if lacking:
            notes.append(
                f"{SCORE_HISTORY} of the previous release lacks {sorted(lacking)}: it begins anew"
            )
        else:
            # A day after that of this release was published for it, not before it.
            rows.append(
                f"select {_COLUMNS}, scored_on, published_in "
                f"from {earlier} where scored_on <= date '{as_of}'"
            )
    connection.execute(
        f"""
        create or replace temp view score_history_now as
        with published as ({" union all ".join(rows)}),
        placed as (
            select
                *,
                date_trunc('week', scored_on) as week,
                date_trunc('week', scored_on)
                > date_trunc('week', date '{as_of}') - interval {WEEKS} weeks as is_recent
            from published
        )
        select {_COLUMNS}, scored_on, published_in, date '{as_of}' as as_of
        from placed
        qualify row_number() over (
            partition by
                customer_id, date_trunc('month', scored_on), case when is_recent then week end
            order by scored_on desc, published_in desc
        ) = 1
        """
    )
    return "score_history_now", notes

"""`rapport explain` says a score in words whose numbers add up to the last decimal."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from rapport.receipt import ReceiptDiffers, in_words


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Anna has a score and had one a week ago but not thirty days ago; Bert has none."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table customer_engagement_scores as
            select
                customer_id, score::decimal(9, 6) as score, tier, 0.25::double as confidence,
                false as is_confident, 0::decimal(9, 6) as change_1d,
                4.5::decimal(9, 6) as change_7d, null::decimal(9, 6) as change_30d
            from (values ('anna', 35.25, 'medium'), ('bert', null, 'no evidence'))
                as scores(customer_id, score, tier);
            create table engagement_contributions as
            select
                'anna' as customer_id, signal, dimension, points::decimal(9, 6) as contribution,
                0::decimal(9, 6) as contribution_change_1d,
                week::decimal(9, 6) as contribution_change_7d,
                null::decimal(9, 6) as contribution_change_30d,
                events::decimal(18, 6) as decayed_events,
                date '2026-06-01' as last_active_date
            from (values
                ('order', 'behavioural', 25.0, 5.0, 1.5),
                ('unsubscribe', 'emotional', -3.0, 2.5, 0.25),
                ('review', 'social', 0, -3.0, null),
                ('baseline', 'baseline', 13.25, 0, null)
            ) as rows(signal, dimension, points, week, events)
            """
        )
        yield connection


def test_every_point_and_every_move_is_said(connection: duckdb.DuckDBPyConnection) -> None:
    assert in_words(connection, "anna") == [
        "engagement score 35.250000 of 100, tier medium, confidence 0.25: too little is known for "
        "the number, go by the tier",
        "   +25.000000  order (behavioural): 1.50 still count after decay, the last of 2026-06-01",
        "    -3.000000  unsubscribe (emotional): 0.25 still count after decay, the last of "
        "2026-06-01",
        "    +0.000000  review (social): nothing of it is left",
        "   +13.250000  baseline: where nothing speaks for or against anybody",
        "    35.250000  together, the score",
        "unchanged since the day before",
        "+4.500000 since a week before: order +5.000000, review -3.000000, unsubscribe +2.500000",
        "thirty days before there was no score",
    ]


def test_no_evidence_is_no_score(connection: duckdb.DuckDBPyConnection) -> None:
    assert in_words(connection, "bert") == [
        "no engagement score: nothing the customer did or said counts as evidence"
    ]


@pytest.mark.parametrize("column", ["contribution", "contribution_change_7d"])
def test_a_receipt_that_does_not_add_up_is_never_shown(
    connection: duckdb.DuckDBPyConnection, column: str
) -> None:
    connection.execute(
        f"update engagement_contributions set {column} = {column} + 0.000001 where signal = 'order'"
    )
    with pytest.raises(ReceiptDiffers, match="anna"):
        in_words(connection, "anna")

"""The receipt of an engagement score in words: every point, and every point that came or went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

SPANS = {"1d": "the day before", "7d": "a week before", "30d": "thirty days before"}


@dataclass(frozen=True)
class Line:
    """One row of engagement_contributions; ``changes`` by span, None where there was no score."""

    signal: str
    dimension: str
    points: Decimal
    changes: dict[str, Decimal | None]
    decayed_events: Decimal | None
    last_active_date: date | None


class ReceiptDiffers(Exception):
    """The rows do not add up to the score or to one of its changes."""


def read_receipt(connection: duckdb.DuckDBPyConnection, customer_id: str) -> list[Line]:
    """The rows of a customer, the largest first, then the baseline; none without a score."""
    rows = connection.execute(
        """
        select signal, dimension, contribution, contribution_change_1d, contribution_change_7d,
            contribution_change_30d, decayed_events, last_active_date
        from engagement_contributions
        where customer_id = ?
        order by signal = 'baseline', abs(contribution) desc, signal
        """,
        [customer_id],
    ).fetchall()
    return [
        Line(signal, dimension, points, dict(zip(SPANS, changes, strict=True)), events, last)
        for signal, dimension, points, *changes, events, last in rows
    ]


def in_words(connection: duckdb.DuckDBPyConnection, customer_id: str) -> list[str]:
    """Sentences whose numbers add up to the score and to its changes. Raises ReceiptDiffers."""
    scores = connection.execute(
        "select score, tier, confidence, is_confident, change_1d, change_7d, change_30d "
        "from customer_engagement_scores where customer_id = ? and score is not null",
        [customer_id],
    ).fetchall()
    if not scores:
        return ["no engagement score: nothing the customer did or said counts as evidence"]
    [(score, tier, confidence, is_confident, *changes)] = scores
    lines = read_receipt(connection, customer_id)
    _check(customer_id, "score", score, [line.points for line in lines])
    trust = "" if is_confident else ": too little is known for the number, go by the tier"
    said = [f"engagement score {score} of 100, tier {tier}, confidence {confidence:.2f}{trust}"]
    said += [_points(line) for line in lines]
    said.append(f"  {score:>11}  together, the score")
    for (span, since), change in zip(SPANS.items(), changes, strict=True):
        said += _change(customer_id, lines, span, since, change)
    return said


def _points(line: Line) -> str:
    if line.signal == "baseline":
        return f"  {line.points:>+11}  baseline: where nothing speaks for or against anybody"
    if line.decayed_events is None:
        return f"  {line.points:>+11}  {line.signal} ({line.dimension}): nothing of it is left"
    return (
        f"  {line.points:>+11}  {line.signal} ({line.dimension}): {line.decayed_events:.2f} still "
        f"count after decay, the last of {line.last_active_date}"
    )


def _change(
    customer_id: str, lines: list[Line], span: str, since: str, change: Decimal | None
) -> list[str]:
    if change is None:
        return [f"{since} there was no score"]
    moves = [(line.changes[span] or Decimal(0), line.signal) for line in lines]
    _check(customer_id, f"change since {since}", change, [points for points, _ in moves])
    moved = sorted(((points, name) for points, name in moves if points), key=lambda m: -abs(m[0]))
    if not moved:
        return [f"unchanged since {since}"]
    parts = ", ".join(f"{name} {points:+}" for points, name in moved)
    return [f"{change:+} since {since}: {parts}"]


def _check(customer_id: str, what: str, stated: Decimal, parts: list[Decimal]) -> None:
    if sum(parts, Decimal(0)) != stated:
        raise ReceiptDiffers(
            f"{customer_id}: the {what} is {stated} and its receipt adds up to {sum(parts)}. "
            "Run `rapport validate marts`"
        )

"""What must never move an engagement score, held by the project's own models on small made-up rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.compiled_models import SCORE_MODELS, compile_models, load_engagement_seeds, remake

AS_OF = datetime.fromisoformat("2026-06-30")
CUSTOMERS = [f"c{number:02}" for number in range(40)]
MODELS = (
    "int_engagement_signal_days",
    *SCORE_MODELS,
    "int_engagement_confidence",
    "customer_engagement_scores",
    "engagement_contributions",
)
# Signal, channel, record type.
KINDS = (
    ("page_view", "web", "web_event"),
    ("search", "web", "web_event"),
    ("email_open", "email", "email_event"),
    ("email_click", "email", "email_event"),
    ("order", "store", "order"),
    ("store_visit", "store", "interaction"),
    ("unsubscribe", "email", "email_event"),
    ("survey_answered", "survey", "survey_response"),
    ("review", "review_site", "review"),
)
EMPTY = """
    create schema staging; create schema intermediate; create schema marts;
    create table staging.stg_run__parameters as
    select date '2026-06-30' as as_of, 'Europe/Oslo' as time_zone;
    create table staging.stg_estimates__identity_assignments (
        identifier text, customer_id text, valid_from timestamp, valid_to timestamp
    );
    create table intermediate.int_customer_rfm (customer_id text, as_of date);
    create table intermediate.int_interactions (
        identifier text, signal text, channel text, record_type text, direction text,
        is_human boolean, occurred_at timestamp
    );
    create table intermediate.int_sessions (
        identifier text, started_at timestamp, is_human boolean
    );
    create table intermediate.int_survey_responses (
        identifier text, survey_type text, score decimal(9, 4), answered_at timestamp
    );
    create table intermediate.int_reviews (
        identifier text, rating decimal(9, 4), created_at timestamp
    );
    create table intermediate.int_tickets (
        identifier text, satisfaction text, created_at timestamp, resolved_at timestamp
    );
"""


@dataclass(frozen=True)
class Touch:
    """One interaction of the customer whose identifier has the same name."""

    customer: str
    signal: str | None
    channel: str
    record_type: str
    occurred_at: datetime
    is_human: bool = True
    direction: str = "inbound"


@dataclass(frozen=True)
class Answer:
    """One NPS answer."""

    customer: str
    score: int
    occurred_at: datetime


Rows = list[Touch | Answer]


def lively_rows() -> Rows:
    """Some 40 touches and two answers of each customer over half a year, the same every time."""
    draw = random.Random(7)  # noqa: S311 -- rows of a test
    rows: Rows = []
    for customer in CUSTOMERS:
        for _ in range(draw.randint(1, 80)):
            signal, channel, record_type = draw.choice(KINDS)
            at = AS_OF + timedelta(hours=23) - timedelta(minutes=draw.randint(0, 260_000))
            rows.append(Touch(customer, signal, channel, record_type, at))
        for _ in range(2):
            at = AS_OF - timedelta(days=draw.randint(0, 170))
            rows.append(Answer(customer, draw.randint(0, 10), at))
    return rows


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engagement models as SQL."""
    folder = tmp_path_factory.mktemp("models")
    return compile_models(
        folder, "path:models/intermediate/engagement", "path:models/marts/engagement"
    )


Scored = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def scored(target: Path) -> Iterator[Scored]:
    """Scores of rows, in a warehouse of their own in memory."""
    made: list[duckdb.DuckDBPyConnection] = []

    def score(rows: Rows, customers: list[str] = CUSTOMERS) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        made.append(connection)
        connection.execute("attach ':memory:' as warehouse; use warehouse")
        connection.execute(EMPTY)
        load_engagement_seeds(connection)
        people = pa.table({"name": customers})  # noqa: F841 -- DuckDB finds tables by their names
        touches = pa.Table.from_pylist(  # noqa: F841
            [vars(row) for row in rows if isinstance(row, Touch)]
        )
        answers = pa.Table.from_pylist(  # noqa: F841
            [vars(row) for row in rows if isinstance(row, Answer)]
        )
        connection.execute(
            """
            insert into staging.stg_estimates__identity_assignments by name
            select name as identifier, name as customer_id from people;
            insert into intermediate.int_customer_rfm
            select name, date '2026-06-30' from people;
            insert into intermediate.int_interactions by name
            select * exclude (customer), customer as identifier from touches;
            insert into intermediate.int_survey_responses by name
            select customer as identifier, 'nps' as survey_type, score,
                occurred_at as answered_at
            from answers
            """
        )
        remake(connection, target, MODELS)
        return connection

    yield score
    for connection in made:
        connection.close()


@pytest.fixture(scope="module")
def lively(scored: Scored) -> duckdb.DuckDBPyConnection:
    """Scores of the lively rows, which no test changes."""
    return scored(lively_rows())


def marts(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    """Every row of scores and receipts."""
    return [
        connection.execute(f"select * from marts.{name} order by all").fetchall()
        for name in ("customer_engagement_scores", "engagement_contributions")
    ]


def column(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Decimal]:
    """A column of the scores by customer."""
    found = connection.execute(f"select customer_id, {name} from marts.customer_engagement_scores")
    return dict(found.fetchall())


def test_receipts_add_up_to_the_score_and_to_its_changes_for_everybody(
    lively: duckdb.DuckDBPyConnection,
) -> None:
    found = lively.execute(
        """
        select score, change_1d, change_7d, change_30d, sum(contribution),
            sum(contribution_change_1d), sum(contribution_change_7d), sum(contribution_change_30d)
        from marts.customer_engagement_scores
        inner join marts.engagement_contributions using (customer_id)
        group by customer_id, score, change_1d, change_7d, change_30d
        """
    ).fetchall()
    assert len(found) == len(CUSTOMERS)
    assert [row for row in found if row[:4] != row[4:]] == []
    assert len([row for row in found if row[3]]) > 30


def test_the_order_in_which_events_arrive_changes_nothing(
    lively: duckdb.DuckDBPyConnection, scored: Scored
) -> None:
    rows = lively_rows()
    late = random.Random(8).sample(rows, len(rows))  # noqa: S311 -- rows of a test
    assert late != rows
    assert marts(scored(late)) == marts(lively)


def test_a_base_doubled_with_silent_leads_changes_no_score(
    lively: duckdb.DuckDBPyConnection, scored: Scored
) -> None:
    leads = [f"lead{number:02}" for number in range(len(CUSTOMERS))]
    mailed: Rows = [
        Touch(lead, None, "email", "email_event", AS_OF, direction="outbound") for lead in leads
    ]
    both = scored(lively_rows() + mailed, CUSTOMERS + leads)
    scores, receipts = marts(both)
    assert [row for row in scores if str(row[0]).startswith("c")] == marts(lively)[0]
    assert receipts == marts(lively)[1]
    assert {column(both, "score")[lead] for lead in leads} == {None}


def test_a_removed_source_leaves_the_other_dimensions_alone(
    lively: duckdb.DuckDBPyConnection, scored: Scored
) -> None:
    rows = lively_rows()
    without: Rows = [row for row in rows if isinstance(row, Answer) or row.channel != "web"]
    assert len(without) < len(rows)
    after = scored(without)
    for dimension in ("behavioural_score", "emotional_score", "social_score"):
        assert column(after, dimension) == column(lively, dimension)
    for moved in ("cognitive_score", "coverage", "confidence"):
        assert column(after, moved) != column(lively, moved)


def clicks_at_everything(*, is_human: bool) -> Rows:
    """Every hour of a quarter, a page, an open and a click, of one customer."""
    kinds = [kind for kind in KINDS if kind[0] in ("page_view", "email_open", "email_click")]
    return [
        Touch("c00", *kind, AS_OF - timedelta(hours=hour), is_human=is_human)
        for kind in kinds
        for hour in range(24 * 90)
    ]


def test_a_machine_that_opens_and_clicks_everything_gains_nothing(
    lively: duckdb.DuckDBPyConnection, scored: Scored
) -> None:
    clicked = scored(lively_rows() + clicks_at_everything(is_human=False))
    assert marts(clicked) == marts(lively)


def test_a_machine_taken_for_a_person_gains_no_more_than_its_signals_hold(
    lively: duckdb.DuckDBPyConnection, scored: Scored
) -> None:
    clicked = scored(lively_rows() + clicks_at_everything(is_human=True))
    gained = column(clicked, "score")["c00"] - column(lively, "score")["c00"]
    [(held,)] = lively.execute(
        "select sum(points) from intermediate.int_engagement_weights "
        "where signal in ('page_view', 'email_open', 'email_click')"
    ).fetchall()
    assert 0 < gained <= held

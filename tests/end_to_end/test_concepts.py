"""Every concept of docs/concepts.md is filled on the simulated company, and right where its truth is known."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from tests.concepts import NAMED_BY, read_concepts
from tests.end_to_end.night import Night

# What the company of sixty days and one tracker, programme and currency cannot vary.
SAME_FOR_ALL = {
    "customer_relationships.is_retained_90d": "only people of trap 25 bought ninety days ago",
    "customer_relationships.cadence_trend": "only people of trap 25 were seen ninety days before",
    "advocacy.content_count": "nobody writes for the community",
}
# Claims that need customers with a year behind them.
UNANSWERED = {("loyalty_effects", "repeat_customer_spend"): "nobody is known for a year"}


def _columns() -> list[tuple[str, str]]:
    return sorted({place for concept in read_concepts() for place in concept.columns})


@pytest.mark.parametrize(("mart", "column"), _columns())
def test_every_column_of_a_concept_is_filled(night: Night, mart: str, column: str) -> None:
    filled, values = night.one(f"select count({column}), count(distinct {column}) from {mart}")
    assert filled > 0
    assert (values > 1) is (f"{mart}.{column}" not in SAME_FOR_ALL)


def test_every_metric_and_claim_of_a_concept_has_a_value(night: Night) -> None:
    rows = sorted({row for concept in read_concepts() for row in concept.rows})
    assert len(rows) > 30
    empty = set()
    for mart, name in rows:
        key, figure = NAMED_BY[mart]
        filled = night.one(f"select count({figure}) from {mart} where {key} = '{name}'")
        if not filled:
            empty.add((mart, name))
    assert empty == UNANSWERED.keys()


def test_the_response_rate_is_what_the_exports_say(night: Night) -> None:
    """Invitations of the last 90 days, and answers of the same customer within thirty days."""
    answered = defaultdict(list)
    for customer, at in night.ask("select customer_id, answered_at from survey_responses"):
        answered[customer].append(at)
    owner = dict(
        night.ask(
            "select identifier, customer_id from customer_identities "
            "where id_space = 'shop' and identifier_type = 'customer'"
        )
    )
    invited = [
        (owner[row["Kundenr"]], at)
        for row in _rows(night, "utsendelser")
        for at in [datetime.strptime(row["Sendt"], "%d.%m.%Y %H:%M:%S") - timedelta(hours=2)]  # noqa: DTZ007 -- summer in Oslo, as UTC
    ]
    assert len(invited) > 20
    hits = sum(
        any(at <= answer < at + timedelta(days=30) for answer in answered[customer])
        for customer, at in invited
    )
    value, n = night.one(
        "select value, n from kpis_daily where metric = 'survey_response_rate' and date = as_of"
    )
    assert (n, value) == (len(invited), pytest.approx(hits / len(invited)))
    assert 0 < hits < len(invited)


def test_interviews_judge_the_visit_before_them(night: Night) -> None:
    found = night.ask(
        "select answer.interaction_id, visit.kind, visit.customer_id = answer.customer_id, "
        "answer.answered_at - visit.occurred_at "
        "from survey_responses as answer "
        "join interactions as visit on visit.source = answer.source "
        "and visit.interaction_id like '%' || answer.interaction_id || '%' "
        "where answer.method = 'interview'"
    )
    assert len(found) == len(_rows(night, "intervjuer")) > 0
    assert {(kind, is_same, gap) for _, kind, is_same, gap in found} == {
        ("store_visit", True, timedelta(hours=1))
    }


def test_activity_breadth_is_what_the_exports_say(night: Night) -> None:
    """Kinds that a customer did in ninety days, from the interactions that the oracle confirmed."""
    as_of = night.one("select max(as_of) from customers")
    kinds = defaultdict(set)
    for customer, kind, day in night.ask(
        "select customer_id, kind, occurred_date from interactions "
        "where is_human and direction != 'outbound' and customer_id is not null"
    ):
        if (as_of - day).days < 90:
            kinds[customer].add(kind)
    found = dict(night.ask("select customer_id, activity_breadth_90d from customer_relationships"))
    assert len(kinds) > 80
    assert found == {customer: len(kinds[customer]) for customer in found}


def test_the_bots_handover_is_nobodys(night: Night) -> None:
    unowned = night.ask("select kind, volume from touch_points where not is_registered")
    assert [kind for kind, _ in unowned] == ["bot_handover"]
    value = night.one(
        "select max(value) from kpis_daily where metric = 'unowned_touch_share' and segment = 'all'"
    )
    assert 0 < value < 0.1


def test_personalisation_that_does_nothing_is_found_to_do_nothing(night: Night) -> None:
    """The simulation calls every other newsletter adapted and lets it change nothing."""
    effect, low, high, n = night.one(
        "select effect, interval_low, interval_high, n from claim_effects "
        "where claim = 'personalisation_and_clicks'"
    )
    assert n > 20
    assert low <= 0 <= high
    assert low < effect < high


def _rows(night: Night, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for path in sorted(night.company.exports.glob(f"back_office/{name}_*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += csv.DictReader(file, delimiter=";")
    return found

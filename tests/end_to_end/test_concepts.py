"""Every concept of docs/concepts.md is filled on the simulated company, and where known right."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from tests.concepts import NAMED_BY, read_concepts
from tests.end_to_end.night import Company, Night, moment, rapport, run_night

# Filled, but with one value only, and why.
SAME_FOR_ALL = {
    "customer_relationships.is_retained_90d": "only people of trap 25 bought ninety days ago",
    "customer_relationships.cadence_trend": "only people of trap 25 were seen ninety days before",
    "advocacy.content_count": "nobody writes for the community",
    "campaigns.deadline_response_rate": "readers click on the first day, nobody on the last",
    "survey_responses.method": "interviews name their method, Delighted does not",
}
# In the small company of every test one campaign alone has a control group.
ONE_EXPERIMENT = {
    f"campaigns.{column}" for column in ("visit_lift", "visit_lift_low", "order_lift", "spend_lift")
}
# And its forecasts are withheld: they miss the last months by too much, and the mart says so.
WITHHELD = {
    "customer_lifetime_values.expected_value_365d",
    "customer_lifetime_values.expected_value_365d_high",
    "customer_lifetime_values.p_alive",
    "customer_relationships.churn_risk_band",
}
# Claims that need customers with a year behind them.
UNANSWERED = {("loyalty_effects", "repeat_customer_spend"): "nobody is known for a year"}


def _columns() -> list[str]:
    return sorted({".".join(place) for concept in read_concepts() for place in concept.columns})


def _filled(night: Night, place: str) -> tuple[int, int]:
    """How many rows have a value in a column, and how many values there are."""
    mart, column = place.split(".")
    filled, values = night.one(f"select count({column}), count(distinct {column}) from {mart}")
    return filled, values


@pytest.mark.parametrize("place", _columns())
def test_every_column_of_a_concept_is_filled(night: Night, place: str) -> None:
    filled, values = _filled(night, place)
    assert (filled > 0) is (place not in WITHHELD)
    assert (values > 1) is (place not in SAME_FOR_ALL.keys() | ONE_EXPERIMENT | WITHHELD)


def test_forecasts_that_are_missing_say_why(night: Night) -> None:
    assert (
        night.one(
            "select count(*) from customer_lifetime_values "
            "where order_count > 0 and p_alive is null and insufficiency_reason is null"
        )
        == 0
    )


@pytest.mark.slow
def test_every_column_of_a_concept_is_filled_in_a_larger_company(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    done = rapport("simulate", exports, "--customers", "300", "--days", "90")
    assert done.returncode == 0, done.stderr
    done = run_night(tmp_path / "home", exports)
    assert done.returncode == 0, done.stdout + done.stderr
    larger = Night(Company(exports), tmp_path / "home", done)
    constant = {place for place in _columns() if _filled(larger, place)[1] < 2}
    empty = {place for place in _columns() if _filled(larger, place)[0] == 0}
    assert empty == set()
    assert constant == SAME_FOR_ALL.keys()


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
        for row in night.company.office("utsendelser")
        for at in [moment(row["Sendt"], "%d.%m.%Y %H:%M:%S")]
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
    assert len(found) == len(night.company.office("intervjuer")) > 0
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

"""Starbucks rewards (the company's simulation): one event file feeds orders and touch points."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingestion.settings import realdata
from ingestion.warehouse import warehouse_path
from tests.compiled_models import QUALITY_MODELS, SCORE_MODELS, remake
from tests.realdata.conftest import Night, ask


@pytest.fixture(scope="module")
def home(new_home: Callable[[str], Path], night: Night) -> Path:
    """One run over members and events."""
    folder = new_home("starbucks")
    night(folder, realdata())
    return folder


def test_purchases_are_orders_to_the_cent(home: Path) -> None:
    assert ask(home, "select count(*), sum(net_amount) from orders") == [
        (138_953, Decimal("1775451.97"))
    ]


def test_offers_are_touch_points(home: Path) -> None:
    counted = dict(
        ask(home, "select kind, count(*) from interactions where kind like 'offer%' group by 1")  # type: ignore[arg-type]
    )
    assert counted == {"offer_received": 76_277, "offer_viewed": 57_725, "offer_completed": 33_579}


def test_every_member_is_a_customer(home: Path) -> None:
    assert ask(home, "select count(*) from customers") == [(17_000,)]


def test_the_score_of_day_20_foretells_who_buys_in_the_last_ten_days(home: Path) -> None:
    # What was known on the 20th local day ranks those who had bought; the data end ten days later.
    day_20 = date(2018, 8, 14)
    with duckdb.connect(str(warehouse_path(home))) as connection:
        connection.execute("update raw.run_parameters set as_of = ?", [day_20 + timedelta(days=30)])
        remake(connection, home / "dbt", (*SCORE_MODELS, *QUALITY_MODELS))
        found = {
            scorer: (n, auc, margin, error)
            for scorer, n, auc, margin, error in connection.execute(
                "select scorer, n, auc, auc_margin, auc_margin_standard_error "
                "from marts.score_quality where origin_date = ?",
                [day_20],
            ).fetchall()
        }
    assert {n for n, *_ in found.values()} == {16_005}
    # As they fell (2026-11), with standard errors of .008; 93 % buy again.
    areas = {scorer: round(auc, 2) for scorer, (_, auc, *_) in found.items()}
    assert areas == {
        "engagement": 0.64,
        "rfm_total_value": 0.62,
        "rfm_mean_value": 0.59,
        "recency": 0.53,
        "decayed_orders_90d": 0.66,
    }
    for rival in ("rfm_total_value", "rfm_mean_value", "recency"):
        _, _, margin, error = found[rival]
        assert margin > 3 * error, rival
    # Completed offers are engagement but foretell the next purchase less than purchases do.
    assert found["decayed_orders_90d"][2] < 0

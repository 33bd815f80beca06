"""Starbucks rewards (the company's simulation): one event file feeds orders and touch points."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.settings import realdata
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

"""Files in the vendors' own forms, recorded or written by others: their facts reach the marts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.settings import realdata
from tests.realdata.conftest import Night, ask

# Any rates do: the facts are stated in the orders' own currencies.
RATES = "day,from,to,rate\n2020-01-01,EUR,GBP,0.85\n2020-01-01,USD,GBP,0.75\n"


@pytest.fixture(scope="module")
def home(
    new_home: Callable[[str], Path], night: Night, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All five vendors in one company whose orders come from Shopify."""
    exports = tmp_path_factory.mktemp("native")
    for vendor in ("hubspot", "sendgrid", "delighted", "ga4"):
        (exports / vendor).symlink_to(realdata() / "native" / vendor)
    (exports / "shopify").symlink_to(realdata() / "native" / "shopify")
    (exports / "rates").mkdir()
    (exports / "rates" / "rates.csv").write_text(RATES)
    folder = new_home("native")
    night(folder, exports)
    return folder


@pytest.fixture(scope="module")
def web_home(new_home: Callable[[str], Path], night: Night) -> Path:
    """GA4 alone."""
    folder = new_home("ga4")
    night(folder, realdata() / "native")
    return folder


def test_hubspot_contacts_become_customers(home: Path) -> None:
    [(contacts,)] = ask(
        home,
        "select count(distinct identifier) from customer_identities "
        "where source = 'hubspot' and identifier_type = 'customer'",
    )
    assert contacts == 26


def test_shopify_orders_and_their_lines(home: Path) -> None:
    assert ask(
        home,
        "select currency, sum(net_amount) from orders where source = 'shopify' "
        "group by 1 order by 1",
    ) == [("EUR", Decimal(3540)), ("GBP", Decimal(7990)), ("USD", Decimal(920))]
    assert ask(home, "select count(*), count(customer_id) from orders") == [(26, 25)]
    assert ask(home, "select sum(quantity) from order_items where source = 'shopify'") == [
        (Decimal(28),)
    ]


def test_sendgrid_events_are_accepted_and_those_that_reached_somebody_are_touch_points(
    home: Path,
) -> None:
    assert ask(home, "select rows_accepted from pipeline_ledger where source = 'sendgrid'") == [
        (11,)
    ]
    kinds = ask(
        home,
        "select kind, count(*), count(distinct customer_id) from interactions "
        "where source = 'sendgrid' group by 1 order by 1",
    )
    # Processed, deferred and dropped happen inside the mail system: nobody was touched. Leaving one
    # group and leaving all are both an unsubscribe.
    assert [count for _, count, _ in kinds] == [1, 1, 1, 1, 1, 1, 2]
    assert {customers for _, _, customers in kinds} == {1}


def test_delighted_scores_zero_and_five(home: Path) -> None:
    assert ask(home, "select score from survey_responses order by score") == [
        (Decimal(0),),
        (Decimal(5),),
    ]


def test_ga4_purchases_are_no_orders_beside_a_shop(home: Path) -> None:
    assert ask(home, "select count(*) from orders where source = 'ga4'") == [(0,)]
    assert ask(home, "select count(*) from interactions where source = 'ga4'") == [(24_219,)]


def test_ga4_sessions_are_counted_by_user_and_session_id(web_home: Path) -> None:
    assert ask(web_home, "select count(*), sum(page_views) from sessions") == [(20_705, 7_498)]


def test_ga4_purchases_are_orders_where_there_is_no_shop(web_home: Path) -> None:
    assert ask(web_home, "select count(*), sum(net_amount) from orders") == [
        (525, Decimal("38202.00"))
    ]


def test_ga4_money_that_is_no_order_is_named(web_home: Path) -> None:
    assert ask(
        web_home,
        "select outcome, reason, sum(amount) from pipeline_ledger_amounts "
        "group by all order by 1, 2",
    ) == [
        ("accepted", "", Decimal("38202.00")),
        ("duplicate", "repeated transaction id", Decimal("296.00")),
        ("quarantined", "purchase without transaction id", Decimal("3031.00")),
    ]

"""Nights of small shops: orders in several files, and nights in which something fails."""

from __future__ import annotations

import math
import re
import shutil
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.end_to_end.night import Company, Night, Record, local_day, rapport, run_night

SHOP = """
reporting_currency: NOK
time_zone: Europe/Oslo
sources:
  club:
    files:
      - contract: generic_contacts
        pattern: "members_*.csv"
        columns: {contact_id: id, email: mail, created_at: since}
  shop:
    files:
      - contract: generic_orders
        pattern: "orders_*.csv"
        columns:
          order_id: number
          email: mail
          ordered_at: at
          gross_amount: goods
          refund_amount: refunded
  market:
    files:
      - contract: generic_orders
        pattern: "orders*.csv"
        columns: {order_id: order_id, customer_id: customer, ordered_at: purchased, status: status}
      - contract: generic_order_lines
        pattern: "items*.csv"
        columns:
          {order_id: order_id, line_id: item, quantity: {constant: "1"}, unit_price: price}
      - contract: generic_payments
        pattern: "payments*.csv"
        columns: {payment_id: id, order_id: order_id, kind: kind, amount: amount, processed_at: at}
  old_shop:
    files:
      - contract: generic_orders
        pattern: "sales_*.csv"
        columns: {order_id: number, email: mail, ordered_at: at, gross_amount: goods}
  panel: {vendor: delighted, required: false}
"""
# An order of this market is three files: who and when, how much by line, what was given back.
MARKET = {
    "orders_1.csv": """order_id,customer,purchased,status
whole,ann,2026-06-01 10:00:00,delivered
returned,bob,2026-06-01 11:00:00,delivered
cancelled,cid,2026-06-01 12:00:00,canceled
empty,dag,2026-06-01 13:00:00,unavailable
""",
    "items_1.csv": """order_id,item,price
whole,1,10.50
whole,2,20.25
returned,1,100.00
cancelled,1,7.00
""",
    "payments_1.csv": """id,order_id,kind,amount,at
p1,whole,sale,30.75,2026-06-01 10:01:00
p2,returned,sale,100.00,2026-06-01 11:01:00
p3,returned,refund,40.00,2026-06-02 10:00:00
""",
}
CUT_JSON = '[{"id": "1", "survey_type": "nps", "score": 9, '


def _orders(day: str, first: int, prices: list[str]) -> str:
    lines = [
        f"{first + place},p{place % 15}@example.org,{day}T{place % 24:02d}:00:00Z,{price},\n"
        for place, price in enumerate(prices)
    ]
    return "number,mail,at,goods,refunded\n" + "".join(lines)


class Buyer(NamedTuple):
    """A customer of the old shop: purchases until the run, money of the year after."""

    mail: str
    bought: list[tuple[datetime, Decimal]]
    to_come: list[Decimal]
    is_alive: bool


def _buyers(random: np.random.Generator, number: int, last: datetime) -> list[Buyer]:
    """Buyers who came in 400 days, buy at rates of their own and leave after any purchase.

    Rates are gamma, chances to leave beta and means inverse gamma distributed: what the models
    take customers to be.
    """
    found = []
    for place in range(number):
        pause, leaving = 1 / random.gamma(0.9, 1 / 30), random.beta(0.9, 4)
        usual = 1500 / random.gamma(4.5)
        at, bought, to_come = -float(random.uniform(400, 800)), list[float](), list[float]()
        is_alive = True
        while at < 365:
            (bought if at < 0 else to_come).append(at)
            gone = random.random() < leaving
            is_alive = is_alive and not (gone and at < 0)
            if gone:
                break
            at += random.exponential(pause)
        value = [
            Decimal(round(random.gamma(6, usual / 6), 2)).quantize(Decimal("0.01"))
            for _ in (*bought, *to_come)
        ]
        past = [(last + timedelta(days=day), x) for day, x in zip(bought, value, strict=False)]
        found.append(Buyer(f"b{place}@example.net", past, value[len(bought) :], is_alive))
    return found


@pytest.fixture(scope="module")
def buyers() -> list[Buyer]:
    """Two years of the old shop, until the evening of the run's day."""
    return _buyers(np.random.default_rng(5), 400, datetime(2026, 6, 3, 20, tzinfo=UTC))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, buyers: list[Buyer]) -> Night:
    """A night over four required sources, and an optional one whose only file is cut."""
    exports = tmp_path_factory.mktemp("shop") / "exports"
    for source in ("club", "shop", "market", "old_shop", "panel"):
        (exports / source).mkdir(parents=True)
    (exports / "rapport.yml").write_text(SHOP)
    members = "".join(f"m{n},p{n}@example.org,2026-05-{n + 1:02d}T08:00:00Z\n" for n in range(15))
    (exports / "club" / "members_2026-06-01.csv").write_text("id,mail,since\n" + members)
    for day in range(1, 4):
        content = _orders(f"2026-06-{day:02d}", 100 * day, ["99.50"] * 40)
        (exports / "shop" / f"orders_2026-06-{day:02d}.csv").write_text(content)
    for name, text in MARKET.items():
        (exports / "market" / name).write_text(text)
    sales = "".join(
        f"{buyer.mail}-{place},{buyer.mail},{at.isoformat(timespec='seconds')},{value}\n"
        for buyer in buyers
        for place, (at, value) in enumerate(buyer.bought)
    )
    (exports / "old_shop" / "sales_2026-06-03.csv").write_text("number,mail,at,goods\n" + sales)
    (exports / "panel" / "answers_2026-06-01.json").write_text(CUT_JSON)
    home = exports.with_name("home")
    return Night(Company(exports), home, run_night(home, exports))


def test_an_optional_source_that_fails_is_a_note_in_the_release(shop: Night) -> None:
    assert shop.manifest["release"] == 1, shop.done.stderr
    (note,) = shop.manifest["notes"]
    for words in ("panel", "answers_2026-06-01.json", "not JSON"):
        assert words in note
        assert words in shop.done.stderr
    assert "published release 1" in shop.done.stdout
    assert shop.one("select count(*), sum(net_amount) from orders where source = 'shop'") == (
        120,
        Decimal("11940"),
    )
    # Published, and yet something failed: whoever watches exit codes shall hear of it.
    assert shop.done.returncode == 1


def test_an_order_is_the_sum_of_its_lines_less_what_its_provider_gave_back(shop: Night) -> None:
    assert shop.ask(
        "select order_id, customer_id is not null, gross_amount, refund_amount, net_amount, "
        "is_counted from orders where source = 'market' order by ordered_at"
    ) == [
        ("whole", True, Decimal("30.75"), Decimal(0), Decimal("30.75"), True),
        ("returned", True, Decimal(100), Decimal(40), Decimal(60), True),
        ("cancelled", True, Decimal(7), Decimal(7), Decimal(0), False),
    ]


def test_an_order_of_which_nobody_knows_the_amount_is_set_aside_by_name(shop: Night) -> None:
    rows = shop.ask(
        "select object, rows_delivered, rows_accepted, rows_quarantined, rows_duplicate "
        "from pipeline_ledger where source = 'market' order by object"
    )
    assert rows == [
        ("generic_order_lines", 4, 4, 0, 0),
        ("generic_orders", 4, 4, 0, 0),
        ("generic_payments", 3, 3, 0, 0),
    ]
    reasons = shop.ask(
        "select outcome, reason, amount from pipeline_ledger_amounts "
        "where outcome != 'accepted' order by reason"
    )
    assert ("quarantined", "order without an amount and without lines", Decimal(0)) in reasons


# --- the old shop, whose customers are known for years ---------------------------------------


@pytest.fixture(scope="module")
def forecasts(shop: Night, buyers: list[Buyer]) -> list[tuple[Record, Buyer]]:
    """What is published of every buyer, beside the truth."""
    owner = dict(
        shop.ask(
            "select identifier, customer_id from customer_identities where source = 'old_shop'"
        )
    )
    rows = {
        row["customer_id"]: row
        for row in shop.rows(
            "select * from customer_lifetime_values join customer_relationships using (customer_id)"
        )
    }
    return [(rows[owner[shop.email_key(buyer.mail)]], buyer) for buyer in buyers]


def test_buyers_are_as_alive_as_they_were_played(forecasts: list[tuple[Record, Buyer]]) -> None:
    """The truth is drawn, so its sum is held to four of its own standard deviations."""
    chances = [row["p_alive"] for row, _ in forecasts]
    spread = math.sqrt(sum(p * (1 - p) for p in chances))
    assert sum(x.is_alive for _, x in forecasts) == pytest.approx(sum(chances), abs=4 * spread)
    bands = set()
    for row, _ in forecasts:
        p, band = row["p_alive"], row["churn_risk_band"]
        assert band == ("low" if p >= 0.7 else "medium" if p >= 0.3 else "high")
        bands.add(band)
    assert len(bands) == 3
    alive = [row["p_alive"] for row, buyer in forecasts if buyer.is_alive]
    gone = [row["p_alive"] for row, buyer in forecasts if not buyer.is_alive]
    pairs = [(p > q) + (p == q) / 2 for p in alive for q in gone]
    # Better than chance by four standard errors of ranks that know nothing.
    chance = math.sqrt((len(forecasts) + 1) / (12 * len(pairs)))
    assert sum(pairs) / len(pairs) > 0.5 + 4 * chance


def test_buyers_are_worth_what_they_were_played_to_be(
    forecasts: list[tuple[Record, Buyer]],
) -> None:
    """So far exactly; the year to come to four standard deviations of its sum."""
    for row, buyer in forecasts:
        assert row["net_value"] == sum(value for _, value in buyer.bought)
    came = [float(sum(buyer.to_come)) for _, buyer in forecasts]
    expected = [row["expected_value_365d"] for row, _ in forecasts]
    spread = math.sqrt(sum((x - y) ** 2 for x, y in zip(came, expected, strict=True)))
    assert sum(came) == pytest.approx(sum(expected), abs=4 * spread)
    inside = [
        row["expected_value_365d_low"] <= value <= row["expected_value_365d_high"]
        for (row, _), value in zip(forecasts, came, strict=True)
    ]
    # Four standard deviations of a share of 95 %.
    assert sum(inside) / len(inside) > 0.95 - 4 * math.sqrt(0.95 * 0.05 / len(inside))


def _first_years(buyers: list[Buyer], as_of: date) -> list[tuple[int, Decimal, int]]:
    """Orders, money and order days of the 365 days from each first purchase on, where all known."""
    found = []
    for buyer in buyers:
        first = local_day(buyer.bought[0][0].replace(tzinfo=None))
        if (as_of - first).days >= 365:
            days = defaultdict(list)
            for at, value in buyer.bought:
                day = local_day(at.replace(tzinfo=None))
                if (day - first).days < 365:
                    days[day].append(value)
            values = [value for own in days.values() for value in own]
            found.append((len(values), sum(values, Decimal(0)), len(days)))
    return found


def test_what_repeat_customers_spend_is_compared_over_first_years(
    shop: Night, buyers: list[Buyer]
) -> None:
    years = _first_years(buyers, shop.one("select max(as_of) from customers"))
    repeat = [year for year in years if year[2] > 1]
    once = [year for year in years if year[2] == 1]

    def rate(side: Sequence[tuple[int, Decimal, int]], form: str) -> float:
        orders, money = sum(year[0] for year in side), float(sum(year[1] for year in side))
        return {
            "ratio of spend per customer": money / len(side),
            "ratio of order value": money / orders,
            "ratio of orders per customer": orders / len(side),
        }[form]

    found = shop.ask(
        "select form, value, n_members, n_others, interval_low <= value and value <= interval_high "
        "from loyalty_effects where claim = 'repeat_customer_spend'"
    )
    assert len(found) == 3
    for form, value, members, others, is_inside in found:
        assert value == pytest.approx(rate(repeat, form) / rate(once, form)), form
        assert (members, others, is_inside) == (len(repeat), len(once), True)


@pytest.mark.slow
def test_a_refund_four_months_late_restates_the_month_of_its_order(
    shop: Night, tmp_path: Path
) -> None:
    exports, home = tmp_path / "exports", tmp_path / "home"
    shutil.copytree(shop.company.exports, exports)
    shutil.copytree(shop.home, home, symlinks=True)
    late = _orders("2026-10-05", 400, ["10"])
    refunded = "103,p3@example.org,2026-06-01T03:00:00Z,99.50,25.00\n"
    (exports / "shop" / "orders_2026-10-05.csv").write_text(late + refunded)
    after = Night(shop.company, home, run_night(home, exports))

    assert after.manifest["release"] == 2, after.done.stderr
    assert after.ask(
        "select key_group, before, after, change, reason from restatements where mart = 'orders'"
    ) == [
        (
            "source=shop|currency=NOK|month=2026-06|measure=net_amount",
            Decimal(11940),
            Decimal(11915),
            Decimal(-25),
            "refund",
        )
    ]
    assert after.one(
        "select refund_amount, net_amount, status from orders where order_id = '103'"
    ) == (Decimal(25), Decimal("74.5"), "partially_refunded")
    assert after.one("select count(*) from orders where source = 'shop'") == 121
    assert shop.one("select net_amount from orders where order_id = '103'") == Decimal("99.5")


@pytest.fixture(scope="module")
def worse(shop: Night, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The same home a day later: a required file is cut, the shop's file is half rubbish."""
    exports = tmp_path_factory.mktemp("worse") / "exports"
    shutil.copytree(shop.company.exports, exports)
    home = exports.with_name("home")
    shutil.copytree(shop.home, home, symlinks=True)
    cut = 'id,mail,since\nm20,"p20@example.org,2026-06-04T08:00:00Z\nm21,p21@example.org,2026-06-04'
    (exports / "club" / "members_2026-06-04.csv").write_text(cut)
    rubbish = _orders("2026-06-04", 900, ["99.50", "unknown"] * 20)
    (exports / "shop" / "orders_2026-06-04.csv").write_text(rubbish)
    return Night(Company(exports), home, rapport("ingest", "--home", home, "--exports", exports))


def test_an_unreadable_required_file_fails_with_file_place_cause_and_next_step(
    worse: Night,
) -> None:
    assert worse.done.returncode == 1
    (line,) = [line for line in worse.done.stderr.splitlines() if "members_2026-06-04.csv" in line]
    assert re.search(r"line \d+", line), line
    assert re.search("quote", line), line
    assert re.search("deliver|repair|mend", line), line


def test_sources_beside_an_unreadable_one_are_still_taken_in(worse: Night) -> None:
    assert "shop: 1 new of 4 files, 20 rows accepted, 20 quarantined" in worse.done.stdout
    assert len(worse.stored("quarantine", "generic_orders")) == 20
    listed = rapport("deliveries", "--home", worse.home).stdout
    assert "orders_2026-06-04.csv" in listed
    assert "members_2026-06-04.csv" not in listed


def test_a_closed_gate_leaves_readers_where_they_are_and_exits_with_3(worse: Night) -> None:
    done = run_night(worse.home, worse.company.exports)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "few_rows_are_quarantined" in done.stderr
    assert "orders_2026-06-04.csv" in done.stderr
    assert "rapport deliveries" in done.stderr
    assert worse.manifest["release"] == 1
    assert worse.one("select count(*) from orders where source = 'shop'") == 120


def test_an_unknown_key_is_a_usage_error_that_names_the_nearest(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "rapport.yml").write_text(SHOP.replace("time_zone:", "timezone:"))
    for command in ("run", "ingest", "build", "sources"):
        done = rapport(command, "--home", home)
        assert done.returncode == 2, command
        assert "timezone" in done.stderr
        assert "time_zone" in done.stderr
    assert [path.name for path in home.iterdir()] == ["rapport.yml"]

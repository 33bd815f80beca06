"""Nights of small shops: orders in several files, and nights in which something fails."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from tests.end_to_end.night import Company, Night, rapport, run_night

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


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """A night over three required sources, and an optional one whose only file is cut."""
    exports = tmp_path_factory.mktemp("shop") / "exports"
    for source in ("club", "shop", "market", "panel"):
        (exports / source).mkdir(parents=True)
    (exports / "rapport.yml").write_text(SHOP)
    members = "".join(f"m{n},p{n}@example.org,2026-05-{n + 1:02d}T08:00:00Z\n" for n in range(15))
    (exports / "club" / "members_2026-06-01.csv").write_text("id,mail,since\n" + members)
    for day in range(1, 4):
        content = _orders(f"2026-06-{day:02d}", 100 * day, ["99.50"] * 40)
        (exports / "shop" / f"orders_2026-06-{day:02d}.csv").write_text(content)
    for name, text in MARKET.items():
        (exports / "market" / name).write_text(text)
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

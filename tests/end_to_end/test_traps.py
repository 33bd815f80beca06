"""One test per trap of simulation/TRAPS.md, on the release of one night.

The truth's evidence says where a trap lies and what is right; what is right for a whole mart stands
in ``test_company_night``.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from simulation.traps import read_traps
from tests.end_to_end.night import Night, Record

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- all moments are naive UTC


def _moment(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def _micros(text: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(text))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))


def _oslo(moment: datetime) -> date:
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Europe/Oslo")).date()


def _order(night: Night, number: str, columns: str, source: str = "shopify") -> Any:
    """The one row of an order document."""
    return night.one(
        f"select {columns} from orders where source = ? and order_id = ?", source, number
    )


def _agrees(night: Night, item: Record) -> bool:
    """Does the order of an item of evidence stand in the release once, as the item says?"""
    found = _order(night, item["order"], "gross_amount, refund_amount, net_amount, is_counted")
    expected = (*(Decimal(item[name]) for name in ("gross", "refund", "net")), item["is_counted"])
    return bool(found == expected)


def _lines(night: Night, number: str, source: str = "shopify") -> list[tuple[Any, ...]]:
    return night.ask(
        "select product_id, product_name, quantity, unit_price from order_items "
        "where source = ? and order_id = ?",
        source,
        number,
    )


def _orders_of_file_agree(night: Night, path: str) -> int:
    """Hold every order that a Shopify file names against the truth; how many there are."""
    truth = {
        row["order_id"]: row
        for row in night.company.truth_rows("orders.csv")
        if row["source"] == "shopify"
    }
    numbers = {row["Name"] for row in night.company.table(path)} & truth.keys()
    for number in numbers:
        row = truth[number]
        found = _order(
            night, number, "gross_amount, refund_amount, tax_amount, shipping_amount, channel"
        )
        amounts = [Decimal(row[name]) for name in ("gross", "refund", "tax", "shipping")]
        assert list(found) == [*amounts, row["channel"]], number
    return len(numbers)


def _web_records(night: Night, path: str) -> list[Record]:
    file = night.company.exports / path
    if file.suffix == ".parquet":
        records: list[Record] = pq.read_table(file).to_pylist()
        return records
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def _web_touches_of_day(night: Night, day: str) -> int:
    """Touches of the web on a day of the property's zone, written 20260518."""
    found: int = night.one(
        "select count(*) from interactions where source = 'ga4' and "
        "strftime(occurred_date, '%Y%m%d') = ?",
        day,
    )
    return found


def _mail_touches(night: Night, item: Record, kind: str) -> Counter[bool]:
    """Human and machine touches of one person's copy of a campaign."""
    rows = night.ask(
        "select is_human from interactions where source = 'sendgrid' and kind = ? "
        "and campaign_id = ? and identifier = ?",
        kind,
        item["campaign_id"],
        night.node(f"any|email|{item['email']}"),
    )
    return Counter(is_human for (is_human,) in rows)


def _consent(night: Night, email: str) -> str:
    customer = night.customer(email, "sendgrid")
    state: str = night.one("select email_consent from customers where customer_id = ?", customer)
    return state


def _is_quarantined(night: Night, item: Record) -> bool:
    """Does the row lie in quarantine, and nowhere else?"""
    source, name = item["file"].split("/")
    delivery, table, rows = night.one(
        "select delivery_id, object, rows_quarantined from pipeline_ledger "
        "where source = ? and file_name = ?",
        source,
        name,
    )
    held = [row for row in night.stored("quarantine", table) if row["delivery_id"] == delivery]
    accepted = [row for row in night.stored("raw", table) if row["delivery_id"] == delivery]
    return (
        len(held) == rows
        and item["row"] in {row["quarantine_row"] for row in held}
        and item["row"] not in {row["delivery_row"] for row in accepted}
    )


def test_every_trap_has_its_test() -> None:
    tests = [name for name in globals() if name.startswith("test_trap_")]
    assert tests == [trap.test for trap in read_traps()]
    assert len(tests) >= 60


# --- who is who ------------------------------------------------------------------------------


def test_trap_01_role_mailbox_merges_nobody(night: Night) -> None:
    evidence = night.company.evidence("role_mailbox")
    orders = [item for item in evidence if "order" in item]
    contacts = [item for item in evidence if "contact" in item]
    owners = {night.customer(item["contact"], "hubspot") for item in contacts}
    assert len(owners) == len(contacts) == 3
    assert owners == {night.customer(item["own_email"]) for item in contacts}
    assert night.customers(orders[0]["email"]) == set()
    for item in orders:
        assert _agrees(night, item)
        assert _order(night, item["order"], "customer_id") is None


def test_trap_02_shared_address_counts_orders_once(night: Night) -> None:
    evidence = night.company.evidence("shared_email")
    orders = [item for item in evidence if "order" in item]
    assert all(_agrees(night, item) for item in orders)
    node = night.node(f"any|email|{orders[0]['email']}")
    assert night.one("select count(*) from orders where identifier = ?", node) == len(orders) == 2
    # The address does not say which of the two bought.
    assert {_order(night, item["order"], "customer_id") for item in orders} == {None}
    owners = [night.customer(item["contact"], "hubspot") for item in evidence if "contact" in item]
    assert len(owners) == len(set(owners)) == 2
    assert night.customers(orders[0]["email"]) == set()
    assert (
        night.one(
            "select reason from identity_exclusions "
            "where identifier = ? and other_identifier is null",
            node,
        )
        == "address of several customers at once"
    )


def test_trap_03_merged_contact_stays_one_customer(night: Night) -> None:
    (item,) = night.company.evidence("merged_contact")
    names = [item["survivor"], *item["merged"], *item["emails"]]
    assert len(names) == 6
    assert len(set().union(*(night.customers(name, "hubspot") for name in names))) == 1
    assert all(night.customers(name, "hubspot") for name in names)


def test_trap_04_leading_zeros_keep_people_apart(night: Night) -> None:
    evidence = night.company.evidence("leading_zeros")
    assert [item["customer_number"] for item in evidence] == ["000482", "482"]
    owners = [night.customer(item["customer_number"]) for item in evidence]
    assert owners == [night.customer(item["email"]) for item in evidence]
    assert len(set(owners)) == 2


def test_trap_05_spellings_of_an_address_are_one_person(night: Night) -> None:
    evidence = night.company.evidence("email_spelling")
    assert len({item["email"] for item in evidence}) == 3
    buyers = {_order(night, item["order"], "customer_id, identifier") for item in evidence}
    assert len(buyers) == 1
    (customer, identifier) = buyers.pop()
    assert customer is not None
    assert identifier == night.node(f"any|email|{evidence[0]['email']}")


def test_trap_06_odd_names_survive_every_reader(night: Night) -> None:
    order, contact = night.company.evidence("nasty_name")
    assert _agrees(night, order)
    assert night.customer(contact["contact"], "hubspot") == _order(
        night, order["order"], "customer_id"
    )
    rows = [
        row
        for row in night.stored("raw", "hubspot_contacts")
        if row["contact_id"] == contact["contact"]
    ]
    # From JSON and from CSV it is the same name.
    assert len(rows) > 2
    assert len({row["first_name_key"] for row in rows}) == 1
    assert "HYPERLINK" not in night.texts


def test_trap_07_late_paper_consent_does_not_reopen(night: Night) -> None:
    first, paper = night.company.evidence("consent_order")
    assert paper["state"] == "granted"
    assert first["final_state"] == "denied"
    customer = night.customer(first["contact"], "hubspot")
    assert customer == night.customer(paper["email"], "hubspot")
    assert (
        night.one("select email_consent from customers where customer_id = ?", customer) == "denied"
    )


def test_trap_08_family_device_keeps_two_customers(night: Night) -> None:
    evidence = night.company.evidence("family_device")
    owners = {item["person"]: night.customer(item["user_id"]) for item in evidence}
    assert len(owners) == len(set(owners.values())) == 2
    assert len({item["client"] for item in evidence}) == 1
    # Each owns the device in the time of their own logins.
    assert night.customers(evidence[0]["client"]) == set(owners.values())
    for item in evidence:
        assert night.one(
            "select customer_id, page_views from sessions where contains(session_id, ?) "
            "and contains(session_id, ?)",
            item["client"],
            item["session_id"],
        ) == (owners[item["person"]], item["pages"])


def test_trap_09_login_midway_names_the_whole_session(night: Night) -> None:
    (item,) = night.company.evidence("login_midway")
    assert 0 < item["user_id_from_page"] < item["user_id_until_page"] < item["pages"]
    assert night.ask(
        "select customer_id, page_views from sessions where contains(session_id, ?)", item["client"]
    ) == [(night.customer(item["user_id"]), item["pages"])]
    pages = night.ask(
        "select distinct customer_id from interactions where source = 'ga4' and kind = 'page_view' "
        "and identifier in (?, ?)",
        f"shop|customer|{item['user_id']}",
        f"shop|anonymous|{item['client']}",
    )
    assert pages == [(night.customer(item["user_id"]),)]


def test_trap_10_survey_person_is_found_in_both_forms(night: Night) -> None:
    evidence = night.company.evidence("person_forms")
    assert len(evidence) == 2
    for item in evidence:
        owner = night.one(
            "select customer_id from survey_responses where response_id = ?", item["response"]
        )
        assert owner == night.customer(item["person_number"], "delighted")


def test_trap_11_address_in_a_link_is_not_published(night: Night) -> None:
    (item,) = night.company.evidence("address_in_link")
    address = item["link_contains"].removeprefix("email=")
    links = [
        row["page_url"]
        for row in night.stored("raw", "ga4_events")
        if row["user_pseudo_id"] == item["client"] and "email=" in row["page_url"]
    ]
    assert links
    assert all(link.endswith(f"email={night.email_key(address)}") for link in links)
    assert address not in night.texts


def test_trap_12_markup_in_texts_stays_in_the_vault(night: Night) -> None:
    answer, ticket = night.company.evidence("markup_in_text")
    length = night.one(
        "select comment_length from survey_responses where response_id = ?", answer["response"]
    )
    assert length == len(answer["comment"])
    assert night.one("select count(*) from tickets where ticket_id = ?", ticket["ticket"]) == 1
    for word in ("onerror", "env_var", "drop table"):
        assert word in answer["comment"]
        assert word not in night.texts


# --- orders ----------------------------------------------------------------------------------


def test_trap_13_late_refund_restates_the_old_order(night: Night) -> None:
    (item,) = night.company.evidence("late_refund")
    assert _agrees(night, item)
    day = _order(night, item["order"], "ordered_date")
    refunded_on = date.fromisoformat(item["redelivered_in"][-14:-4])
    assert refunded_on - day > timedelta(days=100)
    for when in (day, refunded_on):
        revenue = night.one(
            "select coalesce(sum(net_amount_reporting), 0) from orders where ordered_date = ?", when
        )
        shown = night.ask(
            "select value from kpis_daily where metric = 'net_revenue' and segment = 'all' "
            "and channel = 'all' and date = ?",
            when,
        )
        # The KPIs show the last 90 days.
        assert shown == ([(float(revenue),)] if when == refunded_on else [])


def test_trap_14_partial_refund_takes_goods_off_not_tax(night: Night) -> None:
    (item,) = night.company.evidence("partial_refund")
    assert _agrees(night, item)
    assert 0 < Decimal(item["refund"]) < Decimal(item["gross"])
    assert _order(night, item["order"], "status") == "partially_refunded"


def test_trap_15_full_refund_leaves_nothing(night: Night) -> None:
    (item,) = night.company.evidence("full_refund")
    assert _agrees(night, item)
    assert _order(night, item["order"], "net_amount, status") == (0, "refunded")
    assert _order(night, item["order"], "tax_amount + shipping_amount") > 0


def test_trap_16_test_order_counts_nothing_but_contest_does(night: Night) -> None:
    test, contest = night.company.evidence("test_order")
    assert _agrees(night, test)
    assert _agrees(night, contest)
    facts = "is_test, status = 'test', net_amount_reporting = 0, customer_order_number is null"
    assert _order(night, test["order"], facts) == (True, True, True, True)
    assert _order(night, contest["order"], facts) == (False, False, False, False)


def test_trap_17_unpaid_order_earns_nothing(night: Night) -> None:
    (item,) = night.company.evidence("unpaid_order")
    assert _agrees(night, item)
    assert _order(night, item["order"], "net_amount, status, is_counted") == (0, "cancelled", False)


def test_trap_18_edited_order_loses_the_removed_line(night: Night) -> None:
    (item,) = night.company.evidence("edited_order")
    assert _agrees(night, item)
    assert item["lines_now"] < item["lines_before"]
    assert len(_lines(night, item["order"])) == item["lines_now"]


def test_trap_19_repeated_block_counts_once(night: Night) -> None:
    (item,) = night.company.evidence("repeated_block")
    assert _agrees(night, item)
    assert len(_lines(night, item["order"])) == item["rows_of_block"]


def test_trap_20_twin_lines_are_two_lines(night: Night) -> None:
    for item in night.company.evidence("twin_lines"):
        twins = Counter(_lines(night, item["order"]))
        assert _agrees(night, item)
        assert max(twins.values()) == 2


def test_trap_21_repeated_file_counts_once(night: Night) -> None:
    (item,) = night.company.evidence("repeated_file")
    name = item["file"].removeprefix("shopify/").removesuffix(".csv")
    rows = item["rows"]
    ledger = night.ask(
        "select rows_accepted, rows_duplicate, sha256 from pipeline_ledger "
        "where source = 'shopify' and file_name in (?, ?) order by 1",
        f"{name}.csv",
        f"{name} (1).csv",
    )
    assert [facts[:2] for facts in ledger] == [(0, rows), (rows, 0)]
    assert ledger[0][2] == ledger[1][2]
    assert _orders_of_file_agree(night, item["file"]) > 0


def test_trap_22_late_file_changes_nothing_newer(night: Night) -> None:
    (item,) = night.company.evidence("late_file")
    assert item["delivered_on"] > item["data_date"]
    assert _orders_of_file_agree(night, item["file"]) > 0
    older = {row["Name"]: row for row in night.company.table(item["file"]) if row["Currency"]}
    # The older file knows nothing of the refund that a newer one tells.
    refunds = [
        _order(night, number, "refund_amount")
        for number, row in older.items()
        if Decimal(row["Refunded Amount"]) == 0
    ]
    assert max(refunds) > 0


def test_trap_23_guest_order_is_unattributed_revenue(night: Night) -> None:
    (item,) = night.company.evidence("guest_order")
    assert _agrees(night, item)
    assert _order(night, item["order"], "customer_id, identifier") == (None, None)


def test_trap_24_rows_below_belong_to_the_order_above(night: Night) -> None:
    (item,) = night.company.evidence("empty_name_rows")
    rows = night.company.table(item["file"])
    numbers = [row["Name"] for row in rows if row["Name"]]
    assert len(numbers) < len(rows) == item["rows"]
    assert sum(len(_lines(night, number)) for number in numbers) == len(rows)
    assert _orders_of_file_agree(night, item["file"]) == len(numbers)


def test_trap_25_double_hour_orders_stay_an_hour_apart(night: Night) -> None:
    first, second = night.company.evidence("double_hour")
    assert first["created_at"][:19] == second["created_at"][:19]
    moments = [_order(night, item["order"], "ordered_at") for item in (first, second)]
    assert moments == [_moment(item["ordered_at"]) for item in (first, second)]
    assert moments[1] - moments[0] == timedelta(hours=1)


def test_trap_26_order_after_midnight_belongs_to_the_local_day(night: Night) -> None:
    (item,) = night.company.evidence("local_midnight")
    at, day = _order(night, item["order"], "ordered_at, ordered_date")
    assert day == _oslo(at) == at.date() + timedelta(days=1)
    assert (
        night.one(
            "select occurred_date from interactions where kind = 'order' and record_id = ?",
            item["order"],
        )
        == day
    )


def test_trap_27_byte_order_mark_and_crlf_change_nothing(night: Night) -> None:
    (item,) = night.company.evidence("byte_order_mark")
    content = (night.company.exports / item["file"]).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in content
    assert _orders_of_file_agree(night, item["file"]) > 0


def test_trap_28_columns_are_found_by_name(night: Night) -> None:
    (item,) = night.company.evidence("column_order")
    assert _orders_of_file_agree(night, item["file"]) > 0


def test_trap_29_added_column_shifts_nothing(night: Night) -> None:
    (item,) = night.company.evidence("added_column")
    assert "Gift Message" in night.company.table(item["file"])[0]
    assert _orders_of_file_agree(night, item["file"]) > 0


def test_trap_30_malformed_orders_are_quarantined_with_their_money(night: Night) -> None:
    evidence = night.company.evidence("malformed_orders")
    assert len(evidence) == 3
    assert all(_is_quarantined(night, item) for item in evidence)
    held = night.ask(
        "select currency, sum(amount) from pipeline_ledger_amounts join pipeline_ledger "
        "using (delivery_id) where file_name = ? and outcome = 'quarantined' group by 1",
        evidence[0]["file"].removeprefix("shopify/"),
    )
    assert held == [("NOK", sum(Decimal(item["amount"]) for item in evidence))]
    assert night.ask("select * from orders where order_id like '#X%' or order_id like '%E+%'") == []


def test_trap_31_web_purchase_adds_no_revenue(night: Night) -> None:
    (item,) = night.company.evidence("web_purchase")
    assert night.ask("select * from orders where source = 'ga4'") == []
    seen = "select count(*) from interactions where source = 'ga4' and kind = 'purchase'"
    assert night.one(seen) == item["purchase_events"]
    named = night.one(
        "select sum(amount) from pipeline_ledger_amounts where outcome = 'duplicate' "
        "and reason = 'web purchase reported by the commerce source'"
    )
    assert named > sum(map(Decimal, item["web_revenue"]))


def test_trap_32_decimal_comma_is_read_as_declared(night: Night) -> None:
    (item,) = night.company.evidence("decimal_comma")
    assert item["text"] == "1.234,50"
    assert _order(night, item["order"], "gross_amount", "back_office") == Decimal(item["gross"])


def test_trap_33_rupiah_thousands_are_not_decimals(night: Night) -> None:
    (item,) = night.company.evidence("rupiah_thousands")
    assert _order(night, item["order"], "gross_amount", "back_office") == Decimal(item["gross"])
    prices = [price for *_, price in _lines(night, item["order"], "back_office")]
    assert Decimal(item["unit_price"]) in prices


def test_trap_34_jakarta_clock_is_not_utc(night: Night) -> None:
    (item,) = night.company.evidence("jakarta_time")
    at, day, gross = _order(
        night, item["order"], "ordered_at, ordered_date, gross_amount", "back_office"
    )
    assert at == _moment(item["ordered_at"])
    assert day == _oslo(at)
    assert day.strftime("%A") == "Saturday"
    assert gross == Decimal(item["gross"])
    twins = Counter(_lines(night, item["order"], "back_office"))
    assert list(twins.values()) == [item["twin_lines"]]


def test_trap_35_order_numbers_are_per_shop(night: Night) -> None:
    (item,) = night.company.evidence("number_reused")
    assert item["shopify_order"] == f"#{item['order']}"
    indonesian = _order(night, item["order"], "customer_id, currency", "back_office")
    norwegian = _order(night, item["shopify_order"], "customer_id, currency")
    assert None not in (*indonesian, *norwegian)
    assert indonesian[0] != norwegian[0]
    assert (indonesian[1], norwegian[1]) == ("IDR", "NOK")


def test_trap_36_cancellation_document_is_no_order(night: Night) -> None:
    (item,) = night.company.evidence("cancellation_document")
    refund = Decimal(item["refund"])
    assert _order(
        night,
        item["order"],
        "document_type, gross_amount, refund_amount, net_amount, is_counted, customer_order_number",
        "back_office",
    ) == ("cancellation", 0, refund, -refund, False, None)
    assert night.ask("select * from interactions where record_id = ?", item["order"]) == []


def test_trap_37_weekend_order_takes_fridays_rate(night: Night) -> None:
    (item,) = night.company.evidence("weekend_rate")
    (order,) = night.company.evidence("jakarta_time")
    rate, net, reporting = _order(
        night, order["order"], "exchange_rate, net_amount, net_amount_reporting", "back_office"
    )
    assert date.fromisoformat(item["rate_day"]).strftime("%A") == "Friday"
    assert rate == Decimal(item["rate"])
    assert reporting == net * rate


def test_trap_38_membership_is_taken_at_order_time(night: Night) -> None:
    evidence = night.company.evidence("membership_at_order")
    found = [_order(night, item["order"], "is_member_at_order", "back_office") for item in evidence]
    assert sorted(found) == [False, True]
    assert found == [item["is_member"] for item in evidence]


def test_trap_39_ledger_twins_are_two_movements_once(night: Night) -> None:
    (item,) = night.company.evidence("ledger_twins")
    member = f"shop|loyalty|{item['card']}"
    (twins,) = night.ask(
        "select count(*) from interactions where identifier = ? and kind = 'loyalty_earn' "
        "group by occurred_at having count(*) > 1",
        member,
    )
    assert twins == (item["movements"],)
    assert (
        night.one("select points_balance from loyalty_memberships where identifier = ?", member)
        == item["points_total"]
    )


# --- e-mail ----------------------------------------------------------------------------------


def test_trap_40_webhook_repeats_count_once(night: Night) -> None:
    one, total = night.company.evidence("webhook_repeats")
    assert one["deliveries"] > 1
    assert (
        night.one(
            "select count(*) from interactions where source = 'sendgrid' and record_id = ?",
            one["event_id"],
        )
        == 1
    )
    assert night.one(
        "select sum(rows_accepted), sum(rows_duplicate) from pipeline_ledger "
        "where source = 'sendgrid'"
    ) == (total["distinct_events"], total["repeated_events"])


def test_trap_41_machine_opens_are_not_engagement(night: Night) -> None:
    evidence = night.company.evidence("machine_open")
    assert evidence
    for item in evidence:
        opens = _mail_touches(night, item, "email_open")
        assert (opens[False], opens[True]) == (item["machine_events"], item["human_events"])
        assert item["machine_events"] > 0
    customer = night.customer(evidence[0]["email"], "sendgrid")
    scored = night.ask(
        "select * from interactions where customer_id = ? and signal is not null and not is_human",
        customer,
    )
    assert scored == []


def test_trap_42_gateway_clicks_are_not_engagement(night: Night) -> None:
    evidence = night.company.evidence("gateway_click")
    assert evidence
    for item in evidence:
        clicks = _mail_touches(night, item, "email_click")
        assert (clicks[False], clicks[True]) == (item["machine_events"], item["human_events"])
        assert item["clicks_unsubscribe_link"]
    assert _consent(night, evidence[0]["email"]) == "granted"


def test_trap_43_resubscribing_is_the_latest_word(night: Night) -> None:
    left, back = night.company.evidence("resubscribed")
    assert left["at"] < back["at"]
    assert _consent(night, back["email"]) == "granted"


def test_trap_44_category_text_and_list_are_one_campaign_field(night: Night) -> None:
    evidence = night.company.evidence("category_forms")
    assert {type(item["category"]) for item in evidence} == {str, list}
    for item in evidence:
        name = night.one(
            "select campaign_name from email_campaigns where campaign_id = ?", item["campaign_id"]
        )
        assert name == f"Newsletter {int(item['campaign_id'][-2:])}"
    categories = {row["category"] for row in night.stored("raw", "sendgrid_events")}
    assert categories == {"newsletter", "order confirmation"}


# --- web -------------------------------------------------------------------------------------


def test_trap_45_intraday_and_daily_tables_count_once(night: Night) -> None:
    evidence = night.company.evidence("intraday_overlap")
    for item in evidence:
        intraday = re.sub(r"\D", "", item["file"].removeprefix("ga4/"))
        events = len(_web_records(night, item["daily_file"] or item["file"]))
        assert _web_touches_of_day(night, intraday) == events >= item["events"] > 0
    assert [bool(item["daily_file"]) for item in evidence] == [True, True, False]


def test_trap_46_redelivered_day_counts_once_with_its_late_events(night: Night) -> None:
    evidence = night.company.evidence("daily_redelivered")
    for item in evidence:
        day = item["file"][len("ga4/events_") :][:8]
        assert item["late_events"] > 0
        assert (
            _web_touches_of_day(night, day)
            == item["events_repeated"] + item["late_events"]
            == len(_web_records(night, item["redelivered_in"]))
        )


def test_trap_47_events_without_consent_belong_to_nobody(night: Night) -> None:
    for item in night.company.evidence("null_ids"):
        assert night.ask(
            "select distinct customer_id, identifier from interactions "
            "where source = 'ga4' and occurred_at = ? and kind = ?",
            _micros(item["event_timestamp"]),
            item["event_name"],
        ) == [(None, None)]
    assert night.ask("select * from sessions where identifier is null") == []


def test_trap_48_session_ids_are_per_client(night: Night) -> None:
    evidence = night.company.evidence("session_collision")
    assert len({item["session_id"] for item in evidence}) == 1
    owners = night.ask(
        "select customer_id, page_views from sessions where contains(session_id, ?) order by 1",
        evidence[0]["session_id"],
    )
    assert owners == sorted((night.customer(item["user_id"]), item["pages"]) for item in evidence)
    assert len({owner for owner, _ in owners}) == 2


def test_trap_49_twin_events_are_two_events(night: Night) -> None:
    first, second = night.company.evidence("twin_events")
    assert first == second
    products = night.ask(
        "select product_id from interactions where source = 'ga4' and occurred_at = ? and kind = ?",
        _micros(first["event_timestamp"]),
        first["event_name"],
    )
    assert len(set(products)) == len(products) == 2


def test_trap_50_session_over_midnight_stays_one(night: Night) -> None:
    evidence = night.company.evidence("session_over_midnight")
    assert len({item["event_date"] for item in evidence}) == 2
    started, day, views = night.one(
        "select started_at, started_date, page_views from sessions "
        "where contains(session_id, ?) and contains(session_id, ?)",
        evidence[0]["client"],
        evidence[0]["session_id"],
    )
    assert started == min(_micros(item["event_timestamp"]) for item in evidence)
    assert day.strftime("%Y%m%d") == evidence[0]["event_date"]
    assert views == len(evidence)


def test_trap_51_bots_are_not_visitors(night: Night) -> None:
    evidence = night.company.evidence("bots")
    assert len(evidence) == 2
    for item in evidence:
        views = night.ask(
            "select is_human, signal, count(*) from interactions where identifier = ? "
            "and kind = 'page_view' group by all",
            f"shop|anonymous|{item['client']}",
        )
        assert views == [(False, None, item["page_views"])]
        sessions = night.ask(
            "select is_human, count(*), sum(page_views) from sessions "
            "where contains(session_id, ?) group by 1",
            item["client"],
        )
        assert sessions == [(False, item["session_ids"], item["page_views"])]
    pages = night.one(
        "select max(value) from kpis_daily where metric = 'pages_per_session' and segment = 'all'"
    )
    assert pages < 20


def test_trap_52_parquet_and_json_days_are_alike(night: Night) -> None:
    evidence = night.company.evidence("parquet_days")
    for item in evidence:
        day = item["file"][len("ga4/events_") :][:8]
        assert _web_touches_of_day(night, day) == item["events"] > 0
    kinds = [
        {type(row[name]) for row in night.stored("raw", "ga4_events")}
        for name in ("event_timestamp", "session_id", "bundle_sequence_id")
    ]
    assert all(types <= {str, type(None)} for types in kinds)


def test_trap_53_missing_day_is_told(night: Night) -> None:
    (item,) = night.company.evidence("missing_day")
    assert _web_touches_of_day(night, item["date"].replace("-", "")) == 0
    told = [
        json.dumps(result)
        for gate in night.manifest["gates"]
        for result in gate["results"]
        if not result["success"]
    ] + night.manifest["notes"]
    assert [text for text in told if item["date"] in text and "ga4" in text], told


# --- voice and back office -------------------------------------------------------------------


def test_trap_54_score_zero_is_a_score(night: Night) -> None:
    (item,) = night.company.evidence("score_zero")
    assert night.one(
        "select score, outcome from survey_responses where response_id = ?", item["response"]
    ) == (item["score"], "bad")
    assert item["score"] == 0


def test_trap_55_edited_answer_counts_in_its_last_form(night: Night) -> None:
    (item,) = night.company.evidence("edited_answer")
    score, answered_at = night.one(
        "select score, answered_at from survey_responses where response_id = ?", item["response"]
    )
    assert score == item["score_now"] != item["score_first"]
    assert answered_at == _moment(item["answered_at"])


def test_trap_56_ticket_is_one_row_in_its_last_state(night: Night) -> None:
    (item,) = night.company.evidence("ticket_versions")
    assert night.one(
        "select status, satisfaction, resolved_at, is_resolved from tickets where ticket_id = ?",
        item["ticket"],
    ) == ("solved", item["satisfaction"], _utc(item["resolved_at_utc"]), True)


def test_trap_57_day_first_dates_are_read_as_declared(night: Night) -> None:
    (item,) = night.company.evidence("day_first_dates")
    created = night.one("select created_at from tickets where ticket_id = ?", item["ticket"])
    assert created == _utc(item["created_at_utc"])


def test_trap_58_windows_file_from_the_desk_is_read(night: Night) -> None:
    (item,) = night.company.evidence("windows_file")
    content = (night.company.exports / item["file"]).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    name = item["file"].removeprefix("back_office/")
    delivered, quarantined = night.one(
        "select rows_delivered, rows_quarantined from pipeline_ledger where file_name = ?", name
    )
    assert (delivered, quarantined) == (item["rows"], 0)
    numbers = set(re.findall(rb"^\d{7}(?=;)", content, re.MULTILINE))
    known = {ticket for (ticket,) in night.ask("select ticket_id from tickets")}
    assert {number.decode() for number in numbers} <= known
    assert numbers


def test_trap_59_windows_encoding_is_read_as_declared(night: Night) -> None:
    (item,) = night.company.evidence("windows_encoding")
    lengths = {row["body_length"] for row in night.stored("raw", "generic_reviews")}
    assert item["characters"] == len(item["text"]) in lengths


def test_trap_60_milliseconds_are_not_seconds(night: Night) -> None:
    evidence = night.company.evidence("epoch_milliseconds")
    for item in evidence:
        at = night.one(
            "select occurred_at from interactions where record_id = ?", item["interaction"]
        )
        assert at == _moment(item["ts"] / 1000)


def test_trap_61_portal_times_are_local(night: Night) -> None:
    (item,) = night.company.evidence("portal_zone")
    created = _utc(item["created_at_utc"])
    versions = [
        row["created_at"]
        for row in night.stored("raw", "hubspot_contacts")
        if row["contact_id"] == item["contact"]
    ]
    # The CSV has no seconds.
    assert {moment.replace(second=0, microsecond=0) for moment in versions} == {created}
    assert len(versions) > 2


def test_trap_62_close_date_does_not_slip_a_day(night: Night) -> None:
    (item,) = night.company.evidence("close_date")
    closed_at, is_won = night.one(
        "select closed_at, is_won from deals where deal_id = ?", item["deal"]
    )
    assert closed_at == _utc(item["closed_at_utc"])
    assert str(_oslo(closed_at)) == item["close_date_in_csv"][:10] != str(closed_at.date())
    assert is_won


def test_trap_63_both_pages_of_contacts_are_read(night: Night) -> None:
    (item,) = night.company.evidence("contact_pages")
    known = {
        contact
        for (contact,) in night.ask(
            "select identifier from customer_identities where source = 'hubspot' "
            "and identifier_type = 'customer'"
        )
    }
    for path in item["files"]:
        page = json.loads((night.company.exports / path).read_text(encoding="utf-8"))
        contacts = {record["id"] for record in page["results"]}
        assert contacts
        assert contacts <= known


def test_trap_64_malformed_events_are_quarantined(night: Night) -> None:
    evidence = night.company.evidence("malformed_event")
    assert len(evidence) == 2
    assert all(_is_quarantined(night, item) for item in evidence)


def test_trap_65_malformed_answer_is_quarantined(night: Night) -> None:
    (item,) = night.company.evidence("malformed_answer")
    assert _is_quarantined(night, item)
    known = night.ask("select * from survey_responses where response_id = ?", item["response"])
    assert known == []


def test_trap_66_malformed_back_office_rows_are_quarantined(night: Night) -> None:
    evidence = night.company.evidence("malformed_back_office")
    assert len(evidence) == 6
    assert all(_is_quarantined(night, item) for item in evidence)
    # A visit in 2062 does not move the run's day.
    assert night.manifest["as_of"] < "2027"


def test_trap_67_hexadecimal_token_is_an_id(night: Night) -> None:
    (item,) = night.company.evidence("hexadecimal_id")
    (cart,) = [
        row for row in night.stored("raw", "generic_carts") if row["cart_id"] == item["cart"]
    ]
    assert cart["order_id"] == item["order"]
    # It became an order, so nobody left it.
    assert night.ask("select * from abandoned_carts where cart_id = ?", item["cart"]) == []


# --- identifiers that change hands -----------------------------------------------------------


def test_trap_68_successor_does_not_inherit_the_orders(night: Night) -> None:
    evidence = night.company.evidence("inherited_address")
    contacts = {item["person"]: item for item in evidence if "contact" in item}
    orders = [item for item in evidence if "order" in item]
    owners = {
        person: night.customer(item["contact"], "hubspot") for person, item in contacts.items()
    }
    assert len(set(owners.values())) == len(orders) == 2
    assert len({item["email"] for item in orders}) == 1
    for item in orders:
        assert _agrees(night, item)
        assert _order(night, item["order"], "customer_id") == owners[item["person"]]
    for person, item in contacts.items():
        assert night.customer(item["own_email"]) == owners[person]
    assert night.customers(orders[0]["email"]) == set(owners.values())


def test_trap_69_undone_merge_leaves_two_customers(night: Night) -> None:
    evidence = night.company.evidence("merge_undone")
    contacts = {item["email"]: item["contact"] for item in evidence if "contact" in item}
    owners = {email: night.customer(item, "hubspot") for email, item in contacts.items()}
    assert len(set(owners.values())) == 2
    for item in evidence:
        if "order" in item:
            assert _agrees(night, item)
            assert _order(night, item["order"], "customer_id") == owners[item["email"]]

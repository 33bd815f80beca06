"""The truth equals a plain recount of the files."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from itertools import chain

import pytest

from tests.simulation.exports import (
    Record,
    Written,
    mail_events,
    norwegian,
    param,
    shopify_blocks,
    web_events,
)

BOTS = ("987654321.1500000000", "987654322.1500000000")


def _money(row: dict[str, str], *names: str) -> list[Decimal]:
    return [Decimal(row[name]) for name in names]


def _orders(company: Written, source: str) -> dict[str, dict[str, str]]:
    rows = [row for row in company.truth_rows("orders.csv") if row["source"] == source]
    assert rows
    return {row["order_id"]: row for row in rows}


def test_shopify_orders_recount_to_the_truth(company: Written) -> None:
    broken = {row["identifier"] for row in company.truth_rows("quarantine.csv")}
    latest = {name: block for name, block in shopify_blocks(company) if name not in broken}
    truth = _orders(company, "shopify")
    assert latest.keys() == truth.keys()
    for name, block in latest.items():
        first, row = block[0], truth[name]
        gross = sum(
            Decimal(line["Lineitem quantity"]) * Decimal(line["Lineitem price"]) for line in block
        )
        subtotal, tax, total, refunded = _money(
            first, "Subtotal", "Taxes", "Total", "Refunded Amount"
        )
        refund = subtotal if refunded >= total else refunded * subtotal / (subtotal + tax)
        if first["Financial Status"] == "voided":
            refund = subtotal
        assert gross - Decimal(first["Discount Amount"]) == subtotal
        assert total == subtotal + tax + Decimal(first["Shipping"])
        assert _money(row, "gross", "refund", "net") == [gross, refund, subtotal - refund]
        assert row["currency"] == first["Currency"]
        is_test = "test" in first["Tags"].lower().replace(",", " ").split()
        assert row["is_test"] == str(is_test).lower()
        counted = not is_test and first["Financial Status"] != "voided"
        assert row["is_counted"] == str(counted).lower()


def test_till_receipts_recount_to_the_truth(company: Written) -> None:
    latest = {row["Bon"]: row for row in company.table("back_office/kvitteringer_*.csv")}
    assert latest.pop("B9999999")["Brutto"] == "12,34,56"
    truth = {key: row for key, row in _orders(company, "back_office").items() if key[0] == "B"}
    assert latest.keys() == truth.keys()
    for number, row in latest.items():
        gross, refund = norwegian(row["Brutto"]), norwegian(row["Refusjon"])
        assert _money(truth[number], "gross", "refund") == [gross, refund]
        assert Decimal(truth[number]["net"]) == gross - norwegian(row["Rabatt"]) - refund
        assert truth[number]["is_member"] == str(row["Medlem"] == "Ja").lower()
        assert (truth[number]["person_id"] != "") == (row["Kort"] != "")


def test_indonesian_lines_recount_to_the_truth(company: Written) -> None:
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in company.table("back_office/pesanan_*.csv"):
        amount = Decimal(row["Jumlah"]) * norwegian(row["Harga"])
        sums[row["No Pesanan"]][amount < 0] += abs(amount)
    assert sums.pop("9001") == [50_000, 0]
    truth = {
        k: row for k, row in _orders(company, "back_office").items() if row["currency"] == "IDR"
    }
    assert sums.keys() == truth.keys()
    for number, (gross, refund) in sums.items():
        assert _money(truth[number], "gross", "refund", "net") == [gross, refund, gross - refund]
        assert truth[number]["is_counted"] == str(not number.startswith("C")).lower()


def test_revenue_is_the_sum_of_the_orders(company: Written) -> None:
    revenue = company.truth_json("revenue.json")
    rows = [row for row in company.truth_rows("orders.csv") if row["is_test"] == "false"]
    for currency, totals in revenue["by_currency"].items():
        chosen = [row for row in rows if row["currency"] == currency]
        for name in ("gross", "discount", "refund", "net"):
            assert Decimal(totals[name]) == sum(Decimal(row[name]) for row in chosen)
        assert totals["orders"] == sum(row["is_counted"] == "true" for row in chosen)
    assert Decimal(revenue["net_reporting"]) == sum(Decimal(row["net_reporting"]) for row in rows)


def test_reporting_amounts_follow_the_latest_rate_of_the_day(company: Written) -> None:
    rates: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in company.table("back_office/valutakurser_*.csv"):
        day, month, year = row["Dato"].split(".")
        rates[row["Fra"]].append((f"{year}-{month}-{day}", norwegian(row["Kurs"])))
    foreign = [row for row in company.truth_rows("orders.csv") if row["currency"] != "NOK"]
    assert foreign
    for row in foreign:
        if row["is_test"] == "true":
            assert row["net_reporting"] == "0.00"
            continue
        known = [
            rate for day, rate in sorted(rates[row["currency"]]) if day <= row["ordered_at"][:10]
        ]
        assert Decimal(row["net_reporting"]) == Decimal(row["net"]) * known[-1]


def _signals(company: Written, column: str = "count") -> dict[str, Counter[str]]:
    signals: dict[str, Counter[str]] = defaultdict(Counter)
    for row in company.truth_rows("engagement_inputs.csv"):
        signals[row["signal"]][row["person_id"]] += int(row[column])
    return signals


def _human_mail(company: Written) -> list[Record]:
    events = mail_events(company)
    delivered = {e["sg_message_id"]: e["timestamp"] for e in events if e["event"] == "delivered"}
    human = []
    for event in events:
        sooner_than_a_person = event["timestamp"] - delivered.get(event["sg_message_id"], 0) < 60
        is_machine = event.get("sg_machine_open") or sooner_than_a_person
        if event["event"] not in ("open", "click") or not is_machine:
            human.append(event)
    return human


def test_human_mail_events_recount_to_the_truth(company: Written) -> None:
    kinds = Counter(event["event"] for event in _human_mail(company))
    signals = _signals(company)
    assert kinds["open"] == signals["email_opens_human"].total() > 0
    assert kinds["click"] == signals["email_clicks_human"].total() > 0
    left = kinds["unsubscribe"] + kinds["group_unsubscribe"]
    assert left == signals["unsubscribes"].total() > 0
    assert kinds["spamreport"] == signals["spam_reports"].total()


def test_mail_counts_belong_to_the_right_people(company: Written) -> None:
    owner = {
        row["identifier"]: row["person_id"]
        for row in company.truth_rows("identifiers.csv")
        if row["source"] == "sendgrid" and row["is_shared"] == "false"
    }
    clicks = Counter(
        owner[event["email"]]
        for event in _human_mail(company)
        if event["event"] == "click" and event["email"] in owner
    )
    truth = _signals(company)["email_clicks_human"]
    assert clicks.total() > 10
    assert {person: truth[person] for person in clicks} == dict(clicks)


def test_page_views_of_people_recount_to_the_truth(company: Written) -> None:
    events = [event for event in web_events(company) if event.get("user_pseudo_id") not in BOTS]
    views = sum(event["event_name"] == "page_view" for event in events)
    assert views == _signals(company)["page_views"].total() > 100


def test_sessions_of_a_device_recount_to_the_truth(company: Written) -> None:
    clients: dict[str, list[str]] = defaultdict(list)
    for row in company.truth_rows("identifiers.csv"):
        if row["source"] == "ga4" and row["identifier_type"] == "anonymous":
            clients[row["person_id"]].append(row["identifier"])
    shared = [client for client, n in Counter(chain(*clients.values())).items() if n > 1]
    pairs = {
        (event["user_pseudo_id"], param(event, "ga_session_id"))
        for event in web_events(company)
        if event.get("user_pseudo_id") and event["event_name"] == "page_view"
    }
    counts = Counter(client for client, _ in pairs)
    truth = _signals(company)["web_sessions"]
    compared = 0
    for person, own in clients.items():
        if not set(own) & set(shared):
            assert truth[person] == sum(counts[client] for client in own)
            compared += 1
    assert compared > 10


def test_only_what_can_be_linked_is_called_attributable(company: Written) -> None:
    known = _signals(company, "attributable")
    for signal, counts in _signals(company).items():
        for person, events in counts.items():
            assert 0 <= known[signal][person] <= events
    named = {
        event["user_pseudo_id"]
        for event in web_events(company)
        if event.get("user_pseudo_id")
        and (event.get("user_id") or param(event, "email_click_token"))
    }
    owners = {
        row["person_id"]
        for row in company.truth_rows("identifiers.csv")
        if row["source"] == "ga4" and row["identifier"] in named
    }
    assert {person for person, events in known["web_sessions"].items() if events} == owners


def test_survey_answers_recount_to_the_truth(company: Written) -> None:
    latest: dict[str, Record] = {}
    for path in company.paths("delighted/*.json"):
        for record in company.records(path):
            known = latest.get(record["id"])
            if known is None or known["updated_at"] <= record["updated_at"]:
                latest[record["id"]] = record
    assert latest.pop("299999999")["score"] == "ten"
    for row in company.table("back_office/intervjuer_*.csv"):
        latest[row["Intervju"]] = {"score": row["Karakter"], "survey_type": "csat"}
    truth = {row["response_id"]: row for row in company.truth_rows("survey_answers.csv")}
    assert latest.keys() == truth.keys()
    for identifier, record in latest.items():
        assert str(record["score"]) == truth[identifier]["score"]
        assert record["survey_type"] == truth[identifier]["survey_type"]
    assert len(latest) == _signals(company)["survey_answers"].total()


@pytest.mark.parametrize(
    ("signal", "pattern", "column"),
    [
        ("tickets", "saker", "Saksnr"),
        ("reviews", "omtaler", "Omtale"),
        ("referrals", "advocates", "ref_no"),
        ("store_visits", "butikkbesok", "Besøk"),
        ("calls", "anrop", "Anrop"),
    ],
)
def test_back_office_records_recount_to_the_truth(
    company: Written, signal: str, pattern: str, column: str
) -> None:
    rejected = {row["identifier"] for row in company.truth_rows("quarantine.csv")}
    found = {row[column] for row in company.table(f"back_office/{pattern}_*.csv")} - rejected
    assert len(found) == _signals(company)[signal].total() > 0


def test_order_counts_are_counted_orders(company: Written) -> None:
    counted = Counter(
        row["true_person_id"]
        for row in company.truth_rows("orders.csv")
        if row["is_counted"] == "true"
    )
    assert _signals(company)["orders"] == counted


def test_every_identifier_stands_in_a_file_of_its_source(company: Written) -> None:
    texts: dict[str, str] = defaultdict(str)
    for path in company.paths("*/*"):
        source = path.split("/")[0]
        if path.endswith(".parquet"):
            texts[source] += str(company.records(path))
        else:
            texts[source] += company.text_of(path)
    rows = company.truth_rows("identifiers.csv")
    assert len(rows) > 300
    missing = [row for row in rows if row["identifier"] not in texts[row["source"]]]
    assert missing == []


def test_shared_identifiers_are_marked_on_every_owner(company: Written) -> None:
    owners: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    rows = company.truth_rows("identifiers.csv")
    for row in rows:
        owners[row["source"], row["identifier_type"], row["identifier"]].add(row["person_id"])
    for row in rows:
        key = row["source"], row["identifier_type"], row["identifier"]
        assert row["is_shared"] == str(len(owners[key]) > 1).lower()
    shared = {key[2] for key, people in owners.items() if len(people) > 1}
    assert {"info@example.net", "familien.kladdeby@example.com"} <= shared


def test_linked_groups_join_what_the_files_join_and_never_two_people(company: Written) -> None:
    rows = company.truth_rows("identifiers.csv")
    assert all(row["linked_group"].startswith(row["person_id"]) for row in rows)
    groups = {
        (row["person_id"], row["identifier"].strip().lower()): row["linked_group"] for row in rows
    }
    merged = company.evidence("merged_contact")[0]
    own = {groups[merged["person"], text] for text in [*merged["emails"], *merged["merged"]]}
    assert own == {groups[merged["person"], merged["survivor"]]}
    flipper = company.evidence("login_midway")[0]
    assert (
        groups[flipper["person"], flipper["client"]]
        == groups[flipper["person"], flipper["user_id"]]
    )
    spelling = company.evidence("email_spelling")
    assert len({groups[item["person"], item["email"].strip().lower()] for item in spelling}) == 1
    # Some people write to the shop from an address that nothing else knows.
    assert any(row["linked_group"].endswith("-2") for row in rows)


def test_quarantined_records_stand_where_the_truth_says(company: Written) -> None:
    rows = company.truth_rows("quarantine.csv")
    assert len(rows) >= 12
    for row in rows:
        path, number = row["file"], int(row["row"])
        found = company.rows(path) if path.endswith(".csv") else company.records(path)
        record = found[number - 1]
        if row["reason"] == "missing_required":
            assert "sg_event_id" not in record
            assert "event_timestamp" not in record
        else:
            assert row["identifier"] in map(str, record.values())


def test_the_list_of_deliveries_is_the_folder(company: Written) -> None:
    deliveries = company.truth_rows("deliveries.csv")
    assert [row["file"] for row in deliveries] != []
    listed = {row["file"]: int(row["rows"]) for row in deliveries}
    assert listed.keys() == set(company.paths("*/*"))
    for path, rows in listed.items():
        found = company.rows(path) if path.endswith(".csv") else company.records(path)
        assert len(found) == rows, path
    assert all(row["data_date"] <= row["delivered_on"] for row in deliveries)


def test_lifetimes_cover_everyone_who_follows_the_model(company: Written) -> None:
    people = {row["person_id"]: row for row in company.truth_rows("people.csv")}
    lifetimes = company.truth_rows("true_remaining_lifetime.csv")
    assert lifetimes
    expected = {
        person for person, row in people.items() if row["role"] == "" and row["segment"] != "lead"
    }
    assert {row["person_id"] for row in lifetimes} == expected
    for row in lifetimes:
        if row["is_alive"] == "false":
            assert row["orders_next_365d"] == "0"
            assert row["dropped_out_at"] != ""

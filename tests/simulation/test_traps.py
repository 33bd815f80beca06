"""Every trap of TRAPS.md lies in the files of the smallest company, as its evidence says."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from simulation.deliveries import Book
from simulation.traps import Trap, TrapError, read_traps, write_traps
from tests.simulation.exports import (
    Record,
    Written,
    mail_events,
    param,
    shopify_blocks,
    web_events,
)

Check = Callable[[Written, list[Record]], None]
CHECKS: dict[str, Check] = {}


def checks(*keys: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        for key in keys:
            CHECKS[key] = check
        return check

    return register


def _block(company: Written, file: str, order: str) -> list[dict[str, str]]:
    rows = [row for row in company.rows(file) if row["Name"] == order]
    assert rows, (file, order)
    return rows


def _events_of(company: Written, client: str) -> list[Record]:
    events = [event for event in web_events(company) if event.get("user_pseudo_id") == client]
    return sorted(events, key=lambda event: int(event["event_timestamp"]))


def _contact(company: Written, identifier: str) -> list[Record]:
    found = [
        record
        for path in company.paths("hubspot/contacts*.json")
        for record in company.records(path)
        if record["id"] == identifier
    ]
    assert found
    return found


@checks("role_mailbox")
def _role_mailbox(company: Written, evidence: list[Record]) -> None:
    orders = [item for item in evidence if "order" in item]
    assert len({item["person"] for item in orders}) == 3
    for item in orders:
        assert _block(company, item["file"], item["order"])[0]["Email"] == "info@example.net"
    for item in evidence:
        if "contact" in item:
            properties = _contact(company, item["contact"])[0]["properties"]
            assert properties["hs_additional_emails"] == "info@example.net"


@checks("shared_email")
def _shared_email(company: Written, evidence: list[Record]) -> None:
    contacts = [item["contact"] for item in evidence if "contact" in item]
    emails = {_contact(company, contact)[0]["properties"]["email"] for contact in contacts}
    assert len(contacts) == 2
    assert emails == {item["email"] for item in evidence}


@checks("merged_contact")
def _merged_contact(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    merged = [
        record["properties"]["hs_merged_object_ids"]
        for record in _contact(company, item["survivor"])
    ]
    assert int(item["merged"][0]) in merged
    assert ";".join(item["merged"]) in merged
    replayed = [record["id"] for record in company.records(item["replayed_in"])]
    assert set(item["merged"]) <= set(replayed)
    last_full = company.paths("hubspot/contacts_full_*.json")[-1]
    assert not set(item["merged"]) & {record["id"] for record in company.records(last_full)}
    assert {row["Email"] for _, rows in shopify_blocks(company) for row in rows} >= set(
        item["emails"]
    )


@checks("inherited_address")
def _inherited_address(company: Written, evidence: list[Record]) -> None:
    contacts = [item for item in evidence if "contact" in item]
    before, after = (
        [record["properties"]["email"] for record in _contact(company, item["contact"])]
        for item in contacts
    )
    assert before[0] == after[-1] == contacts[0]["email"]
    assert before[-1] == contacts[0]["own_email"]
    assert after[0] == contacts[1]["own_email"]
    buyers = {
        item["person"]
        for item in evidence
        if "order" in item
        and _block(company, item["file"], item["order"])[0]["Email"] == contacts[0]["email"]
    }
    assert buyers == {item["person"] for item in contacts}


@checks("merge_undone")
def _merge_undone(company: Written, evidence: list[Record]) -> None:
    one, other = (item for item in evidence if "contact" in item)
    merged = [
        record["properties"]["hs_merged_object_ids"] for record in _contact(company, one["contact"])
    ]
    assert other["contact"] in merged
    assert merged[-1] is None
    last_full = company.paths("hubspot/contacts_full_*.json")[-1]
    present = {record["id"] for record in company.records(last_full)}
    assert {one["contact"], other["contact"]} <= present


@checks("leading_zeros")
def _leading_zeros(company: Written, evidence: list[Record]) -> None:
    rows = company.table("back_office/kunderegister_*.csv")
    found = {row["Kundenr"]: row["E-post"] for row in rows}
    assert {item["customer_number"]: item["email"] for item in evidence}.items() <= found.items()
    assert {item["customer_number"] for item in evidence} == {"000482", "482"}


@checks("email_spelling")
def _email_spelling(company: Written, evidence: list[Record]) -> None:
    spellings = {item["email"] for item in evidence}
    for item in evidence:
        assert _block(company, item["file"], item["order"])[0]["Email"] == item["email"]
    assert len(spellings) == 3
    assert len({unicodedata.normalize("NFC", text).strip().lower() for text in spellings}) == 1


@checks("nasty_name")
def _nasty_name(company: Written, evidence: list[Record]) -> None:
    name = next(item["first_name"] for item in evidence if "first_name" in item)
    for character in (",", '"', "\n", "=HYPERLINK("):
        assert character in name
    order = next(item for item in evidence if "order" in item)
    assert "🎈" in _block(company, order["file"], order["order"])[0]["Billing Name"]
    path = company.paths("hubspot/contacts_export_*.csv")[0]
    assert name in [row["First Name"] for row in company.rows(path)]


@checks("consent_order")
def _consent_order(company: Written, evidence: list[Record]) -> None:
    paper = next(item for item in evidence if "file" in item)
    assert [row["Svar"] for row in company.rows(paper["file"])] == ["ja"]
    deliveries = {row["file"]: row["delivered_on"] for row in company.truth_rows("deliveries.csv")}
    denied = [
        path
        for path in company.paths("back_office/samtykker_2*.csv")
        for row in company.rows(path)
        if row["E-post"] == paper["email"] and row["Svar"] == "nei"
    ]
    assert len(denied) == 2
    assert max(deliveries[path] for path in denied) < deliveries[paper["file"]]


@checks("family_device")
def _family_device(company: Written, evidence: list[Record]) -> None:
    shared = Counter(item["client"] for item in evidence).most_common(1)[0][0]
    users = {event["user_id"] for event in _events_of(company, shared) if event.get("user_id")}
    assert users == {item["user_id"] for item in evidence}
    assert len(users) == 2


@checks("login_midway")
def _login_midway(company: Written, evidence: list[Record]) -> None:
    events = [
        event
        for event in _events_of(company, evidence[0]["client"])
        if param(event, "ga_session_id") == evidence[0]["session_id"]
    ]
    users = [event.get("user_id") for event in events if event["event_name"] == "page_view"]
    assert users == [None, None, *[evidence[0]["user_id"]] * 2, None]


@checks("person_forms")
def _person_forms(company: Written, evidence: list[Record]) -> None:
    forms = {
        type(record["person"])
        for path in company.paths("delighted/*.json")
        for record in company.records(path)
    }
    assert forms == {str, dict}
    assert evidence


@checks("address_in_link")
def _address_in_link(company: Written, evidence: list[Record]) -> None:
    links = [param(event, "page_location") for event in _events_of(company, evidence[0]["client"])]
    assert any(link and evidence[0]["link_contains"] in link for link in links)


@checks("markup_in_text")
def _markup_in_text(company: Written, evidence: list[Record]) -> None:
    subjects = [row["Emne"] for row in company.table("back_office/saker_*.csv")]
    comments = [
        record.get("comment")
        for path in company.paths("delighted/*.json")
        for record in company.records(path)
    ]
    for item in evidence:
        text = item.get("subject") or item["comment"]
        assert "onerror" in text
        assert "env_var" in text
        assert text in (subjects if "subject" in item else comments)


@checks("late_refund")
def _late_refund(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    before = _block(company, item["file"], item["order"])[0]
    after = _block(company, item["redelivered_in"], item["order"])[0]
    assert (before["Financial Status"], after["Financial Status"]) == ("paid", "refunded")
    age = datetime.fromisoformat(item["redelivered_in"][-14:-4]) - datetime.fromisoformat(
        before["Created at"][:10]
    )
    assert age.days > 60


@checks("partial_refund", "full_refund", "unpaid_order")
def _changed_later(company: Written, evidence: list[Record]) -> None:
    order = evidence[0]["order"]
    states = [rows[0] for name, rows in shopify_blocks(company) if name == order]
    assert len(states) == 2
    last = states[-1]
    if last["Financial Status"] == "voided":
        assert states[0]["Financial Status"] == "pending"
        assert last["Cancelled at"] > states[0]["Created at"]
        assert last["Paid at"] == ""
    else:
        assert states[0]["Refunded Amount"] == "0.00"
        assert (last["Refunded Amount"] == last["Total"]) == (
            last["Financial Status"] == "refunded"
        )


@checks("test_order")
def _test_order(company: Written, evidence: list[Record]) -> None:
    tags = {
        item["order"]: _block(company, item["file"], item["order"])[0]["Tags"] for item in evidence
    }
    assert sorted(tags.values()) == ["Test", "contest, latest"]
    assert [item["is_counted"] for item in evidence] == [False, True]


@checks("edited_order")
def _edited_order(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    assert len(_block(company, item["file"], item["order"])) == item["lines_before"]
    assert len(_block(company, item["redelivered_in"], item["order"])) == item["lines_now"]


@checks("repeated_block")
def _repeated_block(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    rows = _block(company, item["file"], item["order"])
    assert len(rows) == 2 * item["rows_of_block"]
    assert rows[: item["rows_of_block"]] == rows[item["rows_of_block"] :]


@checks("twin_lines")
def _twin_lines(company: Written, evidence: list[Record]) -> None:
    rows = _block(company, evidence[0]["file"], evidence[0]["order"])[:3]
    lines = [(row["Lineitem sku"], row["Lineitem price"]) for row in rows]
    assert lines[0] == lines[1] != lines[2]


@checks("repeated_file")
def _repeated_file(company: Written, evidence: list[Record]) -> None:
    path = evidence[0]["file"]
    assert company.bytes_of(path) == company.bytes_of(path.replace(".csv", " (1).csv"))


@checks("late_file")
def _late_file(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    deliveries = {row["file"]: row["delivered_on"] for row in company.truth_rows("deliveries.csv")}
    assert deliveries[item["file"]] == item["delivered_on"]
    orders = {row["Name"] for row in company.rows(item["file"])}
    overtaken = [
        path
        for path in company.paths("shopify/*.csv")
        if path > item["file"]
        and deliveries[path] < item["delivered_on"]
        and orders & {row["Name"] for row in company.rows(path)}
    ]
    assert overtaken


@checks("guest_order")
def _guest_order(company: Written, evidence: list[Record]) -> None:
    assert _block(company, evidence[0]["file"], evidence[0]["order"])[0]["Email"] == ""


@checks("empty_name_rows")
def _empty_name_rows(company: Written, evidence: list[Record]) -> None:
    nameless = [row for row in company.rows(evidence[0]["file"]) if row["Name"] == ""]
    assert nameless
    assert all(row["Lineitem price"] for row in nameless)


@checks("double_hour")
def _double_hour(company: Written, evidence: list[Record]) -> None:
    texts = [_block(company, item["file"], item["order"])[0]["Created at"] for item in evidence]
    assert texts == [item["created_at"] for item in evidence]
    assert texts[0][:19] == texts[1][:19]
    assert {text[20:] for text in texts} == {"+0100", "+0200"}


@checks("local_midnight")
def _local_midnight(company: Written, evidence: list[Record]) -> None:
    text = _block(company, evidence[0]["file"], evidence[0]["order"])[0]["Created at"]
    local = datetime.fromisoformat(text)
    assert local.date() != local.astimezone(UTC).date()


@checks("byte_order_mark", "windows_file")
def _byte_order_mark(company: Written, evidence: list[Record]) -> None:
    content = company.bytes_of(evidence[0]["file"])
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") > 1


@checks("column_order")
def _column_order(company: Written, evidence: list[Record]) -> None:
    before, after = (
        list(company.rows(path)[0])
        for path in (company.paths("shopify/*.csv")[0], evidence[0]["file"])
    )
    assert before != after
    assert sorted(before) == sorted(after)


@checks("added_column")
def _added_column(company: Written, evidence: list[Record]) -> None:
    header = list(company.rows(evidence[0]["file"])[0])
    first = list(company.rows(company.paths("shopify/*.csv")[0])[0])
    assert set(header) - set(first) == {"Gift Message"}
    assert header[-1] != "Gift Message"


@checks("malformed_orders", "malformed_event", "malformed_answer", "malformed_back_office")
def _malformed(company: Written, evidence: list[Record]) -> None:
    known = {
        (row["file"], row["row"], row["reason"]) for row in company.truth_rows("quarantine.csv")
    }
    for item in evidence:
        assert (item["file"], str(item["row"]), item["reason"]) in known


@checks("web_purchase")
def _web_purchase(company: Written, evidence: list[Record]) -> None:
    purchases = [event for event in web_events(company) if event["event_name"] == "purchase"]
    assert len(purchases) == evidence[0]["purchase_events"] > 5
    names = {event["ecommerce"]["transaction_id"] for event in purchases}
    assert len(names & {name for name, _ in shopify_blocks(company)}) > 5


@checks("decimal_comma")
def _decimal_comma(company: Written, evidence: list[Record]) -> None:
    rows = {row["Bon"]: row for row in company.rows(evidence[0]["file"])}
    assert rows[evidence[0]["order"]]["Brutto"] == evidence[0]["text"] == "1.234,50"


@checks("rupiah_thousands", "cancellation_document", "number_reused")
def _indonesian(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    rows = [
        row
        for row in company.table("back_office/pesanan_*.csv")
        if row["No Pesanan"] == item["order"]
    ]
    assert rows
    if "text" in item:
        assert rows[0]["Harga"] == item["text"]
    if "original_order" in item:
        assert all(int(row["Jumlah"]) < 0 for row in rows)
    if "shopify_order" in item:
        assert item["shopify_order"] in {name for name, _ in shopify_blocks(company)}


@checks("jakarta_time", "weekend_rate")
def _jakarta_time(company: Written, evidence: list[Record]) -> None:
    if "rate_day" in evidence[0]:
        days = {row["Dato"] for row in company.table("back_office/valutakurser_*.csv")}
        rate_day, day = (
            datetime.fromisoformat(evidence[0][name]).strftime("%d.%m.%Y")
            for name in ("rate_day", "day")
        )
        assert rate_day in days
        assert day not in days
        return
    rows = [
        row
        for row in company.table("back_office/pesanan_*.csv")
        if row["No Pesanan"] == evidence[0]["order"]
    ]
    assert [row["Waktu"] for row in rows] == [evidence[0]["wall_clock"]] * 2
    assert evidence[0]["wall_clock"].endswith("01:00:00")
    assert evidence[0]["ordered_at_utc"].endswith("18:00:00.000Z")


@checks("membership_at_order")
def _membership_at_order(company: Written, evidence: list[Record]) -> None:
    ledger = company.table("back_office/poengbok_*.csv")
    joined = next(
        row["Tid"]
        for row in ledger
        if row["Hendelse"] == "Innmelding" and row["Kort"] == evidence[0]["card"]
    )
    moment = datetime.strptime(joined, "%d.%m.%Y %H:%M:%S").replace(tzinfo=UTC).timestamp()
    before, after = sorted(evidence, key=lambda item: item["ordered_at"])
    assert before["ordered_at"] + 86400 < moment < after["ordered_at"] - 86400
    assert (before["is_member"], after["is_member"]) == (False, True)


@checks("ledger_twins")
def _ledger_twins(company: Written, evidence: list[Record]) -> None:
    assert len(evidence[0]["files"]) == 2
    for path in evidence[0]["files"]:
        rows = [tuple(row.values()) for row in company.rows(path)]
        twins = [row for row, times in Counter(rows).items() if times == 2]
        assert [row[0] for row in twins] == [evidence[0]["card"]]


@checks("webhook_repeats")
def _webhook_repeats(company: Written, evidence: list[Record]) -> None:
    times: Counter[str] = Counter()
    places: dict[str, set[str]] = {}
    for path in company.paths("sendgrid/*"):
        for event in company.records(path):
            if "sg_event_id" in event:
                times[event["sg_event_id"]] += 1
                places.setdefault(event["sg_event_id"], set()).add(path)
    assert len(times) == evidence[1]["distinct_events"]
    assert times.total() == evidence[1]["distinct_events"] + evidence[1]["repeated_events"]
    assert times[evidence[0]["event_id"]] == evidence[0]["deliveries"]
    assert places[evidence[0]["event_id"]] == set(evidence[0]["files"])
    assert max(map(len, places.values())) > 1


@checks("machine_open", "gateway_click")
def _machines(company: Written, evidence: list[Record]) -> None:
    events = mail_events(company)
    for item in evidence:
        own = [event for event in events if event["sg_message_id"].startswith(item["message"])]
        delivered = next(e["timestamp"] for e in own if e["event"] == "delivered")
        opens = [event for event in own if event.get("sg_machine_open")]
        quick = [e for e in own if e["event"] == "click" and e["timestamp"] - delivered <= 1]
        assert len(opens or quick) == item["machine_events"] > 0
    if evidence[0]["clicks_unsubscribe_link"]:
        assert evidence[0]["machine_events"] == 4
        assert evidence[0]["human_events"] == 1


@checks("resubscribed")
def _resubscribed(company: Written, evidence: list[Record]) -> None:
    events = [
        event["event"]
        for event in sorted(mail_events(company), key=lambda event: event["timestamp"])
        if event["email"] == evidence[0]["email"] and event["event"].startswith("group_")
    ]
    assert events == ["group_unsubscribe", "group_resubscribe"]


@checks("category_forms")
def _category_forms(company: Written, evidence: list[Record]) -> None:
    forms = {
        event["singlesend_id"]: type(event["category"])
        for event in mail_events(company)
        if "singlesend_id" in event
    }
    assert [forms[item["campaign_id"]] for item in evidence] == [str, list]


@checks("intraday_overlap")
def _intraday_overlap(company: Written, evidence: list[Record]) -> None:
    assert len(evidence) == 3
    for item in evidence:
        intraday = company.text_of(item["file"]).splitlines()
        if item["daily_file"]:
            daily = company.text_of(item["daily_file"]).splitlines()
            assert set(intraday) <= set(daily)
            assert len(intraday) == item["events_in_both"] < len(daily)
    assert evidence[-1]["daily_file"] == ""
    assert evidence[-1]["events"] > 0


@checks("daily_redelivered")
def _daily_redelivered(company: Written, evidence: list[Record]) -> None:
    for item in evidence:
        first, again = (
            company.text_of(item[name]).splitlines() for name in ("file", "redelivered_in")
        )
        late = Counter(again) - Counter(first)
        assert late.total() == item["late_events"] > 0
        assert len(again) - late.total() == item["events_repeated"]


@checks("null_ids")
def _null_ids(company: Written, evidence: list[Record]) -> None:
    nobody = [event for event in web_events(company) if not event.get("user_pseudo_id")]
    stamps = {str(event["event_timestamp"]) for event in nobody}
    assert {item["event_timestamp"] for item in evidence} <= stamps
    assert all(param(event, "ga_session_id") is None for event in nobody)


@checks("session_collision")
def _session_collision(company: Written, evidence: list[Record]) -> None:
    assert len({item["session_id"] for item in evidence}) == 1
    for item in evidence:
        ids = {param(event, "ga_session_id") for event in _events_of(company, item["client"])}
        assert item["session_id"] in ids
    assert len({item["client"] for item in evidence}) == 2


@checks("twin_events")
def _twin_events(company: Written, evidence: list[Record]) -> None:
    twins = [
        event
        for event in company.records(evidence[0]["file"])
        if event["event_name"] == "add_to_cart"
        and event.get("user_pseudo_id") == evidence[0]["client"]
        and event["event_timestamp"] == evidence[0]["event_timestamp"]
    ]
    assert len(twins) == len(evidence) == 2
    assert twins[0]["event_bundle_sequence_id"] == twins[1]["event_bundle_sequence_id"]
    assert twins[0]["items"] != twins[1]["items"]


@checks("session_over_midnight")
def _session_over_midnight(company: Written, evidence: list[Record]) -> None:
    assert len({item["event_date"] for item in evidence}) == 2
    assert len({item["session_id"] for item in evidence}) == 1
    for item in evidence:
        events = _events_of(company, item["client"])
        dates = {str(e["event_timestamp"]): e["event_date"] for e in events}
        assert dates[item["event_timestamp"]] == item["event_date"]


@checks("bots")
def _bots(company: Written, evidence: list[Record]) -> None:
    for item in evidence:
        views = [
            event
            for event in _events_of(company, item["client"])
            if event["event_name"] == "page_view"
        ]
        assert len(views) == item["page_views"] > 100
        assert len({param(event, "ga_session_id") for event in views}) == item["session_ids"]


@checks("parquet_days")
def _parquet_days(company: Written, evidence: list[Record]) -> None:
    for item in evidence:
        assert len(company.records(item["file"])) == item["events"] > 0
        assert company.paths(item["file"].replace(".parquet", "*")) == [item["file"]]


@checks("missing_day")
def _missing_day(company: Written, evidence: list[Record]) -> None:
    day = evidence[0]["date"].replace("-", "")
    assert company.paths(f"ga4/*{day}*") == []
    assert not [event for event in web_events(company) if event["event_date"] == day]


@checks("score_zero")
def _score_zero(company: Written, evidence: list[Record]) -> None:
    scores = [
        record["score"]
        for path in company.paths("delighted/*.json")
        for record in company.records(path)
        if record["id"] == evidence[0]["response"]
    ]
    assert scores
    assert set(scores) == {0}


@checks("edited_answer")
def _edited_answer(company: Written, evidence: list[Record]) -> None:
    versions = {
        record["updated_at"]: record["score"]
        for path in company.paths("delighted/*.json")
        for record in company.records(path)
        if record["id"] == evidence[0]["response"]
    }
    assert [versions[at] for at in sorted(versions)] == [
        evidence[0]["score_first"],
        evidence[0]["score_now"],
    ]


@checks("ticket_versions", "day_first_dates")
def _ticket_versions(company: Written, evidence: list[Record]) -> None:
    rows = [
        row
        for row in company.table("back_office/saker_*.csv")
        if row["Saksnr"] == evidence[0]["ticket"]
    ]
    assert [row["Status"] for row in rows] == ["ny", "løst"]
    assert len({row["Åpnet"] for row in rows}) == 1
    if "text" in evidence[0]:
        assert rows[0]["Åpnet"] == evidence[0]["text"]


@checks("windows_encoding")
def _windows_encoding(company: Written, evidence: list[Record]) -> None:
    content = company.bytes_of(evidence[0]["file"])
    assert evidence[0]["text"].encode("cp1252") in content
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


@checks("epoch_milliseconds")
def _epoch_milliseconds(company: Written, evidence: list[Record]) -> None:
    stamps = {
        record["uuid"]: record["ts"]
        for path in company.paths("back_office/push_*.ndjson")
        for record in company.records(path)
    }
    for item in evidence:
        assert stamps[item["interaction"]] == item["ts"] > 10**12


@checks("portal_zone")
def _portal_zone(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    row = next(r for r in company.rows(item["file"]) if r["Record ID"] == item["contact"])
    assert row["Create Date"] == item["create_date_in_file"]
    assert row["Create Date"].replace(" ", "T") != item["created_at_utc"][:16]


@checks("close_date")
def _close_date(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    row = next(
        row
        for row in company.table("hubspot/deals_export_*.csv")
        if row["Record ID"] == item["deal"]
    )
    assert row["Close Date"] == item["close_date_in_csv"]
    assert row["Close Date"][:10] != item["closed_at_utc"][:10]


@checks("hexadecimal_id")
def _hexadecimal_id(company: Written, evidence: list[Record]) -> None:
    item = evidence[0]
    orders = {row["checkout_token"]: row["order_ref"] for row in company.rows(item["file"])}
    assert orders[item["cart"]] == item["order"]
    assert re.fullmatch(r"[0-9]+e[0-9]+", item["cart"])


@checks("contact_pages")
def _contact_pages(company: Written, evidence: list[Record]) -> None:
    pages = [{record["id"] for record in company.records(path)} for path in evidence[0]["files"]]
    assert len(pages) == 2
    assert not pages[0] & pages[1]
    assert '"paging":{"next"' in company.text_of(evidence[0]["files"][0])


@pytest.mark.parametrize("trap", read_traps(), ids=lambda trap: trap.key)
def test_the_trap_lies_in_the_files(company: Written, trap: Trap) -> None:
    assert trap.key in CHECKS, f"no check looks for {trap.key}"
    CHECKS[trap.key](company, company.evidence(trap.key))


def test_no_check_is_left_over() -> None:
    assert set(CHECKS) == {trap.key for trap in read_traps()}


def test_traps_are_numbered_and_name_their_test_once() -> None:
    traps = read_traps()
    assert len(traps) >= 25
    assert [trap.number for trap in traps] == list(range(1, len(traps) + 1))
    for trap in traps:
        assert re.fullmatch(rf"test_trap_{trap.number:02d}_[a-z0-9_]+", trap.test)
        assert trap.where
        assert trap.naive
    assert len({trap.test for trap in traps}) == len({trap.key for trap in traps}) == len(traps)


def test_the_truth_lists_the_table_of_traps(company: Written) -> None:
    listed = company.truth_json("traps.json")
    assert [(item["number"], item["key"], item["test"]) for item in listed] == [
        (trap.number, trap.key, trap.test) for trap in read_traps()
    ]
    assert all(item["evidence"] for item in listed)


def test_a_company_without_a_trap_is_an_error(company: Written) -> None:
    book = Book(company.folder)
    for trap in read_traps()[1:]:
        book.show(trap.key, file="somewhere")
    with pytest.raises(TrapError, match="role_mailbox"):
        write_traps(company.truth, book)

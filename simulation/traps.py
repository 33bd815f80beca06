"""The traps by number. TRAPS.md is the same table for readers; ``traps.json`` in the truth adds the concrete rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from simulation.deliveries import Book


class TrapError(RuntimeError):
    """A trap is not in the files: the company lacks what its tests rely on."""


@dataclass(frozen=True)
class Trap:
    """One trap. ``key`` names its evidence, ``promise`` ends the name of the test that springs it."""

    number: int
    key: str
    promise: str
    title: str
    where: str
    naive: str

    @property
    def test(self) -> str:
        """The name of the test that shows the promise."""
        return f"test_trap_{self.number:02d}_{self.promise}"


TRAPS: tuple[Trap, ...] = tuple(
    Trap(number, *fields)
    for number, fields in enumerate(
        (
            # People
            ("role_mailbox", "role_mailbox_merges_nobody", "Three people order and are registered with info@", "shopify orders, hubspot contacts", "makes one customer of three"),
            ("shared_email", "shared_address_counts_orders_once", "Two contacts share one address", "hubspot contacts, shopify orders", "joins contacts by address and doubles the orders"),
            ("merged_contact", "merged_contact_stays_one_customer", "Three contacts merged in two steps, ids first a number, then a text with `;`; one of them delivered again after the merge", "hubspot contacts_changes_*, contacts_full_*", "loses the orders of the old addresses, or brings the merged contact back to life"),
            ("leading_zeros", "leading_zeros_keep_people_apart", "Customer 000482 is not customer 482", "back_office kunderegister, push; ga4 user_id", "reads ids as numbers and merges both"),
            ("email_spelling", "spellings_of_an_address_are_one_person", "One address composed, decomposed, shouted, with blanks", "shopify orders", "makes three customers of one"),
            ("nasty_name", "odd_names_survive_every_reader", "A name with comma, quotes, newline, emoji, =HYPERLINK( and HTML", "hubspot contacts (JSON and CSV), shopify orders", "splits the row, or hands a formula to a spreadsheet"),
            ("consent_order", "late_paper_consent_does_not_reopen", "Denied, granted, denied; the granted one arrives weeks later on paper", "back_office samtykker, samtykker_papir; hubspot hs_email_optout", "takes the row that arrived last and mails someone who said no"),
            ("family_device", "family_device_keeps_two_customers", "Parent and child log in on one device", "ga4 events", "merges two people through the device"),
            ("login_midway", "login_midway_names_the_whole_session", "The user id appears on the third page of a session", "ga4 events", "splits the session or leaves its beginning without a person"),
            ("person_forms", "survey_person_is_found_in_both_forms", "`person` is an id in one file and an object in the next", "delighted survey_responses_*", "reads the object as text, or drops answers without an address"),
            ("address_in_link", "address_in_a_link_is_not_published", "A page address carries email=...", "ga4 page_location", "publishes an e-mail address in a column called page_url"),
            ("markup_in_text", "markup_in_texts_stays_in_the_vault", "HTML, Jinja and SQL in a comment and a ticket's subject", "delighted comment, back_office saker", "renders or executes what a customer typed"),
            # Orders
            ("late_refund", "late_refund_restates_the_old_order", "An order from months before the first day comes back with a full refund", "shopify history file and a file of the last days", "counts the order twice, or takes the refund off today's revenue"),
            ("partial_refund", "partial_refund_takes_goods_off_not_tax", "One of two lines refunded with its tax", "shopify orders", "subtracts tax from net goods"),
            ("full_refund", "full_refund_leaves_nothing", "`Refunded Amount` is the total with tax and shipping", "shopify orders", "makes net revenue negative"),
            ("test_order", "test_order_counts_nothing_but_contest_does", "A tag `Test` on 10,000 kroner, and a tag `contest, latest` on a real order", "shopify Tags", "counts the test, or drops every tag that contains the four letters"),
            ("unpaid_order", "unpaid_order_earns_nothing", "Pending one day, voided and cancelled the next", "shopify orders, two files", "counts what was never paid"),
            ("edited_order", "edited_order_loses_the_removed_line", "Exported again with one line fewer", "shopify orders, two files", "keeps the removed line because rows are merged one by one"),
            ("repeated_block", "repeated_block_counts_once", "The same order stands twice in one file", "shopify orders", "doubles the order"),
            ("twin_lines", "twin_lines_are_two_lines", "Two identical lines inside one order, both bought", "shopify orders, back_office pesanan", "drops one as a duplicate"),
            ("repeated_file", "repeated_file_counts_once", "The same bytes under the name `… (1).csv`", "shopify orders", "doubles a day"),
            ("late_file", "late_file_changes_nothing_newer", "A file of day 5 arrives after the file of day 7 that knows a refund", "shopify orders", "forgets the refund because the older file came last"),
            ("guest_order", "guest_order_is_unattributed_revenue", "An order without an address", "shopify orders", "drops the money, or makes one customer of all guests"),
            ("empty_name_rows", "rows_below_belong_to_the_order_above", "Rows after the first leave Name and Email empty (elsewhere they repeat them)", "shopify orders, one file", "loses lines, or hangs them on an order without a name"),
            ("double_hour", "double_hour_orders_stay_an_hour_apart", "Two orders at 02:30 on the night summer time ends", "shopify Created at", "drops the offset and sees one moment"),
            ("local_midnight", "order_after_midnight_belongs_to_the_local_day", "Bought at 00:30 in Oslo, the day before in UTC", "shopify Created at", "books the order on the wrong day"),
            ("byte_order_mark", "byte_order_mark_and_crlf_change_nothing", "One file saved by a spreadsheet: BOM and CRLF", "shopify orders, one file", "does not find the column Name"),
            ("column_order", "columns_are_found_by_name", "The columns stand in another order from one day on", "shopify orders, later files", "reads money from the wrong column"),
            ("added_column", "added_column_shifts_nothing", "A new column in the middle", "shopify orders, last files", "shifts every column after it"),
            ("malformed_orders", "malformed_orders_are_quarantined_with_their_money", "A date that is none, a price NaN, an id 1.2E+10", "shopify orders, one file", "drops the rows, or stops, or loads NaN"),
            ("web_purchase", "web_purchase_adds_no_revenue", "Purchase events repeat the shop's orders, with tax and shipping", "ga4 purchase", "adds web revenue to shop revenue"),
            ("decimal_comma", "decimal_comma_is_read_as_declared", "1.234,50 in a file with `;`", "back_office kvitteringer", "reads 1.23, or text"),
            ("rupiah_thousands", "rupiah_thousands_are_not_decimals", "1.250.000 rupiah, a currency without decimals", "back_office pesanan", "reads 1.25"),
            ("jakarta_time", "jakarta_clock_is_not_utc", "01:00 on Sunday in Jakarta is Saturday evening in Oslo", "back_office pesanan", "books the order seven hours late, on the wrong day"),
            ("number_reused", "order_numbers_are_per_shop", "1001 in the Indonesian shop, #1001 in the Norwegian one", "back_office pesanan, shopify Name", "merges two orders of two shops"),
            ("cancellation_document", "cancellation_document_is_no_order", "C1001 takes back a line of 1001", "back_office pesanan", "counts an order more instead of money less"),
            ("weekend_rate", "weekend_order_takes_fridays_rate", "No exchange rate on Saturdays and Sundays", "back_office valutakurser, pesanan", "drops the order in the join, or values it at nothing"),
            ("membership_at_order", "membership_is_taken_at_order_time", "Bought two days before joining and two days after", "back_office kvitteringer, poengbok", "calls both orders member orders"),
            ("ledger_twins", "ledger_twins_are_two_movements_once", "Two equal movements within a second, and a day of overlap between files", "back_office poengbok", "counts four, or one"),
            # Mail
            ("webhook_repeats", "webhook_repeats_count_once", "Events delivered again in the same file and up to a day later", "sendgrid events_*", "inflates every rate"),
            ("machine_open", "machine_opens_are_not_engagement", "Apple's proxy opens every message", "sendgrid sg_machine_open", "gives everybody with an iPhone a perfect open rate"),
            ("gateway_click", "gateway_clicks_are_not_engagement", "A security gateway clicks every link, unsubscribe included, within a second of delivery", "sendgrid clicks", "makes the most protected people the most engaged, or unsubscribes them"),
            ("resubscribed", "resubscribing_is_the_latest_word", "Left a group, came back two days later", "sendgrid group_unsubscribe, group_resubscribe", "keeps the person out for ever"),
            ("category_forms", "category_text_and_list_are_one_campaign_field", "`category` is a text or a list", "sendgrid category", "stores brackets and quotes as a category"),
            # Web
            ("intraday_overlap", "intraday_and_daily_tables_count_once", "Intraday tables overlap the daily ones; the last day has no daily table yet", "ga4 events_intraday_*", "counts events twice, or loses yesterday"),
            ("daily_redelivered", "redelivered_day_counts_once_with_its_late_events", "Each daily table comes again within three days, with late events", "ga4 events_*_v2", "doubles the day, or misses the late events"),
            ("null_ids", "events_without_consent_belong_to_nobody", "No user, client or session id without consent", "ga4 events", "joins all nulls into one giant visitor"),
            ("session_collision", "session_ids_are_per_client", "Two browsers start within one second and share a session id", "ga4 ga_session_id", "makes one session of two"),
            ("twin_events", "twin_events_are_two_events", "Two events with equal client, microsecond, name and batch", "ga4 add_to_cart", "drops one as a duplicate"),
            ("session_over_midnight", "session_over_midnight_stays_one", "One session lies in two daily tables", "ga4 events", "counts two sessions"),
            ("bots", "bots_are_not_visitors", "A headless browser, and a crawler that keeps one session for months", "ga4 events", "adds thousands of page views per session"),
            ("parquet_days", "parquet_and_json_days_are_alike", "Two days come as Parquet", "ga4 events_*.parquet", "reads one format only, or integers as texts in the other"),
            ("missing_day", "missing_day_is_told", "No file of one day, ever", "ga4 events_*", "reports a day without visitors"),
            # Surveys, service, CRM
            ("score_zero", "score_zero_is_a_score", "An NPS answer of 0", "delighted score", "reads 0 as no answer"),
            ("edited_answer", "edited_answer_counts_in_its_last_form", "9 becomes 2 nine days later", "delighted updated_at", "counts both, or the first"),
            ("ticket_versions", "ticket_is_one_row_in_its_last_state", "Opened in one row, solved in another", "back_office saker", "counts two tickets, or an open one for ever"),
            ("day_first_dates", "day_first_dates_are_read_as_declared", "10.01. is a day in January", "back_office saker and others", "swaps day and month"),
            ("windows_file", "windows_file_from_the_desk_is_read", "BOM and CRLF with a newline inside a field", "back_office saker, one file", "does not find the first column"),
            ("windows_encoding", "windows_encoding_is_read_as_declared", "cp1252 with å and a newline inside", "back_office omtaler", "stops, or counts broken characters"),
            ("epoch_milliseconds", "milliseconds_are_not_seconds", "Times in milliseconds", "back_office push", "lands in the year 58000"),
            ("portal_zone", "portal_times_are_local", "The CSV shows the portal's zone, the API UTC", "hubspot contacts_export_*.csv", "shifts every contact by an hour or two"),
            ("close_date", "close_date_does_not_slip_a_day", "Won at 00:30 in Oslo", "hubspot deals_*.json, deals_export_*.csv", "books the deal on the day before"),
            ("contact_pages", "both_pages_of_contacts_are_read", "The first full export has two pages", "hubspot contacts_full_*_page*.json", "stops after the first page"),
            # Malformed records elsewhere
            ("malformed_event", "malformed_events_are_quarantined", "A mail event without id, a web event without time", "sendgrid, ga4", "drops them without a word"),
            ("malformed_answer", "malformed_answer_is_quarantined", "The score is `ten`", "delighted", "reads it as null or 0"),
            ("malformed_back_office", "malformed_back_office_rows_are_quarantined", "A date `i går`, a kind nobody knows, 12,34,56 kroner, a day 99, a visit in 2062", "back_office saker, poengbok, kvitteringer, pesanan, butikkbesok", "stops, guesses, or moves today to 2062"),
        ),
        1,
    )
)  # fmt: skip


def write_traps(folder: Path, book: Book) -> int:
    """Write ``traps.json`` and return the number of traps. Raises TrapError where one is not in the files."""
    missing = [trap.key for trap in TRAPS if not book.evidence.get(trap.key)]
    unknown = sorted(set(book.evidence) - {trap.key for trap in TRAPS})
    if missing or unknown:
        raise TrapError(
            f"traps without a row in the files: {missing}; evidence of no listed trap: {unknown}. "
            "Ask for more customers or days, or correct TRAPS"
        )
    body = [
        {
            "number": trap.number,
            "key": trap.key,
            "title": trap.title,
            "where": trap.where,
            "naive": trap.naive,
            "test": trap.test,
            "evidence": book.evidence[trap.key],
        }
        for trap in TRAPS
    ]
    text = json.dumps(body, indent=1, ensure_ascii=False)
    (folder / "traps.json").write_text(text + "\n", encoding="utf-8")
    return len(body)

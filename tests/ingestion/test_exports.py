"""The hand-written exports: every vendor's quirks, and everything that can be broken about a file."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingestion import settings as configuration
from ingestion.ingest import Ingested, SourceFailed, ingest
from ingestion.personal_data import Keyring, load_key
from ingestion.sources import ALL
from ingestion.warehouse import data_day, live_deliveries, load_raw
from tests.ingestion.company import NOW, Company

EXPORTS = Path(__file__).parents[1] / "exports"
BROKEN = yaml.safe_load((EXPORTS / "broken" / "broken.yml").read_text())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All exports taken in and loaded."""
    home = tmp_path_factory.mktemp("exports")
    document = yaml.safe_load((EXPORTS / "generic" / "rapport.yml").read_text())
    vendors: dict[str, Any] = {name: {} for name in ALL if name != "generic"}
    (home / "rapport.yml").write_text(
        yaml.safe_dump({**document, "sources": {**document["sources"], **vendors}})
    )
    loaded = configuration.load(home)
    for source in loaded.sources:
        done: Ingested = ingest(loaded, str(EXPORTS), source.name, NOW)
        assert (done.new_files, done.rows_quarantined) == (done.files, 0), source.name
        assert done.files >= 1
    load_raw(loaded, data_day(loaded, live_deliveries(loaded)))
    return home


def ask(home: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute(query).fetchall()


def test_every_vendor_has_exports() -> None:
    assert {path.name for path in EXPORTS.iterdir() if path.is_dir()} == {*ALL, "broken"}


def test_hubspot_pages_and_csv_become_one_contact_each(home: Path) -> None:
    keys = Keyring(load_key(home))
    assert ask(
        home,
        "select contact_id, email_key, email_is_role, merged_contact_ids, is_deleted, is_opted_out, "
        "len(string_split(additional_emails_keys, ';')), updated_at from raw.hubspot_contacts order by 1",
    ) == [
        ("101", keys.keyed("email", "kari@example.no"), False, "88;89", False, None, 2, datetime.fromisoformat("2026-05-14T08:00")),
        ("102", keys.keyed("email", "info@example.no"), True, None, True, None, None, datetime.fromisoformat("2026-05-13T08:00")),
        ("103", keys.keyed("email", "per@example.no"), False, None, None, False, None, datetime.fromisoformat("2026-05-14T23:30")),
    ]  # fmt: skip
    assert ask(
        home, "select deal_id, contact_id, amount, currency, is_won from raw.hubspot_deals"
    ) == [("9001", "101", Decimal("1500.00"), "NOK", True)]


def test_shopify_lines_carry_their_orders_fields(home: Path) -> None:
    assert ask(
        home,
        "select order_name, occurrence, total_amount, line_name, line_amount, created_at, source_zone "
        "from raw.shopify_orders order by 1, 2",
    ) == [
        ("#1001", 1, 499, "Mug, blue", 200, datetime.fromisoformat("2026-05-14T09:23:45"), "+0200"),
        ("#1001", 2, 499, 'Pot "Big"', 300, datetime.fromisoformat("2026-05-14T09:23:45"), "+0200"),
        ("#1002", 1, 120, "Pan", 120, datetime.fromisoformat("2026-05-13T22:30"), "+0200"),
    ]


def test_sendgrid_events_come_once_and_name_nobody(home: Path) -> None:
    rows = ask(
        home,
        "select event_id, event, category, is_machine_open, url, reason_length from raw.sendgrid_events order by 1",
    )
    key = Keyring(load_key(home)).keyed("email", "kari@example.no")
    assert rows == [
        ("ev-1", "delivered", "spring", None, None, None),
        ("ev-2", "open", "spring", True, None, None),
        (
            "ev-3",
            "click",
            "spring",
            None,
            f"https://shop.example.no/?utm_campaign=spring&email={key}",
            None,
        ),
        ("ev-4", "bounce", None, None, None, 33),
    ]


def test_ga4_daily_rows_win_over_intraday_and_nothing_stands_for_not_set(home: Path) -> None:
    key = Keyring(load_key(home)).keyed("email", "kari@example.no")
    assert ask(
        home,
        "select event_name, user_id, session_id, engagement_milliseconds, transaction_id, purchase_revenue, "
        "currency, product_id, category, device, country, event_date from raw.ga4_events order by occurred_at",
    ) == [
        ("page_view", None, "1778749990", 1200, None, None, "NOK", None, None, "mobile", "Norway", date(2026, 5, 14)),
        ("purchase", key, "1778749990", None, "#1001", 450, "NOK", "MUG-B", "Kitchen", None, None, date(2026, 5, 14)),
        ("page_view", None, None, None, None, None, "NOK", None, None, None, None, date(2026, 5, 15)),
    ]  # fmt: skip


def test_delighted_zero_is_a_score_and_an_edited_answer_wins(home: Path) -> None:
    assert ask(
        home,
        "select response_id, score, comment_length, person_id, customer_id from raw.delighted_survey_responses order by 1",
    ) == [("5001", 0, 11, "701", "C-1"), ("5002", 9, 15, "702", None)]


def test_generic_files_as_their_mapping_says(home: Path) -> None:
    assert ask(
        home,
        "select order_id, document_type, gross_amount, customer_id, ordered_at from raw.generic_orders order by 1",
    ) == [
        ("1001", "sale", Decimal("1234.50"), "000123", datetime.fromisoformat("2026-05-14T09:23")),
        (
            "K1001",
            "cancellation",
            Decimal("-1234.50"),
            "000123",
            datetime.fromisoformat("2026-04-03T07:00"),
        ),
    ]
    assert ask(
        home,
        "select count(*), count(distinct interaction_id), min(location_id) from raw.generic_interactions",
    ) == [(2, 2, "Grünerløkka")]
    assert ask(home, "select from_currency, rate from raw.generic_exchange_rates order by 1") == [
        ("EUR", Decimal("11.4321")),
        ("IDR", Decimal("0.0006543219")),
    ]


# --- broken files


def test_every_broken_file_has_its_fate_written_down() -> None:
    names = {path.name for path in (EXPORTS / "broken").iterdir()} - {"broken.yml"}
    assert names == set(BROKEN)
    assert len(names) >= 24


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_refused_or_its_rows_are_quarantined(name: str, company: Company) -> None:
    fate = BROKEN[name]
    columns = {"order_id": "id", "ordered_at": "at", "gross_amount": "amount", "status": "note"}
    company.entry = {"columns": columns}
    company.exports.mkdir(parents=True)
    shutil.copyfile(EXPORTS / "broken" / name, company.exports / name)
    company.deliver("whole.csv", "id,at,amount,note\nwhole,2026-05-14,1,x\n")
    if "refused" in fate:
        with pytest.raises(SourceFailed) as caught:
            company.ingest()
        assert f"{name}, " in str(caught.value)
        for words in fate["refused"]:
            assert words in str(caught.value)
    else:
        company.ingest()
        assert [list(reason) for reason in company.reasons()] == fate["quarantined"]
        assert len(company.accepted()) == fate["accepted"] + 1
    assert "whole" in [row["order_id"] for row in company.accepted()]

"""Files that nobody here wrote: what a correct reader must reproduce, as stated beside the data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingestion import settings
from ingestion.detection import detect
from ingestion.ingest import ingest
from ingestion.settings import Settings
from ingestion.warehouse import data_day, live_deliveries, load_raw
from tests.ingestion.company import NOW

DATA = settings.realdata()

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not here (RAPPORT_REALDATA)"),
]

VENDORS = ("delighted", "ga4", "hubspot", "sendgrid", "shopify")


def home_with(folder: Path, sources: dict[str, Any]) -> Settings:
    document = {"reporting_currency": "GBP", "time_zone": "Europe/London", "sources": sources}
    (folder / "rapport.yml").write_text(yaml.safe_dump(document))
    return settings.load(folder)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The vendors' native files, loaded."""
    loaded = home_with(tmp_path_factory.mktemp("native"), {vendor: {} for vendor in VENDORS})
    for vendor in VENDORS:
        assert ingest(loaded, str(DATA / "native"), vendor, NOW).rows_quarantined == 0
    load_raw(loaded, data_day(loaded, live_deliveries(loaded)))
    with duckdb.connect(str(loaded.home / "warehouse.duckdb"), read_only=True) as warehouse:
        yield warehouse


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ("select count(*), count(distinct email_key), count(*) filter (is_deleted) from raw.hubspot_contacts", (26, 26, 0)),
        ("select rows_delivered from raw.deliveries where source = 'shopify'", (29,)),
        ("select count(distinct order_name), sum(line_quantity) from raw.shopify_orders", (26, 28)),
        ("select count(distinct email_key), count(distinct order_name) filter (email_key is null) from raw.shopify_orders", (25, 1)),
        ("select list((currency, amount) order by currency) from (select currency, sum(subtotal_amount) as amount "
         "from raw.shopify_orders where occurrence = 1 group by 1)",
         ([("EUR", Decimal(3540)), ("GBP", Decimal(7990)), ("USD", Decimal(920))],)),
        ("select count(*), count(distinct event), count(distinct event_id), count(distinct email_key) from raw.sendgrid_events", (11, 11, 11, 1)),
        ("select list(score order by score) from raw.delighted_survey_responses", ([0, 5],)),
        ("select count(*), count(distinct user_pseudo_id), count(user_id), count(distinct event_date), min(event_date)::text, "
         "max(event_date)::text from raw.ga4_events", (24_219, 19_210, 0, 92, "2020-11-01", "2021-01-31")),
        ("select count(*) filter (event_name = 'page_view'), count(*) filter (event_name = 'session_start'), "
         "count(*) filter (event_name = 'purchase') from raw.ga4_events", (7_498, 1_937, 624)),
        ("select count(distinct (user_pseudo_id, session_id)), count(distinct session_id) from raw.ga4_events", (20_705, 20_674)),
        ("select sum(purchase_revenue), count(*) filter (event_name = 'purchase' and transaction_id is null) from raw.ga4_events",
         (Decimal("41529.00"), 93)),
    ],
)  # fmt: skip
def test_native_files_hold_the_stated_facts(
    query: str, fact: tuple[Any, ...], native: duckdb.DuckDBPyConnection
) -> None:
    assert native.execute(query).fetchone() == fact


def test_native_files_are_recognised() -> None:
    found = {item.vendor for item in detect(DATA / "native")}
    assert found == {None, *VENDORS}


def test_a_year_of_daily_orders_is_whole_to_the_penny(tmp_path: Path) -> None:
    columns = {
        "order_id": "InvoiceNo", "ordered_at": "InvoiceDate", "customer_id": "CustomerID",
        "product_id": "StockCode", "quantity": "Quantity", "unit_price": "UnitPrice",
    }  # fmt: skip
    file = {"contract": "generic_order_lines", "pattern": "*.csv", "columns": columns}
    loaded = home_with(tmp_path, {"retail": {"path": "by-day", "files": [file]}})
    started = time.process_time()
    done = ingest(loaded, str(DATA / "online_retail_daily"), "retail", NOW)
    spent = time.process_time() - started
    assert (done.files, done.rows_accepted, done.rows_quarantined) == (305, 541_909, 0)
    # 10 ms a file on the machine this was measured on; ten times that would be a change of kind.
    assert spent < 305 * 0.1
    load_raw(loaded, data_day(loaded, live_deliveries(loaded)))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute(
            "select count(*), sum(amount), count(distinct customer_id), "
            "count(*) filter (contains(customer_id, '.')) from raw.generic_order_lines"
        ).fetchone() == (541_909, Decimal("9747747.9340"), 4_372, 0)

"""Raw tables brought up to date night by night are those of a load of everything at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingestion.contract import load_contracts
from ingestion.facts_progress import facts_begin, facts_end
from ingestion.ledger import open_ledger
from ingestion.settings import Settings
from ingestion.warehouse import load_raw, warehouse_path
from rapport.steps import DBT_PROJECT
from tests.ingestion.company import LINE_COLUMNS, LINE_HEADER, ORDER_COLUMNS, ORDER_HEADER
from tests.ingestion.company import Company as Shop

# An example is several nights with two loads each: few of them, more in `make test-invariants`, and
# none spent on making a failure smaller.
NIGHTS = settings(
    max_examples=settings.default.max_examples // 8,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TODAY = date(2026, 5, 14)
LATEST = 40

EVENT_COLUMNS = {
    "event_id": "id",
    "event_name": "event",
    "occurred_at": "at",
    "anonymous_id": "who",
    "page_url": "page",
}
EVENT_HEADER = "id,event,at,who,page"
STOCK_COLUMNS = {"product_id": "product", "price": "price", "currency": "currency"}
STOCK_HEADER = "product,price,currency"
SHOPIFY_HEADER = "Name,Email,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price"


class Company(Shop):
    """A company with every way of replacing: upsert, append, snapshot and blocks."""

    @property
    def settings(self) -> Settings:
        files = [
            {"contract": "generic_orders", "pattern": "orders*", "columns": ORDER_COLUMNS},
            {"contract": "generic_order_lines", "pattern": "lines*", "columns": LINE_COLUMNS},
            {"contract": "generic_web_events", "pattern": "events*", "columns": EVENT_COLUMNS},
            {
                "contract": "generic_products",
                "pattern": "stock*",
                "mode": "snapshot",
                "columns": STOCK_COLUMNS,
            },
        ]
        shopify = [{"contract": "shopify_orders", "pattern": "blocks*"}]
        return self.configured(
            {
                "shop": {"files": files},
                "store": {"vendor": "shopify", "path": "shop", "files": shopify},
            }
        )

    def ingest_all(self) -> None:
        from ingestion.ingest import ingest
        from tests.ingestion.company import NOW

        for source in ("shop", "store"):
            pattern = ("blocks*",) if source == "store" else ("[!b]*",)
            if any(True for glob in pattern for _ in self.exports.glob(glob)):
                ingest(self.settings, str(self.folder / "exports"), source, NOW)


# --- what a night may bring

DAYS = st.integers(0, LATEST)
NUMBERS = st.integers(1, 5)
AMOUNTS = st.integers(1, 9)


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, list[str]]:
    rows = []
    for number, day, amount, edit in draw(
        st.lists(st.tuples(NUMBERS, DAYS, AMOUNTS, st.integers(0, 3)), min_size=1, max_size=4)
    ):
        currency = "EUR" if amount % 4 == 0 else "NOK"
        at = TODAY - timedelta(days=day)
        broken = "x" if edit == 3 and amount == 9 else str(at)
        rows.append(f"{number},{broken},{amount}.5,{currency},c,a@x.no,n,{at + timedelta(edit)}")
    return f"orders_{draw(NUMBERS)}.csv", [ORDER_HEADER, *rows]


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    # Dated files: one that comes again with other content replaces the first.
    rows = draw(st.lists(st.tuples(NUMBERS, AMOUNTS), min_size=1, max_size=3))
    day = TODAY - timedelta(days=draw(st.integers(0, 2)))
    return (
        f"lines_{day}.csv",
        [LINE_HEADER, *(f"{number},{day},p,1,{amount}" for number, amount in rows)],
    )


@st.composite
def events(draw: st.DrawFn) -> tuple[str, list[str]]:
    rows = draw(st.lists(st.tuples(NUMBERS, DAYS, AMOUNTS), min_size=1, max_size=4))
    return (
        f"events_{draw(NUMBERS)}.csv",
        [
            EVENT_HEADER,
            *(f"{n},page_view,{TODAY - timedelta(days=day)},w,p{page}" for n, day, page in rows),
        ],
    )


@st.composite
def stock(draw: st.DrawFn) -> tuple[str, list[str]]:
    rows = draw(st.lists(st.tuples(NUMBERS, AMOUNTS), min_size=1, max_size=3))
    return (
        f"stock_{draw(NUMBERS)}.csv",
        [STOCK_HEADER, *(f"{number},{price},NOK" for number, price in rows)],
    )


@st.composite
def blocks(draw: st.DrawFn) -> tuple[str, list[str]]:
    rows = []
    for number, prices in draw(
        st.lists(st.tuples(NUMBERS, st.lists(AMOUNTS, min_size=1, max_size=3)), max_size=3)
    ):
        head = f"#{number},a@x.no,NOK,2026-05-14 10:00:00 +0200"
        rows += [f"{head},1,line {n},{price}" for n, price in enumerate(prices)]
    return f"blocks_{draw(NUMBERS)}.csv", [SHOPIFY_HEADER, *rows]


FILES = st.one_of(orders(), lines(), events(), stock(), blocks())
# After the files of a night somebody may take a delivery out, or let it in again.
DECISIONS = st.sampled_from(["none", "none", "none", "reject", "accept"])
NIGHT = st.tuples(st.lists(FILES, max_size=3), DECISIONS, st.integers(0, 20))


def decide(company: Company, decision: str, which: int) -> None:
    known = [item for item in company.deliveries() if item.status != "duplicate"]
    if decision == "none" or not known:
        return
    status = "rejected" if decision == "reject" else "accepted"
    with open_ledger(company.home) as ledger:
        ledger.set_status(known[which % len(known)].delivery_id, status, "somebody said so")


def tables(warehouse: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every raw table with every column, delivery and row included."""
    names = [*load_contracts(), "deliveries", "delivery_amounts"]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            name: connection.execute(f"select * from raw.{name} order by all").fetchall()
            for name in names
        }


@contextmanager
def loaded_anew(company: Company) -> Iterator[Path]:
    """The warehouse as one load of everything makes it."""
    nightly = warehouse_path(company.home)
    aside, anew = nightly.with_suffix(".aside"), nightly.with_suffix(".anew")
    nightly.rename(aside)
    load_raw(company.settings, TODAY)
    nightly.rename(anew)
    aside.rename(nightly)
    yield anew
    anew.unlink()


def order_months(warehouse: Path) -> set[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return set(connection.execute("from raw.order_months").fetchall())


@NIGHTS
@given(nights=st.lists(NIGHT, min_size=2, max_size=5))
def test_raw_tables_of_any_nights_are_those_of_one_load(
    nights: Sequence[tuple[list[tuple[str, list[str]]], str, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    company = Company(tmp_path_factory.mktemp("nights"))
    for files, decision, which in nights:
        for name, rows in files:
            company.deliver(name, rows)
        company.ingest_all()
        decide(company, decision, which)
        load_raw(company.settings, TODAY)
        found = tables(warehouse_path(company.home))
        with loaded_anew(company) as anew:
            assert found == tables(anew)
            # A month too many costs time; one too few would leave rows of an order behind.
            assert order_months(warehouse_path(company.home)) >= order_months(anew)
        assert_conserved(company, found)


def assert_conserved(company: Company, found: dict[str, list[tuple[Any, ...]]]) -> None:
    """Rows, and money by currency: accepted + quarantined + duplicate = delivered."""
    with duckdb.connect(str(warehouse_path(company.home)), read_only=True) as connection:
        assert (
            connection.execute(
                "select * from raw.deliveries where rows_delivered "
                "<> rows_accepted + rows_quarantined + rows_duplicate"
            ).fetchall()
            == []
        )
        in_books = dict(
            connection.execute(
                "select currency, sum(amount) from raw.delivery_amounts group by 1"
            ).fetchall()
        )
    originals = {item.delivery_id: item for item in company.deliveries()}
    delivered: dict[str, Decimal] = {}
    with open_ledger(company.home) as ledger:
        amounts = list(ledger.amounts())
    for item in originals.values():
        for owner, amount in amounts:
            if owner == (item.duplicate_of or item.delivery_id):
                delivered[amount.currency] = delivered.get(amount.currency, Decimal()) + (
                    amount.amount
                )
    assert {k: v for k, v in in_books.items() if v} == {k: v for k, v in delivered.items() if v}


# --- what the facts are told


def changes(company: Company) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse_path(company.home)), read_only=True) as connection:
        return connection.execute(
            "select object, key_1, order_id, is_removed, event_at::date from raw.changed_rows "
            "order by all"
        ).fetchall()


def test_orders_are_numbered_as_the_facts_look_for_them(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.deliver("orders_1.csv", [ORDER_HEADER, "7,2026-05-01,5,NOK,c,a@x.no,n,2026-05-01"])
    company.ingest_all()
    load_raw(company.settings, TODAY)
    macros = (DBT_PROJECT / "macros" / "dialect" / "rewriting.sql").read_text(encoding="utf-8")
    (number,) = re.findall(r"duckdb__text_number\(column\) -%}\s+(.*?)\s+{%", macros, re.DOTALL)
    number = number.replace("{{ column }}", "'shop|7'")
    expected = duckdb.execute(f"select {number}, date '2026-05-01'").fetchall()
    assert order_months(warehouse_path(company.home)) == set(expected)


def event(number: int, day: int, page: str = "p") -> str:
    return f"{number},page_view,2026-05-{day:02},w,{page}"


def test_changes_wait_until_facts_are_finished(tmp_path: Path) -> None:
    company = Company(tmp_path)

    def load(name: str, rows: list[str]) -> list[tuple[Any, ...]]:
        company.deliver(name, rows)
        company.ingest_all()
        load_raw(company.settings, TODAY)
        return changes(company)

    # Nothing is known of what there was before: the facts are made anew.
    assert load("events_1.csv", [EVENT_HEADER, event(1, 1)]) == []
    assert not facts_begin(warehouse_path(company.home))
    facts_end(warehouse_path(company.home))
    second = ("generic_web_events", "2", None, False, date(2026, 5, 2))
    third = ("generic_web_events", "3", None, False, date(2026, 5, 3))
    assert load("events_2.csv", [EVENT_HEADER, event(2, 2)]) == [second]
    # A night whose gate was closed has finished no facts.
    assert load("events_3.csv", [EVENT_HEADER, event(3, 3)]) == [second, third]
    assert facts_begin(warehouse_path(company.home))
    facts_end(warehouse_path(company.home))
    assert load("events_4.csv", [EVENT_HEADER, event(4, 4)]) == [
        ("generic_web_events", "4", None, False, date(2026, 5, 4))
    ]
    # Begun and never finished: what they hold is unknown, and they are made anew.
    assert facts_begin(warehouse_path(company.home))
    assert not facts_begin(warehouse_path(company.home))


def test_facts_of_another_warehouse_are_not_trusted(tmp_path: Path) -> None:
    company = Company(tmp_path)
    warehouse = warehouse_path(company.home)

    def night(number: int) -> bool:
        company.deliver(f"events_{number}.csv", [EVENT_HEADER, event(number, number)])
        company.ingest_all()
        load_raw(company.settings, TODAY)
        were_finished = facts_begin(warehouse)
        facts_end(warehouse)
        return were_finished

    assert not night(1)
    older = shutil.copyfile(warehouse, tmp_path / "older")
    assert night(2)
    older.replace(warehouse)
    assert not night(3)
    assert night(4)
    warehouse.unlink()
    assert not night(5)


def test_a_load_that_was_undone_takes_nothing_from_the_facts(tmp_path: Path) -> None:
    company = Company(tmp_path)
    warehouse = warehouse_path(company.home)
    company.deliver("events_1.csv", [EVENT_HEADER, event(1, 1)])
    company.ingest_all()
    load_raw(company.settings, TODAY)
    facts_end(warehouse)

    def full_disk(_: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.IOException("No space left on device")

    company.deliver("events_2.csv", [EVENT_HEADER, event(2, 2)])
    company.ingest_all()
    with pytest.raises(duckdb.IOException):
        load_raw(company.settings, TODAY, beside=(full_disk,))
    load_raw(company.settings, TODAY)
    assert changes(company) == [("generic_web_events", "2", None, False, date(2026, 5, 2))]
    assert facts_begin(warehouse)
    facts_end(warehouse)
    # Other code would have made them anew.
    with pytest.raises(duckdb.IOException):
        load_raw(company.settings, TODAY, "other code", beside=(full_disk,))
    load_raw(company.settings, TODAY)
    assert changes(company) == []
    assert facts_begin(warehouse)


def test_a_replaced_version_is_told_with_its_own_time(tmp_path: Path) -> None:
    company = Company(tmp_path)
    for name, day in (("orders_1.csv", 1), ("orders_2.csv", 9)):
        company.deliver(
            name, [ORDER_HEADER, f"7,2026-05-{day:02},5,NOK,c,a@x.no,n,2026-05-{day:02}"]
        )
        company.ingest_all()
        load_raw(company.settings, TODAY)
        facts_end(warehouse_path(company.home))
    assert changes(company) == [
        ("generic_orders", "7", "7", False, date(2026, 5, 9)),
        ("generic_orders", "7", "7", True, date(2026, 5, 1)),
    ]


def test_tables_of_other_code_or_configuration_are_made_anew(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.deliver("events_1.csv", [EVENT_HEADER, event(1, 1)])
    company.ingest_all()
    load_raw(company.settings, TODAY, "code 1")
    with duckdb.connect(str(warehouse_path(company.home))) as connection:
        connection.execute("update raw.generic_web_events set page_url = 'of other code'")
    load_raw(company.settings, TODAY, "code 1")
    assert pages(company) == ["of other code"]
    load_raw(company.settings, TODAY, "code 2")
    assert pages(company) == ["p"]


def pages(company: Company) -> list[str]:
    with duckdb.connect(str(warehouse_path(company.home)), read_only=True) as connection:
        return [
            row[0]
            for row in connection.execute("select page_url from raw.generic_web_events").fetchall()
        ]


def test_raw_files_of_earlier_nights_are_not_read_again(tmp_path: Path) -> None:
    company = Company(tmp_path)
    for number in (1, 2):
        company.deliver(f"events_{number}.csv", [EVENT_HEADER, event(number, number)])
        company.ingest_all()
        load_raw(company.settings, TODAY)
        for path in (company.home / "raw").rglob("*.parquet"):
            path.write_bytes(b"not to be read")
    assert pages(company) == ["p", "p"]

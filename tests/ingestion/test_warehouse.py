"""Loading raw: the rows in force, each delivery's fate, and no damaged file."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingestion.contract import load_contracts
from ingestion.warehouse import (
    NothingDelivered,
    RawDamaged,
    data_day,
    live_deliveries,
    load_raw,
)
from tests.ingestion.company import ORDER_HEADER, Company, order


def test_every_table_exists_typed_also_without_its_source(company: Company) -> None:
    company.take([ORDER_HEADER, order(1)])
    types = dict(
        company.current(
            "select table_name, count(*) from information_schema.columns where table_schema = 'raw' group by 1"
        )
    )
    contracts = load_contracts()
    assert len(contracts) > 20
    for table, contract in contracts.items():
        assert types[table] == len(contract.raw_schema().names), table
    assert {"run_parameters", "sources", "deliveries", "delivery_amounts"} <= set(types)
    assert company.current("select count(*) from raw.hubspot_contacts") == [(0,)]
    assert company.current(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = 'raw' and table_name = 'shopify_orders' "
        "and column_name in ('created_at', 'line_amount', 'email_is_role') order by 1"
    ) == [
        ("created_at", "TIMESTAMP"),
        ("email_is_role", "BOOLEAN"),
        ("line_amount", "DECIMAL(18,4)"),
    ]


def test_the_run_and_its_sources_are_in_the_warehouse(company: Company) -> None:
    company.take([ORDER_HEADER, order(1)])
    assert company.current("select * from raw.run_parameters") == [
        (date(2026, 5, 14), "NOK", "Europe/Oslo", True)
    ]
    assert company.current("select * from raw.sources") == [("shop", "generic", "shop", True, True)]


def test_the_day_of_the_data_is_a_day_of_the_company(company: Company) -> None:
    company.take(
        [
            ORDER_HEADER,
            order(1, at="2026-05-14T22:30Z"),
            order(2, at="2026-05-30 00:00", amount="x"),
        ]
    )
    loaded = company.settings
    assert data_day(loaded, live_deliveries(loaded)) == date(2026, 5, 15)


def test_without_a_dated_row_there_is_no_day(company: Company) -> None:
    company.deliver("orders.csv", [ORDER_HEADER])
    company.ingest()
    loaded = company.settings
    with pytest.raises(NothingDelivered, match="rapport quarantine"):
        data_day(loaded, live_deliveries(loaded))


def test_rows_and_money_of_every_delivery_add_up(company: Company) -> None:
    company.deliver(
        "1.csv",
        [
            ORDER_HEADER,
            order(1, amount="1"),
            order(2, amount="2"),
            order(3, amount="4", currency="EUR"),
        ],
    )
    company.deliver(
        "2.csv",
        [
            ORDER_HEADER,
            order(2, amount="8", changed="2026-05-20 00:00"),
            order(9, amount="16", at="x"),
        ],
    )
    company.deliver(
        "3.csv",
        [
            ORDER_HEADER,
            order(1, amount="1"),
            order(2, amount="2"),
            order(3, amount="4", currency="EUR"),
        ],
    )
    company.ingest()
    assert company.current(
        "select file_name, rows_in_file, rows_delivered, rows_accepted, rows_quarantined, rows_duplicate, status "
        "from raw.deliveries order by 1"
    ) == [
        ("1.csv", 3, 3, 2, 0, 1, "accepted"),
        ("2.csv", 2, 2, 1, 1, 0, "accepted"),
        ("3.csv", 3, 3, 0, 0, 3, "duplicate"),
    ]
    assert company.current(
        "select file_name, currency, outcome, delivery_amounts.reason, amount from raw.delivery_amounts "
        "inner join raw.deliveries using (delivery_id) order by all"
    ) == [
        ("1.csv", "EUR", "accepted", "", Decimal(4)),
        ("1.csv", "NOK", "accepted", "", Decimal(1)),
        ("1.csv", "NOK", "duplicate", "older version or repeated record", Decimal(2)),
        ("2.csv", "NOK", "accepted", "", Decimal(8)),
        (
            "2.csv",
            "NOK",
            "quarantined",
            "ordered_at: not a time in the declared format",
            Decimal(16),
        ),
        ("3.csv", "EUR", "duplicate", "file delivered before", Decimal(4)),
        ("3.csv", "NOK", "duplicate", "file delivered before", Decimal(3)),
    ]


def test_ids_of_two_instances_stay_apart_or_are_shared_as_declared(company: Company) -> None:
    from ingestion.ingest import ingest

    file = {
        "contract": "generic_orders",
        "pattern": "*",
        "columns": {"order_id": "id", "ordered_at": "at", "gross_amount": "amount"},
    }
    loaded = company.configured(
        {"shop_no": {"files": [file]}, "shop_se": {"files": [file], "id_space": "shop_no"}}
    )
    for name, amount in (("shop_no", "1"), ("shop_se", "2")):
        path = company.folder / "exports" / name / "orders.csv"
        path.parent.mkdir(parents=True)
        path.write_text(f"{ORDER_HEADER}\n{order(1, amount=amount)}\n")
        ingest(loaded, str(company.folder / "exports"), name, datetime.fromisoformat("2026-11-22"))
    load_raw(loaded, date(2026, 5, 14))
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        rows = warehouse.execute(
            "select source, id_space, order_id, gross_amount from raw.generic_orders order by 1"
        ).fetchall()
    assert rows == [("shop_no", "shop_no", "1", 1), ("shop_se", "shop_no", "1", 2)]


def test_a_source_that_is_no_longer_configured_is_not_loaded(company: Company) -> None:
    company.take([ORDER_HEADER, order(1)])
    loaded = company.configured({"hubspot": {}})
    assert live_deliveries(loaded) == []
    load_raw(loaded, date(2026, 5, 14))
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("select count(*) from raw.generic_orders").fetchone() == (0,)


@pytest.mark.parametrize("harm", ["flipped bit", "cut", "gone"])
def test_a_damaged_raw_file_is_never_loaded(harm: str, company: Company) -> None:
    company.take([ORDER_HEADER, *(order(n) for n in range(100))])
    [raw] = (company.home / "raw").rglob("*.parquet")
    content = bytearray(raw.read_bytes())
    if harm == "gone":
        raw.unlink()
    elif harm == "cut":
        raw.write_bytes(content[:-10])
    else:
        content[200] ^= 1
        raw.write_bytes(content)
    with pytest.raises(RawDamaged, match="rapport ingest shop"):
        company.current("select 1")
    # The way out that the message names.
    raw.unlink(missing_ok=True)
    company.ingest()
    assert company.current("select count(*) from raw.generic_orders") == [(100,)]


def test_loading_twice_gives_the_same_rows(company: Company) -> None:
    company.take([ORDER_HEADER, order(1), order(2)])
    query = "select * from raw.generic_orders order by all"
    assert company.current(query) == company.current(query)


def test_another_key_chooses_no_other_rows(tmp_path: Path) -> None:
    chosen = set()
    for number in range(8):
        company = Company(tmp_path / str(number))
        (company.home / "vault").mkdir(parents=True)
        (company.home / "vault" / "key").write_text(f"{number:02x}" * 32)
        # Equally new: only what they say tells the two apart.
        rows = [order(1, customer="c1", email="a@x.no"), order(1, customer="c2", email="b@x.no")]
        company.take([ORDER_HEADER, *rows])
        chosen |= set(company.current("select customer_id from raw.generic_orders"))
    assert len(chosen) == 1


def test_of_equally_new_rows_the_one_that_says_most_is_taken(tmp_path: Path) -> None:
    for number, rows in enumerate(itertools.permutations(("c1", "", "c2"))):
        company = Company(tmp_path / str(number))
        emails = {"c1": "", "": "a@x.no", "c2": "b@x.no"}
        for day, customer in enumerate(rows):
            company.take(
                [ORDER_HEADER, order(1, customer=customer, email=emails[customer])],
                f"orders_{day}.csv",
            )
        assert company.current("select customer_id from raw.generic_orders") == [("c2",)]


def test_an_empty_table_has_the_types_of_a_filled_one(company: Company) -> None:
    query = (
        "select column_name, data_type from information_schema.columns "
        "where table_schema = 'raw' and table_name = 'generic_orders' order by ordinal_position"
    )
    company.take([ORDER_HEADER, order(1)])
    filled = company.current(query)
    loaded = company.configured({"hubspot": {}})
    load_raw(loaded, date(2026, 5, 14))
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute(query).fetchall() == filled

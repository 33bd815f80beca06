"""From texts to rows: rules, blocks, occurrences, defaults."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.settings import Settings
from tests.ingestion.company import LINE_HEADER, ORDER_HEADER, Company, append_lines, order


def with_columns(company: Company, **columns: Any) -> Company:
    base = {"order_id": "id", "ordered_at": "at", "gross_amount": "amount"}
    company.entry = {"columns": {**base, **columns}}
    return company


def one(company: Company, *rows: str) -> list[dict[str, Any]]:
    return company.take([ORDER_HEADER, *rows])


# --- rules


def test_the_first_field_that_is_not_empty_wins(company: Company) -> None:
    with_columns(company, status=["note", "customer"], channel={"from": ["missing", "note"]})
    rows = one(company, order(1, note=""), order(2, note=" \t\u00a0"), order(3, note="x"))
    assert [(row["status"], row["channel"]) for row in rows] == [
        ("c1", None),
        ("c1", None),
        ("x", "x"),
    ]


def test_constants_defaults_and_maps(company: Company) -> None:
    with_columns(
        company,
        channel={"constant": "web"},
        country={"from": "customer", "default": "NO"},
        document_type={"from": "id", "map_prefix": {"C": "cancellation", "CX": "adjustment"}, "default": "sale"},
        status={"from": "note", "map": {"a": "one", "b": ""}},
        discount_code={"from": "note", "map": {"a": "one"}, "default": "other"},
    )  # fmt: skip
    rows = one(
        company,
        order("C1", note="a"),
        order("CX2", note="b"),
        order("3", note="c", customer=""),
        order("4", note=""),
    )
    names = ("channel", "country", "document_type", "status", "discount_code")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("web", "c1", "cancellation", "one", "one"),
        ("web", "c1", "adjustment", None, "other"),
        ("web", "NO", "sale", "c", "other"),
        ("web", "c1", "sale", None, "other"),
    ]


def test_generated_ids_tell_equal_rows_apart_and_repeat_on_redelivery(company: Company) -> None:
    with_columns(company, order_id={"generate": ["customer", "at", "email"]})
    rows = one(company, order(1), order(1), order(1, customer="c2"))
    ids = [row["order_id"] for row in rows]
    assert len(set(ids)) == 3
    assert all(identity.startswith("g") and len(identity) == 33 for identity in ids)
    company.deliver(
        "again.csv", [ORDER_HEADER, order(1, customer="c2"), order(1), order(1), order(1, note="")]
    )
    company.ingest()
    again = [row["order_id"] for row in company.accepted()][3:]
    assert again[:3] == [ids[2], ids[0], ids[1]]
    assert again[3] not in ids


def test_a_generated_id_needs_all_its_fields(company: Company) -> None:
    with_columns(company, order_id={"generate": ["customer", "nothing"]})
    company.deliver("orders.csv", [ORDER_HEADER, order(1)])
    assert "no column 'nothing' for the generated order_id" in company.refusal()


def test_generated_ids_are_numbered_across_batches(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.delimited_text.BLOCK_BYTES", 400)
    with_columns(company, order_id={"generate": ["customer"]})
    rows = one(company, *[order(n) for n in range(50)])
    assert len({row["order_id"] for row in rows}) == 50


def test_the_reporting_currency_fills_what_is_empty_and_not_what_is_wrong(company: Company) -> None:
    rows = one(company, order(1, currency=""), order(2, currency="eur"), order(3, currency="kr."))
    assert [row["currency"] for row in rows] == ["NOK", "EUR"]
    assert company.reasons() == [(3, 4, "currency: not an ISO 4217 code")]


def test_an_amount_is_computed_where_it_is_missing(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    assert company.entries is not None
    company.entries[0]["columns"] = {**company.entries[0]["columns"], "amount": "total"}
    rows = company.take(
        [
            f"{LINE_HEADER},total",
            "1,2026-05-14,p,3,0.3333,",
            "2,2026-05-14,p,0.5,0.0001,",
            "3,2026-05-14,p,-0.5,0.0001,",
            "4,2026-05-14,p,3,1,2.50",
            "5,2026-05-14,p,99999999999999,99999999999999,",
            "6,2026-05-14,p,99999999999999,99999999999999,1",
            "7,2026-05-14,p,3,,",
        ]
    )
    assert [row["amount"] for row in rows] == [
        Decimal("0.9999"), Decimal("0.0001"), Decimal("-0.0001"), Decimal("2.50"), Decimal(1), None,
    ]  # fmt: skip
    assert company.reasons() == [(5, 6, "amount: too large")]


def test_all_reasons_of_a_row_are_named_in_the_order_of_the_contract(company: Company) -> None:
    assert one(company, order("", at="x", amount="NaN", currency="!"), order(2)) != []
    assert company.reasons() == [
        (
            1,
            2,
            "order_id: missing; ordered_at: not a time in the declared format; "
            "currency: not an ISO 4217 code; gross_amount: not an amount",
        )
    ]


def test_every_row_says_where_it_came_from(company: Company) -> None:
    company.deliver("orders.csv", [ORDER_HEADER, order(1), order(2, at="2026-05-14T11:23:45+0200")])
    company.ingest()
    [delivery] = company.deliveries()
    rows = company.accepted()
    assert {(row["source"], row["id_space"], row["delivery_id"]) for row in rows} == {
        ("shop", "shop", delivery.delivery_id)
    }
    assert [(row["delivery_row"], row["occurrence"], row["source_zone"]) for row in rows] == [
        (1, 1, "UTC"),
        (2, 1, "+0200"),
    ]
    assert (delivery.data_from, delivery.data_through) == (
        "2026-05-14T09:23:45",
        "2026-05-14T11:23:45",
    )


# --- blocks: the lines of a Shopify order


class Shop(Company):
    """A company whose orders come from Shopify."""

    @property
    def settings(self) -> Settings:
        return self.configured({"shop": {"vendor": "shopify"}})


HEADER = "Name,Email,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price"
AT = "2026-05-14 11:23:45 +0200"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def lines_of(shop: Shop, *rows: str) -> list[tuple[Any, ...]]:
    shop.deliver("orders.csv", [HEADER, *rows])
    shop.ingest()
    names = ("order_name", "occurrence", "currency", "total_amount", "line_name", "line_amount")
    return [tuple(row[name] for name in names) for row in shop.accepted()]


@pytest.mark.parametrize(
    ("way", "below"),
    [
        ("older exports leave all order fields empty", f",,,,,2,cup,5"),  # noqa: F541
        ("Shopify repeats name, e-mail and time", f"#1,a@x.no,,,{AT},2,cup,5"),
        ("other tools repeat everything", f"#1,a@x.no,NOK,30,{AT},2,cup,5"),
    ],
)
def test_the_lines_of_an_order_are_one_block(way: str, below: str, shop: Shop) -> None:
    rows = lines_of(shop, f"#1,a@x.no,NOK,30,{AT},1,pot,20", below, f"#2,b@x.no,SEK,7,{AT},1,pan,7")
    assert rows == [
        ("#1", 1, "NOK", Decimal(30), "pot", Decimal(20)),
        ("#1", 2, "NOK", Decimal(30), "cup", Decimal(10)),
        ("#2", 1, "SEK", Decimal(7), "pan", Decimal(7)),
    ], way
    assert shop.quarantined() == []


def test_an_order_exported_twice_in_a_file_counts_once(shop: Shop) -> None:
    first, below = f"#1,a@x.no,NOK,30,{AT},1,pot,20", ",,,,,2,cup,5"
    lines_of(shop, first, below, first, below)
    assert shop.current(
        "select order_name, occurrence, line_name from raw.shopify_orders order by 2"
    ) == [
        ("#1", 1, "pot"),
        ("#1", 2, "cup"),
    ]
    assert shop.current(
        "select rows_delivered, rows_accepted, rows_duplicate from raw.deliveries"
    ) == [(4, 2, 2)]


def test_the_newest_export_of_an_order_replaces_its_block_whole(shop: Shop) -> None:
    shop.deliver(
        "orders_export_9.csv",
        [HEADER, f"#1,a@x.no,NOK,30,{AT},1,pot,20", ",,,,,2,cup,5", f"#2,,NOK,1,{AT},1,x,1"],
    )
    shop.deliver("orders_export_10.csv", [HEADER, f"#1,a@x.no,NOK,20,{AT},1,pot,20"])
    shop.ingest()
    assert shop.current(
        "select order_name, total_amount, line_name from raw.shopify_orders order by 1"
    ) == [
        ("#1", 20, "pot"),
        ("#2", 1, "x"),
    ]


def test_a_bad_line_takes_its_order_with_it_and_no_other(shop: Shop) -> None:
    rows = lines_of(
        shop,
        f"#1,a@x.no,NOK,30,{AT},1,pot,20",
        f"#2,b@x.no,NOK,30,{AT},1,pan,20",
        ",,,,,2,cup,five",
        ",,,,,1,lid,1",
        f"#3,c@x.no,NOK,7,{AT},1,pot,7",
        "short,row",
        f"#4,c@x.no,NOK,7,{AT},1,pot,7",
    )
    assert [row[0] for row in rows] == ["#1", "#4"]
    assert shop.reasons() == [
        (2, 3, "another row of this record is quarantined"),
        (3, 4, "line_price: not an amount"),
        (4, 5, "another row of this record is quarantined"),
        (5, 6, "another row of this record is quarantined"),
        (6, 7, "2 fields where the header has 8"),
    ]


def test_lines_above_the_first_name_belong_to_no_order(shop: Shop) -> None:
    rows = lines_of(shop, ",,,,,2,cup,5", f"#1,a@x.no,NOK,30,{AT},1,pot,20")
    assert [row[0] for row in rows] == ["#1"]
    [(row, line, reason)] = shop.reasons()
    assert (row, line) == (1, 2)
    assert reason.startswith("order_name: missing")


def test_blocks_are_the_same_in_any_batch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.delimited_text.BLOCK_BYTES", 300)
    rows = []
    for number in range(60):
        rows.append(f"#{number},a@x.no,NOK,{number},{AT},1,first,{number}")
        rows += [f"#{number},a@x.no,,,{AT},1,line {n},1" for n in range(number % 5)]
    rows[40] = rows[40].replace(",1,", ",one,", 1)
    found = lines_of(shop, *rows)
    accepted = {(name, occurrence) for name, occurrence, *_ in found}
    expected = {(f"#{number}", n + 1) for number in range(60) for n in range(number % 5 + 1)}
    [broken] = {name for name, _ in expected} - {name for name, _ in accepted}
    assert accepted == {place for place in expected if place[0] != broken}
    assert len(found) + len(shop.reasons()) == len(rows)


# --- occurrences: events that have no id


class Web(Company):
    """A company whose web events come from GA4."""

    @property
    def settings(self) -> Settings:
        return self.configured({"shop": {"vendor": "ga4"}})


def event(micros: int, name: str = "page_view", user: str | None = "u1", **more: Any) -> str:
    return json.dumps(
        {
            "event_date": "20260514",
            "event_timestamp": micros,
            "event_name": name,
            "user_pseudo_id": user,
            **more,
        }
    )


T = 1778750000000000


def test_events_without_id_are_told_apart_by_their_number(tmp_path: Path) -> None:
    web = Web(tmp_path)
    web.deliver(
        "events_20260514.ndjson",
        [event(T), event(T), event(T + 1), event(T, user=None), event(T, user=None)],
    )
    web.ingest()
    assert [row["occurrence"] for row in web.accepted()] == [1, 2, 1, 1, 2]
    assert web.current("select count(*) from raw.ga4_events") == [(5,)]


def test_the_daily_table_replaces_the_intraday_one(tmp_path: Path) -> None:
    web = Web(tmp_path)
    intraday = [event(T, page="x"), event(T + 1), event(T + 2)]
    daily = [event(T, device={"category": "mobile"}), event(T + 1), event(T + 3)]
    web.deliver("events_20260514.ndjson", daily)
    web.ingest()
    web.deliver("events_intraday_20260514.ndjson", intraday)
    web.ingest()
    assert web.current("select event_timestamp, device from raw.ga4_events order by 1") == [
        (str(T), "mobile"),
        (str(T + 1), None),
        (str(T + 2), None),
        (str(T + 3), None),
    ]


class FilteredShop(Shop):
    """A Shopify company that takes web orders only."""

    @property
    def settings(self) -> Settings:
        file = {"contract": "shopify_orders", "filter": {"Currency": {"not": ["SEK"]}}}
        return self.configured({"shop": {"vendor": "shopify", "files": [file]}})


def test_rows_that_a_filter_leaves_out_of_blocks_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.delimited_text.BLOCK_BYTES", 300)
    shop = FilteredShop(tmp_path)
    rows = [f"#{n},a@x.no,{'SEK' if n % 3 else 'NOK'},{n},{AT},1,line,{n}" for n in range(30)]
    found = lines_of(shop, *rows)
    [delivery] = shop.deliveries()
    assert len(found) == delivery.rows_delivered == 10
    assert (delivery.rows_in_file, delivery.rows_filtered) == (30, 20)


@pytest.mark.parametrize("rows", [[], [f"#1,a@x.no,SEK,1,{AT},1,line,1"]])
def test_an_export_without_an_order_is_a_delivery_of_no_rows(
    rows: list[str], tmp_path: Path
) -> None:
    shop = FilteredShop(tmp_path)
    assert lines_of(shop, *rows) == []
    assert shop.deliveries()[0].rows_in_file == len(rows)

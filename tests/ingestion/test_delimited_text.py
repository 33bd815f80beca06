"""CSV and its relatives: every good row comes through exactly, every bad one is named."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import delimited_text
from ingestion.preflight import csv_header
from ingestion.settings import Dialect
from tests.ingestion.company import ORDER_HEADER, Company, order


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["order_id"] for row in rows]


# --- good files


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("crlf", f"{ORDER_HEADER}\r\n{order(1)}\r\n{order(2)}\r\n"),
        ("mixed line ends", f"{ORDER_HEADER}\r\n{order(1)}\n{order(2)}\r"),
        ("no last line end", f"{ORDER_HEADER}\n{order(1)}\n{order(2)}"),
        ("byte order mark", f"\ufeff{ORDER_HEADER}\n{order(1)}\n{order(2)}\n"),
        ("blank lines", f"\n\n{ORDER_HEADER}\n\n{order(1)}\n\n{order(2)}\n\n"),
        ("blanks in the header", f" {ORDER_HEADER.replace(',', ' , ')} \n{order(1)}\n{order(2)}\n"),
        ("a new column", f"{ORDER_HEADER},gift\n{order(1)},yes\n{order(2)},no\n"),
        ("unnamed columns", f"{ORDER_HEADER},,\n{order(1)},x,y\n{order(2)},,\n"),
        ("a doubled name that nobody reads", f"{ORDER_HEADER},a,a\n{order(1)},1,2\n{order(2)},,\n"),
        (
            "all quoted",
            "\n".join(
                ",".join(f'"{part}"' for part in line.split(","))
                for line in (ORDER_HEADER, order(1), order(2))
            ),
        ),
    ],
)
def test_ways_to_write_a_csv_make_no_difference(what: str, content: str, company: Company) -> None:
    rows = company.take(content)
    assert ids(rows) == ["1", "2"], what
    assert {row["status"] for row in rows} == {"paid"}
    assert [row["delivery_row"] for row in rows] == [1, 2]
    assert company.quarantined() == []


def test_columns_are_found_by_name_in_any_order(company: Company) -> None:
    header, row = ORDER_HEADER.split(","), order(7).split(",")
    rows = company.take(
        [
            ",".join(reversed(header)),
            ",".join(reversed(row)),
            ",".join(reversed(order(8).split(","))),
        ]
    )
    assert ids(rows) == ["7", "8"]
    assert {str(row["gross_amount"]) for row in rows} == {"10.5000"}


def test_two_columns_of_one_type_swapped_upstream_stay_apart(company: Company) -> None:
    swapped = ORDER_HEADER.replace("at,", "X").replace("changed", "at").replace("X", "changed,")
    [row] = company.take([swapped, order(1, at="2026-02-02 00:00", changed="2026-01-01 00:00")])
    assert (row["ordered_at"].month, row["updated_at"].month) == (1, 2)


def test_columns_called_row_and_line_are_columns(company: Company) -> None:
    company.entry = {
        "columns": {
            "order_id": "row",
            "ordered_at": "line",
            "gross_amount": "document",
            "status": "records",
        }
    }
    rows = company.take(["row,line,document,records", "17,2026-01-01,3,x", "18,2026-01-01,4,bad\0"])
    assert [(row["order_id"], row["status"], row["delivery_row"]) for row in rows] == [
        ("17", "x", 1)
    ]
    assert company.reasons() == [(2, 3, "status: NUL byte")]


def test_header_names_are_compared_in_one_unicode_form(company: Company) -> None:
    company.entry = {"columns": {"order_id": "Größe", "ordered_at": "at", "gross_amount": "Beløp"}}
    header = unicodedata.normalize("NFD", "Größe,at,Beløp")
    assert ids(company.take([header, "1,2026-01-01,2"])) == ["1"]


cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0@＠﹫%"), max_size=20
)


@given(texts=st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_any_text_comes_through_exactly(
    texts: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = Company(tmp_path_factory.mktemp("round"))
    company.entry = {
        "columns": {
            "order_id": "id", "ordered_at": "at", "gross_amount": "amount",
            "status": "first", "channel": "second",
        }
    }  # fmt: skip
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["id", "at", "amount", "first", "second"])
    for number, pair in enumerate(texts):
        writer.writerow([number, "2026-01-01", "1", *pair])
    rows = company.take(written.getvalue())
    kept = [unicodedata.normalize("NFC", text.strip()) or None for pair in texts for text in pair]
    assert [row[name] for row in rows for name in ("status", "channel")] == kept


# --- bad rows: the good ones stay


def test_a_ragged_row_goes_to_quarantine_with_row_and_line_and_the_others_stay(
    company: Company,
) -> None:
    two_lines = order(2, note='"a\nb, with ""quotes"""')
    rows = company.take(
        [
            ORDER_HEADER,
            order(1),
            two_lines,
            "",
            "3,too,few",
            order(4),
            order(5) + ",too many",
            order(6),
        ]
    )
    assert ids(rows) == ["1", "2", "4", "6"]
    assert rows[1]["status"] == 'a\nb, with "quotes"'
    assert company.reasons() == [
        (3, 6, "3 fields where the header has 8"),
        (5, 8, "9 fields where the header has 8"),
    ]
    assert [row["delivery_row"] for row in rows] == [1, 2, 4, 6]


def test_the_line_of_a_bad_value_is_the_physical_one(company: Company) -> None:
    company.take(
        [ORDER_HEADER, order(1, note='"a\nb\nc"'), "", order(2, amount="ten"), order(3, at="soon")]
    )
    assert company.reasons() == [
        (2, 6, "gross_amount: not an amount"),
        (3, 7, "ordered_at: not a time in the declared format"),
    ]


def test_bad_rows_far_into_a_file_are_found_where_they_are(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited_text, "BLOCK_BYTES", 50_000)
    monkeypatch.setattr(delimited_text, "_BATCH_ROWS", 700)
    filler = [order(n) for n in range(3000)]
    filler[2000] = order("bad", amount="1_000")
    company.deliver("regular.csv", [ORDER_HEADER, *filler])
    company.deliver("irregular.csv", [ORDER_HEADER, *filler, "ragged"])
    company.ingest()
    assert len(company.accepted()) == 2 * 2999
    assert company.reasons() == [
        (2001, 2002, "gross_amount: not an amount"),
        (3001, 3002, "1 fields where the header has 8"),
        (2001, 2002, "gross_amount: not an amount"),
    ]


def test_a_stray_quote_costs_its_row_and_not_the_rows_below(company: Company) -> None:
    rows = company.take(
        [
            ORDER_HEADER,
            order(1),
            order(2, note='"broken'),
            order(3),
            order(4, note='"x" y'),
            order(5),
        ]
    )
    assert ids(rows) == ["1", "3", "5"]
    assert company.reasons() == [
        (2, 3, "text after a closing quote"),
        (4, 5, "text after a closing quote"),
    ]


def test_a_quote_inside_an_unquoted_field_is_a_character(company: Company) -> None:
    rows = company.take([ORDER_HEADER, order(1, note='5" pipe'), order(2, note='6" pipe')])
    assert [row["status"] for row in rows] == ['5" pipe', '6" pipe']


def test_a_row_full_of_nul_bytes_is_quarantined(company: Company) -> None:
    rows = company.take([ORDER_HEADER, order(1), order("2\0"), order(3, email="o\0la@x.no")])
    assert ids(rows) == ["1", "3"]
    assert company.reasons() == [(2, 3, "order_id: NUL byte")]


def test_a_field_of_ten_megabytes_is_a_field(company: Company) -> None:
    [row] = company.take([ORDER_HEADER, order(1, note="x" * 10_000_000)])
    assert len(row["status"]) == 10_000_000


def test_a_long_field_full_of_almost_addresses_takes_no_quadratic_time(company: Company) -> None:
    hostile = "a" * 2_000_000 + " @ " + "'a" * 500_000 + "@"
    [row] = company.take([ORDER_HEADER, order(1, note=hostile)])
    assert len(row["status"]) == len(hostile)


# --- bad files: refused with place, cause and next step


@pytest.mark.parametrize(
    ("content", "place", "cause", "next_step"),
    [
        (
            f"{ORDER_HEADER}\n{order(1)}\n{order(2, note=chr(34) + 'open')}\n{order(3)}\n",
            "line 3",
            "a quote opens here and never closes",
            "have it delivered again",
        ),
        (
            f"{ORDER_HEADER.replace('amount', 'total')}\n{order(1)}\n",
            "header",
            "no column 'amount' for gross_amount",
            "The file has: id, at, total",
        ),
        (
            f"{ORDER_HEADER.replace('amount', 'amount_nok')}\n{order(1)}\n",
            "header",
            "no column 'amount' for gross_amount",
            "'amount_nok' is new and looks like it renamed",
        ),
        (
            f"{ORDER_HEADER},amount\n{order(1)},2\n",
            "header",
            "column 'amount' stands there twice",
            "Rename one",
        ),
        (
            f"{ORDER_HEADER}\n{order(1)}\n".replace(",", ";"),
            "header",
            "no column 'id' for order_id",
            "delimited by ';'",
        ),
        ("\n\n\n", "line 1", "no header", "delivered again"),
        ("", "byte 0", "empty (0 bytes)", "delivered again"),
        (",".join(f"c{n}" for n in range(100_000)), "line 1", "100000 columns", "delimiter"),
        ("x" * 1_500_000 + "\n", "line 1", "over 1048576 bytes", "delimiter"),
        ("x" * 1_000_000 + "\n1\n", "header", "no column 'id'", "The file has: xxxxx"),
        (f"{ORDER_HEADER}\n{order(1, note=chr(34) + 'x' * (33 << 20) + chr(34))}\n", "line 2", "32 MiB", "quote"),
    ],
)  # fmt: skip
def test_an_unreadable_csv_is_refused_with_place_cause_and_next_step(
    content: str, place: str, cause: str, next_step: str, company: Company
) -> None:
    company.deliver("bad.csv", content)
    company.deliver("good.csv", [ORDER_HEADER, order(1)])
    said = company.refusal()
    assert f"bad.csv, {place}" in said
    assert cause in said
    assert next_step in said
    assert len(said) < 1500
    assert ids(company.accepted()) == ["1"]


@pytest.mark.parametrize("share", range(1, 100, 7))
def test_a_csv_cut_mid_row_loses_no_whole_row_and_hides_no_part(
    share: int, company: Company
) -> None:
    whole = f"{ORDER_HEADER}\n" + "".join(
        f"{order(n, note=chr(34) + 'a b' + chr(34))}\n" for n in range(20)
    )
    start = len(ORDER_HEADER) + 1
    cut = whole[: start + (len(whole) - start) * share // 100]
    complete = cut.count("\n") - 1
    company.deliver("orders.csv", cut)
    if cut.count('"') % 2:
        assert "a quote opens here and never closes" in company.refusal()
        return
    company.ingest()
    rows = company.accepted()
    assert len(rows) >= complete
    # A rest of a row that happens to have all fields is the one thing nothing can find.
    assert len(rows) + len(company.reasons()) == complete + (not cut.endswith("\n"))


def test_the_header_may_be_long_but_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(",".join(f"column {n}" for n in range(4000)) + "\n1\n")
    assert len(csv_header(path, "x.csv", Dialect())) == 4000


# --- dialects


def test_semicolons_decimal_commas_and_thousands_as_declared(company: Company) -> None:
    company.entry = {
        "dialect": {"delimiter": ";", "decimal": ",", "thousands": " "},
    }
    good = [
        order(1, amount="0.5").replace(",", ";").replace("0.5", "1 234,56"),
        order(2, amount="X").replace(",", ";").replace("X", "1\u00a0234\u202f567,5"),
        order(3, amount="X").replace(",", ";").replace("X", "-0,5"),
    ]
    bad = [
        order(4, amount="0.50").replace(",", ";"),
        order(5, amount="12 34,5").replace(",", ";").replace("12 34;5", "12 34,5"),
    ]
    rows = company.take([ORDER_HEADER.replace(",", ";"), *good, *bad])
    assert [str(row["gross_amount"]) for row in rows] == ["1234.5600", "1234567.5000", "-0.5000"]
    assert company.reasons()[0] == (4, 5, "gross_amount: not an amount")
    assert len(company.reasons()) == 2


def test_a_point_for_thousands_makes_no_fifty_of_a_half(company: Company) -> None:
    company.entry = {"dialect": {"delimiter": ";", "decimal": ",", "thousands": "."}}
    rows = company.take(
        [ORDER_HEADER.replace(",", ";")]
        + [order(n, amount=amount).replace(",", ";").replace("D", ",")
           for n, amount in enumerate(["1.234D5", "0.50", "1.2.3", "12.345"])]
    )  # fmt: skip
    assert [str(row["gross_amount"]) for row in rows] == ["1234.5000", "12345.0000"]
    assert len(company.reasons()) == 2


def test_a_decimal_comma_where_none_is_declared_is_no_amount(company: Company) -> None:
    assert company.take([ORDER_HEADER, order(1, amount='"0,50"')]) == []
    assert company.reasons() == [(1, 2, "gross_amount: not an amount")]


def test_tabs_and_no_quotes_as_declared(company: Company) -> None:
    company.entry = {"dialect": {"delimiter": "\t", "quote": ""}}
    [row] = company.take(
        [ORDER_HEADER.replace(",", "\t"), order(1, note='say "x').replace(",", "\t")]
    )
    assert row["status"] == 'say "x'


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8"]
)
def test_a_declared_encoding_is_read(encoding: str, company: Company) -> None:
    company.entry = {"dialect": {"encoding": encoding}}
    text = f"{ORDER_HEADER}\n{order(1, note='Grünerløkka')}\n"
    [row] = company.take(text.encode(encoding))
    assert row["status"] == "Grünerløkka"


@pytest.mark.parametrize(
    ("encoding", "declared", "note", "place", "cause"),
    [
        ("latin-1", "utf-8", "Grünerløkka", "byte FIRST", "not utf-8"),
        ("utf-8", "ascii", "Grünerløkka", "byte FIRST", "not ascii"),
        ("utf-16", "utf-8", "paid", "byte 0", "is utf-16"),
        ("utf-16-le", "utf-8", "paid", "line 1", "NUL bytes in the header"),
        ("utf-32", "utf-8", "paid", "byte 0", "is utf-32"),
        ("utf-8-sig", "latin-1", "paid", "byte 0", "is utf-8"),
    ],
)
def test_an_undeclared_encoding_is_refused_with_its_byte(
    encoding: str, declared: str, note: str, place: str, cause: str, company: Company
) -> None:
    company.entry = {"dialect": {"encoding": declared}}
    text = f"{ORDER_HEADER}\n{order(1, note=note)}\n"
    company.deliver("bad.csv", text.encode(encoding))
    place = place.replace("FIRST", str(text.find("ü")))
    said = company.refusal()
    assert f"bad.csv, {place}: " in said
    assert cause in said
    assert "encoding" in said


def test_a_wrong_byte_far_into_a_file_is_named_by_its_offset(company: Company) -> None:
    start = f"{ORDER_HEADER}\n".encode() + (order(1) + "\n").encode() * 100_000
    company.deliver("bad.csv", start + b"\xc3(")
    assert f"byte {len(start)}" in company.refusal()


def test_header_only_is_a_delivery_of_no_rows_and_says_so(company: Company) -> None:
    company.deliver("orders.csv", [ORDER_HEADER])
    done = company.ingest()
    assert (done.new_files, done.rows_accepted) == (1, 0)
    assert done.notes == ("orders.csv: no rows",)

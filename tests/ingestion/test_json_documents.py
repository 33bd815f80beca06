"""JSON in all the shapes that systems deliver it in."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ingestion import json_documents
from tests.ingestion.company import Company

GOOD = {"id": "1", "at": "2026-05-14T11:23:45Z", "amount": 10.5}


def document(number: int | str = 1, **more: Any) -> dict[str, Any]:
    return {**GOOD, "id": number, **more}


def lines(*documents: Any) -> str:
    return "".join(json.dumps(item) + "\n" for item in documents)


@pytest.fixture
def company(company: Company) -> Company:
    """A company whose orders come as JSON."""
    columns = {"order_id": "id", "ordered_at": "at", "gross_amount": "amount", "status": "note"}
    company.entry = {"records": "results", "columns": columns}
    return company


def ids(company: Company, content: str, name: str = "orders.json") -> list[str]:
    return [row["order_id"] for row in company.take(content, name)]


ONE, TWO = document(1), document(2)


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("a bare list", json.dumps([ONE, TWO])),
        ("a list, one record per line", f"[{json.dumps(ONE)},\n{json.dumps(TWO)}]\n"),
        ("a page", json.dumps({"results": [ONE, TWO], "paging": {"next": "x"}})),
        ("an indented page", json.dumps({"total": 2, "results": [ONE, TWO], "x": [1]}, indent=2)),
        ("lines in a .json file", lines(ONE, TWO)),
        ("lines with blank ones", f"\n \n{json.dumps(ONE)}\n\n\r\n{json.dumps(TWO)}\n\n"),
        ("lines without a last line end", lines(ONE) + json.dumps(TWO)),
        ("lines with carriage returns", lines(ONE, TWO).replace("\n", "\r\n")),
        ("documents one after another", json.dumps(ONE, indent=1) + json.dumps(TWO, indent=1)),
        ("lists one after another", f"{json.dumps([ONE])}\n{json.dumps([TWO])}\n"),
        ("a byte order mark", "\ufeff" + json.dumps([ONE, TWO])),
    ],
)
def test_records_come_in_many_shapes(what: str, content: str, company: Company) -> None:
    assert ids(company, content) == ["1", "2"], what
    assert company.quarantined() == []


def test_a_single_object_is_a_record(company: Company) -> None:
    assert ids(company, json.dumps(ONE)) == ["1"]


def test_a_list_is_a_list_also_in_an_ndjson_file(company: Company) -> None:
    assert ids(company, json.dumps([ONE, TWO], indent=1), "orders.ndjson") == ["1", "2"]


def test_an_empty_page_and_an_empty_list_hold_no_rows(company: Company) -> None:
    assert ids(company, '{"results": []}', "a.json") == []
    assert ids(company, "[]", "b.json") == []
    assert [item.rows_delivered for item in company.deliveries()] == [0, 0]


def test_a_page_inside_a_page(company: Company) -> None:
    company.entry["records"] = "data.items"
    assert ids(company, json.dumps({"data": {"items": [ONE, TWO]}, "id": "not me"})) == ["1", "2"]


def test_a_malformed_line_is_quarantined_with_its_number_and_the_rest_goes_in(
    company: Company,
) -> None:
    content = lines(ONE) + "\n" + '{"id": 2, "at"\n' + lines(document(3)) + "[1]\n5\nnull\n{}\n"
    assert ids(company, content, "orders.ndjson") == ["1", "3"]
    assert company.reasons() == [
        (2, 3, "not JSON"),
        (4, 5, "not a JSON object with any field"),
        (5, 6, "not a JSON object with any field"),
        (6, 7, "not a JSON object with any field"),
        (7, 8, "not a JSON object with any field"),
    ]
    assert company.deliveries()[0].rows_delivered == 7


def test_a_malformed_first_line_costs_one_record(company: Company) -> None:
    assert ids(company, "{oops\n" + lines(TWO), "orders.ndjson") == ["2"]
    assert company.reasons() == [(1, 1, "not JSON")]


def test_lines_keep_their_numbers_across_batches(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "_BATCH_CHARACTERS", 100)
    rows = [document(n) for n in range(50)]
    content = lines(*rows[:30]) + "\n\nbroken\n" + lines(*rows[30:])
    assert ids(company, content, "orders.ndjson") == [str(n) for n in range(50)]
    assert company.reasons() == [(31, 33, "not JSON")]


def test_documents_are_cut_the_same_across_batches(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "_BATCH_CHARACTERS", 100)
    content = json.dumps({"results": [document(n) for n in range(50)]})
    assert ids(company, content) == [str(n) for n in range(50)]
    assert [row["delivery_row"] for row in company.accepted()] == list(range(1, 51))


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_list_fails_with_the_place(kept: float, company: Company) -> None:
    whole = json.dumps([document(n) for n in range(100)], indent=1)
    company.deliver("cut.json", whole[: int(len(whole) * kept)])
    company.deliver("good.json", json.dumps([ONE]))
    said = company.refusal()
    assert "cut.json, line " in said
    assert ", column " in said
    assert "not JSON" in said
    assert "may be cut" in said
    assert [row["order_id"] for row in company.accepted()] == ["1"]


@pytest.mark.parametrize(
    ("content", "cause", "next_step"),
    [
        (
            '{"status": "error", "message": "rate limit"}',
            "neither a list at results nor a record",
            "Check",
        ),
        (
            json.dumps({"data": [ONE], "n": 1}),
            "neither a list at results nor a record",
            "records: data",
        ),
        ('{"results": null}', "neither a list at results nor a record", "Check"),
        ("5", "neither a list nor an object", "Check"),
        ('[{"id": 1},]', "nothing after ','", "cut"),
        ('[{"id": 1} {"id": 2}]', "expected ',' or ']'", "cut"),
        ("[" * 100_000, "nested too deeply", "Check"),
        ("<html>Log in</html>", "not JSON", "delivered again"),
    ],
)
def test_what_holds_no_records_is_refused(
    content: str, cause: str, next_step: str, company: Company
) -> None:
    company.deliver("bad.json", content)
    said = company.refusal()
    assert "bad.json, " in said
    assert cause in said
    assert next_step in said


def test_a_document_too_large_for_memory_asks_for_lines(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "MAX_DOCUMENT_BYTES", 10)
    company.deliver("big.json", json.dumps([ONE]))
    assert "Deliver NDJSON" in company.refusal()
    company.deliver("big.json", lines(ONE, TWO))
    company.ingest()
    assert len(company.accepted()) == 2


def test_a_line_without_end_is_refused(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "MAX_FIELD_BYTES", 1000)
    monkeypatch.setattr(json_documents, "_BATCH_CHARACTERS", 100)
    company.deliver("long.ndjson", lines(ONE) + "x" * 5000)
    assert "long.ndjson, line 2: is over" in company.refusal()


@pytest.mark.parametrize("shape", ["lines", "list"])
def test_a_field_that_stands_twice_is_no_field(shape: str, company: Company) -> None:
    doubled = '{"id": 7, "id": 8, "at": "2026-05-14", "amount": 1}'
    content = (
        f"{doubled}\n{json.dumps(ONE)}\n" if shape == "lines" else f"[{doubled}, {json.dumps(ONE)}]"
    )
    assert ids(company, content) == ["1"]
    assert [reason for _, _, reason in company.reasons()] == ["a field stands there twice"]


def test_whole_numbers_of_any_length_stay_exact(company: Company) -> None:
    long = "1" * 5000
    assert ids(company, f'[{{"id": {long}, "at": "2026-05-14", "amount": 1}}]') == [long]
    assert ids(company, lines(document(2**53 + 1), document(10**30)), "b.json") == [
        long, str(2**53 + 1), str(10**30),
    ]  # fmt: skip


def test_amounts_are_exact_to_fifteen_digits(company: Company) -> None:
    amounts = ["0.1", "10.10", "12345678901.2345", "-0.0", "1e3", "1E-2"]
    text = ",".join(
        f'{{"id": {n}, "at": "2026-05-14", "amount": {a}}}' for n, a in enumerate(amounts)
    )
    rows = company.take(f"[{text}]", "orders.json")
    assert [row["gross_amount"] for row in rows] == [
        Decimal(a).quantize(Decimal("0.0001")) for a in amounts
    ]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", '"NaN"', "[1]", '{"a": 1}', "true"])
def test_what_is_no_number_is_no_amount(amount: str, company: Company) -> None:
    company.deliver(
        "a.ndjson", f'{{"id": 1, "at": "2026-05-14", "amount": {amount}}}\n{json.dumps(TWO)}\n'
    )
    company.ingest()
    assert [row["order_id"] for row in company.accepted()] == ["2"]
    assert [reason for _, _, reason in company.reasons()] == ["gross_amount: not an amount"]


def test_nothing_anywhere_on_the_way_is_null(company: Company) -> None:
    company.entry["columns"] = {
        "order_id": "a.b.id", "ordered_at": "at", "gross_amount": "amount",
        "status": "items[1].name", "channel": ["tags[0]", "tags"], "country": "p[land]",
    }  # fmt: skip
    records = [
        {"a": {"b": {"id": 1}}, "items": [{"name": "x"}, {"name": "y"}], "tags": ["t"], "p": [{"key": "land", "value": "NO"}]},
        {"a": {"b": {"id": 2}}, "items": None, "tags": "plain", "p": [{"key": "x", "value": 1}, {"key": "land", "value": {"string_value": "SE"}}]},
        {"a": {"b": {"id": 3}}, "items": [{"name": "x"}], "tags": [], "p": {}},
        {"a": {"b": {"id": 4}}, "items": {"name": 1}, "p": [{"key": "land", "value": {"string_value": None, "int_value": 47}}]},
        {"a": {"b": None}},
        {"a": None},
        {"a": 5},
    ]  # fmt: skip
    rows = company.take(lines(*({**GOOD, **record} for record in records)), "orders.ndjson")
    assert [(row["order_id"], row["status"], row["channel"], row["country"]) for row in rows] == [
        ("1", "y", "t", "NO"),
        ("2", None, "plain", "SE"),
        ("3", None, "[]", None),
        ("4", None, None, "47"),
    ]
    assert [reason for _, _, reason in company.reasons()] == ["order_id: missing"] * 3


def test_a_broken_unicode_escape_is_not_json(company: Company) -> None:
    bad = '{"id": 1, "at": "2026-05-14", "amount": 1, "note": "\\ud800"}'
    assert ids(company, f"{bad}\n{json.dumps(TWO)}\n", "a.ndjson") == ["2"]
    assert company.reasons() == [(1, 1, "not JSON")]


def test_a_nul_in_a_text_is_quarantined(company: Company) -> None:
    assert ids(company, lines(document(1, note="a\0b"), TWO), "a.ndjson") == ["2"]
    assert company.reasons() == [(1, 1, "status: NUL byte")]


HOSTILE = [
    '"',
    "'",
    "'); drop table x; --",
    "*",
    "$",
    "a/b",
    "a~b",
    "\\",
    "{{ x }}",
    "=1+1",
    "é",
    "0",
    "#",
    "-",
]


def test_field_names_reach_only_fields(company: Company) -> None:
    texts = ("status", "channel", "country", "discount_code")
    for start in range(0, len(HOSTILE), len(texts)):
        names = HOSTILE[start : start + len(texts)]
        company.entry["columns"] |= dict(zip(texts, names, strict=False))
        company.exports.mkdir(parents=True, exist_ok=True)
        for old in company.exports.iterdir():
            old.unlink()
        values = {name: f"value {number}" for number, name in enumerate(names)}
        company.deliver(f"{start}.ndjson", lines({**document(start), **values}))
        company.ingest()
        [row] = [row for row in company.accepted() if row["order_id"] == str(start)]
        assert [row[text] for text in texts[: len(names)]] == list(values.values())

"""Parquet, flat and nested: the same values as in text, and no damage unseen."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.ingestion.company import Company

at = datetime.fromisoformat


@pytest.fixture
def company(company: Company) -> Company:
    """A company whose orders come as Parquet."""
    columns = {"order_id": "id", "ordered_at": "at", "gross_amount": "amount", "status": "note"}
    company.entry = {"columns": columns}
    return company


def deliver(company: Company, columns: dict[str, Any], name: str = "a.parquet", **how: Any) -> Path:
    size = len(next(iter(columns.values())))
    filled = {
        "id": pa.array([str(n + 1) for n in range(size)]),
        "at": pa.array([at("2026-05-14T11:23:45")] * size),
        "amount": pa.array([Decimal("10.50")] * size),
        **columns,
    }
    path = company.exports / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(filled), path, **how)
    return path


def taken(company: Company, columns: dict[str, Any], name: str) -> list[Any]:
    deliver(company, columns)
    company.ingest()
    assert company.quarantined() == []
    return [row[name] for row in company.accepted()]


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (pa.array([17850, 2**53 + 1, 0]), ["17850", "9007199254740993", "0"]),
        (pa.array([17850.0, 12345678901.0, 0.0]), ["17850", "12345678901", "0"]),
        (pa.array([1.5, 7.0], pa.float32()), ["1.5", "7"]),
        (pa.array(["007", "é"], pa.large_string()), ["007", "é"]),
        (pa.array([b"007", "é".encode()]), ["007", "é"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([Decimal("17850"), Decimal("12345678901234567890")]), ["17850", "12345678901234567890"]),
        (pa.array([True]), ["true"]),
    ],
)  # fmt: skip
def test_an_id_of_any_type_is_its_text(ids: pa.Array, texts: list[str], company: Company) -> None:
    assert taken(company, {"id": ids}, "order_id") == texts


def test_an_id_that_a_float_cannot_hold_is_refused(company: Company) -> None:
    deliver(company, {"id": pa.array([float(2**53 + 2), 1e300, 5.0])})
    company.ingest()
    assert [row["order_id"] for row in company.accepted()] == ["5"]
    assert [row["quarantine_row"] for row in company.quarantined()] == [1, 2]
    assert {reason for _, _, reason in company.reasons()} == {
        "order_id: an id in scientific notation has lost digits"
    }


@pytest.mark.parametrize(
    ("amounts", "exact"),
    [
        (pa.array([Decimal("0.1"), Decimal("-12345678901234.5678")], pa.decimal128(38, 10)), ["0.1", "-12345678901234.5678"]),
        (pa.array([Decimal("0.0000001")], pa.decimal128(20, 7)), ["0"]),
        (pa.array([2.55, 0.1]), ["2.55", "0.1"]),
        (pa.array([2.55, 0.1], pa.float32()), ["2.55", "0.1"]),
        (pa.array(["2.55", "-0"]), ["2.55", "0"]),
        (pa.array([5, -7]), ["5", "-7"]),
    ],
)  # fmt: skip
def test_an_amount_of_any_type_is_exact(
    amounts: pa.Array, exact: list[str], company: Company
) -> None:
    assert taken(company, {"amount": amounts}, "gross_amount") == [
        Decimal(amount).quantize(Decimal("0.0001")) for amount in exact
    ]


def test_nan_and_infinity_are_no_amounts(company: Company) -> None:
    deliver(company, {"amount": pa.array([float("nan"), float("inf"), 1e400, None, 1.0])})
    company.ingest()
    assert len(company.accepted()) == 1
    assert [reason for _, _, reason in company.reasons()] == [
        *["gross_amount: not an amount"] * 3,
        "gross_amount: missing",
    ]


def test_times_with_and_without_zone(company: Company) -> None:
    company.entry["zone"] = "Europe/Oslo"
    summer = at("2026-05-14T11:23:45")
    moments = {
        "naive.parquet": pa.array([summer], pa.timestamp("us")),
        "nanoseconds.parquet": pa.array([summer], pa.timestamp("ns")),
        "utc.parquet": pa.array([summer.replace(tzinfo=UTC)], pa.timestamp("ms", "UTC")),
        "jakarta.parquet": pa.array(
            [summer.replace(tzinfo=UTC)], pa.timestamp("us", "Asia/Jakarta")
        ),
        "text.parquet": pa.array(["2026-05-14 11:23:45"]),
        "day.parquet": pa.array([date(2026, 5, 14)]),
    }
    for number, (name, column) in enumerate(moments.items()):
        deliver(company, {"at": column, "id": pa.array([str(number)])}, name)
    company.ingest()
    found = {row["order_id"]: (row["ordered_at"], row["source_zone"]) for row in company.accepted()}
    local, utc = (at("2026-05-14T09:23:45"), "Europe/Oslo"), (summer, "UTC")
    midnight = (at("2026-05-13T22:00"), "Europe/Oslo")
    assert [found[str(n)] for n in range(6)] == [local, local, utc, utc, local, midnight]


def test_nested_fields_are_reached_by_path(company: Company) -> None:
    company.entry["columns"] = {
        "order_id": "order.id", "ordered_at": "at", "gross_amount": "amount",
        "status": "items[1].name", "channel": "params[channel]", "country": ["tags[0]", "tags"],
        "campaign_id": "flat.name",
    }  # fmt: skip
    params = pa.struct(
        [
            ("key", pa.string()),
            ("value", pa.struct([("string_value", pa.string()), ("int_value", pa.int64())])),
        ]
    )
    deliver(
        company,
        {
            "order": pa.array([{"id": 1}, {"id": 2}, None, {"id": None}]),
            "items": pa.array([[{"name": "x"}, {"name": "y"}], [{"name": "x"}], None, []]),
            "params": pa.array(
                [
                    [{"key": "channel", "value": {"string_value": "web"}}],
                    [{"key": "x", "value": None}, {"key": "channel", "value": {"int_value": 7}},
                     {"key": "channel", "value": {"string_value": "second"}}],
                    None,
                    [{"key": "channel", "value": None}],
                ],
                pa.list_(params),
            ),
            "tags": pa.array([["a", "b"], [], None, ["c"]]),
            "flat.name": pa.array(["p", "q", "r", "s"]),
        },
    )  # fmt: skip
    company.ingest()
    names = ("order_id", "status", "channel", "country", "campaign_id")
    assert [tuple(row[name] for name in names) for row in company.accepted()] == [
        ("1", "y", "web", "a", "p"),
        ("2", None, "7", "[]", "q"),
    ]
    assert [(row, reason) for row, _, reason in company.reasons()] == [
        (3, "order_id: missing"),
        (4, "order_id: missing"),
    ]


def test_nested_fields_are_the_same_in_any_batch(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.parquet_columns._BATCH_ROWS", 3)
    company.entry["columns"]["status"] = "params[n]"
    params = [
        [{"key": "x", "value": "-"}] * (n % 3) + [{"key": "n", "value": str(n)}] for n in range(20)
    ]
    assert taken(company, {"params": pa.array(params)}, "status") == [str(n) for n in range(20)]


def test_columns_are_found_by_name_and_missing_ones_named(company: Company) -> None:
    path = company.exports / "a.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": ["1"], "at": ["2026-05-14"], "amount_nok": [1]}), path)
    said = company.refusal()
    assert "a.parquet, header: no column 'amount' for gross_amount" in said
    assert "'amount_nok' is new and looks like it renamed" in said


@pytest.mark.parametrize("kept", [0, 3, 4, 8, 50, -1])
def test_a_truncated_file_is_refused(kept: int, company: Company) -> None:
    path = deliver(company, {"note": pa.array(["x"] * 100)})
    path.write_bytes(path.read_bytes()[:kept])
    said = company.refusal()
    assert "a.parquet, " in said
    assert "Have it delivered again" in said


def test_a_flipped_bit_is_never_read_where_pages_carry_checksums(company: Company) -> None:
    chance = random.Random(11)  # noqa: S311 - which bits are flipped is no secret
    amounts = pa.array([Decimal(n) / 100 for n in range(2000)])
    whole = deliver(company, {"amount": amounts}, write_page_checksum=True).read_bytes()
    company.ingest()
    right = [row["gross_amount"] for row in company.accepted()]
    unharmed = 0
    for number in range(20):
        damaged = bytearray(whole)
        damaged[chance.randrange(4, len(whole) - 8)] ^= 1 << chance.randrange(8)
        other = Company(company.folder / str(number), company.entry)
        other.exports.mkdir(parents=True)
        (other.exports / "a.parquet").write_bytes(damaged)
        try:
            other.ingest()
        except Exception as error:
            assert "a.parquet, " in str(error), error  # noqa: PT017 - both outcomes are right
            continue
        # Bits of statistics and names that nothing reads may flip unseen; the values may not.
        assert [row["gross_amount"] for row in other.accepted()] == right
        unharmed += 1
    assert unharmed < 10


def test_bytes_that_are_no_text_are_refused(company: Company) -> None:
    deliver(company, {"note": pa.array([b"\xff\xfe"])})
    assert "a.parquet, after row 0: Invalid UTF8 payload" in company.refusal()


def test_no_rows_are_a_delivery(company: Company) -> None:
    deliver(company, {"note": pa.array([], pa.string())})
    assert company.ingest().notes == ("a.parquet: no rows",)


def test_a_file_that_claims_to_unpack_to_far_more_is_refused(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.parquet_columns.RATIO_FROM_BYTES", 1 << 20)
    deliver(
        company,
        {"note": pa.array(["x" * 10_000] * 2000)},
        compression="zstd",
        use_dictionary=False,
    )
    assert "a.parquet, footer: unpacks to " in company.refusal()

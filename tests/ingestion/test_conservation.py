"""Whatever is in a file: accepted + quarantined (+ filtered) is what was delivered, in rows and in money.

And whatever the order, repetition or splitting of deliveries: the rows in force are the same.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingestion.ledger import open_ledger
from ingestion.settings import Settings
from tests.ingestion.company import (
    LINE_HEADER,
    ORDER_HEADER,
    Company,
    append_lines,
    order,
)

# An example is up to a dozen ingests: a few of them, and none spent on making a failure smaller.
FEW_OF_MANY_RUNS = settings(max_examples=5, phases=(Phase.explicit, Phase.reuse, Phase.generate))


# --- conservation

PRICES = st.decimals(-1000, 1000, places=2)
BREAKS = st.sampled_from(
    [
        "none",
        "none",
        "none",
        "short",
        "long",
        "no id",
        "bad time",
        "nul",
        "stray quote",
        "bad product",
        "blank",
    ]
)


def line(number: int, price: Decimal, break_: str) -> str:
    fields = [f"o{number}", "2026-05-14 10:00", f"p{number % 3}", "1", str(price)]
    match break_:
        case "short":
            return ",".join(fields[:3])
        case "long":
            return ",".join([*fields, "more"])
        case "no id":
            fields[0] = ""
        case "bad time":
            fields[1] = "14.05.2026"
        case "nul":
            fields[0] += "\0"
        case "stray quote":
            fields[2] = '"x" y'
        case "bad product":
            fields[2] = "1.5E+10"
        case "blank":
            return ""
    return ",".join(fields)


@FEW_OF_MANY_RUNS
@given(rows=st.lists(st.tuples(PRICES, BREAKS), max_size=30), seed=st.integers(0, 2**16))
def test_rows_and_money_delivered_are_accepted_or_quarantined(
    rows: list[tuple[Decimal, str]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = append_lines(tmp_path_factory.mktemp("conservation"))
    text = [line(n, price, break_) for n, (price, break_) in enumerate(rows)]
    end = random.Random(seed).choice(["\n", "\r\n"])  # noqa: S311 - a test's choice
    company.deliver("lines.csv", end.join([LINE_HEADER, *text]) + end)
    company.ingest()
    good = [price for price, break_ in rows if break_ == "none"]
    delivered = [price for price, break_ in rows if break_ != "blank"]
    # An amount in a record that cannot be divided into fields, or with no number in it, is no amount yet.
    readable = [
        price
        for price, break_ in rows
        if break_ in ("none", "no id", "bad time", "nul", "bad product")
    ]
    [delivery] = company.deliveries()
    assert delivery.rows_delivered == delivery.rows_in_file == len(delivered)
    assert delivery.rows_quarantined == len(delivered) - len(good)
    assert len(company.accepted()) == len(good)
    assert len(company.quarantined()) == len(delivered) - len(good)
    assert sum(row["amount"] for row in company.accepted()) == sum(good)
    with open_ledger(company.home) as ledger:
        money = {"accepted": Decimal(), "quarantined": Decimal()}
        for _, amount in ledger.amounts():
            money[amount.outcome] += amount.amount
    assert money["accepted"] == sum(good)
    assert money["accepted"] + money["quarantined"] == sum(readable)
    if good:
        assert company.current(
            "select sum(rows_delivered), sum(rows_accepted + rows_quarantined + rows_duplicate) "
            "from raw.deliveries"
        ) == [(len(delivered), len(delivered))]
        assert company.current("select sum(amount) from raw.delivery_amounts") == [(sum(readable),)]


# --- order, repetition, splitting


def deliver_in(company: Company, header: str, parts: Sequence[tuple[str, Sequence[str]]]) -> None:
    """One delivery after another, each ingested on its own."""
    for name, rows in parts:
        company.deliver(name, [header, *rows])
        company.ingest()


def current(company: Company, table: str) -> list[tuple[Any, ...]]:
    return company.current(
        f"select columns(* exclude (delivery_id, delivery_row)) from raw.{table} order by all"
    )


def pieces(rows: Sequence[str], cuts: Sequence[int]) -> list[list[str]]:
    bounds = [0, *sorted({cut % (len(rows) + 1) for cut in cuts}), len(rows)]
    return [list(rows[a:b]) for a, b in itertools.pairwise(bounds) if a < b]


CUTS = st.lists(st.integers(0, 100), max_size=4)


@FEW_OF_MANY_RUNS
@given(
    rows=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=12),
    cuts=CUTS,
    seed=st.integers(0, 2**16),
)
def test_append_rows_are_the_same_in_any_order_repetition_and_split(
    rows: list[tuple[int, int]],
    cuts: list[int],
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # Identical lines are real, so the number makes the pieces of a split distinct in bytes, as append demands.
    lines = [f"{a},2026-05-{b:02},p,{n},{b}" for n, (a, b) in enumerate(rows)]
    whole = append_lines(tmp_path_factory.mktemp("whole"))
    deliver_in(whole, LINE_HEADER, [("all.csv", lines)])
    chance = random.Random(seed)  # noqa: S311 - a test's order
    parts = [(f"{n}.csv", piece) for n, piece in enumerate(pieces(lines, cuts))]
    parts += [(f"again-{name}", piece) for name, piece in parts if chance.random() < 0.5]
    chance.shuffle(parts)
    split = append_lines(tmp_path_factory.mktemp("split"))
    deliver_in(split, LINE_HEADER, parts)
    assert current(split, "generic_order_lines") == current(whole, "generic_order_lines")


@FEW_OF_MANY_RUNS
@given(
    versions=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=12
    ),
    cuts=CUTS,
    seed=st.integers(0, 2**16),
)
def test_upsert_rows_are_the_same_in_any_order_repetition_and_split(
    versions: list[tuple[int, int, int]],
    cuts: list[int],
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # Equal versions of a key with different content are among them: content decides, not arrival.
    rows = [
        order(number, amount=str(amount), changed=f"2026-05-{15 + day} 00:00")
        for number, day, amount in versions
    ]
    whole = Company(tmp_path_factory.mktemp("whole"))
    deliver_in(whole, ORDER_HEADER, [("all.csv", rows)])
    chance = random.Random(seed)  # noqa: S311 - a test's order
    shuffled = list(rows)
    chance.shuffle(shuffled)
    parts = [(f"{n}.csv", piece) for n, piece in enumerate(pieces(shuffled, cuts))]
    parts += [(f"again-{name}", piece) for name, piece in parts if chance.random() < 0.5]
    chance.shuffle(parts)
    split = Company(tmp_path_factory.mktemp("split"))
    deliver_in(split, ORDER_HEADER, parts)
    assert current(split, "generic_orders") == current(whole, "generic_orders")
    newest = {
        number: max(day for other, day, _ in versions if other == number) for number, *_ in versions
    }
    assert split.current(
        "select order_id, day(updated_at) - 15 from raw.generic_orders order by 1"
    ) == [(str(number), day) for number, day in sorted(newest.items())]


SHOPIFY_HEADER = (
    "Name,Email,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price"
)


class Shop(Company):
    """A company whose orders come from Shopify, lines in blocks; the content decides between versions."""

    @property
    def settings(self) -> Settings:
        file = {"contract": "shopify_orders", "pattern": "*.csv", "version": "content"}
        return self.configured({"shop": {"vendor": "shopify", "files": [file]}})


@FEW_OF_MANY_RUNS
@given(
    orders=st.lists(
        st.tuples(st.integers(1, 3), st.lists(st.integers(1, 9), min_size=1, max_size=3)),
        min_size=1,
        max_size=6,
    ),
    cuts=CUTS,
    seed=st.integers(0, 2**16),
)
def test_blocks_are_the_same_in_any_order_repetition_and_split(
    orders: list[tuple[int, list[int]]],
    cuts: list[int],
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's order

    def block(version: int, number: int, prices: list[int]) -> str:
        # The total tells versions of an order apart, as it does in the shop.
        head, time = f"#{number},a@x.no", "2026-05-14 10:00:00 +0200"
        first = f"{head},NOK,{sum(prices)}.{version},{time},1,first,{prices[0]}"
        return "\n".join(
            [first, *(f"{head},,,{time},1,line {n},{p}" for n, p in enumerate(prices[1:]))]
        )

    blocks = [block(version, *item) for version, item in enumerate(orders)]
    found = []
    for variant in ("whole", "split"):
        company = Shop(tmp_path_factory.mktemp(variant))
        shuffled = list(blocks)
        parts = [("all.csv", shuffled)]
        if variant == "split":
            chance.shuffle(shuffled)
            parts = [(f"{n}.csv", piece) for n, piece in enumerate(pieces(shuffled, cuts))]
            chance.shuffle(parts)
        deliver_in(company, SHOPIFY_HEADER, parts)
        found.append(current(company, "shopify_orders"))
    assert found[0] == found[1]

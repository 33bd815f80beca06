"""The order of files by name, and whether a name says a day."""

from __future__ import annotations

import itertools

import pytest

from ingestion.known_deliveries import names_a_day, version_key


@pytest.mark.parametrize(
    "names",
    [
        ("orders_9.csv", "orders_10.csv"),
        ("orders.csv", "orders (1).csv", "orders (2).csv"),
        ("orders_2026-05-14.csv", "orders_2026-05-15.csv.gz"),
        ("b/orders_2026-05-14.csv", "a/orders_2026-05-15.csv"),
        ("2026/05/orders.csv", "2026/11/orders.csv"),
        ("part-9/x.csv", "part-10/x.csv"),
        ("EVENTS_1.CSV", "events_2.csv"),
    ],
)
def test_later_names_have_higher_keys(names: tuple[str, ...]) -> None:
    keys = [version_key(name, None) for name in names]
    assert all(lower < higher for lower, higher in itertools.pairwise(keys)), keys


def test_packed_or_not_is_the_same_file_and_provisional_comes_first() -> None:
    assert version_key("a.csv", None) == version_key("a.csv.gz", None) == version_key("A.CSV", None)
    provisional = version_key("events_intraday_20260515.parquet", "intraday")
    assert provisional < version_key("events_20260514.parquet", "intraday")


@pytest.mark.parametrize(
    ("name", "is_dated"),
    [
        ("orders_2026-05-14.csv", True),
        ("orders20260514.csv", True),
        ("2026.05.14/orders.csv", True),
        ("year=2026/month=5/day=14/orders.csv", True),
        ("orders_2026-05.csv", False),
        ("orders_2026-13-45.csv", False),
        ("orders_10.csv", False),
        ("orders.csv", False),
    ],
)
def test_a_day_in_the_path_is_seen(name: str, is_dated: bool) -> None:
    assert names_a_day(name) is is_dated

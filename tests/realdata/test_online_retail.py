"""Online Retail: 305 daily files of a UK shop (UCI; Chen, Sain, Guo 2012), counted by others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.settings import realdata
from publishing.pointer import current
from tests.realdata.conftest import Night, ask

EXPORTS = realdata() / "online_retail_daily"

# What was recorded on the way, not what is true of the customers: between nights and one run it
# differs by nature.
HISTORIES = {
    "restatements",
    "pipeline_ledger",
    "pipeline_ledger_amounts",
    "engagement_score_history",
}


@pytest.fixture(scope="module")
def home(new_home: Callable[[str], Path], night: Night) -> Path:
    """One catch-up run over all files."""
    folder = new_home("online_retail")
    night(folder, EXPORTS)
    return folder


def test_every_line_and_every_penny_of_305_files_is_accounted_for(home: Path) -> None:
    [(files, delivered, accounted)] = ask(
        home,
        "select count(distinct sha256), sum(rows_delivered), "
        "sum(rows_accepted + rows_quarantined + rows_duplicate) from pipeline_ledger",
    )
    [(money,)] = ask(home, "select sum(amount) from pipeline_ledger_amounts")
    assert (files, delivered, accounted) == (305, 541_909, 541_909)
    assert money == Decimal("9747747.934")


def test_counted_orders_are_the_published_cleaned_figures(home: Path) -> None:
    [(orders, customers, gross)] = ask(
        home,
        "select count(*), count(distinct customer_id), sum(gross_amount) from orders "
        "where customer_id is not null and is_counted and gross_amount > 0",
    )
    assert (orders, customers) == (18_532, 4_338)
    assert gross == pytest.approx(Decimal("8911407.904"), abs=Decimal("0.005"))


def test_net_over_all_orders_attributed_or_not_is_the_money_delivered(home: Path) -> None:
    [(net,)] = ask(home, "select sum(net_amount) from orders")
    assert net == Decimal("9747747.934")


def test_cancellations_reduce_net_and_are_never_counted(home: Path) -> None:
    [(documents, gross, refund, counted)] = ask(
        home,
        "select count(*), sum(gross_amount), min(refund_amount), count(*) filter (is_counted) "
        "from orders where order_id like 'C%'",
    )
    assert documents == 3_836
    assert gross == 0
    assert refund >= 0
    assert counted == 0


def test_bad_debt_is_an_adjustment(home: Path) -> None:
    assert ask(
        home,
        "select order_id, adjustment_amount, net_amount, is_counted from orders "
        "where order_id like 'A%' order by 1",
    ) == [
        ("A563185", Decimal("11062.06"), Decimal("11062.06"), False),
        ("A563186", Decimal("-11062.06"), Decimal("-11062.06"), False),
        ("A563187", Decimal("-11062.06"), Decimal("-11062.06"), False),
    ]


def test_the_same_file_delivered_twice_does_not_count_twice(
    home: Path, new_home: Callable[[str], Path], night: Night, tmp_path: Path
) -> None:
    exports = tmp_path / "exports" / "by-day"
    exports.mkdir(parents=True)
    first = sorted((EXPORTS / "by-day").glob("*.csv"))[:3]
    for file in first:
        shutil.copyfile(file, exports / file.name)
    shutil.copyfile(first[0], exports / "again.csv")
    folder = new_home("online_retail")
    night(folder, exports.parent)
    [(delivered, accepted, duplicate)] = ask(
        folder,
        "select sum(rows_delivered), sum(rows_accepted), sum(rows_duplicate) from pipeline_ledger",
    )
    assert delivered == accepted + duplicate
    assert duplicate == 3_108
    [(net, expected)] = ask(
        folder,
        "select (select sum(net_amount) from orders), "
        "(select sum(amount) from pipeline_ledger_amounts where outcome = 'accepted')",
    )
    assert net == expected


def test_twenty_nights_end_where_one_catch_up_run_ends(
    new_home: Callable[[str], Path], night: Night, tmp_path: Path
) -> None:
    files = sorted((EXPORTS / "by-day").glob("*.csv"))[:20]
    once, nightly = new_home("online_retail"), new_home("online_retail")
    whole, growing = tmp_path / "whole" / "by-day", tmp_path / "growing" / "by-day"
    whole.mkdir(parents=True)
    growing.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, whole / file.name)
    night(once, whole.parent)
    for file in files:
        shutil.copyfile(file, growing / file.name)
        night(nightly, growing.parent)
    left, right = current(once), current(nightly)
    assert left is not None
    assert right is not None
    assert right.number == len(files)
    hashes = [
        {
            mart.name: mart.content_hash
            for mart in release.manifest.marts
            if mart.name not in HISTORIES
        }
        for release in (left, right)
    ]
    assert len(hashes[0]) > 10
    assert hashes[0] == hashes[1]

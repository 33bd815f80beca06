"""Ingest: what is new goes in once, whatever it is called and however often it comes."""

from __future__ import annotations

import json
import multiprocessing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.ingest import SourceFailed
from ingestion.ledger import open_ledger
from tests.ingestion.company import (
    LINE_COLUMNS,
    LINE_HEADER,
    NOW,
    ORDER_COLUMNS,
    ORDER_HEADER,
    Company,
    append_lines,
    order,
)

LINE = "1,2026-05-14,p1,2,10.50"
OTHER = "2,2026-05-14,p2,1,3"


def total(company: Company) -> tuple[int, Decimal]:
    [row] = company.current("select count(*), sum(amount) from raw.generic_order_lines")
    return row


def outcomes(company: Company) -> dict[str, tuple[int, int, int, str]]:
    rows = company.current(
        "select file_name, rows_accepted, rows_quarantined, rows_duplicate, reason from raw.deliveries "
        "order by received_at, file_name"
    )
    return {name: (accepted, bad, double, reason) for name, accepted, bad, double, reason in rows}


# --- new, repeated, corrected


def test_nothing_new_is_nothing_done(company: Company) -> None:
    company.deliver("orders.csv", [ORDER_HEADER, order(1)])
    assert company.ingest().new_files == 1
    before = [path.stat().st_mtime_ns for path in (company.home / "raw").rglob("*.parquet")]
    again = company.ingest(NOW + timedelta(days=1))
    assert (again.files, again.new_files, again.rows_accepted) == (1, 0, 0)
    assert [path.stat().st_mtime_ns for path in (company.home / "raw").rglob("*.parquet")] == before


def test_the_same_file_under_another_name_counts_once(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    company.deliver("a.csv", [LINE_HEADER, LINE, LINE])
    company.deliver("b.csv", [LINE_HEADER, LINE, LINE])
    company.ingest()
    assert total(company) == (2, Decimal("42.0000"))
    assert outcomes(company) == {
        "a.csv": (2, 0, 0, ""),
        "b.csv": (0, 0, 2, "file delivered before"),
    }
    assert company.current(
        "select file_name, outcome, delivery_amounts.reason, amount from raw.delivery_amounts "
        "inner join raw.deliveries using (delivery_id) order by file_name"
    ) == [
        ("a.csv", "accepted", "", Decimal("42.0000")),
        ("b.csv", "duplicate", "file delivered before", Decimal("42.0000")),
    ]


def test_a_file_that_is_touched_or_copied_over_itself_counts_once(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    for day in range(3):
        path = company.deliver("a.csv", [LINE_HEADER, LINE])
        path.touch()
        assert company.ingest(NOW + timedelta(days=day)).new_files == (1 if day == 0 else 0)
    assert total(company) == (1, Decimal("21.0000"))


def test_a_corrected_file_of_a_day_replaces_the_first(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    company.deliver("lines_2026-05-14.csv", [LINE_HEADER, LINE, LINE, OTHER])
    company.ingest()
    company.deliver("lines_2026-05-14.csv", [LINE_HEADER, LINE])
    company.ingest(NOW + timedelta(days=1))
    assert total(company) == (1, Decimal("21.0000"))
    assert company.current(
        "select rows_accepted, rows_duplicate, reason from raw.deliveries order by received_at"
    ) == [(0, 3, "replaced by a corrected file of the same name"), (1, 0, "")]


@pytest.mark.parametrize("name", ["2026-05-14/lines.csv", "year=2026/month=05/day=14/lines.csv"])
def test_the_day_may_stand_in_the_folder(name: str, tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    company.deliver(name, [LINE_HEADER, LINE])
    company.ingest()
    company.deliver(name, [LINE_HEADER, OTHER])
    company.ingest()
    assert total(company) == (1, Decimal("3.0000"))


def test_a_correction_that_is_taken_back_is_taken_back(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    for day, rows in enumerate(([LINE], [OTHER], [LINE])):
        company.deliver("lines_2026-05-14.csv", [LINE_HEADER, *rows])
        # The clock jumps back between the runs: what came later is decided by a counter.
        company.ingest(NOW - timedelta(days=day))
    assert total(company) == (1, Decimal("21.0000"))


def test_an_undated_file_of_the_same_name_adds_and_says_so(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    company.deliver("lines.csv", [LINE_HEADER, LINE])
    assert company.ingest().notes == ()
    company.deliver("lines.csv", [LINE_HEADER, LINE, OTHER])
    [note] = company.ingest().notes
    assert "both count" in note
    assert "declare mode: snapshot or upsert" in note
    assert total(company) == (3, Decimal("45.0000"))


def test_a_snapshot_is_replaced_by_the_newest_whatever_its_size(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    assert company.entries is not None
    company.entries[0]["mode"] = "snapshot"
    company.deliver("lines.csv", [LINE_HEADER, LINE, OTHER])
    company.ingest()
    company.deliver("lines.csv", [LINE_HEADER, LINE])
    company.ingest()
    assert total(company) == (1, Decimal("21.0000"))


def test_an_upsert_takes_the_newest_version_in_any_order(company: Company) -> None:
    new = order(1, amount="2", changed="2026-05-16 00:00")
    old = order(1, amount="1", changed="2026-05-15 00:00")
    company.deliver("b.csv", [ORDER_HEADER, new])
    company.ingest()
    company.deliver("a.csv", [ORDER_HEADER, old, order(2)])
    company.ingest()
    assert company.current("select order_id, gross_amount from raw.generic_orders order by 1") == [
        ("1", 2),
        ("2", Decimal("10.5000")),
    ]
    assert outcomes(company)["a.csv"] == (1, 0, 1, "")


def test_a_file_overwritten_under_its_name_wins_where_the_name_is_the_version(
    company: Company,
) -> None:
    company.entry = {"version": "file_name"}
    for amount in ("1", "9", "5"):
        company.deliver("orders.csv", [ORDER_HEADER, order(1, amount=amount)])
        company.ingest()
    assert company.current("select gross_amount from raw.generic_orders") == [(5,)]


def test_names_are_compared_by_their_numbers_and_folders(company: Company) -> None:
    company.entry = {"version": "file_name"}
    for amount, name in enumerate(
        ["part-2/orders.csv", "part-10/orders.csv", "part-10/orders (1).csv", "part-9/orders.csv"]
    ):
        company.deliver(name, [ORDER_HEADER, order(1, amount=str(amount))])
    company.ingest()
    assert company.current("select gross_amount from raw.generic_orders") == [(2,)]


# --- several mappings, changed mappings


def two_kinds() -> list[dict[str, Any]]:
    """One file of events, two contracts, by filter."""
    common = {"pattern": "*.ndjson"}
    return [
        {**common, "contract": "generic_orders", "filter": {"event": "transaction"},
         "columns": {"order_id": {"generate": ["person", "time"]}, "customer_id": "person",
                     "gross_amount": "value.amount",
                     "ordered_at": {"from": "time", "relative": {"unit": "hours", "start": "2018-01-01"}}}},
        {**common, "contract": "generic_interactions", "filter": {"event": {"not": ["transaction"]}},
         "columns": {"interaction_id": {"generate": ["person", "event", "time", "value.offer id"]},
                     "customer_id": "person", "channel": {"constant": "push"}, "kind": "event",
                     "campaign_id": ["value.offer id", "value.offer_id"],
                     "occurred_at": {"from": "time", "relative": {"unit": "hours", "start": "2018-01-01"}}}},
    ]  # fmt: skip


EVENTS = [
    {"person": "p1", "event": "offer received", "value": {"offer id": "o1"}, "time": 0},
    {"person": "p1", "event": "offer completed", "value": {"offer_id": "o1"}, "time": 6},
    {"person": "p1", "event": "transaction", "value": {"amount": 0.83}, "time": 6},
    {"person": "p1", "event": "transaction", "value": {"amount": 0.83}, "time": 6},
]


def test_several_mappings_read_one_file_each_its_rows(tmp_path: Path) -> None:
    company = Company(tmp_path, entries=two_kinds())
    company.deliver("events.ndjson", "\n\n".join(map(json.dumps, EVENTS)))
    done = company.ingest()
    assert (done.files, done.new_files, done.rows_accepted) == (1, 2, 4)
    assert company.current(
        "select (select sum(gross_amount) from raw.generic_orders), "
        "(select count(*) from raw.generic_orders), "
        "(select list(campaign_id) from raw.generic_interactions)"
    ) == [(Decimal("1.6600"), 2, ["o1", "o1"])]
    assert [(item.rows_in_file, item.rows_filtered) for item in company.deliveries()] == [
        (4, 2)
    ] * 2


def test_a_fault_of_one_mapping_does_not_keep_the_other_from_its_rows(tmp_path: Path) -> None:
    lines, orders = {"contract": "generic_order_lines", "pattern": "*", "columns": LINE_COLUMNS}, {
        "contract": "generic_orders", "pattern": "*", "columns": ORDER_COLUMNS,
    }  # fmt: skip
    company = Company(tmp_path, entries=[orders, lines])
    company.deliver("lines.csv", [LINE_HEADER, LINE])
    assert "no column 'amount' for gross_amount" in company.refusal()
    assert [row["product_id"] for row in company.accepted()] == ["p1"]
    # The next night tries again what failed, and only that.
    assert "no column 'amount' for gross_amount" in company.refusal()
    assert len(company.accepted()) == 1


def test_a_filter_on_a_field_that_is_gone_does_not_lose_all_rows_silently(company: Company) -> None:
    company.entry = {"filter": {"kind": "sale"}}
    company.deliver("orders.csv", [ORDER_HEADER, order(1)])
    assert "no column 'kind' for the filter" in company.refusal()


def test_rows_that_cannot_be_read_are_never_filtered_away(company: Company) -> None:
    company.entry = {"filter": {"note": ["paid", "sent"]}}
    rows = company.take(
        [ORDER_HEADER, order(1), order(2, note="test"), "ragged", order(3, note=" sent ")]
    )
    assert [row["order_id"] for row in rows] == ["1", "3"]
    assert company.reasons() == [(3, 4, "1 fields where the header has 8")]
    [delivery] = company.deliveries()
    assert (delivery.rows_in_file, delivery.rows_filtered, delivery.rows_delivered) == (4, 1, 3)


def test_a_changed_mapping_reads_history_again_from_landing(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1), order(2, amount="x")])
    company.deliver("b.csv", [ORDER_HEADER, order(1), order(2, amount="x")])
    company.ingest()
    first = company.deliveries()
    (company.exports / "a.csv").unlink()
    company.entry = {"columns": {**ORDER_COLUMNS, "channel": "note"}}
    company.ingest(NOW + timedelta(days=1))
    assert [row["channel"] for row in company.accepted()] == ["paid"]
    assert company.reasons() == [(2, 3, "gross_amount: not an amount")]
    second = company.deliveries()
    assert [item.received_at for item in second if item.status == "accepted"] == [NOW.isoformat()]
    assert [item.file_name for item in second] == ["a.csv", "b.csv"]
    assert second[1].duplicate_of == second[0].delivery_id != first[0].delivery_id
    # What was read before is gone from disk, rejected rows included.
    assert len(list((company.home / "raw").rglob("*.parquet"))) == 1
    assert len(list((company.home / "quarantine").rglob("*.parquet"))) == 1


def test_prose_patterns_and_modes_do_not_read_history_again(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.ingest()
    before = company.deliveries()
    company.entry = {
        "pattern": ["*.csv", "*.txt"],
        "version": "content",
        "key": ["order_id", "status"],
    }
    company.ingest()
    assert company.deliveries() == before


def test_a_mapping_that_moves_in_the_list_loses_nothing(tmp_path: Path) -> None:
    def entry(pattern: str) -> dict[str, Any]:
        return {"contract": "generic_order_lines", "pattern": pattern, "columns": LINE_COLUMNS}

    company = Company(tmp_path, entries=[entry("b*.csv")])
    company.deliver("b.csv", [LINE_HEADER, LINE])
    company.ingest()
    (company.exports / "b.csv").unlink()
    company.deliver("a.csv", [LINE_HEADER, OTHER])
    company.entries = [entry("a*.csv"), entry("b*.csv")]
    company.ingest()
    assert total(company) == (2, Decimal("24.0000"))
    company.entries = [entry("a*.csv")]
    company.ingest()
    assert total(company) == (1, Decimal("3.0000"))
    assert "no mapping of rapport.yml reads it any more" in {
        reason for *_, reason in outcomes(company).values()
    }


def test_a_mapping_that_moves_does_not_bring_corrected_files_back(tmp_path: Path) -> None:
    def entry(pattern: str) -> dict[str, Any]:
        return {"contract": "generic_order_lines", "pattern": pattern, "columns": LINE_COLUMNS}

    for rows in ([LINE, OTHER], [OTHER, LINE]):
        company = Company(tmp_path / rows[0][0], entries=[entry("lines*")])
        for day, row in enumerate(rows):
            company.deliver("lines_2026-05-14.csv", [LINE_HEADER, row])
            company.ingest(NOW + timedelta(days=day))
        corrected = total(company)
        company.entries = [entry("else*"), entry("lines*")]
        company.ingest(NOW + timedelta(days=9))
        assert total(company) == corrected
        received = {item.received_at for item in company.deliveries()}
        assert received == {NOW.isoformat(), (NOW + timedelta(days=1)).isoformat()}


def test_a_rejected_delivery_stays_rejected_when_it_is_read_again(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.deliver("b.csv", [ORDER_HEADER, order(2)])
    company.ingest()
    with open_ledger(company.home) as ledger:
        assert ledger.set_status(company.deliveries()[0].delivery_id, "rejected", "wrong shop")
        assert not ledger.set_status("nothing", "rejected", "")
    company.entry = {"columns": {**ORDER_COLUMNS, "channel": "note"}}
    company.ingest()
    assert company.current("select order_id, channel from raw.generic_orders") == [("2", "paid")]
    assert outcomes(company)["a.csv"] == (0, 1, 0, "delivery rejected: wrong shop")


def test_a_raw_file_that_is_gone_is_made_anew(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.ingest()
    [raw] = (company.home / "raw").rglob("*.parquet")
    content = raw.read_bytes()
    raw.unlink()
    company.ingest()
    assert raw.read_bytes() == content


def test_landing_that_was_edited_is_not_read_again(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.ingest()
    (company.exports / "a.csv").unlink()
    [landed] = (company.home / "landing").rglob("a.csv")
    landed.write_text(landed.read_text().replace("10.50", "99.50"))
    company.entry = {"columns": {**ORDER_COLUMNS, "channel": "note"}}
    assert "is not what was delivered. Landing is never edited" in company.refusal()
    landed.unlink()
    assert "cannot be read again" in company.refusal()


# --- notes and faults


def test_columns_that_come_and_go_are_noted(company: Company) -> None:
    company.deliver("1.csv", [ORDER_HEADER, order(1)])
    company.deliver("2.csv", [f"{ORDER_HEADER},gift", order(2) + ",yes"])
    company.deliver("3.csv", [ORDER_HEADER.replace("email,", "e_mail,"), order(3)])
    assert company.ingest().notes == (
        "2.csv: new field: gift",
        "3.csv: no field 'email' for email",
        "3.csv: new field: e_mail",
        "3.csv: field gone: email, gift",
    )
    assert len(company.accepted()) == 3
    with open_ledger(company.home) as ledger:
        assert sum(map(len, ledger.notes().values())) == 4


def test_every_bad_file_is_listed_and_every_good_one_goes_in(company: Company) -> None:
    company.deliver("1.csv", [ORDER_HEADER, order(1)])
    company.deliver("2.csv", "")
    company.deliver("3.csv", ["id;at"])
    company.deliver("4.csv", b"\xff\xfe")
    company.deliver("5.csv", [ORDER_HEADER, order(5)])
    said = company.refusal()
    assert said.splitlines()[0] == "source shop: not everything of 5 files could be taken in"
    assert [line.split(",")[0].strip() for line in said.splitlines()[1:]] == [
        "2.csv",
        "3.csv",
        "4.csv",
    ]
    assert [row["order_id"] for row in company.accepted()] == ["1", "5"]
    with open_ledger(company.home) as ledger:
        run = ledger.runs()["shop"]
    assert (run.status, run.error) == ("failed", said)


def test_a_source_without_files_is_an_error_until_it_had_some(company: Company) -> None:
    company.exports.mkdir(parents=True)
    assert "no file in " in company.refusal()
    company.take([ORDER_HEADER, order(1)])
    (company.exports / "orders.csv").unlink()
    assert company.ingest().files == 0
    with open_ledger(company.home) as ledger:
        assert ledger.runs()["shop"].status == "done"


def test_an_error_of_our_own_is_recorded_and_not_swallowed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])

    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("ingestion.taking_in.convert", broken)
    with pytest.raises(RuntimeError, match="a defect"):
        company.ingest()
    with open_ledger(company.home) as ledger:
        assert ledger.runs()["shop"].error == "a defect"
    assert list((company.home / "_staging").iterdir()) == []


def test_time_may_be_given_with_or_without_zone(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.ingest(datetime.fromisoformat("2026-11-22T05:00+02:00"))
    assert company.deliveries()[0].received_at == "2026-11-22T03:00:00"


def test_future_and_ancient_events_are_quarantined(company: Company) -> None:
    rows = company.take(
        [ORDER_HEADER]
        + [order(n, at=at) for n, at in enumerate(
            ["2026-11-24 02:59", "2026-11-24 03:01", "9999-12-31", "1989-12-31", "1990-01-01"]
        )]
    )  # fmt: skip
    assert [row["order_id"] for row in rows] == ["0", "4"]
    assert [reason for _, _, reason in company.reasons()] == [
        "ordered_at: in the future",
        "ordered_at: outside 1900 to 2200 (seconds or milliseconds?)",
        "ordered_at: before 1990 (seconds or milliseconds?)",
    ]


def test_progress_speaks_of_every_file(company: Company) -> None:
    from ingestion.ingest import ingest

    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.deliver("b.csv", [ORDER_HEADER, order(2)])
    said: list[str] = []
    ingest(company.settings, str(company.folder / "exports"), "shop", NOW, said.append)
    assert said == ["shop: 1 of 2 files", "shop: 2 of 2 files"]


# --- two at once


def _ingest_in_a_process(folder: str, start: Any) -> None:
    company = append_lines(Path(folder))
    start.wait()
    try:
        company.ingest()
    except SourceFailed as error:
        raise SystemExit(str(error)) from error


def test_two_ingests_of_one_source_at_once_count_every_row_once(tmp_path: Path) -> None:
    company = append_lines(tmp_path)
    for number in range(12):
        company.deliver(
            f"{number}.csv", [LINE_HEADER, *[f"{number},2026-05-14,p{n},1,1" for n in range(50)]]
        )
    company.settings  # noqa: B018 - writes rapport.yml before the processes race
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ingestion.company"])
    start = context.Event()
    runs = [
        context.Process(target=_ingest_in_a_process, args=(str(tmp_path), start)) for _ in range(3)
    ]
    for run in runs:
        run.start()
    start.set()
    for run in runs:
        run.join(120)
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert total(company) == (600, Decimal("600.0000"))
    assert len(company.deliveries()) == 12
    assert list((company.home / "_staging").iterdir()) == []


def test_a_mapping_that_is_taken_back_after_a_kill_keeps_its_rows(company: Company) -> None:
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.ingest()
    [first] = company.deliveries()
    company.entry = {"columns": {**ORDER_COLUMNS, "channel": "note"}}
    company.ingest()
    with open_ledger(company.home) as ledger:
        # As if the run had been killed between its ledger entry and the removal of the old files.
        ledger._connection.execute(
            "insert into replaced_deliveries values ('shop', 'generic_orders', ?)",
            (first.delivery_id,),
        )
    company.entry = {}
    company.ingest()
    assert [item.delivery_id for item in company.deliveries()] == [first.delivery_id]
    assert [row["order_id"] for row in company.accepted()] == ["1"]

from __future__ import annotations

import hashlib
import time
from datetime import date
from pathlib import Path

import pytest

from simulation.company import SimulationError, write_company
from tests.simulation.exports import Written


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_arguments_give_the_same_bytes(company: Written, tmp_path: Path) -> None:
    again = write_company(tmp_path / "company", customers=64, days=40, seed=3)
    files = _digests(company.folder)
    assert len(files) > 100
    assert _digests(again.folder) == files
    assert _digests(again.truth) == _digests(company.truth)


def test_the_clock_is_never_read(
    company: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> float:
        raise AssertionError("the simulation read the clock")

    monkeypatch.setattr(time, "time", refuse)
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    time.tzset()
    try:
        again = write_company(tmp_path / "company", customers=64, days=40, seed=3)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert _digests(again.folder) == _digests(company.folder)


def test_another_seed_is_another_company_with_the_same_traps(
    company: Written, tmp_path: Path
) -> None:
    other = write_company(tmp_path / "company", customers=64, days=40, seed=4)
    assert other.traps == company.summary.traps
    ours, theirs = _digests(company.folder), _digests(other.folder)
    assert ours["rapport.yml"] == theirs["rapport.yml"]
    assert sum(ours[path] != theirs.get(path) for path in ours) > len(ours) / 2


@pytest.mark.parametrize("seed", range(5, 12))
def test_the_smallest_company_holds_every_trap_whatever_the_seed(
    company: Written, tmp_path: Path, seed: int
) -> None:
    last_day = date(2024, 2, 29 - seed)
    days = 35 + seed
    small = write_company(
        tmp_path / "company", customers=50, days=days, seed=seed, last_day=last_day
    )
    assert small.traps == company.summary.traps


def test_size_and_days_are_honoured(tmp_path: Path) -> None:
    larger = write_company(tmp_path / "company", customers=240, days=50, last_day=date(2025, 11, 9))
    written = Written(larger.folder, larger.truth, larger)
    assert larger.people == len(written.truth_rows("people.csv")) == 240
    dates = [row["data_date"] for row in written.truth_rows("deliveries.csv")]
    # The history, and the exchange rates before it, come with the first day's files.
    assert "2025-09-21" in dates
    assert max(dates) == "2025-11-09"


def test_more_people_are_more_of_everything(company: Written, tmp_path: Path) -> None:
    larger = write_company(tmp_path / "company", customers=500, days=40, seed=3)
    small = company.summary
    assert larger.orders > 3 * small.orders
    assert larger.sessions > 3 * small.sessions
    assert larger.mail_events > 3 * small.mail_events


@pytest.mark.parametrize(("customers", "days"), [(49, 40), (50, 39), (0, 0)])
def test_a_company_too_small_for_its_traps_is_refused(
    tmp_path: Path, customers: int, days: int
) -> None:
    with pytest.raises(SimulationError, match="at least 50 customers"):
        write_company(tmp_path / "company", customers=customers, days=days)
    assert not (tmp_path / "company").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "vault").mkdir(parents=True)
    (home / "vault" / "key").write_text("secret")
    (home / "rapport.yml").write_text("reporting_currency: NOK")
    with pytest.raises(SimulationError, match="vault"):
        write_company(home, customers=64, days=40)
    assert (home / "vault" / "key").read_text() == "secret"


def test_an_earlier_company_is_replaced_whole(tmp_path: Path) -> None:
    first = write_company(tmp_path / "company", customers=64, days=41)
    second = write_company(tmp_path / "company", customers=64, days=40)
    assert first.files != second.files
    files = [path for path in second.folder.rglob("*") if path.is_file()]
    assert len(files) == second.files + 1


def test_the_truth_lies_where_it_is_asked_for(tmp_path: Path) -> None:
    written = write_company(
        tmp_path / "exports", customers=64, days=40, truth=tmp_path / "kept" / "aside"
    )
    assert written.truth == tmp_path / "kept" / "aside"
    assert (written.truth / "revenue.json").exists()
    assert not (tmp_path / "exports_truth").exists()

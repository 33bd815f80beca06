"""Landing: the bytes as delivered, from regular files only, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from ingestion.ingest import SourceFailed, ingest
from ingestion.landing import ExportFile, UnreadableFile, land, list_files, matches, safe_name
from tests.ingestion.company import NOW, ORDER_HEADER, Company, order

GOOD = [ORDER_HEADER, order(1)]


def test_landed_bytes_are_the_delivered_ones_under_their_hash(company: Company) -> None:
    path = company.deliver("orders.csv", GOOD)
    company.ingest()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    landed = company.home / "landing" / "shop" / digest / "orders.csv"
    assert landed.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "pattern", "is_match"),
    [
        ("orders.csv", "*.csv", True),
        ("ORDERS.CSV", "*.csv", True),
        ("a/b/orders.csv", "orders*", True),
        ("a/b/orders.csv", "a/*/orders.csv", True),
        ("a/orders.csv", "b/*", False),
        ("orders.json", "*.csv", False),
        ("orders.csv", "Orders*.CSV", True),
    ],
)
def test_patterns_match_name_or_path_in_any_case(name: str, pattern: str, is_match: bool) -> None:
    assert matches(name, [pattern]) is is_match


def test_files_that_no_pattern_matches_are_named(company: Company) -> None:
    company.entry = {"pattern": "*.csv"}
    company.deliver("orders.csv", GOOD)
    company.deliver("sub/readme.txt", "hello")
    company.deliver("Ørders.xlsx", "hello")
    assert company.ingest().ignored == ("sub/readme.txt", "\\xd8rders.xlsx")


# --- what is no regular file


def test_a_symbolic_link_is_refused_and_leads_nowhere(company: Company, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("\n".join([ORDER_HEADER, order("secret")]))
    company.deliver("orders.csv", GOOD)
    (company.exports / "link.csv").symlink_to(secret)
    said = company.refusal()
    assert "link.csv, opening: a symbolic link" in said
    assert "Deliver the file itself" in said
    assert [row["order_id"] for row in company.accepted()] == ["1"]
    assert b"secret" not in b"".join(
        path.read_bytes() for path in (company.home / "landing").rglob("*") if path.is_file()
    )


def test_a_link_to_a_folder_is_not_followed_but_named(company: Company, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "orders.csv").write_text("\n".join(GOOD))
    company.entry = {"pattern": "*.csv"}
    company.deliver("orders.csv", [ORDER_HEADER, order(2)])
    (company.exports / "linked").symlink_to(tmp_path / "elsewhere")
    done = company.ingest()
    assert done.ignored == ("linked",)
    assert [row["order_id"] for row in company.accepted()] == ["2"]


def test_a_pipe_is_refused_without_waiting(company: Company) -> None:
    company.deliver("orders.csv", GOOD)
    os.mkfifo(company.exports / "pipe.csv")
    assert "pipe.csv, opening: cannot be read: not a regular file" in company.refusal()


def test_a_file_without_permission_is_named(company: Company) -> None:
    company.deliver("orders.csv", GOOD)
    private = company.deliver("private.csv", GOOD)
    private.chmod(0)
    if os.access(private, os.R_OK):
        pytest.skip("this user may read everything")
    said = company.refusal()
    assert "private.csv, opening: cannot be read: " in said
    assert "permissions" in said
    assert len(company.accepted()) == 1


def test_a_file_that_vanishes_after_it_was_listed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    path.write_text("x")
    [file] = list_files(str(tmp_path))
    path.unlink()
    (tmp_path / "staging").mkdir()
    with pytest.raises(UnreadableFile, match=r"gone.csv, opening: .*still exists"):
        land(file, tmp_path / "landing", tmp_path / "staging")
    assert not (tmp_path / "landing").exists()


@pytest.mark.parametrize("change", ["grows", "shrinks"])
def test_a_file_that_is_still_being_written_is_not_taken(change: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("0123456789")
    [file] = list_files(str(tmp_path))
    path.write_text("0123456789abc" if change == "grows" else "012")
    (tmp_path / "staging").mkdir()
    with pytest.raises(UnreadableFile, match="still being written, or was cut"):
        land(file, tmp_path / "landing", tmp_path / "staging")
    assert not (tmp_path / "landing").exists()


# --- names


@pytest.mark.parametrize(
    "name",
    [
        "\u202egnp.csv",
        "a\u2066b.csv",
        "tab\t.csv",
        "line\nend.csv",
        "nul\0.csv",
        "x" * 300 + ".csv",
        "ø" * 110 + ".csv",
        "C:\\orders.csv",
        "..\\..\\orders.csv",
        "broken\udcff.csv",
        "fol\u202eder/orders.csv",
    ],
)
def test_a_name_that_could_deceive_or_harm_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="Rename the file") as caught:
        safe_name(ExportFile(name, name, 1, ""))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    ["CON.csv", "orders (1).csv", "Bestellungen für März.csv", "x'); drop table y; --.csv",
     "{{ env_var('HOME') }}.csv", "=cmd|' /C calc'!A0.csv", "<img src=x onerror=alert(1)>.csv", "-rf.csv", "$(reboot).csv"],
)  # fmt: skip
def test_a_name_that_is_merely_odd_is_a_name(name: str, company: Company) -> None:
    company.deliver(name.replace("/", "∕"), GOOD)
    company.ingest()
    assert company.current("select file_name, rows_accepted from raw.deliveries") == [
        (name.replace("/", "∕"), 1)
    ]


def test_only_the_last_part_of_a_path_becomes_a_name(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("x")
    file = ExportFile("../../../../outside.csv", str(outside), 1, "")
    landed = land(file, tmp_path / "home" / "landing", tmp_path)
    assert landed.path.is_relative_to(tmp_path / "home" / "landing")


def test_a_name_with_broken_bytes_does_not_stop_the_others(company: Company) -> None:
    company.deliver("orders.csv", GOOD)
    broken = os.fsencode(company.exports) + b"/br\xffken.csv"
    Path(os.fsdecode(broken)).write_text("\n".join(GOOD))
    assert "Rename the file" in company.refusal()
    assert len(company.accepted()) == 1


# --- other places


@pytest.fixture
def store() -> Iterator[str]:
    """A folder in a store that is no file system."""
    memory = fsspec.filesystem("memory")
    yield "memory://exports"
    memory.rm("/exports", recursive=True)


def test_files_come_from_any_store(store: str, company: Company) -> None:
    with fsspec.open(f"{store}/shop/2026/orders.csv", "wb") as target:
        target.write("\n".join(GOOD).encode())
    done = ingest(company.settings, store, "shop", NOW)
    assert (done.files, done.rows_accepted) == (1, 1)
    again = ingest(company.settings, store, "shop", NOW)
    assert (again.files, again.new_files) == (1, 0)


@pytest.mark.parametrize("path", ["missing", "nosuch://bucket/x", "/nowhere/at/all"])
def test_a_folder_that_is_not_there_is_named_with_the_way_out(path: str, company: Company) -> None:
    settings = company.configured(
        {"shop": {"path": path, "files": [{"contract": "generic_orders", "pattern": "*", "columns": {
            "order_id": "id", "ordered_at": "at", "gross_amount": "amount"}}]}}
    )  # fmt: skip
    with pytest.raises(SourceFailed, match=r"sources.shop.path in rapport.yml") as caught:
        ingest(settings, str(company.folder), "shop", NOW)
    assert path in str(caught.value)

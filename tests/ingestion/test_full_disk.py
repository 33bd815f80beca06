"""A disk that is full: said in words, nothing half-written counts, and the next run goes on."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ingestion.ingest import SourceFailed
from ingestion.ledger import open_ledger
from tests.ingestion.company import ORDER_HEADER, Company, order


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes: what a full disk looks like to the writer of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def large(company: Company) -> Company:
    """A small file, and one that grows on its way: packed, unpacked, raw."""
    company.deliver("a.csv", [ORDER_HEADER, order(1)])
    company.deliver(
        "b.csv.gz", [ORDER_HEADER, *(order(n, note=f"{n**7:x}" * 5) for n in range(20_000))]
    )
    company.ingest()
    clean = Company(company.folder / "fresh")
    for name in ("a.csv", "b.csv.gz"):
        clean.exports.mkdir(parents=True, exist_ok=True)
        (clean.exports / name).write_bytes((company.exports / name).read_bytes())
    clean.settings  # noqa: B018 - writes rapport.yml while there is room
    return clean


# Bounds that are met while landing, while unpacking, and while raw Parquet is written.
@pytest.mark.parametrize("size", [100_000, 700_000, 1_200_000])
def test_no_space_is_a_clean_error_and_the_next_run_goes_on(size: int, large: Company) -> None:
    # The ledger and what is finished keep their place.
    with largest_file(size), pytest.raises(SourceFailed) as caught:
        large.ingest()
    said = str(caught.value)
    assert f"{large.home}: no space is left" in said
    assert "Free space, or mend the disk, and run again" in said
    assert "cannot be read" not in said
    assert list((large.home / "_staging").iterdir()) == []
    with open_ledger(large.home) as ledger:
        assert ledger.runs()["shop"].status == "failed"
        names = {item.delivery_id for item in ledger.deliveries()}
    assert {path.stem for path in (large.home / "raw").rglob("*.parquet")} <= names
    done = large.ingest()
    assert done.rows_accepted + len(names) == 20_001
    assert len(large.accepted()) == 20_001


def test_a_ledger_that_cannot_grow_is_the_same_clean_error(company: Company) -> None:
    for number in range(60):
        company.deliver(f"{number}.csv", [ORDER_HEADER, order(number)])
    company.settings  # noqa: B018 - writes rapport.yml while there is room
    with open_ledger(company.home):
        pass
    size = (company.home / "ledger.sqlite").stat().st_size
    with largest_file(size), pytest.raises(SourceFailed, match="its ledger cannot be written"):
        company.ingest()
    # Entries are made by the dozen: all of one commit or none.
    assert len(company.deliveries()) in (0, 25, 50)
    company.ingest()
    assert len(company.accepted()) == len(company.deliveries()) == 60

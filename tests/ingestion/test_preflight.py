"""Damaged and disguised files are found before any parser sees them."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import pytest

from ingestion import preflight
from ingestion.landing import UnreadableFile
from ingestion.preflight import plain_bytes, quotes_are_regular
from ingestion.settings import Dialect
from tests.ingestion.company import ORDER_HEADER, Company, order

TEXT = "\n".join([ORDER_HEADER, *(order(n, note=f"{n * n}") for n in range(2000))]).encode() + b"\n"
# Without the time of packing, which would name the tests anew in every process.
PACKED = gzip.compress(TEXT, mtime=0)


def unpacked(content: bytes, folder: Path) -> bytes:
    path = folder / "orders.csv.gz"
    path.write_bytes(content)
    return plain_bytes(path, "orders.csv.gz", folder).read_bytes()


def test_a_whole_gzip_is_unpacked_whatever_its_name(company: Company) -> None:
    company.deliver("orders.csv", PACKED)
    company.ingest()
    assert len(company.accepted()) == 2000


def test_a_gzip_of_several_members_is_one_file(tmp_path: Path) -> None:
    second = gzip.compress(order(9).encode())
    assert unpacked(PACKED + second, tmp_path) == TEXT + order(9).encode()


def test_padding_of_zeros_after_a_gzip_is_none_of_its_content(tmp_path: Path) -> None:
    assert unpacked(PACKED + bytes(512), tmp_path) == TEXT


@pytest.mark.parametrize(
    "kept", [3, 5, 10, 200, len(PACKED) // 2, len(PACKED) - 8, len(PACKED) - 1]
)
def test_a_gzip_that_is_cut_is_refused(kept: int, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"damaged gzip.*delivered again"):
        unpacked(PACKED[:kept], tmp_path)


def test_a_gzip_cut_exactly_at_a_line_end_is_refused(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=31)
    half = packer.compress(TEXT[: TEXT.index(b"\n", len(TEXT) // 2) + 1])
    half += packer.flush(zlib.Z_FULL_FLUSH)
    with pytest.raises(UnreadableFile, match="damaged gzip"):
        unpacked(half, tmp_path)


@pytest.mark.parametrize(
    "junk", [b"junk", b"\x1f\x8b", b"\0\0x", PACKED[:20]], ids=["text", "magic", "zeros", "half"]
)
def test_something_after_the_end_of_a_gzip_is_refused(junk: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="something else after its end"):
        unpacked(PACKED + junk, tmp_path)


def test_a_flipped_bit_in_a_gzip_is_never_read(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - which bits are flipped is no secret
    refused = 0
    for _ in range(60):
        damaged = bytearray(PACKED)
        # The header's time, flags of compression and system say nothing about the content.
        damaged[chance.randrange(10, len(PACKED))] ^= 1 << chance.randrange(8)
        try:
            assert unpacked(bytes(damaged), tmp_path) == TEXT
        except UnreadableFile:
            refused += 1
    assert refused == 60


def test_a_gzip_bomb_is_stopped_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "RATIO_FROM_BYTES", 8 << 20)
    with pytest.raises(UnreadableFile, match="unpacks to more than 300 times its size"):
        unpacked(gzip.compress(bytes(64 << 20)), tmp_path)
    # The first chunk beyond the bound is not written any more.
    assert (tmp_path / "unpacked").stat().st_size <= 16 << 20


def test_an_empty_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="holds 0 bytes"):
        unpacked(gzip.compress(b""), tmp_path)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "zip archive or Excel workbook"),
        (b"\xd0\xcf\x11\xe0", "old Excel workbook"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh9", "bzip2"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_other_kinds_of_files_are_called_by_name(start: bytes, what: str, company: Company) -> None:
    company.deliver("orders.csv", start + b"anything")
    said = company.refusal()
    assert what in said
    assert "Deliver CSV, JSON or Parquet" in said


def test_an_ending_that_tells_no_format_asks_for_one(company: Company) -> None:
    company.deliver("orders.dat", [ORDER_HEADER, order(1)])
    assert "orders.dat, file name: its ending tells no format. Declare format:" in company.refusal()
    company.entry = {"format": "csv"}
    company.ingest()
    assert len(company.accepted()) == 1


@pytest.mark.parametrize(
    ("text", "is_regular"),
    [
        ('a,b\n1,"x"\n', True),
        ('a,b\n1,"x\ny"\n', True),
        ('a,b\n1,"say ""x"""\n', True),
        ('"a","b"\n"",""\n', True),
        ('a,b\r\n1,"x"\r\n', True),
        ('a,b\n1,"x"', True),
        ("a,b\n1,2\n", True),
        ('a,b\n1,5" pipe\n', False),
        ('a,b\n1,"x" y\n', False),
        ('a,b\n1,"x\n', False),
        ('a,b\n1, "x"\n', False),
        ('a,b\n1,"x\n2,"y\n', False),
        ('a,b\n1,"x \\"y\\" z"\n', False),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 4 << 20])
def test_quotes_are_regular_only_where_rfc_4180_wants_them(
    text: str, is_regular: bool, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_CHUNK", chunk)
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode())
    assert quotes_are_regular(path, Dialect()) is is_regular

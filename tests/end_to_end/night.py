"""A company, nights over its exports as a user runs them, and questions to what they published."""

from __future__ import annotations

import csv
import functools
import hmac
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
# Ten times what a night takes on a quiet machine: whoever waits longer waits for nothing.
PATIENCE_SECONDS = 900

Record = dict[str, Any]


def rapport_process(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start the command line as the leader of a process group, so that it can be killed whole."""
    return subprocess.Popen(
        _command(arguments),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def rapport(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, to its end."""
    return subprocess.run(
        _command(arguments),
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def _command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "rapport.cli", *map(str, arguments)]


def _environment() -> dict[str, str]:
    """Nothing of the caller's settings; tables are cut to the width of the terminal."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    return clean | {"COLUMNS": "250"}


def run_night(home: Path, exports: Path) -> subprocess.CompletedProcess[str]:
    """The whole night: ``rapport run``."""
    return rapport("run", "--home", home, "--exports", exports)


@dataclass(frozen=True)
class Company:
    """Exports of a simulated company, and the truth beside them that no pipeline sees."""

    exports: Path

    @property
    def truth(self) -> Path:
        """Where the truth lies."""
        return self.exports.with_name(f"{self.exports.name}_truth")

    def truth_rows(self, name: str) -> list[dict[str, str]]:
        """A CSV file of the truth."""
        with (self.truth / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def truth_json(self, name: str) -> Any:
        """A JSON file of the truth."""
        return json.loads((self.truth / name).read_text(encoding="utf-8"))

    def evidence(self, trap: str) -> list[Record]:
        """Where a trap lies, and its right answers."""
        found: list[Record] = next(
            item["evidence"] for item in self.truth_json("traps.json") if item["key"] == trap
        )
        return found

    def table(self, path: str) -> list[dict[str, str]]:
        """A UTF-8 CSV export with commas."""
        text = (self.exports / path).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(text.splitlines(keepends=True)))


@dataclass(frozen=True)
class Night:
    """A night that was run on a company."""

    company: Company
    home: Path
    done: subprocess.CompletedProcess[str]

    @property
    def release(self) -> Path:
        """The release that readers see."""
        return (self.home / "published" / "current").resolve()

    @property
    def manifest(self) -> Record:
        """What the release says about itself."""
        content: Record = json.loads((self.release / "manifest.json").read_text(encoding="utf-8"))
        return content

    def ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query over the published marts, read as a dashboard reads them."""
        with duckdb.connect(str(self.release / "marts.duckdb"), read_only=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def one(self, query: str, *parameters: object) -> Any:
        """The only row of a query; its only value where it has one."""
        rows = self.ask(query, *parameters)
        assert len(rows) == 1, f"{len(rows)} rows of {query} {parameters}"
        return rows[0][0] if len(rows[0]) == 1 else rows[0]

    def stored(self, layer: str, table: str) -> list[Record]:
        """All rows of a raw or quarantine table, from its Parquet files."""
        files = sorted((self.home / layer / table).glob("*.parquet"))
        assert files, f"no files in {layer}/{table}"
        tables = [pq.read_table(file) for file in files]
        rows: list[Record] = pa.concat_tables(tables, promote_options="default").to_pylist()
        return rows

    def email_key(self, text: str) -> str:
        """The key of an e-mail address."""
        return email_key(self.home, text)

    def node(self, identifier: str | None) -> str | None:
        """An identifier of the oracle as the marts write it."""
        space, _, address = (identifier or "").partition("|email|")
        return f"{space}|email|{self.email_key(address)}" if address else identifier

    def customers(self, identifier: str, source: str | None = None) -> set[str]:
        """The customers an identifier belongs to; e-mail addresses in the clear."""
        value = self.email_key(identifier) if "@" in identifier else identifier
        rows = self.ask(
            "select distinct customer_id from customer_identities "
            "where identifier = ? and source = coalesce(?, source)",
            value,
            source,
        )
        return {customer for (customer,) in rows}

    def customer(self, identifier: str, source: str | None = None) -> str:
        """The one customer an identifier belongs to."""
        (found,) = self.customers(identifier, source)
        return found

    @functools.cached_property
    def texts(self) -> str:
        """Every text of the release: all text columns of all marts, the report, the manifest."""
        parts = [
            path.read_text("utf-8")
            for path in self.release.iterdir()
            if path.suffix in (".html", ".json")
        ]
        for path in self.release.rglob("*.parquet"):
            parts += parquet_texts(path)
        return "\n".join(parts)


def email_key(home: Path, text: str) -> str:
    """The key of an e-mail address: HMAC-SHA-256 of its normal form with the home's key."""
    secret = bytes.fromhex((home / "vault" / "key").read_text().strip())
    local, _, domain = unicodedata.normalize("NFKC", text).strip().lower().rpartition("@")
    address = f"{local}@{domain.encode('idna').decode()}"
    return f"k1:{hmac.digest(secret, address.encode(), 'sha256').hex()[:32]}"


def parquet_texts(path: Path) -> list[str]:
    """The values of all text columns of a Parquet file."""
    table = pq.ParquetFile(path).read()
    return [
        str(value)
        for column in table.columns
        if not pa.types.is_primitive(column.type)
        for value in column.unique().to_pylist()
        if value is not None
    ]

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
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
# Ten times what a night takes on a quiet machine: whoever waits longer waits for nothing.
PATIENCE_SECONDS = 900
# The time zone of the simulated company, in which its days begin and its back office writes.
OSLO = ZoneInfo("Europe/Oslo")

Record = dict[str, Any]


def local(at: datetime) -> datetime:
    """A moment of the marts, which is naive UTC, on the clocks of the company."""
    return at.replace(tzinfo=UTC).astimezone(OSLO)


def local_day(at: datetime) -> date:
    """The company's day of a moment of the marts."""
    return local(at).date()


def moment(text: str, form: str) -> datetime:
    """A time of the company's clocks as naive UTC; in the hour that comes twice, winter time."""
    at = datetime.strptime(text, form).replace(tzinfo=OSLO, fold=1)  # the format has no offset
    return at.astimezone(UTC).replace(tzinfo=None)


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

    def office(
        self, name: str, delimiter: str = ";", encoding: str = "utf-8-sig"
    ) -> list[dict[str, str]]:
        """All rows of one kind of back-office file, oldest file first.

        A row that an earlier file holds, too, stands once; twins inside a file are two. Rows that
        the simulation broke on purpose are left out.
        """
        broken = {(row["file"], int(row["row"])) for row in self.truth_rows("quarantine.csv")}
        found: list[dict[str, str]] = []
        known: Counter[tuple[str, ...]] = Counter()
        for path in sorted(self.exports.glob(f"back_office/{name}_*.csv")):
            here: Counter[tuple[str, ...]] = Counter()
            with path.open(encoding=encoding, newline="") as file:
                for number, row in enumerate(csv.DictReader(file, delimiter=delimiter), 1):
                    if (f"back_office/{path.name}", number) in broken:
                        continue
                    key = tuple(map(str, row.values()))
                    here[key] += 1
                    if here[key] > known[key]:
                        found.append(row)
            known |= here
        assert found, name
        return found


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

    def rows(self, query: str, *parameters: object) -> list[Record]:
        """Rows of a query by the names of its columns."""
        with duckdb.connect(str(self.release / "marts.duckdb"), read_only=True) as connection:
            cursor = connection.execute(query, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def kpi(self, metric: str) -> tuple[Any, int]:
        """Value and n of a metric on the last day, of everybody on all channels."""
        value, n = self.one(
            "select value, n from kpis_daily where metric = ? and date = as_of "
            "and segment = 'all' and channel = 'all'",
            metric,
        )
        return value, n

    @functools.cached_property
    def as_of(self) -> date:
        """The day that the release speaks for."""
        day: date = self.one("select max(as_of) from customers")
        return day

    @functools.cached_property
    def _owners(self) -> dict[tuple[str, str], list[tuple[datetime, datetime, str]]]:
        found = defaultdict(list)
        for kind, identifier, since, until, customer in self.ask(
            "select distinct identifier_type, identifier, "
            "coalesce(valid_from, '1970-01-01'::timestamp), "
            "coalesce(valid_to, '9999-12-31'::timestamp), customer_id from customer_identities "
            "where id_space != 'hubspot'"
        ):
            found[kind, identifier].append((since, until, customer))
        return found

    def owner(self, kind: str, identifier: str, at: datetime) -> str | None:
        """The customer whose a mail address (in the clear) or a number of the shop was then.

        The first owner has had it since ever, whatever the day it was first seen.
        """
        value = self.email_key(identifier) if kind == "email" else identifier
        owners = sorted(self._owners.get((kind, value), ()))
        return next((customer for _, until, customer in owners if at < until), None)

    def seed(self, name: str) -> list[dict[str, str]]:
        """A seed, which is configuration: definitions that a company may read and change."""
        path = ROOT / "dbt_project" / "seeds" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

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

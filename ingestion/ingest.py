"""Ingest one source: every file that is new goes landing -> preflight -> typed raw Parquet -> ledger.

A file that cannot be read fails its source at the end, after the good files went through; a row that breaks its
contract goes to quarantine. When a mapping changes, the deliveries read by the old one are read again from landing.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import pyarrow as pa

from ingestion.conversion import Converted, Origin, convert
from ingestion.landing import ExportFile, Landed, UnreadableFile, land, list_files, matches, sweep
from ingestion.ledger import Amount, Delivery, Ledger, SourceRun, open_ledger
from ingestion.personal_data import Keyring, key_fingerprint, load_key
from ingestion.preflight import file_format, plain_bytes
from ingestion.raw_parquet import quarantine_schema, write_delivery
from ingestion.reading import Records, csv_lines, read_records
from ingestion.settings import FileMapping, Settings, SourceSettings, source_root
from ingestion.sources import ALL

# Raised when the meaning of raw columns changes, so that earlier deliveries are read again.
READER_VERSION = 1


class SourceFailed(Exception):
    """A source could not be taken in whole; the message lists every file with place, cause and next step."""


@dataclass(frozen=True)
class Ingested:
    """What an ingest of a source did."""

    source: str
    files: int
    new_files: int
    rows_accepted: int
    rows_quarantined: int


@dataclass(frozen=True)
class _Reading:
    """One file mapping with the fingerprint of how it reads."""

    mapping: FileMapping
    entry: int
    fill_down: str | None
    provisional: str | None
    fingerprint: str


def ingest(
    settings: Settings,
    exports: str,
    source_name: str,
    now: datetime,
    progress: Callable[[str], None] = lambda text: None,
) -> Ingested:
    """Take in what is new of one source. Raises SourceFailed after doing all that can be done."""
    source = settings.source(source_name)
    key = load_key(settings.home)
    readings = _readings(settings, source, key)
    staging = settings.home / "_staging" / f"{source.name}-{os.getpid()}-{secrets.token_hex(4)}"
    with open_ledger(settings.home) as ledger:
        try:
            result = _ingest(
                settings, exports, source, readings, Keyring(key), ledger, staging, now, progress
            )
        except (SourceFailed, UnreadableFile) as error:
            ledger.record_run(SourceRun(source.name, now.isoformat(), "failed", str(error)))
            raise
        finally:
            sweep(staging)
        ledger.record_run(SourceRun(source.name, now.isoformat(), "done", ""))
    return result


def _readings(settings: Settings, source: SourceSettings, key: bytes) -> list[_Reading]:
    exports = {f"{source.vendor}_{item.object}": item for item in ALL[source.vendor].objects}
    readings = []
    entries: Counter[str] = Counter()
    for mapping in source.files:
        export = exports[mapping.contract.table]
        parts = (
            str(READER_VERSION),
            mapping.fingerprint(),
            source.id_space,
            settings.reporting_currency,
            key_fingerprint(key),
        )
        fingerprint = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        entry = entries[mapping.contract.table]
        entries[mapping.contract.table] += 1
        readings.append(_Reading(mapping, entry, export.fill_down, export.provisional, fingerprint))
    return readings


def _ingest(
    settings: Settings,
    exports: str,
    source: SourceSettings,
    readings: Sequence[_Reading],
    keyring: Keyring,
    ledger: Ledger,
    staging: Path,
    now: datetime,
    progress: Callable[[str], None],
) -> Ingested:
    root = source_root(exports, source.path)
    patterns = [pattern for reading in readings for pattern in reading.mapping.patterns]
    try:
        files = list_files(root, patterns)
    except FileNotFoundError:
        raise SourceFailed(
            f"source {source.name}: {root} does not exist. Deliver the exports there, or correct "
            f"sources.{source.name}.path in rapport.yml"
        ) from None
    known = {
        (item.object, item.entry, item.sha256): item for item in _originals(ledger, source.name)
    }
    if not files and not known:
        raise SourceFailed(
            f"source {source.name}: no file in {root} matches {', '.join(patterns)}. Deliver the "
            "exports there, or correct the pattern in rapport.yml"
        )
    work = _Work(settings, source, keyring, ledger, staging, now, known)
    faults: list[str] = []
    rows = [0, 0]
    new_files = 0
    current = _current_reading(readings)
    seen = ledger.seen(source.name)
    for number, file in enumerate(files, 1):
        if seen.get(file.name) == (file.size, file.changed, current):
            continue
        try:
            for delivery in work.take(file, readings, current):
                rows[0] += delivery.rows_delivered - delivery.rows_quarantined
                rows[1] += delivery.rows_quarantined
                new_files += 1
        except UnreadableFile as error:
            faults.append(str(error))
        progress(f"{source.name}: {number} of {len(files)} files")
    work.reread(readings, {file.name for file in files}, faults)
    if faults:
        raise SourceFailed(
            f"source {source.name}: {len(faults)} of {len(files)} files cannot be read\n  "
            + "\n  ".join(faults)
        )
    return Ingested(source.name, len(files), new_files, rows[0], rows[1])


def _originals(ledger: Ledger, source: str) -> Iterator[Delivery]:
    return (item for item in ledger.deliveries(source) if item.status != "duplicate")


def _current_reading(readings: Sequence[_Reading]) -> str:
    return "-".join(reading.fingerprint for reading in readings)


@dataclass(frozen=True)
class _Work:
    settings: Settings
    source: SourceSettings
    keyring: Keyring
    ledger: Ledger
    staging: Path
    now: datetime
    known: dict[tuple[str, int, str], Delivery]

    def take(self, file: ExportFile, readings: Sequence[_Reading], current: str) -> list[Delivery]:
        """Land a file and read it for every mapping whose pattern it matches."""
        landed = land(file, self.settings.home / "landing" / self.source.name, self.staging)
        entries = []
        for reading in readings:
            if not matches(file.name, reading.mapping.patterns):
                continue
            place = (reading.mapping.contract.table, reading.entry, landed.sha256)
            earlier = self.known.get(place)
            if earlier is None or earlier.reading != reading.fingerprint:
                entries.append(self._read(file.name, landed, reading, earlier))
            elif earlier.file_name != file.name:
                entries.append((_repeated(earlier, file.name, self.now), ()))
        mark = (file.name, file.size, file.changed, current)
        self.ledger.record(self.source.name, mark, entries)
        for delivery, _ in entries:
            if delivery.status != "duplicate":
                self.known[(delivery.object, delivery.entry, delivery.sha256)] = delivery
        return [delivery for delivery, _ in entries if delivery.status != "duplicate"]

    def reread(self, readings: Sequence[_Reading], present: set[str], faults: list[str]) -> None:
        """Deliveries whose files are gone but whose mapping changed are read again from landing."""
        by_entry = {(item.mapping.contract.table, item.entry): item for item in readings}
        for earlier in list(self.known.values()):
            reading = by_entry.get((earlier.object, earlier.entry))
            if reading is None or earlier.reading == reading.fingerprint:
                continue
            name = PurePosixPath(earlier.file_name).name
            path = self.settings.home / "landing" / self.source.name / earlier.sha256 / name
            try:
                landed = Landed(path, earlier.sha256, earlier.bytes)
                entry = self._read(earlier.file_name, landed, reading, earlier)
            except UnreadableFile as error:
                faults.append(str(error))
                continue
            self.ledger.record(self.source.name, None, [entry])

    def _read(
        self, name: str, landed: Landed, reading: _Reading, earlier: Delivery | None
    ) -> tuple[Delivery, Sequence[Amount]]:
        mapping = reading.mapping
        contract = mapping.contract
        delivery_id = _delivery_id(
            self.source.name, contract.table, str(reading.entry), landed.sha256
        )
        received_at = datetime.fromisoformat(earlier.received_at) if earlier else self.now
        origin = Origin(self.source, delivery_id, self.settings.reporting_currency, received_at)
        kind = file_format(name, mapping)
        plain = plain_bytes(landed.path, name, self.staging)
        records = read_records(plain, name, kind, mapping, self.staging)
        written = write_delivery(
            self.settings.home,
            self.staging,
            contract,
            delivery_id,
            _with_lines(
                convert(records, mapping, origin, self.keyring, reading.fill_down), records, mapping
            ),
            _skipped(records, origin, mapping),
        )
        delivered = written.rows_accepted + written.rows_quarantined
        return (
            Delivery(
                delivery_id=delivery_id,
                source=self.source.name,
                object=contract.table,
                entry=reading.entry,
                file_name=name,
                sha256=landed.sha256,
                bytes=landed.size,
                version_key=version_key(name, reading.provisional),
                reading=reading.fingerprint,
                received_at=received_at.isoformat(),
                rows_in_file=delivered + written.rows_filtered,
                rows_filtered=written.rows_filtered,
                rows_delivered=delivered,
                rows_quarantined=written.rows_quarantined,
                data_from=written.data_from,
                data_through=written.data_through,
                status=earlier.status if earlier else "accepted",
                status_reason=earlier.status_reason if earlier else "",
            ),
            written.amounts,
        )


def _delivery_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _repeated(earlier: Delivery, name: str, now: datetime) -> Delivery:
    """The same bytes under another name: entered once, counted as duplicate, read never."""
    return Delivery(
        delivery_id=_delivery_id(
            earlier.source, earlier.object, str(earlier.entry), earlier.sha256, name
        ),
        source=earlier.source,
        object=earlier.object,
        entry=earlier.entry,
        file_name=name,
        sha256=earlier.sha256,
        bytes=earlier.bytes,
        version_key=earlier.version_key,
        reading=earlier.reading,
        received_at=now.isoformat(),
        rows_in_file=earlier.rows_in_file,
        rows_filtered=earlier.rows_filtered,
        rows_delivered=earlier.rows_delivered,
        rows_quarantined=0,
        data_from=earlier.data_from,
        data_through=earlier.data_through,
        duplicate_of=earlier.delivery_id,
        status="duplicate",
    )


def version_key(name: str, provisional: str | None) -> str:
    """The order of file names: numbers count as numbers, provisional files come before final ones."""
    last = PurePosixPath(name).name.lower()
    natural = re.sub(r"\d+", lambda number: number[0].zfill(20), last)
    return ("0" if provisional and provisional in last else "1") + natural


def _with_lines(
    batches: Iterable[Converted], records: Records, mapping: FileMapping
) -> Iterator[Converted]:
    """Quarantined rows of delimited text get the line they stand on."""
    for batch in batches:
        if batch.quarantined.num_rows and records.text is not None:
            rows = batch.quarantined["quarantine_row"].to_pylist()
            found = csv_lines(records.text, mapping, rows)
            lines = pa.array([found.get(row) for row in rows], pa.int64())
            place = batch.quarantined.schema.get_field_index("quarantine_line")
            batch = replace(
                batch, quarantined=batch.quarantined.set_column(place, "quarantine_line", lines)
            )
        yield batch


def _skipped(records: Records, origin: Origin, mapping: FileMapping) -> Iterator[pa.Table]:
    """Records with the wrong number of fields, as quarantine rows with their line."""
    if not records.bad or records.text is None:
        return
    schema = quarantine_schema(mapping.contract)
    lines = csv_lines(records.text, mapping, [bad.row for bad in records.bad])
    columns: dict[str, list[object]] = {name: [None] * len(records.bad) for name in schema.names}
    columns["quarantine_row"] = [bad.row for bad in records.bad]
    columns["quarantine_line"] = [lines.get(bad.row) for bad in records.bad]
    columns["quarantine_reason"] = [bad.reason for bad in records.bad]
    columns["source"] = [origin.source.name] * len(records.bad)
    columns["id_space"] = [origin.source.id_space] * len(records.bad)
    columns["delivery_id"] = [origin.delivery_id] * len(records.bad)
    columns["delivery_row"] = list(columns["quarantine_row"])
    yield pa.table(columns, schema=schema)

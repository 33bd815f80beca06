"""Taking in: one file of a source becomes a delivery per mapping, and everything is entered in the
ledger.

Nothing counts before its ledger entry, and no entry is made before the files it speaks of are
durable. A run that is killed anywhere leaves only work that the next run does anew.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ingestion.conversion import Origin, convert
from ingestion.delimited_text import IrregularText
from ingestion.json_documents import JsonEngine
from ingestion.known_deliveries import KnownDeliveries, names_a_day, version_key
from ingestion.landing import (
    ExportFile,
    Landed,
    UnreadableFile,
    land,
    landed_before,
    matches,
    sync_folder,
)
from ingestion.ledger import Delivery, Entry, Ledger, SeenFile
from ingestion.personal_data import Keyring
from ingestion.preflight import file_format, plain_bytes
from ingestion.raw_parquet import Written, quarantine_path, raw_path, write_delivery
from ingestion.reading import read_records
from ingestion.settings import FileMapping, Settings, SourceSettings
from ingestion.source import ObjectExport

# Files whose entries are written in one transaction: a commit costs as much as reading a small
# file.
_FILES_PER_COMMIT = 25


@dataclass(frozen=True)
class Reading:
    """A file mapping, its number among those of its contract, and the fingerprint of how it
    reads.
    """

    mapping: FileMapping
    entry: int
    export: ObjectExport
    fingerprint: str

    @property
    def table(self) -> str:
        """The raw table that the rows go to."""
        return self.mapping.contract.table


@dataclass(frozen=True)
class Work:
    """One ingest: what it needs, and what it has done so far.

    ``faults``: what cannot be read. ``done``: the new entries. ``entries``, ``files`` and
    ``returned`` (deliveries with their new arrival) wait for the next commit.
    """

    settings: Settings
    source: SourceSettings
    readings: Sequence[Reading]
    keyring: Keyring
    ledger: Ledger
    engine: JsonEngine
    staging: Path
    now: datetime
    known: KnownDeliveries
    arrivals: Iterator[int]
    faults: list[str] = field(default_factory=list)
    tried: set[tuple[str, int, str]] = field(default_factory=set)
    done: list[Entry] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    files: list[SeenFile] = field(default_factory=list)
    returned: dict[str, int] = field(default_factory=dict)

    @property
    def landing(self) -> Path:
        """Where the source's files are landed."""
        return self.settings.home / "landing" / self.source.name

    def all_readings(self) -> str:
        """The fingerprint of all mappings together: a file that was seen under another is looked at
        again.
        """
        return "-".join(reading.fingerprint for reading in self.readings)


def begin(
    settings: Settings,
    source: SourceSettings,
    readings: Sequence[Reading],
    keyring: Keyring,
    ledger: Ledger,
    engine: JsonEngine,
    staging: Path,
    now: datetime,
) -> Work:
    """Work on what the ledger knows so far."""
    known = KnownDeliveries(ledger.deliveries(source.name))
    arrivals = itertools.count(known.last_arrival() + 1)
    return Work(settings, source, readings, keyring, ledger, engine, staging, now, known, arrivals)


def take(work: Work, file: ExportFile, mark: SeenFile) -> None:
    """Land a file and read it for every mapping whose pattern it matches; what cannot be read is a
    fault.
    """
    try:
        landed = land(file, work.landing, work.staging)
    except UnreadableFile as error:
        work.faults.append(str(error))
        return
    faults = len(work.faults)
    for reading in work.readings:
        if matches(file.name, reading.mapping.patterns):
            _enter(work, file.name, landed, reading)
    if len(work.faults) == faults:
        work.files.append(mark)
    if len(work.entries) >= _FILES_PER_COMMIT:
        commit(work)


def read_again(work: Work) -> None:
    """Whatever was landed once and is not read as rapport.yml now says is read again from
    landing.
    """
    landed = sorted({(item.file_name, item.sha256) for item in work.known})
    for name, sha256 in landed:
        for reading in work.readings:
            earlier = work.known.of_content(reading.table, reading.entry, sha256)
            if (
                not matches(name, reading.mapping.patterns)
                or (reading.table, reading.entry, sha256) in work.tried
                or (earlier is not None and _is_current(work, earlier, reading))
            ):
                continue
            try:
                _read(work, name, landed_before(work.landing, sha256, name), reading, earlier)
            except UnreadableFile as error:
                work.faults.append(str(error))


def commit(work: Work) -> None:
    """Make what is done durable, then enter it; only then are raw files that it replaces of no
    use.
    """
    tables = {entry.delivery.object for entry in work.entries}
    kinds = [
        work.settings.home / kind / table for kind in ("raw", "quarantine") for table in tables
    ]
    for folder in (work.landing, *kinds):
        if folder.exists():
            sync_folder(folder)
    work.ledger.record(work.source.name, work.entries, work.files, work.returned)
    for done in (work.entries, work.files, work.returned):
        done.clear()
    _remove_replaced(work)


def _remove_replaced(work: Work) -> None:
    """Raw files of an earlier reading; a run that was killed may have left some."""
    replaced = work.ledger.replaced(work.source.name)
    for table, delivery_id in replaced:
        for path in (raw_path, quarantine_path):
            path(work.settings.home, table, delivery_id).unlink(missing_ok=True)
    if replaced:
        work.ledger.forget_replaced(work.source.name)


def _enter(work: Work, name: str, landed: Landed, reading: Reading) -> None:
    """One delivery of a landed file: new, or known already under this name or another."""
    work.tried.add((reading.table, reading.entry, landed.sha256))
    earlier = work.known.of_content(reading.table, reading.entry, landed.sha256)
    if earlier is None or not _is_current(work, earlier, reading):
        try:
            # Bytes that came before keep the name under which they came first.
            _read(work, earlier.file_name if earlier else name, landed, reading, earlier)
        except UnreadableFile as error:
            work.faults.append(str(error))
            return
    first = work.known.of_content(reading.table, reading.entry, landed.sha256)
    if first is not None and first.file_name != name:
        _add(work, Entry(_repeated(first, name, work.now)))
    elif earlier is not None and not _is_newest(work, earlier):
        # An older content of this name is back: it is the latest word again.
        returned = replace(earlier, arrival=next(work.arrivals))
        work.returned[returned.delivery_id] = returned.arrival
        work.known.add(returned)


def _is_current(work: Work, delivery: Delivery, reading: Reading) -> bool:
    """Read by this mapping and key, and still on disk."""
    path = raw_path(work.settings.home, reading.table, delivery.delivery_id)
    return delivery.reading == reading.fingerprint and path.exists()


def _is_newest(work: Work, delivery: Delivery) -> bool:
    newest = work.known.newest_of_name(delivery.object, delivery.entry, delivery.file_name)
    return newest is None or newest.sha256 == delivery.sha256


def _read(
    work: Work, name: str, landed: Landed, reading: Reading, earlier: Delivery | None
) -> None:
    """Read a landed file; ``earlier`` is its delivery as this mapping read it before a change."""
    contract = reading.mapping.contract
    identity = (work.source.name, reading.table, str(reading.entry), landed.sha256)
    # A mapping that is new, or has moved, does not make old bytes newer than what came since.
    first = earlier or work.known.first_of_content(landed.sha256)
    received_at = datetime.fromisoformat(first.received_at) if first else work.now
    origin = Origin(
        source=work.source,
        delivery_id=short_hash(*identity, reading.fingerprint),
        reporting_currency=work.settings.reporting_currency,
        received_at=received_at,
    )
    try:
        written, header = _written(work, name, landed, reading, origin, careful=False)
    except IrregularText:
        written, header = _written(work, name, landed, reading, origin, careful=True)
    delivered = written.rows_accepted + written.rows_quarantined
    delivery = Delivery(
        delivery_id=origin.delivery_id,
        source=work.source.name,
        object=contract.table,
        entry=reading.entry,
        file_name=name,
        sha256=landed.sha256,
        bytes=landed.size,
        version_key=version_key(name, reading.export.provisional),
        arrival=first.arrival if first else next(work.arrivals),
        reading=reading.fingerprint,
        received_at=received_at.isoformat(),
        rows_in_file=delivered + written.rows_filtered,
        rows_filtered=written.rows_filtered,
        rows_delivered=delivered,
        rows_quarantined=written.rows_quarantined,
        data_from=written.data_from,
        data_through=written.data_through,
        raw_sha256=written.raw_sha256,
        header=json.dumps(header) if header else "",
        status=earlier.status if earlier else "accepted",
        status_reason=earlier.status_reason if earlier else "",
    )
    replaced = earlier.delivery_id if earlier else None
    _add(work, Entry(delivery, written.amounts, _notes(work, delivery, reading, written), replaced))


def _written(
    work: Work, name: str, landed: Landed, reading: Reading, origin: Origin, careful: bool
) -> tuple[Written, tuple[str, ...] | None]:
    mapping = reading.mapping
    kind = file_format(name, mapping)
    plain = plain_bytes(landed.path, name, work.staging)
    records = read_records(plain, name, kind, mapping, work.staging, work.engine, careful)
    converted = convert(records, mapping, origin, work.keyring, reading.export.fill_down)
    written = write_delivery(
        work.settings.home, work.staging, mapping.contract, origin.delivery_id, converted
    )
    return written, records.header


def _repeated(first: Delivery, name: str, now: datetime) -> Delivery:
    """The same bytes under another name: entered once, counted as duplicate, read never."""
    return replace(
        first,
        delivery_id=short_hash(first.source, first.object, str(first.entry), first.sha256, name),
        file_name=name,
        received_at=now.isoformat(),
        rows_quarantined=0,
        duplicate_of=first.delivery_id,
        status="duplicate",
        status_reason="",
    )


def _add(work: Work, entry: Entry) -> None:
    work.entries.append(entry)
    work.done.append(entry)
    if entry.delivery.status != "duplicate":
        work.known.add(entry.delivery)


def short_hash(*parts: str) -> str:
    """16 hex digits that tell lists of texts apart."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


# --- what is odd about a delivery without being wrong


def _notes(work: Work, delivery: Delivery, reading: Reading, written: Written) -> tuple[str, ...]:
    notes = [
        f"{column}: {count} texts are not of that kind; kept as unknown"
        for column, count in sorted(written.unknown.items())
    ]
    if delivery.rows_delivered == 0:
        notes.append("no rows")
    if delivery.header:
        header = frozenset(json.loads(delivery.header))
        notes += _missing_fields(reading.mapping, header)
        notes += _drift(work, delivery, header)
    if _counts_beside_its_own_name(work, delivery, reading.mapping.mode):
        notes.append(
            "a file of this name came before with other content, and both count. If the export "
            "grows or is written anew each time, declare mode: snapshot or upsert"
        )
    return tuple(notes)


def _missing_fields(mapping: FileMapping, header: frozenset[str]) -> list[str]:
    """Optional columns that rapport.yml maps from fields that the file does not have."""
    fields = {column: mapping.rules[column].fields() for column in mapping.declared}
    return [
        f"no field {' or '.join(map(repr, names))} for {column}"
        for column, names in fields.items()
        if names and not header.intersection(names)
    ]


def _drift(work: Work, delivery: Delivery, header: frozenset[str]) -> list[str]:
    """Fields that came or went since the file that arrived before this one."""
    last = work.known.last(delivery.object, delivery.entry)
    if last is None or not last.header or last.arrival >= delivery.arrival:
        return []
    before = frozenset(json.loads(last.header))
    changes = (("new field", header - before), ("field gone", before - header))
    return [f"{word}: {', '.join(sorted(names))}" for word, names in changes if names]


def _counts_beside_its_own_name(work: Work, delivery: Delivery, mode: str) -> bool:
    if mode != "append" or names_a_day(delivery.file_name):
        return False
    newest = work.known.newest_of_name(delivery.object, delivery.entry, delivery.file_name)
    return newest is not None and newest.sha256 != delivery.sha256

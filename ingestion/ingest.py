"""Ingest one source: every file that is new goes landing -> preflight -> typed raw Parquet -> ledger.

A file that cannot be read fails its source at the end, after the good files went through; a row that breaks its
contract goes to quarantine. When a mapping changes, the deliveries read by the old one are read again from landing.
Killed anywhere and run again, the result is that of a run that was never killed: what is not in the ledger is done anew.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import duckdb

from ingestion.conversion import Origin, convert
from ingestion.delimited_text import IrregularText
from ingestion.landing import (
    ExportFile,
    Landed,
    UnreadableFile,
    land,
    landed_before,
    list_files,
    matches,
)
from ingestion.ledger import Delivery, Entry, Ledger, SeenFile, SourceRun, open_ledger
from ingestion.personal_data import Keyring, key_fingerprint, load_key
from ingestion.preflight import file_format, plain_bytes
from ingestion.raw_parquet import Written, quarantine_path, raw_path, write_delivery
from ingestion.reading import json_engine, read_records
from ingestion.settings import FileMapping, Settings, SourceSettings
from ingestion.source import ObjectExport
from ingestion.sources import ALL
from ingestion.timestamps import naive_utc

# Raised when the meaning of raw columns changes, so that earlier deliveries are read again.
READER_VERSION = 1

# Files whose entries are written in one transaction: a commit costs as much as reading a small file.
_FILES_PER_COMMIT = 25

# A path whose last part or folders carry a day: 2026-05-14, 20260514, year=2026/month=05/day=14.
DATED = re.compile(
    r"(19|20)\d{2}[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])"
    r"|year=\d{4}/month=\d{1,2}/day=\d{1,2}"
)

# What a full disk is called: by the system, and by the limits that stand for one.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourceFailed(Exception):
    """A source could not be taken in whole; the message lists every file with place, cause and next step."""


@dataclass(frozen=True)
class Ingested:
    """What an ingest of a source did.

    ``notes``: what is odd about the new files without being wrong. ``ignored``: files that no pattern matches.
    """

    source: str
    files: int
    new_files: int
    rows_accepted: int
    rows_quarantined: int
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """A file mapping, its number among those of its contract, and the fingerprint of how it reads."""

    mapping: FileMapping
    entry: int
    export: ObjectExport
    fingerprint: str


@dataclass(frozen=True)
class _Run:
    """One ingest: its inputs, and what it has found out and done so far.

    ``known``: deliveries by object, entry and content. ``entries``, ``files``: not yet in the ledger. ``done``: new
    deliveries. ``faults``: files that cannot be read. ``replaced``: raw files that nobody needs once it is committed.
    """

    settings: Settings
    source: SourceSettings
    readings: Sequence[_Reading]
    keyring: Keyring
    ledger: Ledger
    engine: duckdb.DuckDBPyConnection
    staging: Path
    now: datetime
    known: dict[tuple[str, int, str], Delivery]
    entries: list[Entry] = field(default_factory=list)
    files: list[SeenFile] = field(default_factory=list)
    done: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    replaced: list[Path] = field(default_factory=list)

    @property
    def landing(self) -> Path:
        return self.settings.home / "landing" / self.source.name

    @property
    def reading_of_all(self) -> str:
        return "-".join(reading.fingerprint for reading in self.readings)


def ingest(
    settings: Settings,
    exports: str,
    source_name: str,
    now: datetime,
    progress: Callable[[str], None] = lambda text: None,
) -> Ingested:
    """Take in what is new of one source. Raises SourceFailed after doing all that can be done."""
    source = settings.source(source_name)
    moment = naive_utc(now)
    key = load_key(settings.home)
    with _alone(settings.home, source.name) as staging, open_ledger(settings.home) as ledger:
        engine = json_engine()
        try:
            run = _Run(
                settings=settings,
                source=source,
                readings=_readings(settings, source, key),
                keyring=Keyring(key),
                ledger=ledger,
                engine=engine,
                staging=staging,
                now=moment,
                known={
                    (item.object, item.entry, item.sha256): item
                    for item in ledger.deliveries(source.name)
                    if item.status != "duplicate"
                },
            )
            result = _ingest(run, exports, progress)
        except SourceFailed as error:
            ledger.record_run(SourceRun(source.name, moment.isoformat(), "failed", str(error)))
            raise
        except (OSError, sqlite3.OperationalError) as error:
            raise _our_fault(source.name, settings.home, error) from error
        finally:
            engine.close()
        ledger.record_run(SourceRun(source.name, moment.isoformat(), "done", ""))
    return result


@contextmanager
def _alone(home: Path, source: str) -> Iterator[Path]:
    """An empty staging folder, while no other run works on the source: a second one waits here.

    The kernel gives the lock back when its holder dies, so that none can be left over.
    """
    locks, staging = home / "_locks", home / "_staging" / f"ingest-{source}"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / source).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What a killed run left.
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            yield staging
        finally:
            shutil.rmtree(staging)


def _our_fault(source: str, home: Path, error: Exception) -> Exception:
    """Trouble of the data home, not of a file: a full disk in words, anything else as it is."""
    full = isinstance(error, OSError) and error.errno in _NO_SPACE
    if full or "full" in str(error) or "File too large" in str(error):
        return SourceFailed(
            f"source {source}: no space left in {home} ({error}). Nothing half-written counts. "
            "Free space and run again: what is done is kept"
        )
    return error


def _readings(settings: Settings, source: SourceSettings, key: bytes) -> list[_Reading]:
    exports = {f"{source.vendor}_{item.object}": item for item in ALL[source.vendor].objects}
    readings = []
    entries: Counter[str] = Counter()
    for mapping in source.files:
        export = exports[mapping.contract.table]
        parts = (
            READER_VERSION,
            mapping.reading_text(),
            export.fill_down,
            source.id_space,
            settings.reporting_currency,
            key_fingerprint(key),
        )
        readings.append(
            _Reading(mapping, entries[mapping.contract.table], export, _hash16(repr(parts)))
        )
        entries[mapping.contract.table] += 1
    return readings


def _ingest(run: _Run, exports: str, progress: Callable[[str], None]) -> Ingested:
    found = _found_files(run, _root(exports, run.source.path))
    patterns = [pattern for reading in run.readings for pattern in reading.mapping.patterns]
    files = [file for file in found if matches(file.name, patterns)]
    if not files and not run.known:
        raise SourceFailed(
            f"source {run.source.name}: no file in {_root(exports, run.source.path)} matches "
            f"{', '.join(patterns)}. Deliver the exports there, or correct the pattern in rapport.yml"
        )
    seen = run.ledger.seen(run.source.name)
    for number, file in enumerate(files, 1):
        mark = SeenFile(file.name, file.size, file.changed, run.reading_of_all)
        if seen.get(file.name) != mark:
            _take(run, file, mark)
        progress(f"{run.source.name}: {number} of {len(files)} files")
    _read_again(run)
    _commit(run)
    if run.faults:
        raise SourceFailed(
            f"source {run.source.name}: {len(run.faults)} of {len(files)} files cannot be read\n  "
            + "\n  ".join(run.faults)
        )
    return _summary(run, found, files)


def _summary(run: _Run, found: Sequence[ExportFile], files: Sequence[ExportFile]) -> Ingested:
    taken = [entry.delivery for entry in run.done if entry.delivery.status != "duplicate"]
    rejected = sum(delivery.rows_quarantined for delivery in taken)
    return Ingested(
        source=run.source.name,
        files=len(files),
        new_files=len(taken),
        rows_accepted=sum(delivery.rows_delivered for delivery in taken) - rejected,
        rows_quarantined=rejected,
        notes=tuple(
            f"{entry.delivery.file_name}: {note}" for entry in run.done for note in entry.notes
        ),
        ignored=tuple(ascii(file.name)[1:-1] for file in found if file not in files),
    )


def _found_files(run: _Run, root: str) -> list[ExportFile]:
    try:
        return list_files(root)
    except FileNotFoundError:
        cause = "does not exist"
    except (OSError, ValueError, ImportError) as error:
        cause = f"cannot be listed: {error}"
    raise SourceFailed(
        f"source {run.source.name}: {root} {cause}. Deliver the exports there, or correct "
        f"sources.{run.source.name}.path in rapport.yml"
    )


def _root(exports: str, path: str) -> str:
    if "://" in path or Path(path).is_absolute():
        return path
    return f"{exports.rstrip('/')}/{path}" if "://" in exports else str(Path(exports, path))


# --- one file


def _take(run: _Run, file: ExportFile, mark: SeenFile) -> None:
    """Land a file and read it for every mapping whose pattern it matches; what cannot be read is a fault."""
    try:
        landed = land(file, run.landing, run.staging)
    except UnreadableFile as error:
        run.faults.append(str(error))
        return
    faults = len(run.faults)
    for reading in run.readings:
        if matches(file.name, reading.mapping.patterns):
            _enter(run, file.name, landed, reading)
    if len(run.faults) == faults:
        run.files.append(mark)
    if len(run.files) >= _FILES_PER_COMMIT:
        _commit(run)


def _enter(run: _Run, name: str, landed: Landed, reading: _Reading) -> None:
    """One delivery of a landed file: read, or known already under this name or another."""
    earlier = run.known.get((reading.mapping.contract.table, reading.entry, landed.sha256))
    try:
        if earlier is None or _is_outdated(run, earlier, reading):
            _read(run, earlier.file_name if earlier else name, landed, reading, earlier)
        elif earlier.file_name != name:
            _add(run, Entry(_repeated(earlier, name, run.now)))
        elif _newest_of_its_name(run, earlier) is not earlier:
            # An older content of this name is back: it is the latest word again.
            _add(run, Entry(replace(earlier, arrival=_next_arrival(run)), *_kept(run, earlier)))
    except UnreadableFile as error:
        run.faults.append(str(error))


def _is_outdated(run: _Run, delivery: Delivery, reading: _Reading) -> bool:
    """Read by another mapping or key, or its rows are gone from disk."""
    table = reading.mapping.contract.table
    is_there = raw_path(run.settings.home, table, delivery.delivery_id).exists()
    return delivery.reading != reading.fingerprint or not is_there


def _newest_of_its_name(run: _Run, delivery: Delivery) -> Delivery:
    place = (delivery.object, delivery.entry, delivery.file_name)
    same = (item for item in run.known.values() if (item.object, item.entry, item.file_name) == place)
    return max(same, key=lambda item: item.arrival)


def _kept(run: _Run, delivery: Delivery) -> tuple[tuple[Amount, ...], tuple[str, ...]]:
    raise NotImplementedError


def _read_again(run: _Run) -> None:
    """Whatever was landed once and is not in force as rapport.yml now reads it is read again from landing."""
    landed = {(item.file_name, item.sha256) for item in run.known.values()}
    for name, sha256 in sorted(landed):
        for reading in run.readings:
            place = (reading.mapping.contract.table, reading.entry, sha256)
            earlier = run.known.get(place)
            if not matches(name, reading.mapping.patterns):
                continue
            if earlier is not None and not _is_outdated(run, earlier, reading):
                continue
            try:
                _read(run, name, landed_before(run.landing, sha256, name), reading, earlier)
            except UnreadableFile as error:
                run.faults.append(str(error))


def _read(
    run: _Run, name: str, landed: Landed, reading: _Reading, earlier: Delivery | None
) -> None:
    contract = reading.mapping.contract
    delivery_id = _hash16(
        run.source.name, contract.table, str(reading.entry), landed.sha256, reading.fingerprint
    )
    received_at = datetime.fromisoformat(earlier.received_at) if earlier else run.now
    origin = Origin(run.source, delivery_id, run.settings.reporting_currency, received_at)
    try:
        written, header = _converted(run, name, landed, reading, origin, careful=False)
    except IrregularText:
        written, header = _converted(run, name, landed, reading, origin, careful=True)
    delivered = written.rows_accepted + written.rows_quarantined
    delivery = Delivery(
        delivery_id=delivery_id,
        source=run.source.name,
        object=contract.table,
        entry=reading.entry,
        file_name=name,
        sha256=landed.sha256,
        bytes=landed.size,
        version_key=version_key(name, reading.export.provisional),
        arrival=earlier.arrival if earlier else _next_arrival(run),
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
    notes = _notes(run, delivery, reading, written)
    _add(run, Entry(delivery, written.amounts, notes, earlier and earlier.delivery_id))
    if earlier and earlier.delivery_id != delivery_id:
        for path in (raw_path, quarantine_path):
            run.replaced.append(path(run.settings.home, contract.table, earlier.delivery_id))


def _converted(
    run: _Run, name: str, landed: Landed, reading: _Reading, origin: Origin, careful: bool
) -> tuple[Written, tuple[str, ...] | None]:
    mapping = reading.mapping
    kind = file_format(name, mapping)
    plain = plain_bytes(landed.path, name, run.staging)
    records = read_records(plain, name, kind, mapping, run.staging, run.engine, careful)
    written = write_delivery(
        run.settings.home,
        run.staging,
        mapping.contract,
        origin.delivery_id,
        convert(records, mapping, origin, run.keyring, reading.export.fill_down),
    )
    return written, records.header


def _notes(
    run: _Run, delivery: Delivery, reading: _Reading, written: Written
) -> tuple[str, ...]:
    """What is odd about a delivery without being wrong."""
    notes = [
        f"{column}: {count} texts are none; kept as unknown"
        for column, count in sorted(written.unknown.items())
    ]
    if delivery.header:
        header = set(json.loads(delivery.header))
        mapping = reading.mapping
        for column in mapping.declared:
            fields = mapping.rules[column].fields()
            if fields and not header.intersection(fields):
                notes.append(f"no field {' or '.join(map(repr, fields))} for {column}")
        notes += _drift(run, delivery, header)
    if delivery.rows_delivered == 0:
        notes.append("no rows")
    if (
        reading.mapping.mode == "append"
        and not DATED.search(delivery.file_name)
        and any(
            (item.object, item.entry, item.file_name)
            == (delivery.object, delivery.entry, delivery.file_name)
            and item.sha256 != delivery.sha256
            for item in run.known.values()
        )
    ):
        notes.append(
            "a file of this name came before with other content and both count; if the export grows, "
            "declare mode: snapshot"
        )
    return tuple(notes)


def _drift(run: _Run, delivery: Delivery, header: set[str]) -> list[str]:
    """Fields that came or went since the file that arrived before this one."""
    before = [
        item
        for item in run.known.values()
        if (item.object, item.entry) == (delivery.object, delivery.entry)
        and item.header
        and item.arrival < delivery.arrival
    ]
    if not before:
        return []
    old = set(json.loads(max(before, key=lambda item: item.arrival).header))
    words = [("new field", header - old), ("field is gone", old - header)]
    return [f"{word}: {', '.join(sorted(names))}" for word, names in words if names]


def _repeated(earlier: Delivery, name: str, now: datetime) -> Delivery:
    """The same bytes under another name: entered once, counted as duplicate, read never."""
    return replace(
        earlier,
        delivery_id=_hash16(earlier.delivery_id, name),
        file_name=name,
        received_at=now.isoformat(),
        rows_quarantined=0,
        duplicate_of=earlier.delivery_id,
        status="duplicate",
        status_reason="",
    )


def _add(run: _Run, entry: Entry) -> None:
    run.entries.append(entry)
    run.done.append(entry)
    delivery = entry.delivery
    if delivery.status != "duplicate":
        run.known[(delivery.object, delivery.entry, delivery.sha256)] = delivery


def _commit(run: _Run) -> None:
    """Enter what is done; only then are the raw files that it replaces of no more use."""
    if run.entries or run.files:
        run.ledger.record(run.source.name, run.entries, run.files)
    for path in run.replaced:
        path.unlink(missing_ok=True)
    run.entries.clear()
    run.files.clear()
    run.replaced.clear()


def _next_arrival(run: _Run) -> int:
    return max(run.ledger.last_arrival(), *(item.arrival for item in run.known.values()), 0) + 1


def version_key(name: str, provisional: str | None) -> str:
    """The order of files by name: numbers count as numbers, provisional files come before final ones.

    Where the last part carries no day, the folders count too. ``orders (1).csv`` comes after ``orders.csv``.
    """
    path = PurePosixPath(name.lower())
    last = path.name
    ordered = last if DATED.search(last) else str(path)
    for ending in (".gz", path.with_name(last.removesuffix(".gz")).suffix):
        ordered = ordered.removesuffix(ending)
    natural = re.sub(r"\d+", lambda digits: digits[0].zfill(20), ordered)
    return ("0" if provisional and provisional in last else "1") + natural


def _hash16(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

"""Ingest one source: every file that is new goes landing -> preflight -> typed raw Parquet ->
ledger.

A file that cannot be read fails its source at the end, after the good files went through; a row
that breaks its contract goes to quarantine. When a mapping changes, the deliveries read by the old
one are read again from landing.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.landing import ExportFile, list_files, matches
from ingestion.ledger import SeenFile, SourceRun, open_ledger
from ingestion.personal_data import Keyring, key_fingerprint, load_key
from ingestion.reading import json_engine
from ingestion.settings import Settings, SourceSettings, source_root
from ingestion.sources import ALL
from ingestion.taking_in import Reading, Work, begin, commit, read_again, short_hash, take
from ingestion.timestamps import naive_utc

# Raised when the meaning of raw columns changes, so that earlier deliveries are read again.
READER_VERSION = 1

# A full disk, as the system and the limits that stand for one call it.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourceFailed(Exception):
    """A source could not be taken in whole; the message lists every file with place, cause and next
    step.
    """


@dataclass(frozen=True)
class Ingested:
    """What an ingest of a source did.

    ``notes``: what is odd about the new files without being wrong. ``ignored``: files that no
    pattern matches.
    """

    source: str
    files: int
    new_files: int
    rows_accepted: int
    rows_quarantined: int
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


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
    moment = naive_utc(now)
    run_at = moment.isoformat()
    with (
        _alone(settings.home, source.name) as staging,
        open_ledger(settings.home) as ledger,
        ExitStack() as stack,
    ):
        # Opened for the first JSON file only: most nights of most sources hold none.
        engine = functools.cache(lambda: stack.enter_context(json_engine()))
        work = begin(settings, source, readings, Keyring(key), ledger, engine, staging, moment)
        try:
            result = _ingest(work, source_root(exports, source.path), progress)
        except Exception as error:
            failure = _in_words(error, source.name, settings.home)
            # Where even the ledger cannot be written, the error itself is all there is to tell.
            with suppress(sqlite3.Error, OSError):
                commit(work)
                ledger.record_run(SourceRun(source.name, run_at, "failed", str(failure)))
            raise failure from error
        ledger.record_run(SourceRun(source.name, run_at, "done", ""))
    return result


def _readings(settings: Settings, source: SourceSettings, key: bytes) -> list[Reading]:
    exports = {f"{source.vendor}_{item.object}": item for item in ALL[source.vendor].objects}
    readings = []
    entries: Counter[str] = Counter()
    for mapping in source.files:
        table = mapping.contract.table
        export = exports[table]
        fingerprint = short_hash(
            str(READER_VERSION),
            mapping.reading_text(),
            str(export.fill_down),
            source.id_space,
            settings.reporting_currency,
            key_fingerprint(key),
        )
        readings.append(Reading(mapping, entries[table], export, fingerprint))
        entries[table] += 1
    return readings


@contextmanager
def _alone(home: Path, source: str) -> Iterator[Path]:
    """An empty staging folder, while no other run works on the source: a second one waits here.

    The kernel gives the lock back when its holder dies, so that none can be left over.
    """
    locks, staging = home / "_locks", home / "_staging" / f"ingest-{source}"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / source).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if staging.exists():
            # A run was killed here.
            shutil.rmtree(staging)
        staging.mkdir(parents=True)
        try:
            yield staging
        finally:
            shutil.rmtree(staging)


def _in_words(error: Exception, source: str, home: Path) -> Exception:
    """A disk that is full or fails as what it is; any other error as it came."""
    if isinstance(error, sqlite3.OperationalError):
        cause = "its ledger cannot be written"
    elif isinstance(error, OSError) and error.errno in _NO_SPACE:
        cause = "no space is left"
    else:
        return error
    return SourceFailed(
        f"source {source}: {home}: {cause} ({error}). What is finished is kept, nothing "
        "half-written counts. Free space, or mend the disk, and run again"
    )


def _ingest(work: Work, root: str, progress: Callable[[str], None]) -> Ingested:
    found = _listed(work.source.name, root)
    patterns = [pattern for reading in work.readings for pattern in reading.mapping.patterns]
    files = [file for file in found if matches(file.name, patterns)]
    if not files and not work.known:
        raise SourceFailed(
            f"source {work.source.name}: no file in {root} matches {', '.join(patterns)}. Deliver "
            "the exports there, or correct the pattern in rapport.yml"
        )
    seen = work.ledger.seen(work.source.name)
    for number, file in enumerate(files, 1):
        mark = SeenFile(file.name, file.size, file.changed, work.all_readings())
        if seen.get(file.name) != mark:
            take(work, file, mark)
        progress(f"{work.source.name}: {number} of {len(files)} files")
    read_again(work)
    commit(work)
    if work.faults:
        raise SourceFailed(
            f"source {work.source.name}: not everything of {len(files)} files could be taken in\n  "
            + "\n  ".join(work.faults)
        )
    return _summary(work, found, files)


def _listed(source: str, root: str) -> list[ExportFile]:
    try:
        return list_files(root)
    except FileNotFoundError:
        cause = "does not exist"
    except (OSError, ValueError, ImportError) as error:
        cause = f"cannot be listed: {error}"
    raise SourceFailed(
        f"source {source}: {root} {cause}. Deliver the exports there, or correct "
        f"sources.{source}.path in rapport.yml"
    )


def _summary(work: Work, found: Sequence[ExportFile], files: Sequence[ExportFile]) -> Ingested:
    taken = [entry.delivery for entry in work.done if entry.delivery.status != "duplicate"]
    rejected = sum(delivery.rows_quarantined for delivery in taken)
    matched = {file.name for file in files}
    return Ingested(
        source=work.source.name,
        files=len(files),
        new_files=len(taken),
        rows_accepted=sum(delivery.rows_delivered for delivery in taken) - rejected,
        rows_quarantined=rejected,
        notes=tuple(
            f"{entry.delivery.file_name}: {note}" for entry in work.done for note in entry.notes
        ),
        ignored=tuple(ascii(file.name)[1:-1] for file in found if file.name not in matched),
    )

"""Publish: from the schema `marts` of the warehouse to a release that readers see.

Everything is written to ``published/_staging/<number>-<random>/`` and made durable there; one
rename gives the folder its name, one rename moves the pointer. Killed at any point, readers see the
old release or the new one whole, and running again ends where an undisturbed run would have ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from publishing import manifest as manifests
from publishing.content import content_hashes, literal, quoted
from publishing.database_file import write_database
from publishing.durable import sync_file, sync_tree, write_sealed
from publishing.inputs import FailedSource, ReleaseInputs, fingerprint, refuse_unfit
from publishing.manifest import GateOutcome, InputFile, Manifest, MartEntry
from publishing.mart_files import Previous, Target, mart_names, release_file, write_mart
from publishing.pointer import (
    RELEASES,
    STAGING,
    Release,
    are_pointers_equal,
    current,
    highest_shown,
    next_number,
    only_writer,
    point_to,
    published_folder,
    release_folder,
    release_numbers,
    staging_folder,
    sweep,
    withdrawn_by,
)
from publishing.refusal import ManifestError, PublishFailed, PublishRefused
from publishing.report import REPORT, render
from publishing.report_tables import read_tables
from publishing.restatement import RESTATEMENTS, restatements
from publishing.score_history import SCORE_HISTORY, SCORES, score_history

__all__ = [
    "FailedSource",
    "GateOutcome",
    "InputFile",
    "PublishFailed",
    "PublishRefused",
    "Release",
    "ReleaseInputs",
    "content_hashes",
    "fingerprint",
    "publish",
]

WAREHOUSE = "warehouse.duckdb"
SCHEMA = "marts"

# A release holds the marts twice (Parquet and marts.duckdb) and is smaller than the warehouse,
# which holds raw rows and intermediate facts beside them: twice the warehouse is the upper end of
# what one can need.
SPACE_PER_WAREHOUSE = 2


def _refuse_small_disk(home: Path, published: Path) -> None:
    needed = SPACE_PER_WAREHOUSE * (home / WAREHOUSE).stat().st_size
    free = shutil.disk_usage(published).free
    if free < needed:
        raise PublishRefused(
            f"{published} has {free:,} bytes free, a release may need {needed:,}",
            "free disk space, for example by keeping fewer releases, and publish again",
        )


def _published_already(
    home: Path, published: Path, shown: Release | None, fingerprint: str
) -> Release | None:
    """The release that holds this state, pointers mended; None when there is news to publish."""
    if shown is not None and shown.manifest.fingerprint == fingerprint:
        if not are_pointers_equal(published):
            point_to(published, shown.number)
        return shown
    withdrawn = withdrawn_by(published, fingerprint)
    if withdrawn is not None:
        raise PublishRefused(
            f"release {withdrawn.from_release} holds exactly this and was rolled back"
            f" at {withdrawn.rolled_back_at} ({withdrawn.reason or 'no reason given'})",
            "reject the delivery or change what was wrong;"
            f" `rapport rollback {withdrawn.from_release}` shows it again as it is",
        )
    # A run killed between its last two renames leaves a whole release that no reader was ever
    # pointed to.
    for number in reversed(release_numbers(published)):
        if number <= highest_shown(published):
            return None
        folder = release_folder(published, number)
        with contextlib.suppress(ManifestError):  # a damaged one stays where it is and is not shown
            manifest = manifests.verify(folder)
            if manifest.fingerprint == fingerprint:
                point_to(published, number)
                return Release(number, folder, manifest, is_new=True)
    return None


@contextlib.contextmanager
def _warehouse(home: Path, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse attached read-only; sorts too large for memory go to the folder `spill`."""
    with duckdb.connect(config={"temp_directory": str(spill)}) as connection:
        try:
            connection.execute(f"attach {literal(str(home / WAREHOUSE))} as warehouse (read_only)")
        except duckdb.Error as error:
            raise PublishRefused(
                f"{home / WAREHOUSE} cannot be opened for reading: {error}",
                "wait until the build that writes it has ended",
            ) from error
        yield connection


def _write_marts(
    connection: duckdb.DuckDBPyConnection, target: Target, previous: Previous | None
) -> tuple[list[MartEntry], list[str]]:
    names = mart_names(connection, "warehouse", SCHEMA)
    for own in (RESTATEMENTS, SCORE_HISTORY):
        if own in names:
            raise PublishRefused(
                f"marts.{own} is a table of the warehouse", "drop it: publishing writes that mart"
            )
    relations = {name: f"warehouse.{quoted(SCHEMA)}.{quoted(name)}" for name in names}
    before = previous.folder if previous else None
    entries: list[MartEntry] = []
    notes: list[str] = []
    if SCORES in relations:
        relations[SCORE_HISTORY], said = score_history(
            connection, relations[SCORES], before, release=target.release, as_of=target.as_of
        )
        notes += said
    for name, relation in relations.items():
        entry, said = write_mart(connection, relation, name, target, previous)
        entries.append(entry)
        notes += said
    changes, said = restatements(
        connection,
        before,
        target.folder,
        release=target.release,
        as_of=target.as_of,
    )
    notes += said
    connection.register("restated", changes)
    entry, _ = write_mart(connection, "restated", RESTATEMENTS, target, previous)
    return sorted([*entries, entry], key=lambda mart: mart.name), notes


def _write_release(
    home: Path, target: Target, final: Path, inputs: ReleaseInputs, previous: Previous | None
) -> Manifest:
    """Write all files of a release into `target.folder`, to be published as `final`."""
    spill = target.folder.with_name(f"{target.folder.name}-spill")
    with _warehouse(home, spill) as connection:
        marts, notes = _write_marts(connection, target, previous)
        database = write_database(connection, marts, target.folder, final)
        manifest = _manifest(target, inputs, previous, marts, notes)
        earlier = previous.manifest.inputs if previous else ()
        tables = read_tables(connection, target.folder, manifest, earlier, inputs.truth)
    report = target.folder / REPORT
    write_sealed(report, render(manifest, tables))
    files = tuple(release_file(target.folder, path) for path in (database, report))
    manifest = dataclasses.replace(manifest, files=files)
    manifests.write(target.folder, manifest)
    return manifest


def _manifest(
    target: Target,
    inputs: ReleaseInputs,
    previous: Previous | None,
    marts: list[MartEntry],
    notes: list[str],
) -> Manifest:
    """The manifest without the files beside the marts, which come last."""
    return Manifest(
        release=target.release,
        previous_release=previous.manifest.release if previous else None,
        as_of=inputs.as_of,
        created_at=inputs.created_at,
        code_version=inputs.code_version,
        fingerprint=inputs.fingerprint,
        inputs=inputs.inputs,
        gates=inputs.gates,
        marts=tuple(marts),
        files=(),
        notes=(*inputs.notes, *notes),
    )


def _publish_new(
    home: Path, published: Path, inputs: ReleaseInputs, shown: Release | None
) -> Release:
    number = next_number(published)
    final = release_folder(published, number)
    staging = staging_folder(published, final.name)
    previous = Previous(shown.folder, shown.manifest) if shown else None
    try:
        target = Target(staging, number, inputs.as_of)
        manifest = _write_release(home, target, final, inputs, previous)
        sync_tree(staging)
        staging.rename(final)
    finally:
        for left in (published / STAGING).glob(f"{staging.name}*"):
            # What cannot be removed now is swept by the next publish, and must not hide why this
            # one failed.
            shutil.rmtree(left, ignore_errors=True)
    sync_file(published / RELEASES)
    point_to(published, number)
    return Release(number, final, manifest, is_new=True)


def publish(home: Path, inputs: ReleaseInputs) -> Release:
    """Publish the marts of ``<home>/warehouse.duckdb`` as the next release and point readers to it.

    Returns the current release with `is_new` false where it holds the same fingerprint already.
    Raises PublishRefused, with nothing written, when a gate is closed, missing or empty, a required
    source failed, the marts are not of `inputs.as_of`, the same state was rolled back, space is
    short or another run is at work; PublishFailed when writing broke off (disk full, unreadable
    warehouse). In all these cases `current` stands where it stood.
    """
    refuse_unfit(inputs)
    home = home.absolute()
    if not (home / WAREHOUSE).is_file():
        raise PublishRefused(f"there is no {home / WAREHOUSE}", "run `rapport build` first")
    try:
        published = published_folder(home)
        with only_writer(published):
            sweep(published)
            shown = current(home)
            already = _published_already(home, published, shown, inputs.fingerprint)
            if already is not None:
                return already
            _refuse_small_disk(home, published)
            return _publish_new(home, published, inputs, shown)
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        raise PublishFailed(
            f"publishing broke off ({type(error).__name__}: {error}); `current` stands as it was",
            "mend what is named, then run `rapport publish` again",
        ) from error

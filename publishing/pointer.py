"""Which release readers see, and which others are kept.

``current`` (a link) is what counts; ``CURRENT`` (a one-line file) says the same for stores without
links. ``CURRENT`` is replaced first and the link last: a run killed between the two leaves a link
that still says "not done", so the next run brings both together.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from publishing import manifest as manifests
from publishing.durable import replace_link, replace_text, sync_file
from publishing.manifest import Manifest
from publishing.refusal import ManifestError, PublishRefused, ReleaseError, RollbackRefused

LINK = "current"
LINE = "CURRENT"
RELEASES = "releases"
STAGING = "_staging"
ROLLBACKS = "rollbacks.jsonl"
LOCK = ".lock"
RELEASE_NAME = re.compile(r"\d{6,}")


@dataclass(frozen=True)
class Release:
    """A whole release on disk; `is_new` is false where `publish` had nothing new to publish."""

    number: int
    folder: Path
    manifest: Manifest
    is_new: bool = False


@dataclass(frozen=True)
class ReleaseSummary:
    """A line of `rapport releases`: `rows` counts all marts, `created_at` is UTC."""

    number: int
    as_of: dt.date
    created_at: dt.datetime
    rows: int
    is_current: bool


@dataclass(frozen=True)
class Rollback:
    """A line of ``rollbacks.jsonl``: when (UTC) readers were moved to another release, and why."""

    rolled_back_at: dt.datetime
    from_release: int
    to_release: int
    from_fingerprint: str
    reason: str


def published_folder(home: Path) -> Path:
    """The folder of everything published from a data home, with its sub-folders made."""
    published = home.absolute() / "published"
    for folder in (published / RELEASES, published / STAGING):
        folder.mkdir(parents=True, exist_ok=True)
    return published


def release_folder(published: Path, number: int) -> Path:
    """Where release `number` stands, or would stand."""
    return published / RELEASES / f"{number:06d}"


def release_numbers(published: Path) -> list[int]:
    """Numbers of the releases kept, ascending."""
    folder = published / RELEASES
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if RELEASE_NAME.fullmatch(name))


def current_number(published: Path) -> int | None:
    """The release the link points to; None before the first one."""
    link = published / LINK
    return int(link.readlink().name) if link.is_symlink() else None


def current(home: Path) -> Release | None:
    """The release readers see, its manifest read but its files not; None before the first one."""
    published = home.absolute() / "published"
    number = current_number(published)
    if number is None:
        return None
    folder = release_folder(published, number)
    return Release(number, folder, manifests.read(folder))


@contextlib.contextmanager
def only_writer(published: Path) -> Iterator[None]:
    """Hold the lock of the folder; the kernel frees it when the process dies: never stale."""
    with (published / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishRefused(
                f"another publish, rollback or prune is at work in {published}",
                "wait until it has ended, then run the command again",
            ) from error
        yield


def staging_folder(published: Path, name: str) -> Path:
    """A new empty folder for unfinished work; the next run sweeps what a killed one leaves."""
    folder = published / STAGING / f"{name}-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    return folder


def sweep(published: Path) -> None:
    """Remove what killed runs left behind. Call it with the lock held."""
    for left in (published / STAGING).iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def point_to(published: Path, number: int) -> None:
    """Let readers see release `number`: one rename each for the file and, last, the link."""
    target = f"{RELEASES}/{number:06d}"
    replace_text(published / LINE, target + "\n", published / STAGING)
    replace_link(published / LINK, target, published / STAGING)


def are_pointers_equal(published: Path) -> bool:
    """Whether the one-line file says what the link says."""
    line, link = published / LINE, published / LINK
    return (
        line.is_file()
        and link.is_symlink()
        and line.read_text(encoding="utf-8").strip() == str(link.readlink())
    )


def rollbacks(published: Path) -> list[Rollback]:
    """All rollbacks ever made, oldest first."""
    path = published / ROLLBACKS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines]
    return [
        Rollback(
            dt.datetime.fromisoformat(record["rolled_back_at"]),
            record["from_release"],
            record["to_release"],
            record["from_fingerprint"],
            record["reason"],
        )
        for record in records
    ]


def highest_shown(published: Path) -> int:
    """The highest release number readers were ever pointed to; 0 before the first one."""
    moved = [n for one in rollbacks(published) for n in (one.from_release, one.to_release)]
    return max([current_number(published) or 0, *moved])


def next_number(published: Path) -> int:
    """One more than any number used so far, whether its release is still kept or not."""
    return max([highest_shown(published), *release_numbers(published)]) + 1


def withdrawn_by(published: Path, fingerprint: str) -> Rollback | None:
    """The rollback that withdrew this very state and is still in force, if there is one."""
    number = current_number(published) or 0
    return next(
        (
            one
            for one in reversed(rollbacks(published))
            if one.from_fingerprint == fingerprint and one.from_release > number
        ),
        None,
    )


def is_current(home: Path, fingerprint: str) -> bool:
    """Whether there is nothing to publish for this fingerprint.

    True when readers see it, and also when it was published and somebody rolled it back on purpose:
    the next night must not bring back what was withdrawn. `rollback` to that release does.
    """
    published = home.absolute() / "published"
    now = current(home)
    if now is None:
        return False
    if now.manifest.fingerprint == fingerprint:
        return are_pointers_equal(published)
    return withdrawn_by(published, fingerprint) is not None


def releases(home: Path) -> list[ReleaseSummary]:
    """The releases kept, oldest first."""
    published = home.absolute() / "published"
    now = current_number(published)
    found = []
    for number in release_numbers(published):
        manifest = manifests.read(release_folder(published, number))
        found.append(
            ReleaseSummary(
                number, manifest.as_of, manifest.created_at, manifest.rows, number == now
            )
        )
    return found


def _record(published: Path, line: str) -> None:
    """Add a line by replacing the file, so that a crash cannot leave half a line."""
    path = published / ROLLBACKS
    so_far = path.read_text(encoding="utf-8") if path.exists() else ""
    replace_text(path, so_far + line + "\n", published / STAGING)


def _rollback_target(published: Path, now: Release, number: int | None) -> int:
    kept = release_numbers(published)
    if number is None:
        earlier = [one for one in kept if one < now.number]
        previous = now.manifest.previous_release
        number = previous if previous in earlier else max(earlier, default=None)
    if number is None or number not in kept:
        raise RollbackRefused(
            f"there is no release {number}" if number else "there is no earlier release",
            f"choose one of {kept}",
        )
    if number == now.number:
        raise RollbackRefused(f"release {number} is already current", f"choose one of {kept}")
    return number


def rollback(
    home: Path, number: int | None = None, *, now: dt.datetime, reason: str = ""
) -> Release:
    """Point readers to release `number`, by default the one before; `now` is naive UTC.

    Every file of the target is checked first; raises RollbackRefused where it is damaged.
    """
    published = published_folder(home)
    with only_writer(published):
        sweep(published)
        shown = current(home)
        if shown is None:
            raise RollbackRefused("nothing is published yet", "run `rapport publish` first")
        target = _rollback_target(published, shown, number)
        folder = release_folder(published, target)
        try:
            manifest = manifests.verify(folder)
        except ManifestError as error:
            raise RollbackRefused(
                error.cause, "choose another release of `rapport releases`"
            ) from error
        # Written before the pointer moves: were it the other way round, a kill in between would
        # leave a rollback nobody knows of, and the next night would publish again what was
        # withdrawn.
        record = {
            "rolled_back_at": now.isoformat(),
            "from_release": shown.number,
            "to_release": target,
            "from_fingerprint": shown.manifest.fingerprint,
            "reason": reason,
        }
        _record(published, json.dumps(record, ensure_ascii=False))
        point_to(published, target)
    return Release(target, folder, manifest)


def prune(home: Path, keep: int) -> list[int]:
    """Remove all but the last `keep` releases and the current one; returns the numbers removed.

    Months shared with a release that stays survive: a hard link is a name, and only the name goes.
    """
    if keep < 1:
        raise ReleaseError(f"cannot keep {keep} releases", "keep at least 1")
    published = published_folder(home)
    with only_writer(published):
        sweep(published)
        kept = release_numbers(published)
        removed = [n for n in kept[:-keep] if n != current_number(published)]
        for number in removed:
            # Renamed first: half a release never stands under a release's name.
            gone = staging_folder(published, f"pruned-{number:06d}")
            release_folder(published, number).rename(gone)
            sync_file(published / RELEASES)
            shutil.rmtree(gone)
    return removed

"""Landing: the vendor's bytes as delivered, with their sha256. Never edited, never deleted.

Files come from a local folder or any fsspec URL. A file that was seen before (same path, size and
modification time) is not read again, so a night costs what is new.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import fsspec

_CHUNK = 1 << 20
# File systems take 255 bytes; the rest is for what is added while a file is worked on.
_LONGEST_NAME = 200


class UnreadableFile(Exception):
    """A file that cannot be taken in: names the file, the place in it, the cause and the next
    step.
    """

    def __init__(self, file: str, place: str, cause: str, next_step: str) -> None:
        super().__init__(f"{file}, {place}: {cause}. {next_step}")
        self.file, self.place, self.cause, self.next_step = file, place, cause, next_step


@dataclass(frozen=True)
class ExportFile:
    """A file of a source's folder: its path there, size in bytes (None if the store does not say),
    and a mark that changes when the file does.
    """

    name: str
    location: str
    size: int | None
    changed: str


@dataclass(frozen=True)
class Landed:
    """A file as it lies in landing."""

    path: Path
    sha256: str
    size: int


def list_files(root: str, patterns: Sequence[str] = ("*",)) -> list[ExportFile]:
    """Files below ``root`` that match one of ``patterns``, but no hidden ones, sorted by path.

    ``root`` is a folder or an fsspec URL. Raises FileNotFoundError where it does not exist, OSError
    or ValueError where it cannot be listed.
    """
    root = root.removeprefix("file://")
    found = _list_remote(root) if "://" in root else _list_local(Path(root))
    return sorted(
        (file for file in found if matches(file.name, patterns)), key=lambda file: file.name
    )


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Does a path match one of the patterns, whole or by its last part? Upper and lower case are
    the same.
    """
    lower = name.lower()
    last = PurePosixPath(lower).name
    return any(
        fnmatch.fnmatchcase(last, item.lower()) or fnmatch.fnmatchcase(lower, item.lower())
        for item in patterns
    )


def _list_local(root: Path) -> Iterator[ExportFile]:
    if not root.is_dir():
        raise FileNotFoundError(root)
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders.sort()
        # A link to a folder is not followed, but listed, so that it can be named as left aside.
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in [*names, *links]:
            path = Path(folder, name)
            if name.startswith("."):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:
                # Renamed or taken back between listing and looking: not delivered, then.
                continue
            yield ExportFile(
                path.relative_to(root).as_posix(),
                str(path),
                status.st_size,
                f"{status.st_mtime_ns}-{status.st_ino}",
            )


def _raise(error: OSError) -> None:
    raise error


def _list_remote(root: str) -> Iterator[ExportFile]:
    system, path = fsspec.core.url_to_fs(root)
    if not system.exists(path):
        raise FileNotFoundError(root)
    for location, facts in system.find(path, detail=True).items():
        changed = facts.get("ETag") or facts.get("mtime") or facts.get("LastModified") or ""
        name = str(location)[len(str(path)) :].lstrip("/")
        yield ExportFile(name, system.unstrip_protocol(location), facts.get("size"), str(changed))


def safe_name(file: ExportFile) -> str:
    """The file's last name part, if it may become a file name here; UnreadableFile if not.

    What is not printable is not allowed: control characters, marks that turn the direction of
    writing, broken bytes.
    """
    name = PurePosixPath(file.name).name
    if not file.name.isprintable() or "\\" in name or len(name.encode()) > _LONGEST_NAME:
        raise UnreadableFile(
            ascii(file.name),
            "file name",
            f"over {_LONGEST_NAME} bytes, or with control, direction or backslash characters",
            "Rename the file",
        )
    return name


def land(file: ExportFile, folder: Path, staging: Path) -> Landed:
    """Copy a file into ``folder/<sha256>/<name>``, hashing on the way; whole or not at all. It is
    durable once ``folder`` is synced.

    Symbolic links and everything that is not a regular file are refused. Raises UnreadableFile for
    what is wrong with the file, OSError for what is wrong with the data home's disk.
    """
    name = safe_name(file)
    partial = staging / "landing"
    digest = hashlib.sha256()
    size = 0
    with partial.open("wb") as target:
        for chunk in _chunks(file):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
        target.flush()
        os.fsync(target.fileno())
    place = folder / digest.hexdigest() / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(place)
        sync_folder(place.parent)
    return Landed(place, digest.hexdigest(), size)


def landed_before(folder: Path, sha256: str, name: str) -> Landed:
    """A file that was landed earlier, its bytes checked. Raises UnreadableFile where they are gone
    or changed.
    """
    path = folder / sha256 / PurePosixPath(name).name
    next_step = "Landing is never edited: restore it from your backup, or deliver the file again"
    try:
        size = path.stat().st_size
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(
            name, str(path), f"cannot be read again: {error}", next_step
        ) from error
    if found != sha256:
        raise UnreadableFile(name, str(path), "is not what was delivered", next_step)
    return Landed(path, sha256, size)


def _chunks(file: ExportFile) -> Iterator[bytes]:
    """The file's bytes; only reading is guarded here, so that a full disk of ours is not the file's
    fault.
    """
    size = 0
    try:
        with _open(file) as source:
            while chunk := source.read(_CHUNK):
                yield chunk
                size += len(chunk)
    except OSError as error:
        link = "a symbolic link, which could lead anywhere" if error.errno == errno.ELOOP else None
        raise UnreadableFile(
            file.name,
            "opening",
            link or f"cannot be read: {error}",
            "Deliver the file itself"
            if link
            else "Check the file's permissions and that it still exists",
        ) from error
    if file.size is not None and size != file.size:
        raise UnreadableFile(
            file.name,
            f"after {size} bytes",
            f"it had {file.size} bytes when it was listed: it is still being written, or was cut",
            "Deliver under another name and rename when whole; then run again",
        )


def _open(file: ExportFile) -> BinaryIO:
    if "://" in file.location:
        return cast(BinaryIO, fsspec.open(file.location, "rb").open())
    descriptor = os.open(file.location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Landing: the vendor's bytes as delivered, with their sha256. Never edited, never deleted.

Files come from a local folder or any fsspec URL. A file that was seen before (same path, size and modification time)
is not read again, so a night costs what is new.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import fsspec

_CHUNK = 1 << 20


class UnreadableFile(Exception):
    """A file that cannot be taken in: names the file, the place in it, the cause and the next step."""

    def __init__(self, file: str, place: str, cause: str, next_step: str) -> None:
        super().__init__(f"{file}, {place}: {cause}. {next_step}")
        self.file, self.place, self.cause, self.next_step = file, place, cause, next_step


@dataclass(frozen=True)
class ExportFile:
    """A file of a source's folder: its path there, size in bytes, and a mark that changes when it does."""

    name: str
    location: str
    size: int
    changed: str


@dataclass(frozen=True)
class Landed:
    """A file as it lies in landing."""

    path: Path
    sha256: str
    size: int


def list_files(root: str, patterns: Sequence[str]) -> list[ExportFile]:
    """Files below ``root`` whose name matches one of ``patterns``, sorted by path.

    ``root`` is a folder or an fsspec URL. Raises FileNotFoundError where it does not exist.
    """
    if "://" in root:
        found = list(_list_remote(root))
    else:
        found = list(_list_local(Path(root)))
    return sorted(
        (file for file in found if matches(file.name, patterns)), key=lambda file: file.name
    )


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Does a path match one of the patterns, whole or by its last part?"""
    last = PurePosixPath(name).name
    return any(fnmatch.fnmatch(last, item) or fnmatch.fnmatch(name, item) for item in patterns)


def _list_local(root: Path) -> Iterator[ExportFile]:
    if not root.is_dir():
        raise FileNotFoundError(root)
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in names:
            path = Path(folder, name)
            if name.startswith("."):
                continue
            status = path.lstat()
            yield ExportFile(
                path.relative_to(root).as_posix(),
                str(path),
                status.st_size,
                f"{status.st_mtime_ns}-{status.st_ino}",
            )


def _list_remote(root: str) -> Iterator[ExportFile]:
    system, path = fsspec.core.url_to_fs(root)
    if not system.exists(path):
        raise FileNotFoundError(root)
    for location, facts in system.find(path, detail=True).items():
        changed = facts.get("ETag") or facts.get("mtime") or facts.get("LastModified") or ""
        name = str(location)[len(str(path)) :].lstrip("/")
        yield ExportFile(name, system.unstrip_protocol(location), facts["size"], str(changed))


def safe_name(file: ExportFile) -> str:
    """The file's last name part, if it may become a file name here; UnreadableFile if not."""
    name = PurePosixPath(file.name).name
    printable = all(character.isprintable() for character in name)
    bidirectional = re.search("[\u202a-\u202e\u2066-\u2069]", name)
    if len(name.encode()) > 200 or not printable or bidirectional or "\\" in name:
        raise UnreadableFile(
            ascii(file.name),
            "file name",
            "over 200 bytes, or with control, direction or backslash characters",
            "Rename the file",
        )
    return name


def land(file: ExportFile, folder: Path, staging: Path) -> Landed:
    """Copy a file into ``folder/<sha256>/<name>``, hashing on the way; whole or not at all.

    Symbolic links and everything that is not a regular file are refused. Raises UnreadableFile.
    """
    name = safe_name(file)
    staging.mkdir(parents=True, exist_ok=True)
    partial = staging / name
    digest = hashlib.sha256()
    size = 0
    try:
        with _open(file) as source, partial.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
                size += len(chunk)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno in _OURS:
            raise
        raise UnreadableFile(
            file.name,
            "opening",
            str(error),
            "Check the file's permissions and that it still exists",
        ) from error
    place = folder / digest.hexdigest() / name
    if place.exists():
        partial.unlink()
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(place)
        sync_folder(place.parent)
    return Landed(place, digest.hexdigest(), size)


# Errors of our own disk, not of the file that is read: no space, quota, file too large, I/O.
_OURS = (28, 122, 27, 5)


def _open(file: ExportFile) -> BinaryIO:
    if "://" in file.location:
        return cast(BinaryIO, fsspec.open(file.location, "rb").open())
    descriptor = os.open(file.location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{file.name} is not a regular file")
    return os.fdopen(descriptor, "rb")


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(staging: Path) -> None:
    """Remove what killed runs left in a staging folder."""
    if staging.exists():
        shutil.rmtree(staging)

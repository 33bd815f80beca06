"""Writing so that a crash leaves the old state or the new one: fsync first, then one rename.

A rename is atomic but not durable until the folder that holds the name is fsynced too.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

READ_ONLY = 0o444


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Force a written file to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Force the names inside `folder` and all its folders to disk, innermost first."""
    for current, _, _ in os.walk(folder, topdown=False):
        sync_file(Path(current))


def seal(path: Path) -> None:
    """Force a finished file to disk and make it read-only: hard links share its bytes."""
    path.chmod(READ_ONLY)
    sync_file(path)


def write_sealed(path: Path, text: str) -> None:
    """Write a new UTF-8 file, durable and read-only."""
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    seal(path)


def replace_text(path: Path, text: str, staging: Path) -> None:
    """Replace all of `path` at once; `staging` is a folder on the same file system."""
    fresh = staging / f"{path.name}.new"
    fresh.write_text(text, encoding="utf-8")
    sync_file(fresh)
    fresh.replace(path)
    sync_file(path.parent)


def replace_link(link: Path, target: str, staging: Path) -> None:
    """Point the symbolic link `link` to `target` (relative to its folder) at once."""
    fresh = staging / f"{link.name}.new"
    fresh.symlink_to(target)
    fresh.replace(link)
    sync_file(link.parent)

"""What is missing before a run can work."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion import settings as configuration
from ingestion.landing import list_files
from ingestion.personal_data import KeyMissing, load_key
from ingestion.settings import CONFIGURATION, Settings, SettingsError

# A night writes landing, raw, warehouse and a release beside each other.
FREE_BYTES = 2 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    is_fine: bool
    text: str


def findings(home: Path, exports: str) -> list[Finding]:
    """Everything that a run needs, each fine or not, with the next step."""
    return list(_findings(home, exports))


def _findings(home: Path, exports: str) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding((3, 11) <= sys.version_info[:2] <= (3, 13), f"Python {version} (3.11 to 3.13)")
    yield Finding(
        sqlite3.sqlite_version_info >= (3, 15), f"SQLite {sqlite3.sqlite_version} (3.15 or newer)"
    )
    yield _folder(home)
    try:
        settings = configuration.load(home)
    except SettingsError as error:
        yield Finding(False, str(error))
        return
    yield Finding(True, f"{home / CONFIGURATION}: {len(settings.sources)} sources")
    yield _key(home)
    yield from _sources(settings, exports)


def _folder(home: Path) -> Finding:
    if not home.is_dir():
        return Finding(False, f"{home}: no such folder. Create it and put rapport.yml there")
    free = shutil.disk_usage(home).free
    return Finding(
        free >= FREE_BYTES, f"{home}: {free / 2**30:.1f} GiB free (2 GiB is the least for a night)"
    )


def _key(home: Path) -> Finding:
    path = home / "vault" / "key"
    if not path.exists() and not (home / "ledger.sqlite").exists():
        return Finding(True, f"{path}: the first run makes it")
    try:
        load_key(home)
    except KeyMissing as error:
        return Finding(False, str(error))
    return Finding(True, f"{path}: there")


def _sources(settings: Settings, exports: str) -> Iterator[Finding]:
    for source in settings.sources:
        root = configuration.source_root(exports, source.path)
        for file in source.files:
            name = f"{source.name} {file.contract.table}"
            try:
                found = list_files(root, file.patterns)
            except FileNotFoundError:
                yield Finding(not source.required, f"{name}: {root} does not exist")
                continue
            text = f"{name}: {len(found)} files match {', '.join(file.patterns)} in {root}"
            yield Finding(bool(found) or not source.required, text)

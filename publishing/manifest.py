"""The manifest of a release: what it holds, where that came from, and the SHA-256 of every file.

``manifest.json`` names every other file of its folder. `verify` reads them all back, so a flipped
byte, a missing file and a file that does not belong there are found before anybody relies on the
release.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from publishing.content import Column
from publishing.durable import sha256_of, write_sealed
from publishing.refusal import ManifestError

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class ReleaseFile:
    """A file of a release: path inside the folder, SHA-256, size in bytes.

    Files of marts also carry their rows and the release that wrote the bytes (earlier than this one
    for a hard link); files of a partitioned mart their `month` (``YYYY-MM``, null for rows without
    a time) and its `exact_hash`.
    """

    path: str
    sha256: str
    bytes: int
    rows: int | None = None
    written_by_release: int | None = None
    month: str | None = None
    exact_hash: str | None = None


@dataclass(frozen=True)
class DataThrough:
    """The latest day found in a mart's time column."""

    column: str
    date: dt.date


@dataclass(frozen=True)
class MartEntry:
    """One mart of a release.

    `content_hash` covers `as_of` but no floats; `exact_hash` covers floats but not `as_of`, and
    `is_changed` says whether it differs from the previous release (true for a new mart).
    `rows_before` is null for a new mart.
    """

    name: str
    rows: int
    rows_before: int | None
    content_hash: str
    exact_hash: str
    is_changed: bool
    columns: tuple[Column, ...]
    files: tuple[ReleaseFile, ...]
    data_through: DataThrough | None


@dataclass(frozen=True)
class InputFile:
    """A delivery the release was built from; `rows` counts the rows delivered."""

    file_name: str
    sha256: str
    rows: int
    delivery_id: str
    source: str


@dataclass(frozen=True)
class GateOutcome:
    """What a gate said: `results` are its checks, each a JSON object, kept as they are."""

    gate: str
    is_open: bool
    results: tuple[Mapping[str, Any], ...]

    @property
    def warnings(self) -> tuple[Mapping[str, Any], ...]:
        """The checks that did not hold; of an open gate these are its warnings."""
        return tuple(result for result in self.results if result.get("success") is False)


@dataclass(frozen=True)
class Manifest:
    """Everything a release says about itself."""

    release: int
    previous_release: int | None
    as_of: dt.date
    created_at: dt.datetime
    code_version: str
    fingerprint: str
    inputs: tuple[InputFile, ...]
    gates: tuple[GateOutcome, ...]
    marts: tuple[MartEntry, ...]
    files: tuple[ReleaseFile, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of all marts together."""
        return sum(mart.rows for mart in self.marts)

    @property
    def all_files(self) -> tuple[ReleaseFile, ...]:
        """Files of the marts and the files beside them, without the manifest itself."""
        return (*(file for mart in self.marts for file in mart.files), *self.files)

    def mart(self, name: str) -> MartEntry | None:
        """The entry of a mart, or None where the release has no such mart."""
        return next((mart for mart in self.marts if mart.name == name), None)


def _plain(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"a manifest holds JSON values, not {value!r} ({type(value).__name__})")


def to_json(manifest: Manifest) -> str:
    """The manifest as JSON text: sorted keys, dates in ISO 8601, times in UTC."""
    values = {"format": FORMAT, "rows": manifest.rows, **dataclasses.asdict(manifest)}
    return json.dumps(values, default=_plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _mart(values: Mapping[str, Any]) -> MartEntry:
    through = values["data_through"]
    return MartEntry(
        **{
            **values,
            "columns": tuple(Column(**column) for column in values["columns"]),
            "files": tuple(ReleaseFile(**file) for file in values["files"]),
            "data_through": through
            and DataThrough(through["column"], dt.date.fromisoformat(through["date"])),
        }
    )


def from_json(text: str) -> Manifest:
    """Read back what `to_json` wrote; ValueError, KeyError or TypeError for anything else."""
    values = json.loads(text)
    if values.pop("format") != FORMAT:
        raise ValueError(f"this version reads manifests of format {FORMAT}")
    values.pop("rows")
    return Manifest(
        **{
            **values,
            "as_of": dt.date.fromisoformat(values["as_of"]),
            "created_at": dt.datetime.fromisoformat(values["created_at"]),
            "inputs": tuple(InputFile(**file) for file in values["inputs"]),
            "gates": tuple(
                GateOutcome(gate["gate"], gate["is_open"], tuple(gate["results"]))
                for gate in values["gates"]
            ),
            "marts": tuple(_mart(mart) for mart in values["marts"]),
            "files": tuple(ReleaseFile(**file) for file in values["files"]),
            "notes": tuple(values["notes"]),
        }
    )


def write(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``, the last file of a release."""
    write_sealed(folder / MANIFEST, to_json(manifest))


def read(folder: Path) -> Manifest:
    """Read the manifest of a release folder; raises ManifestError where it cannot."""
    path = folder / MANIFEST
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{path} cannot be read as a manifest ({type(error).__name__}: {error})",
            "restore the release folder from a backup, or roll back to another release",
        ) from error


def _difference(folder: Path, file: ReleaseFile) -> str | None:
    path = folder / file.path
    if not path.is_file() or path.is_symlink():
        return f"{file.path} is missing"
    if path.stat().st_size != file.bytes:
        return f"{file.path} has {path.stat().st_size} bytes instead of {file.bytes}"
    if sha256_of(path) != file.sha256:
        return f"{file.path} has another sha256"
    return None


def differences(folder: Path, manifest: Manifest) -> list[str]:
    """What on disk differs from the manifest, one sentence per file; empty when whole."""
    listed = {file.path for file in manifest.all_files} | {MANIFEST}
    present = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    }
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = pool.map(lambda file: _difference(folder, file), manifest.all_files)
        broken = [difference for difference in found if difference]
    return sorted([*broken, *(f"{path} is not in the manifest" for path in present - listed)])


def verify(folder: Path) -> Manifest:
    """Read the manifest and every file it names; raises ManifestError naming what differs."""
    manifest = read(folder)
    broken = differences(folder, manifest)
    if broken:
        raise ManifestError(
            f"{folder} is not what its manifest says: {'; '.join(broken)}",
            "restore the release folder from a backup, or roll back to another release",
        )
    return manifest

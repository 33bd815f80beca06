"""Up to which load the facts are finished: a small file beside the warehouse.

It lies beside it because opening a large warehouse reads more than a night's changes. Whatever a
crash leaves behind says at worst that finished facts are not: they are made anew.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ingestion.landing import sync_folder


@dataclass(frozen=True)
class FactsProgress:
    """Numbers of loads: the last one, and the one whose rows are all in the facts; None where the
    facts are to be made anew.
    """

    loaded: int = 0
    finished: int | None = None


def read(warehouse: Path) -> FactsProgress:
    """What is known of the facts in ``warehouse``."""
    path = _path(warehouse)
    return FactsProgress(**json.loads(path.read_text())) if path.exists() else FactsProgress()


def write(warehouse: Path, progress: FactsProgress) -> None:
    """Remember it, durably and whole or not at all."""
    path = _path(warehouse)
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(asdict(progress), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def facts_are_finished(warehouse: Path) -> bool:
    """Whether the facts of the last night were finished, by the code and the configuration that
    made the raw tables, so that only changes need to be applied.
    """
    return read(warehouse).finished is not None


def facts_begin(warehouse: Path) -> bool:
    """Say that the facts are being rewritten; True where the last ones were finished. Facts that
    were begun and not finished are not trusted.
    """
    progress = read(warehouse)
    write(warehouse, FactsProgress(progress.loaded))
    return progress.finished is not None


def facts_end(warehouse: Path) -> None:
    """Say that the facts hold everything that was loaded."""
    loaded = read(warehouse).loaded
    write(warehouse, FactsProgress(loaded, finished=loaded))


def _path(warehouse: Path) -> Path:
    return warehouse.with_name(f"{warehouse.stem}.facts.json")

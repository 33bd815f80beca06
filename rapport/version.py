"""Which code makes the numbers: a hash over everything that can change them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[1]

# What a person may edit without any number changing (docs, tests, DAG wiring) is left out.
_DECIDING = (
    ("ingestion", "*.py"),
    ("ingestion", "*.yml"),
    ("estimation", "*.py"),
    ("dbt_project/models", "*.sql"),
    ("dbt_project/macros", "*.sql"),
    ("dbt_project/seeds", "*.csv"),
    ("publishing", "*.py"),
)


@functools.cache
def code_version() -> str:
    """16 hex digits over the code, contracts, models and seeds that decide what is published."""
    digest = hashlib.sha256()
    for folder, pattern in _DECIDING:
        for path in sorted((ROOT / folder).rglob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

"""The current release as a database, for the commands that answer from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from publishing.pointer import Release, current


class NothingPublished(Exception):
    """There is no release to answer from."""


@contextmanager
def open_current(home: Path) -> Iterator[tuple[Release, duckdb.DuckDBPyConnection]]:
    """The current release and a connection with one view per mart. Raises NothingPublished."""
    release = current(home)
    if release is None:
        raise NothingPublished(f"{home}: nothing is published yet. Run `rapport run`")
    with duckdb.connect() as connection:
        for mart in release.manifest.marts:
            files = [str(release.folder / file.path) for file in mart.files]
            connection.read_parquet(files, hive_partitioning=True).create_view(mart.name)
        yield release, connection

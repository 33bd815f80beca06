"""``marts.duckdb``: the release as one file that BI opens read-only.

Small marts are tables, read from the Parquet files of the same release so that both say the same.
Large facts are views on those files. DuckDB resolves a relative path in a view against the reader's
working folder, not against the database, so the views name the absolute path the release has where
it was published. Whoever copies or mounts a release elsewhere says so once per connection, before
the first query::

    set variable rapport_release = '/mnt/published/releases/000042';
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from publishing.content import AS_OF, literal, quoted
from publishing.durable import seal
from publishing.manifest import MartEntry
from publishing.mart_files import LARGE_MARTS, MONTH

DATABASE = "marts.duckdb"
STORAGE_VERSION = "v1.4.0"  # the oldest format every DuckDB from 1.4 on opens
FOLDER_VARIABLE = "rapport_release"
_ALIAS = "release_database"


def _selected(mart: MartEntry) -> str:
    return ", ".join(quoted(column.name) for column in mart.columns)


def _view(mart: MartEntry, home: Path) -> str:
    """SQL of a view on a large fact; the variable stands in for a release that was moved."""
    folder = f"coalesce(getvariable({literal(FOLDER_VARIABLE)}), {literal(home.as_posix())})"
    files = ", ".join(f"{folder} || {literal('/' + file.path)}" for file in mart.files)
    return (
        f"create view {_ALIAS}.main.{quoted(mart.name)} as select {_selected(mart)}"
        f" from read_parquet([{files}], hive_partitioning = true,"
        f" hive_types = {{'{AS_OF}': date, '{MONTH}': varchar}})"
    )


def _table(mart: MartEntry, folder: Path) -> str:
    (file,) = mart.files
    return (
        f"create table {_ALIAS}.main.{quoted(mart.name)} as select {_selected(mart)}"
        f" from read_parquet({literal(str(folder / file.path))})"
    )


def write_database(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[MartEntry], folder: Path, home: Path
) -> Path:
    """Write ``marts.duckdb`` into `folder`, which will be published as the folder `home`."""
    path = folder / DATABASE
    connection.execute(
        f"attach {literal(str(path))} as {_ALIAS} (storage_version '{STORAGE_VERSION}')"
    )
    # A view is checked when it is created, and then the files still stand in the staging folder.
    connection.execute(f"set variable {FOLDER_VARIABLE} = {literal(folder.as_posix())}")
    for mart in marts:
        is_large = mart.name in LARGE_MARTS
        connection.execute(_view(mart, home) if is_large else _table(mart, folder))
    connection.execute(f"detach {_ALIAS}")  # writes the log into the file and closes it
    seal(path)
    return path

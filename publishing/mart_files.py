"""Marts as Parquet: deterministic bytes, and no bytes written twice for what has not changed.

Small marts are one file each. Large facts are partitioned by month of their time column. A month
that holds the same rows as in the previous release is a hard link to its file. For that to be
possible from one night to the next, the files of a large fact must not hold `as_of`, which changes
every night: it is part of the path, a second Hive key::

    marts/interactions/month=2026-05/as_of=2026-06-30/interactions.parquet
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from publishing.content import (
    AS_OF,
    Column,
    GroupSum,
    columns_of,
    content_hash,
    exact_hash,
    group_sums,
    quoted,
)
from publishing.durable import seal, sha256_of
from publishing.manifest import DataThrough, Manifest, MartEntry, ReleaseFile
from publishing.refusal import PublishFailed, PublishRefused

# Marts that grow with history, with the column whose month is their partition.
LARGE_MARTS: Mapping[str, str] = {"interactions": "occurred_at", "sessions": "started_at"}

# Where a mart has several, the first of these tells through which day its data reach.
TIME_COLUMNS = (
    "occurred_at",
    "ordered_at",
    "started_at",
    "answered_at",
    "opened_at",
    "created_at",
    "closed_at",
    "last_seen_at",
    "last_order_at",
    "data_through",
    "date",
)

MONTH = "month"
NO_MONTH = "__HIVE_DEFAULT_PARTITION__"  # what Hive, Spark, DuckDB and Arrow read back as null
ROW_GROUP_ROWS = 122_880  # DuckDB's own row group: one per thread is scanned
MART_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# File systems without hard links, or with a file that has as many as it may.
NO_HARD_LINK = {errno.EPERM, errno.EMLINK, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True)
class Previous:
    """The release that readers see while the next is written: its folder and its manifest."""

    folder: Path
    manifest: Manifest


@dataclass(frozen=True)
class Target:
    """Where a release is being written, as which number and for which day."""

    folder: Path
    release: int
    as_of: dt.date


def _published_type(kind: str) -> str:
    """The type readers get: Parquet has neither 128-bit integers nor DuckDB's enumerations."""
    if kind in ("HUGEINT", "UHUGEINT"):
        return "DECIMAL(38,0)"
    if kind.startswith("ENUM") or kind in ("JSON", "UUID"):
        return "VARCHAR"
    return kind


def published_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of a mart as readers of Parquet find them."""
    return tuple(Column(column.name, _published_type(column.type)) for column in columns)


def mart_names(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> list[str]:
    """Names of the marts; raises PublishRefused when there is none or a name is no plain plural."""
    rows = connection.execute(
        "select table_name from information_schema.tables"
        " where table_catalog = ? and table_schema = ? order by table_name",
        [database, schema],
    ).fetchall()
    names = [str(name) for (name,) in rows]
    if not names:
        raise PublishRefused(
            f"the warehouse has no table in the schema {schema}", "run `rapport build` first"
        )
    odd = [name for name in names if not MART_NAME.fullmatch(name)]
    if odd:
        raise PublishRefused(
            f"tables in the schema {schema} that are no marts: {odd}",
            "an interrupted build leaves such tables: run `rapport build` again or drop them",
        )
    return names


def _refuse_other_day(
    mart: str, columns: Sequence[Column], groups: Sequence[GroupSum], as_of: dt.date
) -> None:
    if Column(AS_OF, "DATE") not in columns:
        raise PublishRefused(
            f"marts.{mart} has no column {AS_OF} of type date",
            "every mart says of which day it is: add the column to the model",
        )
    found = sorted({str(group.as_of) for group in groups if group.as_of != as_of})
    if found:
        raise PublishRefused(
            f"marts.{mart} has rows with as_of {', '.join(found)}, but the release is of {as_of}",
            "run `rapport build`; drop a table that no model builds any more",
        )


def _time_column(mart: str, columns: Sequence[Column]) -> str | None:
    names = {column.name for column in columns if column.type.startswith(("TIMESTAMP", "DATE"))}
    if mart not in LARGE_MARTS:
        return next((name for name in TIME_COLUMNS if name in names), None)
    if LARGE_MARTS[mart] not in names or MONTH in {column.name for column in columns}:
        raise PublishRefused(
            f"marts.{mart} needs a timestamp {LARGE_MARTS[mart]} and no column {MONTH}",
            "mend the model: its months are the partitions of the release",
        )
    return LARGE_MARTS[mart]


def _rows_in_order(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[Column],
    where: str,
    time_column: str | None,
) -> pa.RecordBatchReader:
    """Rows ordered by all columns: equal content gives equal bytes whatever the threads did.

    Floats come last in the order: they differ in their last bits between runs and must not decide
    where a row stands.
    """
    selected = ", ".join(
        f"{quoted(column.name)}::{_published_type(column.type)} as {quoted(column.name)}"
        if _published_type(column.type) != column.type
        else quoted(column.name)
        for column in columns
    )
    ordered = sorted(columns, key=lambda column: (column.is_float, column.name != time_column))
    order = ", ".join(quoted(column.name) for column in ordered)
    return connection.execute(
        f"select {selected} from {relation} where {where} order by {order}"
    ).to_arrow_reader(ROW_GROUP_ROWS)


def _row_groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Cut a stream into tables of exactly ROW_GROUP_ROWS rows, the last one shorter."""
    waiting = reader.schema.empty_table()
    for batch in reader:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while waiting.num_rows >= ROW_GROUP_ROWS:
            yield waiting.slice(0, ROW_GROUP_ROWS).combine_chunks()
            waiting = waiting.slice(ROW_GROUP_ROWS)
    if waiting.num_rows:
        yield waiting.combine_chunks()


def write_parquet(path: Path, reader: pa.RecordBatchReader) -> int:
    """Write a stream to a new durable read-only file with page checksums; returns its rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with (
        path.open("xb") as file,
        pq.ParquetWriter(
            file, reader.schema, compression="zstd", write_page_checksum=True
        ) as writer,
    ):
        for table in _row_groups(reader):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            rows += table.num_rows
    seal(path)
    return rows


def link_or_copy(source: Path, target: Path) -> None:
    """Give an unchanged file a second name; a copy where there can be no (more) hard links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_HARD_LINK:
            raise
        shutil.copyfile(source, target)
        seal(target)


def release_file(folder: Path, path: Path) -> ReleaseFile:
    """The manifest's entry for a finished file: its path, SHA-256 and size."""
    return ReleaseFile(path.relative_to(folder).as_posix(), sha256_of(path), path.stat().st_size)


def _write_small(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    mart: str,
    columns: Sequence[Column],
    target: Target,
) -> ReleaseFile:
    path = target.folder / "marts" / f"{mart}.parquet"
    reader = _rows_in_order(connection, relation, columns, "true", _time_column(mart, columns))
    rows = write_parquet(path, reader)
    return replace(release_file(target.folder, path), rows=rows, written_by_release=target.release)


def _month_filter(time_column: str, month: str | None) -> str:
    time = quoted(time_column)
    if month is None:
        return f"({time} is null or not isfinite({time}))"
    first = f"timestamp '{month}-01'"
    return f"{time} >= {first} and {time} < {first} + interval 1 month"


def _link_unchanged(
    path: Path, earlier: ReleaseFile | None, state: str, previous: Previous | None
) -> tuple[ReleaseFile | None, list[str]]:
    """Hard-link the previous release's file of the month if it is undamaged and says the same.

    Returns its manifest entry, or None where the month has to be written, and a note where that is
    not for news.
    """
    if previous is None or earlier is None or earlier.exact_hash != state:
        return None, []
    if (previous.folder / earlier.path).is_file():
        link_or_copy(previous.folder / earlier.path, path)
        if sha256_of(path) == earlier.sha256:
            return earlier, []
        path.unlink()
    return None, [
        f"{earlier.path} of release {previous.manifest.release} is missing or damaged:"
        " the month was written again"
    ]


def _write_months(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    mart: str,
    *,
    columns: Sequence[Column],
    groups: Sequence[GroupSum],
    target: Target,
    previous: Previous | None,
) -> tuple[list[ReleaseFile], list[str]]:
    """Write or link one file per month; an empty mart is one empty file without a month."""
    time_column = LARGE_MARTS[mart]
    before = previous.manifest.mart(mart) if previous else None
    earlier = {file.month: file for file in before.files} if before else {}
    inside = [column for column in columns if column.name != AS_OF]
    files: list[ReleaseFile] = []
    notes: list[str] = []
    rows: int | None
    written_by: int | None
    for month in [group.month for group in groups] or [None]:
        folder = target.folder / "marts" / mart / f"{MONTH}={month or NO_MONTH}"
        path = folder / f"{AS_OF}={target.as_of}" / f"{mart}.parquet"
        state = exact_hash(columns, [group for group in groups if group.month == month])
        linked, said = _link_unchanged(path, earlier.get(month), state, previous)
        notes += said
        if linked is None:
            where = _month_filter(time_column, month)
            reader = _rows_in_order(connection, relation, inside, where, time_column)
            rows, written_by = write_parquet(path, reader), target.release
        else:
            rows, written_by = linked.rows, linked.written_by_release
        file = release_file(target.folder, path)
        files.append(
            replace(file, rows=rows, written_by_release=written_by, month=month, exact_hash=state)
        )
    return files, notes


def _through(time_column: str | None, groups: Sequence[GroupSum]) -> DataThrough | None:
    dates = [group.last_date for group in groups if group.last_date is not None]
    return DataThrough(time_column, max(dates)) if time_column and dates else None


def write_mart(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    mart: str,
    target: Target,
    previous: Previous | None,
) -> tuple[MartEntry, list[str]]:
    """Write one mart from `relation`; returns its manifest entry and notes for the reader.

    Raises PublishRefused when the mart is not of the day of the release, PublishFailed when rows
    got lost on the way.
    """
    columns = columns_of(connection, relation)
    time_column = _time_column(mart, columns)
    is_large = mart in LARGE_MARTS
    groups = group_sums(connection, relation, columns, time_column=time_column, by_month=is_large)
    _refuse_other_day(mart, columns, groups, target.as_of)
    if is_large:
        files, notes = _write_months(
            connection,
            relation,
            mart,
            columns=columns,
            groups=groups,
            target=target,
            previous=previous,
        )
    else:
        files, notes = [_write_small(connection, relation, mart, columns, target)], []
    rows = sum(group.rows for group in groups)
    written = sum(file.rows or 0 for file in files)
    if rows != written:
        raise PublishFailed(
            f"marts.{mart} has {rows} rows, but {written} were written", "report this as a defect"
        )
    before = previous.manifest.mart(mart) if previous else None
    exact = exact_hash(columns, groups)
    entry = MartEntry(
        name=mart,
        rows=rows,
        rows_before=before.rows if before else None,
        content_hash=content_hash(columns, groups),
        exact_hash=exact,
        is_changed=before is None or before.exact_hash != exact,
        columns=published_columns(columns),
        files=tuple(files),
        data_through=_through(time_column, groups),
    )
    return entry, notes

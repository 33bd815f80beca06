"""Load raw: the rows that count now, from the deliveries that the ledger knows, into the
warehouse's schema raw, with the fate of every delivery and what the run was told.

Which deliveries are in force is decided here; which of their rows, in ingestion/raw_tables.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from ingestion import facts_progress
from ingestion.contact_addresses import CONTACT_TABLES, load_contact_addresses
from ingestion.contract import load_contracts
from ingestion.identity_decisions import keyed_identifier
from ingestion.known_deliveries import names_a_day
from ingestion.landing import matches
from ingestion.ledger import Delivery, open_ledger
from ingestion.personal_data import Keyring, load_key
from ingestion.raw_tables import RawDamaged, RawObject, bring_up_to_date
from ingestion.settings import FileMapping, Settings, configuration_text

__all__ = ["RawDamaged"]

# A small machine's share, as in dbt's profile: what does not fit is sorted on disk.
MEMORY = "3GB"


@dataclass(frozen=True)
class Live:
    """A delivery and whether its rows are in force; ``reason`` says why not."""

    delivery: Delivery
    is_live: bool
    reason: str


class NothingDelivered(Exception):
    """There is no accepted delivery to build from."""


def live_deliveries(settings: Settings) -> list[Live]:
    """All deliveries of the configured sources, each in force or not, in a fixed order."""
    with open_ledger(settings.home) as ledger:
        deliveries = ledger.deliveries()
    mappings = _mappings(settings)
    known = [item for item in deliveries if (item.source, item.object) in mappings]
    accepted = [item for item in known if item.status == "accepted" and _is_mapped(item, mappings)]
    replaced = _replaced(accepted, mappings)
    return [Live(item, *_standing(item, mappings, replaced)) for item in known]


Mappings = Mapping[tuple[str, str], Sequence[FileMapping]]


def _mappings(settings: Settings) -> Mappings:
    """The file mappings of every source and raw table, in the order of rapport.yml."""
    mappings: dict[tuple[str, str], list[FileMapping]] = {}
    for source in settings.sources:
        for file in source.files:
            mappings.setdefault((source.name, file.contract.table), []).append(file)
    return mappings


def _is_mapped(delivery: Delivery, mappings: Mappings) -> bool:
    """Is there still a mapping that reads the file? An entry of rapport.yml may be gone or
    moved.
    """
    entries = mappings[(delivery.source, delivery.object)]
    return delivery.entry < len(entries) and matches(
        delivery.file_name, entries[delivery.entry].patterns
    )


def _standing(
    delivery: Delivery, mappings: Mappings, replaced: Mapping[str, str]
) -> tuple[bool, str]:
    if delivery.status == "duplicate":
        return False, "file delivered before"
    if delivery.status == "rejected":
        return False, f"delivery rejected: {delivery.status_reason}"
    if not _is_mapped(delivery, mappings):
        return False, "no mapping of rapport.yml reads it any more"
    if delivery.delivery_id in replaced:
        return False, replaced[delivery.delivery_id]
    # Let in by somebody: the gates pass over a delivery that a person has decided on.
    return True, delivery.status_reason


def _replaced(deliveries: Iterable[Delivery], mappings: Mappings) -> dict[str, str]:
    """Deliveries that a newer file replaces whole: snapshots, and corrected files of a day."""
    groups: dict[tuple[str, str, int, str], list[Delivery]] = {}
    for item in deliveries:
        mode = mappings[(item.source, item.object)][0].mode
        if mode == "snapshot":
            groups.setdefault((item.source, item.object, item.entry, ""), []).append(item)
        elif mode == "append" and names_a_day(item.file_name):
            place = (item.source, item.object, item.entry, item.file_name)
            groups.setdefault(place, []).append(item)
    replaced = {}
    for (source, table, _, name), members in groups.items():
        by_arrival = bool(name) or mappings[(source, table)][0].version == "received"
        newest = max(members, key=lambda item: _snapshot_order(item, by_arrival))
        word = "replaced by a corrected file of the same name" if name else "older snapshot"
        replaced.update({m.delivery_id: word for m in members if m is not newest})
    return replaced


def _snapshot_order(delivery: Delivery, by_arrival: bool) -> tuple[str, int]:
    """Later names win; under one name, what arrived later."""
    return ("" if by_arrival else delivery.version_key, delivery.arrival)


def data_day(settings: Settings, live: Sequence[Live]) -> date:
    """The latest day, in the company's zone, that any delivery in force reaches."""
    contracts = load_contracts()
    days = [
        _local_day(item.delivery.data_through, settings.time_zone)
        for item in live
        if item.is_live
        and item.delivery.data_through
        and contracts[item.delivery.object].dates_the_data
    ]
    if not days:
        raise NothingDelivered(
            f"{settings.home}: no accepted delivery holds a dated row yet. Run `rapport ingest`, "
            "and see `rapport quarantine` for what was rejected"
        )
    return max(days)


def _local_day(text: str, zone: str) -> date:
    if len(text) == 10:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("UTC"))
    return moment.astimezone(ZoneInfo(zone)).date()


def load_raw(
    settings: Settings,
    as_of: date,
    code: str = "",
    beside: Sequence[Callable[[duckdb.DuckDBPyConnection], None]] = (),
) -> None:
    """Bring schema ``raw`` of the warehouse up to date, in one transaction, with what others keep
    ``beside`` it: opening a large warehouse costs more than a small table.

    ``code`` is the version of the code: tables that another one made are made anew. Raises
    RawDamaged where a raw file that is read is missing or changed.
    """
    live = live_deliveries(settings)
    warehouse = warehouse_path(settings.home)
    finished = facts_progress.read(warehouse).finished
    with duckdb.connect(str(warehouse), config={"memory_limit": MEMORY}) as connection:
        connection.execute("begin")
        _load_deliveries(connection, live)
        progress = bring_up_to_date(
            connection, _objects(settings, live), _basis(settings, code), finished
        )
        load_contact_addresses(connection, settings, _in_force(live, CONTACT_TABLES))
        _load_outcomes(connection)
        _load_amounts(connection, settings, live)
        _load_parameters(connection, settings, as_of)
        for create in beside:
            create(connection)
        if progress.finished is None:
            # Before anything shows: of tables made anew, no earlier load says what has changed.
            facts_progress.write(warehouse, progress)
        connection.execute("commit")
    facts_progress.write(warehouse, progress)


def _in_force(live: Sequence[Live], tables: Sequence[str]) -> dict[str, list[str]]:
    """Ids of the deliveries in force, by raw table."""
    found: dict[str, list[str]] = {table: [] for table in tables}
    for item in live:
        if item.is_live and item.delivery.object in found:
            found[item.delivery.object].append(item.delivery.delivery_id)
    return found


def _objects(settings: Settings, live: Sequence[Live]) -> list[RawObject]:
    mappings = _mappings(settings)
    return [
        RawObject(
            home=settings.home,
            contract=contract,
            mappings={name: files[0] for (name, of), files in mappings.items() if of == table},
            deliveries=[
                item.delivery for item in live if item.is_live and item.delivery.object == table
            ],
        )
        for table, contract in load_contracts().items()
    ]


def _basis(settings: Settings, code: str) -> str:
    """What decides about rows besides the deliveries: code, configuration and the engine's hash."""
    text = repr((code, configuration_text(settings), duckdb.__version__))
    return hashlib.sha256(text.encode()).hexdigest()


def _load_deliveries(connection: duckdb.DuckDBPyConnection, live: Sequence[Live]) -> None:
    rows = [
        {
            "delivery_id": item.delivery.delivery_id,
            "source": item.delivery.source,
            "object": item.delivery.object,
            "file_name": item.delivery.file_name,
            "sha256": item.delivery.sha256,
            "version_key": item.delivery.version_key,
            "arrival": item.delivery.arrival,
            "received_at": datetime.fromisoformat(item.delivery.received_at),
            "rows_in_file": item.delivery.rows_in_file,
            "rows_filtered": item.delivery.rows_filtered,
            "rows_delivered": item.delivery.rows_delivered,
            "rows_quarantined": item.delivery.rows_quarantined,
            "data_from": _moment(item.delivery.data_from),
            "data_through": _moment(item.delivery.data_through),
            "status": item.delivery.status if item.is_live else _status(item),
            "reason": item.reason,
            "is_live": item.is_live,
        }
        for item in live
    ]
    schema = pa.schema(
        [
            *((name, pa.string()) for name in _DELIVERY_TEXTS),
            ("received_at", pa.timestamp("us")),
            *((name, pa.int64()) for name in _DELIVERY_COUNTS),
            ("data_from", pa.timestamp("us")),
            ("data_through", pa.timestamp("us")),
            ("status", pa.string()),
            ("reason", pa.string()),
            ("is_live", pa.bool_()),
        ]
    )
    loaded = pa.Table.from_pylist(rows, schema=schema)
    connection.register("loaded", loaded)
    connection.execute("create or replace temp table deliveries_loaded as select * from loaded")
    connection.execute(
        "create or replace temp view versions as "
        "select delivery_id, version_key, arrival from deliveries_loaded"
    )
    connection.unregister("loaded")


_DELIVERY_TEXTS = ("delivery_id", "source", "object", "file_name", "sha256", "version_key")
_DELIVERY_COUNTS = (
    "arrival",
    "rows_in_file",
    "rows_filtered",
    "rows_delivered",
    "rows_quarantined",
)


def _status(item: Live) -> str:
    return item.delivery.status if item.delivery.status != "accepted" else "replaced"


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _load_outcomes(connection: duckdb.DuckDBPyConnection) -> None:
    """Rows of each delivery: still in force, rejected, or repeated by another one."""
    connection.execute(
        """
        create or replace table raw.deliveries as
        with current_rows as (
            select delivery_id, sum(row_count)::bigint as rows_current
            from loads.sums group by delivery_id
        )
        select
            delivery_id, source, object, file_name, sha256, received_at,
            rows_in_file, rows_filtered, rows_delivered,
            coalesce(rows_current, 0) as rows_accepted,
            case when status = 'rejected' then rows_delivered else rows_quarantined end
                as rows_quarantined,
            case when status = 'rejected' then 0
                else rows_delivered - rows_quarantined - coalesce(rows_current, 0) end
                as rows_duplicate,
            data_from, data_through, status, reason
        from deliveries_loaded left join current_rows using (delivery_id)
        order by source, object, file_name, delivery_id
        """
    )


def _load_amounts(
    connection: duckdb.DuckDBPyConnection, settings: Settings, live: Sequence[Live]
) -> None:
    """Money of each delivery by outcome.

    What was accepted when it was read but is no longer in force is a duplicate.
    """
    with open_ledger(settings.home) as ledger:
        amounts = list(ledger.amounts())
    table = pa.table(
        {
            "delivery_id": pa.array([identity for identity, _ in amounts], pa.string()),
            "currency": pa.array([item.currency for _, item in amounts], pa.string()),
            "outcome": pa.array([item.outcome for _, item in amounts], pa.string()),
            "reason": pa.array([item.reason for _, item in amounts], pa.string()),
            "amount": pa.array([item.amount for _, item in amounts], pa.decimal128(28, 4)),
        }
    )
    originals = [
        (item.delivery.delivery_id, item.delivery.duplicate_of)
        for item in live
        if item.delivery.duplicate_of
    ]
    copies = pa.table(
        {
            "delivery_id": pa.array([identity for identity, _ in originals], pa.string()),
            "duplicate_of": pa.array([origin for _, origin in originals], pa.string()),
        }
    )
    connection.register("ledger_amounts", table)
    connection.register("copies", copies)
    connection.execute(
        """
        create or replace table raw.delivery_amounts as
        with current_amounts as (
            select delivery_id, currency, amount from loads.sums where amount_count <> 0
        ),
        accepted as (
            select delivery_id, currency, status, deliveries_loaded.reason, is_live,
                ledger_amounts.amount,
                coalesce(current_amounts.amount, 0) as current_amount
            from ledger_amounts
            inner join deliveries_loaded using (delivery_id)
            left join current_amounts using (delivery_id, currency)
            where ledger_amounts.outcome = 'accepted'
        ),
        outcomes as (
            select
                delivery_id, currency, 'accepted' as outcome, '' as reason,
                current_amount as amount
            from accepted where is_live
            union all
            select
                delivery_id, currency,
                case when status = 'rejected' then 'quarantined' else 'duplicate' end,
                case when is_live then 'older version or repeated record' else reason end,
                amount - current_amount
            from accepted where amount <> current_amount
            union all
            select delivery_id, currency, outcome, ledger_amounts.reason, amount
            from ledger_amounts inner join deliveries_loaded using (delivery_id)
            where outcome = 'quarantined'
            union all
            select copies.delivery_id, currency, 'duplicate', 'file delivered before', sum(amount)
            from ledger_amounts
            inner join copies on ledger_amounts.delivery_id = copies.duplicate_of
            group by copies.delivery_id, currency
        )
        select delivery_id, currency, outcome, reason, amount::decimal(28, 4) as amount
        from outcomes order by all
        """
    )
    connection.unregister("ledger_amounts")
    connection.unregister("copies")


def _load_parameters(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: date
) -> None:
    connection.execute(
        """
        create or replace table raw.run_parameters as
        select
            ?::date as as_of, ? as reporting_currency, ? as time_zone,
            ?::boolean as has_commerce_source
        """,
        [
            as_of,
            settings.reporting_currency,
            settings.time_zone,
            any(source.is_commerce for source in settings.sources),
        ],
    )
    connection.execute(
        "create or replace table raw.sources "
        "(source text, vendor text, id_space text, is_required boolean, is_commerce boolean)"
    )
    connection.executemany(
        "insert into raw.sources values (?, ?, ?, ?, ?)",
        [
            [item.name, item.vendor, item.id_space, item.required, item.is_commerce]
            for item in settings.sources
        ],
    )
    _load_decisions(connection, settings)


def _load_decisions(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The user's decisions on identities, without clear addresses."""
    connection.execute(
        "create or replace table raw.identity_decisions (line bigint, decision text, "
        "left_identifier text, right_identifier text)"
    )
    if not settings.identity_decisions:
        return
    keyring = Keyring(load_key(settings.home))
    connection.executemany(
        "insert into raw.identity_decisions values (?, ?, ?, ?)",
        [
            [
                item.line,
                item.decision,
                keyed_identifier(item.left, keyring),
                keyed_identifier(item.right, keyring),
            ]
            for item in settings.identity_decisions
        ],
    )


def warehouse_path(home: Path) -> Path:
    """The warehouse file of a data home."""
    return home / "warehouse.duckdb"

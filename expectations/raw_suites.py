"""Suites of the raw tables, made from the contracts: a new source needs no suite of its own.

The tables that describe the run itself (deliveries, sources...) have their suites in ``raw/*.yml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from expectations.suite import COLUMN_SET, NO_ROWS, Expectation, Suite
from ingestion.contract import ROW_COLUMNS, Column, ObjectContract, load_contracts

# A row is named by where it stood in a delivery, never by what it holds.
ROW = "source, delivery_id, delivery_row"

# A delivery is compared with the 28 before it (four weeks of daily files) once there are seven.
EARLIER_DELIVERIES = 7
WINDOW = 28
# Below 30 rows a share or a median is chance.
ROWS_TO_JUDGE = 30

# Files of a source that are named alike but for their digits; columns of raw.deliveries.
KIND_OF_FILE = "deliveries.source, translate(deliveries.file_name, '0123456789', '')"

# Deliveries, each once for every currency in which it states amounts.
DELIVERIES_BY_CURRENCY = """raw.deliveries inner join (
                    select distinct delivery_id, currency from raw.delivery_amounts
                    where outcome = 'accepted'
                ) as amounts using (delivery_id)"""

# Columns that name a person.
WHO = (
    "email",
    "phone",
    "customer_id",
    "contact_id",
    "person_id",
    "loyalty_id",
    "user_id",
    "anonymous_id",
    "user_pseudo_id",
)

# Message-IDs look like addresses and are none.
MESSAGE_IDS = ("message_id", "smtp_id")
ADDRESS = "[^ @<>,;()/?&=]+(@|%40)[^ @<>,;()/?&=]+[.][A-Za-z][A-Za-z]+"


def raw_suites(contracts: Mapping[str, ObjectContract] | None = None) -> list[Suite]:
    """One suite per raw table, by table name."""
    contracts = load_contracts() if contracts is None else contracts
    return [raw_suite(contracts[table]) for table in sorted(contracts)]


def raw_suite(contract: ObjectContract) -> Suite:
    """What the contract of an object promises of its raw table."""
    return Suite(
        "raw",
        contract.table,
        (
            *_structure(contract),
            *_keys(contract),
            *_values(contract),
            *_money(contract),
            *_filled(contract),
        ),
    )


def _new_rows(contract: ObjectContract) -> str:
    """The rows from the first time on that tonight's changes touch, as a relation in SQL; all of
    them where the table was made anew. Older ones passed this gate when they came.
    """
    return f"""(
            select * from {{batch}}
            where coalesce({_quoted(contract.event_time)}, timestamp 'infinity') >= (
                select case when max(facts_load_number) is null then timestamp '-infinity'
                    else coalesce(
                        (
                            select min(event_at) from raw.changed_rows
                            where object = '{contract.table}'
                        ),
                        timestamp 'infinity'
                    ) end
                from loads.state
            )
        )"""


def _judged_rows(contract: ObjectContract, alike: str, deliveries: str = "raw.deliveries") -> str:
    """The rows of the deliveries that came tonight and of those they are compared with, as a
    relation in SQL; of all where the table was made anew. ``alike`` are the columns of
    ``deliveries`` that say which ones are compared.
    """
    return f"""(
            with came as (
                select delivery_id from raw.changed_rows
                where object = '{contract.table}' and not is_removed
            ),
            known as (
                select
                    delivery_id,
                    data_from,
                    bool_or(
                        (select max(facts_load_number) is null from loads.state)
                        or delivery_id in (select came.delivery_id from came)
                    ) over (
                        partition by {alike}
                        order by data_through, received_at, delivery_id
                        rows between current row and {WINDOW} following
                    ) as is_judged
                from {deliveries}
                where object = '{contract.table}' and rows_accepted >= {ROWS_TO_JUDGE}
            )
            select * from {{batch}}
            where
                delivery_id in (select known.delivery_id from known where is_judged)
                -- Nothing else in the table needs to be read.
                and coalesce({_quoted(contract.event_time)}, timestamp 'infinity') >= (
                    select min(coalesce(data_from, timestamp '-infinity'))
                    from known where is_judged
                )
        )"""


def _critical(name: str, query: str, notes: str, guards: str | None = None) -> Expectation:
    return Expectation(name, NO_ROWS, "critical", notes, {"query": query}, guards)


def _structure(contract: ObjectContract) -> Iterable[Expectation]:
    yield Expectation(
        "columns_are_the_contract",
        COLUMN_SET,
        "critical",
        "Staging names these columns; they are what the contract makes of an export.",
        {"column_set": list(contract.raw_schema().names), "exact_match": True},
    )
    yield _critical(
        "every_source_that_delivered_has_rows",
        f"""
        select source
        from raw.deliveries
        where object = '{contract.table}' and status = 'accepted'
        group by source
        having
            sum(rows_delivered - rows_quarantined) > 0
            and source not in (select distinct source from {{batch}} where source is not null)
        """,
        "Of the accepted rows of a source at least one version survives; none left means that the "
        "load lost them.",
        guards="rows",
    )
    yield _critical(
        "rows_are_those_of_the_ledger",
        f"""
        with counted as (
            select delivery_id, count(*) as rows_in_table from {{batch}} group by delivery_id
        ),
        known as (
            select delivery_id, rows_accepted from raw.deliveries where object = '{contract.table}'
        )
        select delivery_id, rows_accepted, rows_in_table
        from known full outer join counted using (delivery_id)
        where coalesce(rows_accepted, 0) <> coalesce(rows_in_table, 0)
        """,
        "A row without an accepted delivery does not exist for readers, and none may be missing.",
    )


def _keys(contract: ObjectContract) -> Iterable[Expectation]:
    required = [
        *(name for name, _ in ROW_COLUMNS if name != "source_zone"),
        *(name for column in contract.columns if column.required for name in _names(column)),
    ]
    yield _critical(
        "required_columns_are_filled",
        f"""
        select {ROW}
        from {_new_rows(contract)}
        where {_any(f"{_quoted(name)} is null" for name in required)}
        """,
        "Rows without these are quarantined while they are read; one here has gone around that.",
    )
    key = ", ".join(_key(contract))
    # Hashes first: grouping millions of rows by six texts takes five times as long.
    yield _critical(
        "a_record_is_there_once",
        f"""
        with doubled as (
            select hash({key}) as key_hash from {_new_rows(contract)} group by 1 having count(*) > 1
        )
        select source, min(delivery_id) as delivery_id, min(delivery_row) as delivery_row
        from {_new_rows(contract)}
        where hash({key}) in (select key_hash from doubled)
        group by {key}
        having count(*) > 1
        """,
        f"{contract.grain}; two current versions of a record would be counted twice.",
    )
    if contract.block:
        yield _critical(
            "a_block_comes_from_one_delivery",
            f"""
            select source, min(delivery_id) as delivery_id, min(delivery_row) as delivery_row
            from {{batch}}
            group by source, {", ".join(map(_quoted, contract.key))}
            having count(distinct delivery_id) > 1
            """,
            "A newer export replaces the block whole; lines of two exports would be added up.",
        )


def _key(contract: ObjectContract) -> list[str]:
    if contract.mode == "append":
        return ["source", "delivery_id", "delivery_row"]
    columns = [
        name if name == "occurrence" else contract.column(name).raw_fields()[0][0]
        for name in contract.key
    ]
    return ["source", *map(_quoted, columns), *(["delivery_row"] if contract.block else [])]


def _values(contract: ObjectContract) -> Iterable[Expectation]:
    outside = [
        f"{_quoted(column.name)} not in ({', '.join(map(_literal, column.values))})"
        for column in contract.columns
        if column.type == "choice"
    ]
    if outside:
        yield _critical(
            "choices_are_known",
            f"select {ROW} from {_new_rows(contract)} where {_any(outside)}",
            "SQL after this point branches on these values; another one would fall through.",
        )
    currencies = [column.name for column in contract.columns if column.type == "currency"]
    if currencies:
        odd = (f"not regexp_full_match({_quoted(name)}, '[A-Z][A-Z][A-Z]')" for name in currencies)
        yield _critical(
            "currencies_are_iso_codes",
            f"select {ROW} from {_new_rows(contract)} where {_any(odd)}",
            "ISO 4217 codes are three capital letters; sums are made per code.",
        )
    yield _critical(
        "times_are_possible",
        f"""
        with received as (
            select delivery_id, received_at from raw.deliveries where object = '{contract.table}'
        )
        select {ROW}
        from {_new_rows(contract)} inner join received using (delivery_id)
        where
            {_quoted(contract.event_time)} < timestamp '1990-01-01'
            or {_quoted(contract.event_time)} > received_at + interval 2 days
        """,
        "No vendor here existed before 1990: an earlier time is seconds read as something else. "
        "Clocks and zones run ahead of a delivery by less than two days. Both bounds are those "
        "of the quarantine (ingestion/conversion.py), set 2026-11.",
    )
    texts = [
        column.name
        for column in contract.columns
        if column.type in ("id", "text", "url", "choice") and column.name not in MESSAGE_IDS
    ]
    if texts:
        yield _critical(
            "no_clear_email_address",
            f"""
            select {ROW}
            from {_new_rows(contract)}
            where {_any(map(has_address, texts))}
            """,
            "Clear personal data ends while landing becomes raw; from here on it would be "
            "published.",
        )


def _money(contract: ObjectContract) -> Iterable[Expectation]:
    amounts = [column.name for column in contract.columns if column.type == "money"]
    if amounts:
        yield _critical(
            "amounts_are_possible",
            f"""
            select {ROW}
            from {_new_rows(contract)}
            where {_any(f"abs({_quoted(name)}) >= 1000000000000" for name in amounts)}
            """,
            "10^12 of any currency: as rupiah some 60 million dollars (2026-11). A larger amount "
            "is an id or a phone number in the wrong column.",
        )
    if not (contract.money_amount and contract.money_currency):
        return
    amount, currency = _quoted(contract.money_amount), _quoted(contract.money_currency)
    yield _critical(
        "money_is_that_of_the_ledger",
        f"""
        with summed as (
            select
                delivery_id, coalesce({currency}, 'XXX') as currency,
                sum({amount}) as amount_in_table
            from {{batch}}
            where {amount} is not null
            group by all
        ),
        known as (
            select delivery_id, currency, sum(amount) as amount
            from raw.delivery_amounts inner join raw.deliveries using (delivery_id)
            where outcome = 'accepted' and object = '{contract.table}'
            group by all
        )
        select delivery_id, currency, amount, amount_in_table
        from known full outer join summed using (delivery_id, currency)
        where coalesce(amount, 0) <> coalesce(amount_in_table, 0)
        """,
        "Money is conserved from landing to mart, for every delivery and currency.",
    )
    yield _critical(
        "typical_amount_keeps_its_unit",
        f"""
        with typical as (
            select delivery_id, {currency} as currency, median(abs({amount})) as typical_amount
            from {_judged_rows(contract, "source, currency", DELIVERIES_BY_CURRENCY)}
            where {amount} <> 0
            group by all
            having count(*) >= {ROWS_TO_JUDGE}
        ),
        compared as (
            select
                deliveries.source,
                deliveries.delivery_id,
                deliveries.reason,
                typical.currency,
                typical.typical_amount,
                median(typical.typical_amount) over earlier as usual_amount,
                count(*) over earlier as earlier_deliveries
            from typical inner join raw.deliveries using (delivery_id)
            window earlier as (
                partition by deliveries.source, typical.currency
                order by deliveries.data_through, deliveries.received_at, delivery_id
                rows between {WINDOW} preceding and 1 preceding
            )
        )
        select source, delivery_id, currency, typical_amount, usual_amount
        from compared
        where
            earlier_deliveries >= {EARLIER_DELIVERIES}
            and reason = ''
            and (
                typical_amount > 20 * usual_amount
                or typical_amount < usual_amount / 20.0
            )
        """,
        "Cents read as whole units move the median amount of a delivery a hundredfold. Over 305 "
        "real days of Online Retail it moved less than threefold (2026-11): 20 lies between. "
        "Compared with the 28 deliveries before (four weeks), from 7 on (one), 30 rows each.",
    )


def _filled(contract: ObjectContract) -> Iterable[Expectation]:
    optional = [column for column in contract.columns if not column.required]
    who = {_names(column)[0] for column in optional if column.name in WHO}
    money = {_names(column)[0] for column in optional if column.type == "money"}
    decisive = {name: _quoted(name) for name in sorted(money)}
    if who:
        # A system names a person by several ids in turn; only that it names nobody is wrong.
        decisive["who"] = f"coalesce({', '.join(map(_quoted, sorted(who)))})"
    names = [_names(column)[0] for column in optional]
    describing = {name: _quoted(name) for name in names if name not in money}
    for severity, columns, meaning in (
        ("critical", decisive, "these say who (by any id of the object) and how much"),
        ("warning", describing, "these describe; scores lose a facet"),
    ):
        if not columns:
            continue
        yield Expectation(
            "columns_stay_filled" if severity == "critical" else "descriptions_stay_filled",
            NO_ROWS,
            severity,
            "A column that at least half of the rows used to fill and a whole delivery leaves "
            f"empty was lost or renamed upstream; {meaning}. Half: 30 empty rows by chance are "
            "then rarer than one in 10^9. Compared with the 28 deliveries before (four weeks), "
            "from 7 on (one), of files that are named alike but for their digits, set 2026-11.",
            {"query": _emptied(_judged_rows(contract, KIND_OF_FILE), columns)},
        )


def _emptied(judged_rows: str, columns: Mapping[str, str]) -> str:
    counts = ", ".join(f"count({text}) as {_quoted(name)}" for name, text in columns.items())
    return f"""
        with counted as (
            select delivery_id, count(*) as row_count, {counts}
            from {judged_rows}
            group by delivery_id
            having count(*) >= {ROWS_TO_JUDGE}
        ),
        filled as (
            unpivot counted on {", ".join(map(_quoted, columns))}
            into name column_name value filled_rows
        ),
        compared as (
            select
                deliveries.source,
                delivery_id,
                deliveries.reason,
                filled.column_name,
                filled.filled_rows,
                median(filled.filled_rows / filled.row_count) over earlier as usual_share,
                count(*) over earlier as earlier_deliveries
            from filled inner join raw.deliveries using (delivery_id)
            window earlier as (
                partition by
                    {KIND_OF_FILE},
                    filled.column_name
                order by deliveries.data_through, deliveries.received_at, delivery_id
                rows between {WINDOW} preceding and 1 preceding
            )
        )
        select source, delivery_id, column_name
        from compared
        where
            filled_rows = 0
            and usual_share >= 0.5
            and earlier_deliveries >= {EARLIER_DELIVERIES}
            and reason = ''
    """


def has_address(name: str) -> str:
    """SQL that is true where column ``name`` holds an e-mail address; the cheap test goes first."""
    column = _quoted(name)
    marked = f"contains({column}, '@')"
    if name.endswith("url"):
        marked = f"({marked} or contains({column}, '%40'))"
    return f"({marked} and regexp_matches({column}, '{ADDRESS}'))"


def _names(column: Column) -> list[str]:
    return [name for name, _ in column.raw_fields()]


def _any(conditions: Iterable[str]) -> str:
    return "\n            or ".join(conditions)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

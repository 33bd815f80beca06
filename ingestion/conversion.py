"""Conversion: text becomes typed columns, and a row that breaks its contract goes to quarantine with the reason.

The mapping is turned into one SQL query for DuckDB: identifiers and texts of ``rapport.yml`` enter it as quoted
names and literals only. Reasons name the column and the fault, never the value: a value may be personal data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from ingestion.contract import Column
from ingestion.mapping import ColumnRule, Filter
from ingestion.personal_data import Keyring, role_column
from ingestion.reading import Records, quoted
from ingestion.settings import FileMapping, SourceSettings

NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$"
# A time of day, then an offset: what tells "2026-05-14 11:23 +0100" from a plain date.
OFFSET = r"[0-9]:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)? ?(Z|z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$"
SCIENTIFIC = r"^[0-9]+([.][0-9]+)?[eE][+]?[0-9]+$"

TRUE = ("true", "t", "yes", "y", "1", "1.0")
FALSE = ("false", "f", "no", "n", "0", "0.0")

EARLIEST = "1990-01-01"
QUARANTINE_COLUMNS = ("quarantine_row", "quarantine_line", "quarantine_reason")

# Clocks of vendors run ahead by zones and skew, never by more than two days.
SKEW = timedelta(days=2)
_EPOCH_UNITS = {
    "epoch_seconds": 1_000_000,
    "epoch_milliseconds": 1_000,
    "epoch_microseconds": 1,
}


@dataclass(frozen=True)
class Converted:
    """One batch: accepted rows in the raw schema, quarantined rows with QUARANTINE_COLUMNS before it."""

    accepted: pa.Table
    quarantined: pa.Table
    filtered: int


@dataclass(frozen=True)
class Origin:
    """What every row of a delivery carries."""

    source: SourceSettings
    delivery_id: str
    reporting_currency: str
    received_at: datetime


def convert(
    records: Records, mapping: FileMapping, origin: Origin, keyring: Keyring, fill_down: str | None
) -> Iterator[Converted]:
    """Typed batches of a file. Objects whose rows depend on each other are converted as one batch."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("set preserve_insertion_order = true")
    batches: Iterator[pa.Table] = records.batches
    if _needs_whole_file(mapping, fill_down):
        tables = list(batches)
        batches = iter([pa.concat_tables(tables)] if tables else [])
    try:
        for table in batches:
            yield _convert_batch(
                connection, table, records.documents, mapping, origin, keyring, fill_down
            )
    finally:
        connection.close()


def _needs_whole_file(mapping: FileMapping, fill_down: str | None) -> bool:
    generated = any(rule.generate for rule in mapping.rules.values())
    return bool(fill_down) or generated or "occurrence" in mapping.key


def _convert_batch(
    connection: duckdb.DuckDBPyConnection,
    table: pa.Table,
    documents: bool,
    mapping: FileMapping,
    origin: Origin,
    keyring: Keyring,
    fill_down: str | None,
) -> Converted:
    connection.register("records", table)
    query = Query(mapping, origin, documents, tuple(table.column_names), fill_down)
    connection.execute(f"create or replace temp table judged as {query.sql()}")
    columns = ", ".join(query.outputs())
    accepted = connection.execute(
        f"select {columns} from judged where quarantine_reason = '' order by delivery_row"
    ).to_arrow_table()
    quarantined = connection.execute(
        f"select delivery_row as quarantine_row, quarantine_line, quarantine_reason, {columns} from judged "
        "where quarantine_reason <> '' order by delivery_row"
    ).to_arrow_table()
    return Converted(
        accepted=_keyed(accepted, mapping, keyring, ()),
        quarantined=_keyed(quarantined, mapping, keyring, QUARANTINE_COLUMNS),
        filtered=table.num_rows - accepted.num_rows - quarantined.num_rows,
    )


def _keyed(
    table: pa.Table, mapping: FileMapping, keyring: Keyring, extra: Sequence[str]
) -> pa.Table:
    """Clear personal data out, keys in; the table takes the raw schema."""
    schema = mapping.contract.raw_schema()
    arrays: dict[str, pa.Array | pa.ChunkedArray] = {name: table[name] for name in extra}
    for name in schema.names:
        if name in table.column_names:
            arrays[name] = table[name]
    for column in mapping.contract.columns:
        texts = table[column.name]
        rule = mapping.rules.get(column.name)
        names = [name for name, _ in column.raw_fields()]
        if rule and rule.generate:
            arrays[column.name] = keyring.digest_column(texts)
        elif column.type == "email":
            arrays[names[0]] = keyring.column("email", texts)
            arrays[names[1]] = role_column(texts)
        elif column.type == "email_list":
            arrays[names[0]] = keyring.list_column(texts)
        elif column.pii != "none" and column.type != "free_text":
            arrays[names[0]] = keyring.column(column.type, texts)
        elif column.type == "free_text":
            arrays[names[0]] = texts
        elif column.type in ("id", "text", "url"):
            arrays[column.name] = keyring.scrubbed(texts)
    fields = [pa.field(name, table.schema.field(name).type) for name in extra] + list(schema)
    return pa.table([arrays[field.name] for field in fields], names=[f.name for f in fields]).cast(
        pa.schema(fields)
    )


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Query:
    """The SQL that types one batch: records -> texts -> (blocks) -> values -> judged."""

    mapping: FileMapping
    origin: Origin
    documents: bool
    fields: tuple[str, ...]
    fill_down: str | None

    def outputs(self) -> list[str]:
        """Names of the columns of the result, before personal data is keyed."""
        names = ["source", "id_space", "delivery_id", "delivery_row", "occurrence", "source_zone"]
        return names + [column.name for column in self.mapping.contract.columns]

    def sql(self) -> str:
        """The whole query."""
        steps = [f"fields as ({self._fields()})", f"texts as ({self._texts()})"]
        if self.fill_down:
            steps += [f"blocks as ({self._blocks()})", f"filled as ({self._filled()})"]
        else:
            steps.append(f"filled as (select *, {self._occurrence()} as occurrence from texts)")
        steps.append(f"typed as ({self._typed()})")
        steps.append(f"finished as ({self._finished()})")
        steps.append(f"judged as ({self._judged()})")
        if self.fill_down:
            return f"with {', '.join(steps)} {self._block_reasons()}"
        return f"with {', '.join(steps)} select * from judged"

    # --- records -> fields: how a field is reached

    def _paths(self) -> list[str]:
        paths: list[str] = []
        for rule in self.mapping.rules.values():
            paths += [*rule.paths, *rule.generate]
        if self.mapping.filter:
            paths += [condition[0] for condition in self.mapping.filter.conditions]
        return list(dict.fromkeys(paths))

    def _fields(self) -> str:
        line = "line" if "line" in self.fields else "null::bigint as line"
        if not self.documents:
            return f"select *{'' if 'line' in self.fields else ', ' + line} from records"
        plain = [path for path in self._paths() if "[" not in path or _indexed(path)]
        lists = sorted({path.split("[")[0] for path in self._paths() if path not in plain})
        columns = ["row", line, "json_valid(document) as is_json"]
        valid = "case when json_valid(document) then document else '{}' end"
        if plain:
            listed = ", ".join(literal(json_path(path)) for path in plain)
            columns.append(f"json_extract_string({valid}, [{listed}]) as plain")
        for place, name in enumerate(lists):
            path = json_path(name)
            columns.append(
                f"json_extract_string({valid}, {literal(path + '[*].key')}) as keys{place}"
            )
            columns.append(f"json_extract({valid}, {literal(path + '[*].value')}) as values{place}")
        return f"select {', '.join(columns)} from records"

    def _reach(self, path: str) -> str | None:
        """The SQL text of a field, or None where this file has no such field."""
        if not self.documents:
            return quoted(path) if path in self.fields and path != "row" else None
        plain = [item for item in self._paths() if "[" not in item or _indexed(item)]
        if path in plain:
            return f"plain[{plain.index(path) + 1}]"
        lists = sorted({item.split("[")[0] for item in self._paths() if item not in plain})
        name, _, key = path.partition("[")
        place = lists.index(name)
        value = f"values{place}[list_position(keys{place}, {literal(key.rstrip(']'))})]"
        typed = ", ".join(
            f"json_extract_string({value}, '$.{kind}_value')"
            for kind in ("string", "int", "double", "float")
        )
        scalar = (
            f"case when json_type({value}) <> 'OBJECT' then json_extract_string({value}, '$') end"
        )
        return f"coalesce({typed}, {scalar})"

    # --- fields -> texts: one text per column of the contract

    def _texts(self) -> str:
        columns = ["row", "line"]
        if self.documents:
            columns.append("is_json")
        for column in self.mapping.contract.columns:
            rule = self.mapping.rules.get(column.name)
            text = "null::varchar" if rule is None else self._text(rule)
            columns.append(f"{text} as {quoted('t_' + column.name)}")
        keep = self._filter(self.mapping.filter)
        return f"select {', '.join(columns)} from fields where {keep}"

    def _text(self, rule: ColumnRule) -> str:
        if rule.constant is not None:
            return literal(rule.constant)
        if rule.generate:
            parts = [f"coalesce({self._reach(path) or 'null'}, '')" for path in rule.generate]
            joined = " || chr(31) || ".join(parts)
            return (
                f"({joined}) || chr(31) || row_number() over (partition by {joined} order by row)"
            )
        reached = [self._reach(path) for path in rule.paths]
        cleaned = [_empty_is_null(text, rule.null_values) for text in reached if text]
        text = f"coalesce({', '.join(cleaned)}, null)" if cleaned else "null::varchar"
        text = _mapped(text, rule)
        return f"coalesce({text}, {literal(rule.default)})" if rule.default is not None else text

    def _filter(self, condition: Filter | None) -> str:
        parts = ["true"]
        for field, keep, texts in condition.conditions if condition else ():
            reached = self._reach(field)
            listed = ", ".join(literal(text) for text in texts)
            test = f"coalesce(trim({reached}), '') in ({listed})" if reached else "false"
            parts.append(test if keep else f"not ({test})")
        return " and ".join(parts)

    # --- blocks: rows that continue the row above

    def _blocks(self) -> str:
        """A block begins where the record's name changes. Shopify leaves currency and totals empty on the rows below
        the first; other tools repeat them, so a row of the same name with a currency begins a new block only when it
        repeats the line above to the letter.
        """
        name = quoted(f"t_{self.fill_down}")
        total = quoted(f"t_{self.mapping.contract.money_currency}")
        lines = [
            quoted(f"t_{column.name}")
            for column in self.mapping.contract.columns
            if column.name.startswith("line_")
        ]
        repeated = " and ".join(
            f"{line} is not distinct from lag({line}) over (order by row)" for line in lines
        )
        above = (
            f"last_value({name} ignore nulls) over "
            "(order by row rows between unbounded preceding and 1 preceding)"
        )
        begins = (
            f"({name} is not null and ({name} is distinct from {above} "
            f"or ({total} is not null and {repeated})))"
        )
        return (
            f"select *, sum(begins::bigint) over (order by row rows unbounded preceding) as block "
            f"from (select *, {begins} as begins from texts)"
        )

    def _filled(self) -> str:
        """Order-level columns of a continuation row come from its block's first row; line_* are the row's own."""
        columns = ["row", "line", "block"]
        if self.documents:
            columns.append("is_json")
        columns.append("row_number() over (partition by block order by row) as occurrence")
        for column in self.mapping.contract.columns:
            name = quoted(f"t_{column.name}")
            if column.name.startswith("line_"):
                columns.append(name)
            else:
                columns.append(
                    f"first_value({name}) over (partition by block order by row) as {name}"
                )
        return f"select {', '.join(columns)} from blocks"

    def _occurrence(self) -> str:
        if "occurrence" not in self.mapping.key:
            return "1::bigint"
        names = [quoted(f"t_{name}") for name in self.mapping.key if name != "occurrence"]
        return f"row_number() over (partition by {', '.join(names)} order by row)"

    # --- texts -> typed values

    def _typed(self) -> str:
        columns = ["*"]
        for column in self.mapping.contract.columns:
            rule = self.mapping.rules.get(column.name, ColumnRule())
            columns.append(f"{self._value(column, rule)} as {quoted('v_' + column.name)}")
        return f"select {', '.join(columns)} from filled"

    def _value(self, column: Column, rule: ColumnRule) -> str:
        text = quoted(f"t_{column.name}")
        if column.type == "id":
            return _identifier(text)
        if column.type in ("money", "decimal", "rate", "integer"):
            kinds = {"rate": "decimal(24,10)", "integer": "bigint"}
            return self._number(text, kinds.get(column.type, "decimal(18,4)"))
        if column.type == "boolean":
            return _boolean(text)
        if column.type == "timestamp":
            return self._timestamp(text, rule)
        if column.type == "date":
            return self._date(text, rule)
        if column.type == "currency":
            upper = f"upper({text})"
            return f"case when regexp_full_match({upper}, '[A-Z]{{3}}') then {upper} end"
        if column.type == "choice":
            listed = ", ".join(literal(value) for value in column.values)
            return f"case when lower({text}) in ({listed}) then lower({text}) end"
        if column.type == "free_text":
            return f"length({text})"
        return f"nfc_normalize({text})"

    def _number(self, text: str, kind: str) -> str:
        dialect = self.mapping.dialect
        plain = text
        if dialect.thousands:
            plain = f"replace({plain}, {literal(dialect.thousands)}, '')"
        if dialect.decimal != ".":
            # A dot where the comma is the decimal mark would change the amount silently.
            plain = f"replace(replace({plain}, '.', '?'), {literal(dialect.decimal)}, '.')"
        value = f"try_cast({plain} as {kind})"
        if kind == "bigint":
            value = (
                f"case when try_cast({plain} as decimal(18,4)) = try_cast({plain} as bigint) "
                f"then try_cast({plain} as bigint) end"
            )
        return f"case when regexp_matches({plain}, {literal(NUMBER)}) then {value} end"

    def _zone(self, rule: ColumnRule) -> str:
        return rule.zone or self.mapping.zone

    def _timestamp(self, text: str, rule: ColumnRule) -> str:
        if rule.relative_seconds is not None:
            start = self._iso(literal(rule.relative_start or ""), rule)
            micros = f"try_cast(try_cast({text} as decimal(18,4)) * {rule.relative_seconds} * 1000000 as bigint)"
            return f"({start} + to_microseconds({micros}))"
        if rule.format in _EPOCH_UNITS:
            micros = f"try_cast(try_cast({text} as decimal(28,6)) * {_EPOCH_UNITS[rule.format]} as bigint)"
            # Plain text beside it: Parquet and CSV variants of one export often carry ISO times instead.
            parsed = f"case when regexp_matches({text}, {literal(NUMBER)}) then make_timestamp({micros}) end"
            return f"coalesce({parsed}, {self._iso(text, rule)})"
        if rule.format:
            local = f"try_strptime({text}, {literal(rule.format)})"
            if "%z" in rule.format:
                return f"(try_strptime({text}, {literal(rule.format)})::timestamptz at time zone 'UTC')"
            return f"(({local} at time zone {literal(self._zone(rule))}) at time zone 'UTC')"
        return self._iso(text, rule)

    def _iso(self, text: str, rule: ColumnRule) -> str:
        instant = (
            f"regexp_replace(regexp_replace({text}, ' ?(Z|z|UTC|GMT)$', '+00:00'), "
            "' ?([+-][0-9]{2}):?([0-9]{2})?$', '\\1:\\2')"
        )
        instant = f"regexp_replace({instant}, ':$', ':00')"
        local = f"try_cast({text} as timestamp) at time zone {literal(self._zone(rule))}"
        return (
            f"((case when regexp_matches({text}, {literal(OFFSET)}) "
            f"then try_cast({instant} as timestamptz) else {local} end) at time zone 'UTC')"
        )

    def _date(self, text: str, rule: ColumnRule) -> str:
        if rule.format:
            return f"try_strptime({text}, {literal(rule.format)})::date"
        return f"try_cast(substr({text}, 1, 10) as date)"

    # --- typed values -> the row, and what is wrong with it

    def _finished(self) -> str:
        contract = self.mapping.contract
        columns = [
            f"{literal(self.origin.source.name)} as source",
            f"{literal(self.origin.source.id_space)} as id_space",
            f"{literal(self.origin.delivery_id)} as delivery_id",
            "row as delivery_row",
            "line as quarantine_line",
            "occurrence",
            f"{self._source_zone()} as source_zone",
        ]
        if self.fill_down:
            columns.append("block")
        if self.documents:
            columns.append("is_json")
        for column in contract.columns:
            columns.append(f"{self._final(column)} as {quoted(column.name)}")
            columns.append(f"{self._fault(column)} as {quoted('f_' + column.name)}")
        return f"select {', '.join(columns)} from typed"

    def _final(self, column: Column) -> str:
        value = quoted(f"v_{column.name}")
        rule = self.mapping.rules.get(column.name)
        if rule and rule.computed:
            left, right = (quoted(f"v_{name}") for name in rule.computed)
            return f"coalesce({value}, ({left} * {right})::decimal(18,4))"
        if column.type == "currency" and not column.required:
            return f"coalesce({value}, {literal(self.origin.reporting_currency)})"
        return value

    def _fault(self, column: Column) -> str:
        text, value = quoted(f"t_{column.name}"), quoted(f"v_{column.name}")
        name = column.name
        cases = []
        if column.type in ("id", "text", "url", "choice"):
            cases.append(f"when contains({text}, chr(0)) then {literal(name + ': NUL byte')}")
        if column.type == "id":
            cases.append(
                f"when regexp_matches({text}, {literal(SCIENTIFIC)}) "
                f"then {literal(name + ': an id in scientific notation has lost digits')}"
            )
        if column.required:
            cases.append(f"when {text} is null then {literal(name + ': missing')}")
        cases.append(
            f"when {text} is not null and {value} is null then {literal(self._misfit(column))}"
        )
        if column.name == self.mapping.contract.event_time and column.type == "timestamp":
            latest = (self.origin.received_at + SKEW).isoformat(sep=" ")
            early, late = (
                name + ": before 1990 (seconds or milliseconds?)",
                name + ": in the future",
            )
            cases.append(f"when {value} < timestamp {literal(EARLIEST)} then {literal(early)}")
            cases.append(f"when {value} > timestamp {literal(latest)} then {literal(late)}")
        return f"case {' '.join(cases)} end"

    def _misfit(self, column: Column) -> str:
        words = {
            "money": "not an amount",
            "decimal": "not a number",
            "rate": "not a number",
            "integer": "not a whole number",
            "boolean": "neither true nor false",
            "timestamp": "not a time in the declared format",
            "date": "not a date in the declared format",
            "currency": "not an ISO 4217 code",
            "choice": f"none of {', '.join(column.values)}",
        }
        return f"{column.name}: {words.get(column.type, 'not readable')}"

    def _source_zone(self) -> str:
        """Where the event time's zone stood in the text, that offset; else the declared zone."""
        name = self.mapping.contract.event_time
        rule = self.mapping.rules.get(name)
        if rule is None:
            return "null::varchar"
        if rule.format in _EPOCH_UNITS or rule.relative_seconds is not None:
            return "'UTC'"
        text = quoted(f"t_{name}")
        offset = f"regexp_extract({text}, {literal(OFFSET)}, 3)"
        zone = literal(self._zone(rule))
        return f"case when {offset} in ('Z', 'z') then 'UTC' else coalesce(nullif({offset}, ''), {zone}) end"

    def _judged(self) -> str:
        faults = [quoted(f"f_{column.name}") for column in self.mapping.contract.columns]
        listed = ", ".join(faults)
        reason = f"coalesce(list_aggregate(list_filter([{listed}], lambda f: f is not null), 'string_agg', '; '), '')"
        if self.documents:
            reason = f"case when is_json then {reason} else 'not JSON' end"
        return f"select * exclude ({listed}), {reason} as quarantine_reason from finished"

    def _block_reasons(self) -> str:
        # An order with one bad line must not be published without it: the whole block goes.
        return (
            "select * replace (case when quarantine_reason = '' and "
            "max(quarantine_reason) over (partition by block) <> '' "
            "then 'another row of this record is quarantined' else quarantine_reason end "
            "as quarantine_reason) from judged"
        )


def _indexed(path: str) -> bool:
    """``items[0].item_id`` is a place in a list, ``event_params[ga_session_id]`` a key."""
    inside = path.partition("[")[2].partition("]")[0]
    return inside.isdigit()


def json_path(path: str) -> str:
    """A dotted path as JSONPath with quoted names: ``value.offer id`` -> ``$."value"."offer id"``."""
    parts = []
    for part in path.split("."):
        name, bracket, rest = part.partition("[")
        parts.append('."' + name.replace('"', '\\"') + '"' + bracket + rest)
    return "$" + "".join(parts)


def _empty_is_null(text: str, null_values: Sequence[str]) -> str:
    cleaned = f"nullif(trim({text}, ' ' || chr(9) || chr(160)), '')"
    for null in null_values:
        cleaned = f"nullif({cleaned}, {literal(null)})"
    return cleaned


def _mapped(text: str, rule: ColumnRule) -> str:
    if rule.values:
        cases = " ".join(f"when {literal(old)} then {literal(new)}" for old, new in rule.values)
        other = "null" if rule.default is not None else text
        return f"case {text} {cases} else {other} end"
    if rule.prefixes:
        cases = " ".join(
            f"when starts_with({text}, {literal(old)}) then {literal(new)}"
            for old, new in sorted(rule.prefixes, key=lambda pair: -len(pair[0]))
        )
        other = "null" if rule.default is not None else text
        return f"case {cases} else {other} end"
    return text


def _identifier(text: str) -> str:
    """Trimmed, NFC; a whole number that went through a float column (17850.0) loses its tail."""
    return (
        f"case when regexp_matches({text}, {literal(SCIENTIFIC)}) then null "
        f"else regexp_replace(nfc_normalize({text}), '^([0-9]+)[.]0+$', '\\1') end"
    )


def _boolean(text: str) -> str:
    true = ", ".join(map(literal, TRUE))
    false = ", ".join(map(literal, FALSE))
    return f"case when lower({text}) in ({true}) then true when lower({text}) in ({false}) then false end"

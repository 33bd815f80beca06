"""What every mart promises, whatever it holds: made from its columns, added to its suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from expectations.raw_suites import has_address
from expectations.suite import NO_ROWS, Expectation


def promises_of(
    table: str, columns: Mapping[str, str], happened: str | None = None
) -> Iterator[Expectation]:
    """The promises of a mart with ``columns`` (DuckDB types by name).

    ``happened`` is the column that says when a row happened. A mart that is not there promises
    nothing: its own suite closes the gate.
    """
    if not columns:
        return
    yield _as_of(table)
    if happened:
        yield _nothing_after_the_run(happened, columns.get(happened, ""))
    if "customer_id" in columns and table != "customers":
        yield _customers_are_known()
    texts = sorted(name for name, kind in columns.items() if kind == "VARCHAR")
    if texts:
        yield _no_address(texts)
    doubles = sorted(name for name, kind in columns.items() if kind == "DOUBLE")
    if doubles:
        yield _finite(doubles)
    probabilities = sorted(name for name in doubles if name.startswith("p_"))
    if probabilities:
        yield _probabilities(probabilities)
    intervals = sorted(
        (name, f"{name.removesuffix('_low')}_high")
        for name in columns
        if name.endswith("_low") and f"{name.removesuffix('_low')}_high" in columns
    )
    if intervals:
        yield _intervals(intervals)


def _as_of(table: str) -> Expectation:
    # A history holds what earlier runs published.
    wrong = ">" if table.endswith("_history") else "is distinct from"
    return _critical(
        "as_of_is_the_day_of_the_run",
        f"""
        select as_of, count(*) as row_count
        from {{batch}}
        where as_of {wrong} (select as_of from raw.run_parameters) or as_of is null
        group by as_of
        """,
        "All marts of a release speak of the same day; another one is a table of an earlier run.",
    )


def _nothing_after_the_run(happened: str, kind: str) -> Expectation:
    day = _quoted(happened)
    if kind.startswith("TIMESTAMP"):
        day = f"timezone(time_zone, timezone('UTC', {day}))::date"
    return _critical(
        "nothing_happened_after_the_run",
        f"""
        select {day} as day_after_the_run, count(*) as row_count
        from {{batch}} cross join (select as_of as run_day, time_zone from raw.run_parameters)
        where {day} > run_day
        group by 1
        """,
        "The run speaks of its day, in the company's zone; a later row is a wrong clock, or a "
        "backfill that knows the future.",
    )


def _customers_are_known() -> Expectation:
    return _critical(
        "customers_are_known",
        """
        select distinct customer_id
        from {batch}
        where
            customer_id is not null
            and customer_id not in (select coalesce(customer_id, '') from marts.customers)
        """,
        "A customer that the customers mart does not know comes from other identities: the marts "
        "were not built together.",
    )


def _no_address(texts: list[str]) -> Expectation:
    counts = ", ".join(
        f"count(*) filter ({has_address(name)}) as {_quoted(name)}" for name in texts
    )
    return _critical(
        "no_clear_email_address",
        f"""
        with counted as (select {counts} from {{batch}}),
        named as (
            unpivot counted on {", ".join(map(_quoted, texts))}
            into name column_name value rows_with_address
        )
        select column_name, rows_with_address from named where rows_with_address > 0
        """,
        "Clear personal data stops at raw; a mart is copied to people who may not see any.",
    )


def _finite(doubles: list[str]) -> Expectation:
    odd = " or ".join(f"not isfinite({_quoted(name)})" for name in doubles)
    return _critical(
        "numbers_are_finite",
        f"select count(*) as row_count from {{batch}} where {odd} having count(*) > 0",
        "NaN and infinity sort above every number and spoil each mean; what is unknown is null.",
    )


def _probabilities(names: list[str]) -> Expectation:
    outside = " or ".join(f"{_quoted(name)} not between 0 and 1" for name in names)
    return _critical(
        "probabilities_are_probabilities",
        f"select count(*) as row_count from {{batch}} where {outside} having count(*) > 0",
        "Columns p_... are probabilities; outside 0 and 1 their estimation has diverged.",
    )


def _intervals(pairs: list[tuple[str, str]]) -> Expectation:
    reversed_pairs = " or ".join(f"{_quoted(low)} > {_quoted(high)}" for low, high in pairs)
    return _critical(
        "interval_ends_are_in_order",
        f"select count(*) as row_count from {{batch}} where {reversed_pairs} having count(*) > 0",
        "An interval whose low end lies above its high end holds nothing.",
    )


def _critical(name: str, query: str, notes: str) -> Expectation:
    return Expectation(name, NO_ROWS, "critical", notes, {"query": query})


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

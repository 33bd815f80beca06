"""What every staging view promises: it renames and casts, so all rows and amounts are in it."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.suite import NO_ROWS, Expectation


def promises_of(
    reads: str, columns: Mapping[str, str], columns_read: Mapping[str, str]
) -> tuple[Expectation, ...]:
    """The promises of a view over the table ``reads``; columns are DuckDB types by name."""
    amounts = sorted(
        name
        for name, kind in columns_read.items()
        if kind.startswith("DECIMAL") and columns.get(name, "").startswith("DECIMAL")
    )
    rows = _same_rows(reads, by_source="source" in columns and "source" in columns_read)
    return (rows, _same_amounts(reads, amounts)) if amounts else (rows,)


def _same_rows(reads: str, by_source: bool) -> Expectation:
    source = "source" if by_source else "'all' as source"
    return Expectation(
        "every_row_is_there",
        NO_ROWS,
        "critical",
        "A view that filters or doubles rows loses or repeats people and money without a trace; "
        "rows are left out later, by name and counted.",
        {
            "query": f"""
                with staged as (
                    select {source}, count(*) as rows_staged from {{batch}} group by all
                ),
                delivered as (
                    select {source}, count(*) as rows_raw from {reads} group by all
                )
                select source, rows_raw, rows_staged
                from delivered full outer join staged using (source)
                where rows_raw is distinct from rows_staged
            """
        },
        guards="rows",
    )


def _same_amounts(reads: str, amounts: list[str]) -> Expectation:
    sums = ", ".join(f'sum("{name}") as "{name}"' for name in amounts)
    return Expectation(
        "amounts_are_unchanged",
        NO_ROWS,
        "critical",
        "Money and counts leave staging as they came: defaults stand in for nulls only.",
        {
            "query": f"""
                with staged as (select {sums} from {{batch}}),
                delivered as (select {sums} from {reads})
                select 'amounts differ from {reads}' as difference
                from staged cross join delivered
                where {
                " or ".join(
                    f'coalesce(staged."{name}", 0) <> coalesce(delivered."{name}", 0)'
                    for name in amounts
                )
            }
            """
        },
    )

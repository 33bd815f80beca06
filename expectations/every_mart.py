"""What every mart promises, whatever it holds: made from its columns, added to its suite."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.raw_suites import has_address
from expectations.suite import NO_ROWS, Expectation


def promises_of(columns: Mapping[str, str]) -> tuple[Expectation, ...]:
    """The promises of a mart with ``columns`` (DuckDB types by name); none without columns."""
    if not columns:
        return ()
    return (_as_of(), *_no_address(columns))


def _as_of() -> Expectation:
    return Expectation(
        "as_of_is_the_day_of_the_run",
        NO_ROWS,
        "critical",
        "All marts of a release speak of the same day; another one is a table of an earlier run.",
        {
            "query": """
                select as_of, count(*) as row_count
                from {batch}
                where as_of is distinct from (select as_of from raw.run_parameters)
                group by as_of
            """
        },
    )


def _no_address(columns: Mapping[str, str]) -> tuple[Expectation, ...]:
    texts = sorted(name for name, kind in columns.items() if kind == "VARCHAR")
    if not texts:
        return ()
    counts = ",\n".join(
        f"count(*) filter ({has_address(_quoted(name))}) as {_quoted(name)}" for name in texts
    )
    names = ", ".join(map(_quoted, texts))
    return (
        Expectation(
            "no_clear_email_address",
            NO_ROWS,
            "critical",
            "Clear personal data stops at raw; a mart is copied to people who may not see any.",
            {
                "query": f"""
                    with counted as (select {counts} from {{batch}}),
                    columns as (
                        unpivot counted on {names} into name column_name value rows_with_address
                    )
                    select column_name, rows_with_address from columns where rows_with_address > 0
                """
            },
        ),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""What a suite must hold before a gate will use it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from expectations.suite import (
    COLUMN_SET,
    NO_ROWS,
    ROW_COUNT,
    Expectation,
    Suite,
    SuiteRefused,
    check,
    read_suite,
)

COLUMNS = Expectation(
    "columns_are_there", COLUMN_SET, "critical", "Read by name.", {"column_set": ["a"]}
)
ROWS = Expectation("there_are_rows", ROW_COUNT, "critical", "Never empty.", {"min_value": 1})
RULE = Expectation(
    "a_is_small",
    NO_ROWS,
    "warning",
    "The largest a so far was 40 (2026-11).",
    {"query": "select a from {batch} where a > 50"},
)
SOUND = Suite("raw", "things", (COLUMNS, ROWS, RULE))


def test_a_whole_suite_is_accepted() -> None:
    check(SOUND)


@pytest.mark.parametrize(
    ("expectations", "complaint"),
    [
        ((), "an empty suite passes everything"),
        ((COLUMNS, RULE), "an emptied table would pass"),
        ((ROWS, RULE), "a lost column would pass"),
        ((COLUMNS, replace(ROWS, severity="warning")), "an emptied table would pass"),
        ((replace(COLUMNS, severity="warning"), ROWS), "a lost column would pass"),
        ((COLUMNS, replace(ROWS, kwargs={"min_value": 0})), "an emptied table would pass"),
        ((COLUMNS, replace(ROWS, kwargs={"max_value": 1})), "an emptied table would pass"),
        ((replace(COLUMNS, kwargs={"column_set": []}), ROWS), "a lost column would pass"),
        ((COLUMNS, ROWS, RULE, RULE), "more than one expectation is called a_is_small"),
    ],
)
def test_a_suite_that_could_not_close_is_refused(
    expectations: tuple[Expectation, ...], complaint: str
) -> None:
    with pytest.raises(SuiteRefused, match=complaint):
        check(replace(SOUND, expectations=expectations))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"severity": "info"}, "severity 'info' is none of critical, warning"),
        ({"notes": ""}, "notes are missing"),
        ({"notes": "The largest so far was 40."}, "in which month"),
        ({"type": "expect_column_values_to_match_regex"}, "is none of"),
        ({"guards": "everything"}, "only rows can be guarded"),
        ({"kwargs": {"query": "select a from raw.things where a > 1"}}, "must read from {batch}"),
    ],
)
def test_an_expectation_without_severity_reason_or_table_is_refused(
    change: dict[str, object], complaint: str
) -> None:
    rule = replace(RULE, **change)  # type: ignore[arg-type]  # one field at a time
    with pytest.raises(SuiteRefused, match=complaint):
        check(replace(SOUND, expectations=(COLUMNS, ROWS, rule)))


def test_zero_and_one_are_no_bounds_and_every_other_number_is() -> None:
    query = (
        "select a1 from {batch} where a1 > 0 and b_30d < 1.0 and c > 0.95 and d < date '1990-01-01'"
    )
    assert replace(RULE, kwargs={"query": query}).bounds() == ["0.95", "1990"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"expectations": [{"name": "a", "type": ROW_COUNT, "notes": "b"}]}, "severity"),
        (
            {"expectations": [{"name": "a", "type": ROW_COUNT, "severity": "critical"}]},
            "missing keys \\['notes'\\]",
        ),
        (
            {
                "expectations": [
                    {
                        "name": "a",
                        "type": ROW_COUNT,
                        "severity": "critical",
                        "notes": "b",
                        "sevirity": "warning",
                    }
                ]
            },
            "sevirity",
        ),
        ({"expectations": [], "expectation": []}, "and no other"),
    ],
)
def test_a_file_with_a_missing_or_misspelt_key_is_refused(
    tmp_path: Path, body: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "things.yml"
    path.write_text(yaml.safe_dump(body))
    with pytest.raises(SuiteRefused, match=complaint):
        read_suite(path, "raw")


def test_the_name_of_the_file_is_the_name_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "things.yml"
    path.write_text("expectations: []")
    assert read_suite(path, "marts").name == "marts.things"

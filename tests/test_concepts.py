"""Every concept of docs/concepts.md has described columns, a source that fills them and a test."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from ingestion.contract import load_contracts
from ingestion.sources import ALL
from tests.concepts import NAMED_BY, Concept, read_concepts

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "dbt_project" / "models"
SEEDS = {
    "kpis_daily": "kpis/kpi_metrics.csv",
    "loyalty_effects": "lifetime_value/loyalty_claims.csv",
    "claim_effects": "lifetime_value/engagement_claims.csv",
}


@pytest.fixture(scope="module")
def concepts() -> list[Concept]:
    """The page."""
    found = read_concepts()
    assert len(found) >= 55
    return found


@pytest.fixture(scope="module")
def described() -> dict[str, dict[str, str]]:
    """Descriptions of the marts' columns."""
    found = {
        model["name"]: {column["name"]: column["description"] for column in model["columns"]}
        for path in (MODELS / "marts").rglob("*.yml")
        for model in yaml.safe_load(path.read_text()).get("models", [])
    }
    assert len(found) >= 39
    return found


def test_every_column_of_a_concept_is_described(
    concepts: list[Concept], described: dict[str, dict[str, str]]
) -> None:
    named = [(mart, column) for concept in concepts for mart, column in concept.columns]
    assert len(named) > 90
    missing = [
        f"{mart}.{column}"
        for mart, column in named
        if not described.get(mart, {}).get(column, "").strip()
    ]
    assert missing == []


def test_every_metric_and_claim_of_a_concept_is_defined(concepts: list[Concept]) -> None:
    defined = {}
    for mart, seed in SEEDS.items():
        with (ROOT / "dbt_project" / "seeds" / seed).open(encoding="utf-8", newline="") as file:
            defined[mart] = {row[NAMED_BY[mart][0]] for row in csv.DictReader(file)}
    rows = [(mart, name) for concept in concepts for mart, name in concept.rows]
    assert len(rows) > 30
    assert [f"{mart}[{name}]" for mart, name in rows if name not in defined[mart]] == []


def test_every_concept_has_a_column_and_a_source(concepts: list[Concept]) -> None:
    contracts = set(load_contracts())
    for concept in concepts:
        assert concept.columns or concept.rows, concept.name
        assert concept.sources, concept.name
        for word in re.findall(r"`(generic_\w+)`", concept.sources):
            assert word in contracts, f"{concept.name}: {word}"
        for word in re.findall(r"`([a-z0-9]+)`", concept.sources):
            assert word in (*ALL, "device"), f"{concept.name}: {word}"


def test_every_concept_is_held_by_a_test_that_is_there(concepts: list[Concept]) -> None:
    known = {path.stem for path in (ROOT / "dbt_project" / "tests").rglob("assert_*.sql")}
    for path in MODELS.rglob("*.yml"):
        for test in (yaml.safe_load(path.read_text()) or {}).get("unit_tests", []):
            known.add(test["name"])
    for path in (ROOT / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    for concept in concepts:
        assert concept.tests, concept.name
        assert [name for name in concept.tests if name not in known] == [], concept.name


def test_every_concept_is_held_by_a_test_that_reads_a_night(concepts: list[Concept]) -> None:
    """Nights are run in ``end_to_end`` alone, and fixtures give them to the tests there."""
    reading = {
        name
        for path in (ROOT / "tests" / "end_to_end").glob("test_*.py")
        for name in re.findall(
            r"^def (test_\w+)\(\s*\w+:", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert [concept.name for concept in concepts if not reading & set(concept.tests)] == []

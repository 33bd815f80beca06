"""The dbt project: its unit tests pass, and every mart keeps the six promises of a mart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.warehouse import warehouse_path
from rapport.steps import DBT_PROJECT, load_raw

GRAIN_TESTS = ("unique", "unique_together")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything built on a warehouse without a row, unit tests included; the folder of artifacts."""
    home = tmp_path_factory.mktemp("home")
    (home / "rapport.yml").write_text(
        "reporting_currency: NOK\ntime_zone: Europe/Oslo\nsources: {hubspot: {}}\n"
    )
    load_raw(home, date(2026, 6, 30))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            "--no-use-colors",
            "build",
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(home / "dbt"), "--log-path", str(home / "logs")),
            *("--exclude-resource-type", "test"),
        ],
        env=os.environ
        | {
            "RAPPORT_WAREHOUSE": str(warehouse_path(home)),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return home / "dbt"


@pytest.fixture(scope="module")
def manifest(target: Path) -> dict[str, Any]:
    """dbt's description of the project."""
    content: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return content


def _marts(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["path"].startswith("marts/"):
            yield node


def test_every_unit_test_passes_and_every_model_builds_without_a_row(
    target: Path, manifest: dict[str, Any]
) -> None:
    results = json.loads((target / "run_results.json").read_text())["results"]
    kinds = [item["unique_id"].split(".")[0] for item in results]
    assert kinds.count("unit_test") == len(manifest["unit_tests"]) > 0
    assert kinds.count("model") == len(list((DBT_PROJECT / "models").rglob("*.sql")))
    assert {item["status"] for item in results} <= {"success", "pass"}


def test_every_mart_promises_grain_key_contract_and_described_columns(
    manifest: dict[str, Any],
) -> None:
    keyed = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node.get("test_metadata")
        and node["test_metadata"]["name"] in GRAIN_TESTS
    }
    marts = list(_marts(manifest))
    assert len(marts) >= 28
    broken = []
    for mart in marts:
        name = mart["name"]
        if "ne row per" not in mart["description"]:
            broken.append(f"{name}: the description does not state the grain")
        if mart["unique_id"] not in keyed:
            broken.append(f"{name}: no test that its key is unique")
        if not mart["config"]["contract"]["enforced"]:
            broken.append(f"{name}: the contract is not enforced")
        if "as_of" not in mart["columns"]:
            broken.append(f"{name}: no as_of")
        broken += [
            f"{name}.{column}: not described"
            for column, body in mart["columns"].items()
            if not body["description"].strip()
        ]
    assert broken == []


def test_every_mart_has_a_unit_test_or_states_arithmetic(manifest: dict[str, Any]) -> None:
    unit_tested = {
        parent for test in manifest["unit_tests"].values() for parent in test["depends_on"]["nodes"]
    }
    asserted = {
        parent
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (not node.get("test_metadata") or node["test_metadata"]["name"] == "holds")
        for parent in node["depends_on"]["nodes"]
    }
    assert len(unit_tested) > 20
    bare = [
        mart["name"] for mart in _marts(manifest) if mart["unique_id"] not in unit_tested | asserted
    ]
    assert bare == []


def test_sources_are_read_by_staging_only(manifest: dict[str, Any]) -> None:
    readers = {
        node["path"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and any(parent.startswith("source.") for parent in node["depends_on"]["nodes"])
    }
    assert readers
    assert [path for path in readers if not path.startswith("staging/")] == []


def test_no_value_of_a_user_is_rendered_as_a_template() -> None:
    models = list((DBT_PROJECT / "models").rglob("*.sql"))
    assert len(models) > 120
    assert [str(path) for path in models if "var(" in path.read_text()] == []


def test_no_outer_join_compares_every_row_with_every_other(target: Path) -> None:
    # An inner join on more than equalities is one on these with a filter behind it; an outer one
    # with an "or", or with a condition on one side alone, is a nested loop.
    loops = []
    with duckdb.connect(str(target.parent / "warehouse.duckdb"), read_only=True) as connection:
        models = sorted((target / "compiled" / "rapport" / "models").glob("**/*.sql"))
        for model in models:
            explained = connection.execute(f"explain (format json) {model.read_text()}").fetchall()
            loops += [
                f"{model.stem}: {operator['extra_info']}"
                for operator in _operators(json.loads(explained[-1][1])[0])
                if operator["name"] in ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN")
                and operator["extra_info"]["Join Type"] != "INNER"
            ]
    assert len(models) > 120
    assert loops == []


# What depends on the order in which doubles are taken.
ADDING = {"sum", "avg", "var_samp", "var_pop", "stddev_samp", "stddev_pop", "covar_samp", "corr"}


def _added_doubles(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Aggregates of a query that add up doubles."""
    plan = connection.execute("select json_serialize_plan(?::varchar)", [sql]).fetchall()[0][0]
    content = json.loads(plan)
    assert not content["error"], content.get("error_message")
    return [
        expression["name"]
        for expression in _expressions(content)
        if expression.get("name") in ADDING
        and "DOUBLE" in [argument["id"] for argument in expression["arguments"]]
    ]


def _expressions(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        if "expression_class" in content:
            yield content
        content = list(content.values())
    if isinstance(content, list):
        for part in content:
            yield from _expressions(part)


@pytest.mark.parametrize(
    "sql",
    [
        "select sum(x) from (select 0.5::double as x)",
        "select sum(x) over (order by x) from (select 0.5::double as x)",
        "select (select avg(x) from (select 0.5::double as x)) as mean",
    ],
)
def test_a_sum_of_doubles_is_found_wherever_it_stands(sql: str) -> None:
    with duckdb.connect() as connection:
        assert len(_added_doubles(connection, sql)) == 1
        assert _added_doubles(connection, sql.replace("double", "decimal(9, 2)")) == []


def test_no_model_adds_up_doubles(target: Path) -> None:
    """Decimals add up the same in any order; the last digits of doubles tell how threads ran."""
    with duckdb.connect(str(target.parent / "warehouse.duckdb"), read_only=True) as connection:
        models = sorted((target / "compiled" / "rapport" / "models").glob("**/*.sql"))
        found = {model.stem: _added_doubles(connection, model.read_text()) for model in models}
    assert len(found) > 120
    assert {name: sums for name, sums in found.items() if sums} == {}


def _operators(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan["children"]:
        yield from _operators(child)

"""The semantic layer and kpis_daily say the same: one definition per KPI."""

from __future__ import annotations

import csv
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from rapport.steps import DBT_PROJECT
from tests.end_to_end.night import ROOT, Night

LAYER = DBT_PROJECT / "models" / "marts" / "semantic_layer" / "semantic_layer.yml"
SEED = DBT_PROJECT / "seeds" / "kpis" / "kpi_metrics.csv"
# `make test-semantic-layer` puts MetricFlow into an environment of its own.
METRICFLOW = ROOT / ".venv" / "semantic_layer" / "bin"

Definitions = dict[str, dict[str, Any]]


def _definitions() -> tuple[Definitions, Definitions]:
    """Metrics by name, and measures by name with their mart and day."""
    content = yaml.safe_load(LAYER.read_text(encoding="utf-8"))
    measures = {
        measure["name"]: measure
        | {"mart": model["name"], "day": model["defaults"]["agg_time_dimension"]}
        for model in content["semantic_models"]
        for measure in model["measures"]
    }
    return {metric["name"]: metric for metric in content["metrics"]}, measures


def _windows() -> dict[str, int]:
    """Days that each metric of kpis_daily looks back."""
    with SEED.open(encoding="utf-8", newline="") as file:
        return {row["metric"]: int(row["window_days"]) for row in csv.DictReader(file)}


METRICS, MEASURES = _definitions()
SHARED = sorted(METRICS.keys() & _windows().keys())


def _total(night: Night, metric: dict[str, Any], last: date, days: int) -> float | None:
    """What a simple metric sums to over the days up to ``last``."""
    measure = MEASURES[metric["type_params"]["measure"]]
    assert measure["agg"] == "sum"
    found = night.one(
        f"select sum({measure['expr']}) from {measure['mart']} "
        f"where cast({measure['day']} as date) between ? and ?",
        last - timedelta(days=days - 1),
        last,
    )
    return None if found is None else float(found)


def _value(night: Night, name: str, last: date, days: int) -> float | None:
    metric = METRICS[name]
    if metric["type"] == "simple":
        return _total(night, metric, last, days) or 0.0
    parts = metric["type_params"]
    above = _total(night, METRICS[parts["numerator"]], last, days)
    below = _total(night, METRICS[parts["denominator"]], last, days)
    return above / below if above is not None and below else None


def test_the_layer_holds_the_kpis_that_are_sums_of_rows() -> None:
    assert len(SHARED) >= 9
    assert {"aov", "net_revenue", "pages_per_session", "csat", "closing_rate"} <= set(SHARED)


@pytest.mark.parametrize("name", SHARED)
def test_a_metric_of_the_layer_is_the_kpi_of_its_name(night: Night, name: str) -> None:
    """Surveys and deals are dated in UTC here: on the last day nothing of them is at an edge."""
    published = night.ask(
        "select date, value from kpis_daily "
        "where metric = ? and segment = 'all' and channel = 'all' order by date",
        name,
    )
    days = _windows()[name]
    compared = 0
    for day, value in published if MEASURED_BY_DAY[name] else published[-1:]:
        expected = _value(night, name, day, days)
        assert value == (None if expected is None else pytest.approx(expected, abs=1e-9)), day
        compared += value is not None
    assert compared > 0


# Metrics of marts that carry the company's own day are compared on every day.
MEASURED_BY_DAY = {name: name not in ("csat", "closing_rate") for name in SHARED}


@pytest.mark.slow
@pytest.mark.skipif(
    not (METRICFLOW / "mf").exists(), reason="MetricFlow is set up by make test-semantic-layer"
)
def test_metricflow_answers_what_kpis_daily_says(night: Night, tmp_path: Path) -> None:
    project, answer = tmp_path / "dbt_project", tmp_path / "answer.csv"
    shutil.copytree(DBT_PROJECT, project)
    as_of = night.one("select max(as_of) from kpis_daily")
    environment = {
        "PATH": str(METRICFLOW),
        "HOME": str(tmp_path),
        "RAPPORT_WAREHOUSE": str(night.home / "warehouse.duckdb"),
        "DBT_PROFILES_DIR": str(project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    asked = ["aov", "discount_share", "pages_per_session", "return_rate"]
    for command in (
        [METRICFLOW / "dbt", "--quiet", "parse"],
        [
            *(METRICFLOW / "mf", "query", "--metrics", ",".join(asked), "--decimals", "9"),
            *("--start-time", f"{as_of - timedelta(days=29)}", "--end-time", f"{as_of}"),
            *("--csv", answer),
        ],
    ):
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (row,) = csv.DictReader(answer.read_text(encoding="utf-8").splitlines())
    for name in asked:
        published = night.one(
            "select value from kpis_daily where metric = ? and date = as_of "
            "and segment = 'all' and channel = 'all'",
            name,
        )
        assert float(row[name]) == pytest.approx(published, abs=1e-6), name

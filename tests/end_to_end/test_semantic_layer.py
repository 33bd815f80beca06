"""The semantic layer and kpis_daily say the same: one definition per KPI."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
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


def _by_day(night: Night, metric: dict[str, Any]) -> dict[date, float]:
    """What a simple metric sums to on each day that has rows."""
    measure = MEASURES[metric["type_params"]["measure"]]
    assert measure["agg"] == "sum"
    return {
        day: float(total)
        for day, total in night.ask(
            f"select cast({measure['day']} as date), sum({measure['expr']}) "
            f"from {measure['mart']} group by all"
        )
        if day is not None and total is not None
    }


def _within(days: dict[date, float], last: date, window: int) -> float | None:
    """The sum over the ``window`` days up to ``last``; None without a row."""
    found = [total for day, total in days.items() if 0 <= (last - day).days < window]
    return sum(found) if found else None


def _values(night: Night, name: str) -> Callable[[date, int], float | None]:
    """The value of a metric over the days up to one."""
    metric = METRICS[name]
    if metric["type"] == "simple":
        days = _by_day(night, metric)
        return lambda last, window: _within(days, last, window) or 0.0
    parts = metric["type_params"]
    above, below = (_by_day(night, METRICS[parts[part]]) for part in ("numerator", "denominator"))

    def ratio(last: date, window: int) -> float | None:
        over, under = _within(above, last, window), _within(below, last, window)
        return over / under if over is not None and under else None

    return ratio


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
    window, value_at = _windows()[name], _values(night, name)
    compared = 0
    for day, value in published if MEASURED_BY_DAY[name] else published[-1:]:
        expected = value_at(day, window)
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

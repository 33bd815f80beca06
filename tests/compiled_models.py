"""The project's own models as SQL, to be run again on other rows without a dbt call each time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import duckdb
import yaml

from rapport.steps import DBT_PROJECT

ENGAGEMENT_SEEDS = DBT_PROJECT / "seeds" / "engagement"

# In the order in which they read each other; int_engagement_signal_days alone reads facts.
SCORE_MODELS = (
    "int_engagement_settings",
    "int_engagement_weights",
    "int_engagement_evaluations",
    "int_engagement_states",
    "int_engagement_points",
    "int_engagement_scores",
    "int_engagement_changes",
    "int_engagement_drivers",
)
QUALITY_MODELS = (
    "int_scorer_outcomes",
    "int_scorer_value_groups",
    "int_scorer_placements",
    "int_scorer_margins",
    "int_scorer_calibrations",
    "score_quality",
    "score_stability",
)


def compile_models(folder: Path, *selected: str) -> Path:
    """The selected models as SQL on ``folder``/warehouse.duckdb; returns dbt's target folder."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            *("--quiet", "--no-use-colors", "compile", "--select", *selected),
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(folder / "dbt"), "--log-path", str(folder / "logs")),
        ],
        env=os.environ
        | {
            "RAPPORT_WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dbt"


def remake(connection: duckdb.DuckDBPyConnection, target: Path, names: Iterable[str]) -> None:
    """Make models anew, one after the other, from what the warehouse holds now.

    ``target`` is the folder that dbt compiled them into. Raises FileNotFoundError for a model that
    it did not.
    """
    for name in names:
        found = list((target / "compiled").rglob(f"{name}.sql"))
        if len(found) != 1:
            raise FileNotFoundError(f"{target}: {len(found)} files of the model {name}")
        schema = "marts" if "marts" in found[0].parts else "intermediate"
        connection.execute(
            f"create or replace table {schema}.{name} as {found[0].read_text(encoding='utf-8')}"
        )


def load_engagement_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    """The engagement configuration under its declared types, as dbt would load it."""
    described = yaml.safe_load(
        (ENGAGEMENT_SEEDS / "_engagement__seeds.yml").read_text(encoding="utf-8")
    )
    connection.execute("create schema if not exists seeds")
    for seed in described["seeds"]:
        path = ENGAGEMENT_SEEDS / f"{seed['name']}.csv"
        connection.read_csv(str(path), dtype=seed["config"]["column_types"]).create(
            f"seeds.{seed['name']}"
        )

"""Which DAGs there are, what starts them, and that every step they name exists."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path
from typing import Any

import pytest

from rapport.airflow_configuration import DAGS

pytestmark = pytest.mark.usefixtures("airflow_library")

BUILD = [
    "other_runs_finished",
    "has_news",
    "load_raw",
    "validate_raw",
    "run_dbt_staging",
    "validate_staging",
    "resolve_identity",
    "run_dbt_facts",
    "estimate_lifetime_values",
    "run_dbt_marts",
    "validate_marts",
]


def _load() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(DAGS)
    assert bag.import_errors == {}
    return dict(bag.dags)


def _outlets(dag: Any) -> list[str]:
    return [asset.name for task in dag.tasks for asset in task.outlets]


def test_each_source_has_its_dag_on_the_company_s_clock() -> None:
    dags = _load()

    assert set(dags) == {"ingest_hubspot", "ingest_shopify", "build_marts", "publish_marts"}
    for source in ("hubspot", "shopify"):
        dag = dags[f"ingest_{source}"]
        assert _outlets(dag) == [f"raw_{source}"]
        assert (dag.schedule.expression, dag.schedule.timezone) == ("0 5 * * *", "Europe/Oslo")


def test_any_source_starts_the_build_and_the_build_starts_publishing() -> None:
    from airflow.sdk import AssetAny

    dags = _load()
    build = dags["build_marts"]

    assert isinstance(build.schedule, AssetAny)
    assert sorted(asset.name for asset in build.schedule.objects) == ["raw_hubspot", "raw_shopify"]
    assert _outlets(build) == ["marts"]
    assert build.get_task("validate_marts").outlets[0].name == "marts"
    assert [asset.name for asset in dags["publish_marts"].schedule] == ["marts"]


def test_the_layers_are_built_in_order_each_behind_its_gate() -> None:
    build = _load()["build_marts"]

    assert [task.task_id for task in build.topological_sort()] == BUILD
    for earlier, later in itertools.pairwise(BUILD):
        assert build.get_task(earlier).downstream_task_ids == {later}


def test_without_rapport_yml_there_is_no_ingest_and_no_error(home: Path) -> None:
    (home / "rapport.yml").unlink()

    dags = _load()

    assert set(dags) == {"build_marts", "publish_marts"}
    assert not dags["build_marts"].schedule


def test_every_step_that_the_build_names_can_be_called_as_it_says(home: Path) -> None:
    from rapport import steps

    calls = [
        task.op_args
        for task in _load()["build_marts"].tasks
        if task.python_callable.__name__ == "step"
    ]

    assert len(calls) == 9
    for function, *arguments in calls:
        inspect.signature(getattr(steps, function)).bind(home, *arguments)


def test_a_source_has_given_up_before_the_build_stops_waiting_for_it() -> None:
    dags = _load()
    patience = dags["build_marts"].get_task("other_runs_finished").timeout

    assert dags["ingest_hubspot"].dagrun_timeout.total_seconds() < patience


def test_a_closed_gate_is_not_tried_again_and_a_locked_file_is() -> None:
    from airflow.sdk import RetryAction

    from expectations.gate import GateClosed
    from rapport.airflow_scheduling import RetryUnlessGateClosed

    policy = RetryUnlessGateClosed()
    closed = GateClosed.__new__(GateClosed)

    assert policy.evaluate(closed, 1, 3).action == RetryAction.FAIL
    assert policy.evaluate(OSError("locked"), 1, 3).action == RetryAction.DEFAULT
    assert all(
        isinstance(task.retry_policy, RetryUnlessGateClosed)
        for dag in _load().values()
        for task in dag.tasks
    )

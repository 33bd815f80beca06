"""Publishes the marts as one immutable release and points `current` at it.

**Makes** `published/releases/<n>/` with its manifest and report, and the pointer `current`.

**When to worry**: a run is red. Readers keep the previous release, whole, so nothing is wrong in
the dashboards, but it gets older.

**What to do**: read the last line of the log. If publishing was refused, repair what it names (a
required source: clear its `ingest_*` run; a gate or an interrupted build: see `build_marts`); the
next build starts this DAG again. For anything else (disk, Postgres, object store) repair it and
clear the task: publishing is whole or not at all. `rapport rollback` takes a bad release back.
"""

from airflow.sdk import Asset, dag, task

from ingestion import settings
from rapport.airflow_scheduling import TASK_DEFAULTS, started_at


@dag(
    schedule=[Asset("marts")],
    catchup=False,
    max_active_runs=1,
    tags=["tier:1", "publish"],
    doc_md=__doc__,
    default_args=TASK_DEFAULTS | {"pool": "warehouse"},
)
def publish_marts() -> None:
    @task
    def publish(*, dag_run) -> None:
        from rapport import steps

        steps.publish(settings.home(), started_at(dag_run))

    publish()


publish_marts()

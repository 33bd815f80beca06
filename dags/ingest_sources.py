"""Takes in what one source has delivered: one DAG `ingest_<source>` per source in `rapport.yml`.

**Makes** typed Parquet in `raw/`, rejected rows with their reasons in `quarantine/`, one ledger
entry per delivery, and the asset `raw_<source>`, which starts `build_marts`.

**When to worry**: the last attempt failed. An earlier red attempt needs nobody: a file that was
still being written is whole at the next one. The other sources and the build go on without this
one; `publish_marts` refuses to publish if the source is required.

**What to do**: read the last lines of the log, they name file, row and cause. Repair the file, or
ask the vendor for it again, and clear the task: what is already in the ledger is not taken twice.
To go on without the source, write `required: false` beside it in `rapport.yml`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset, CronTriggerTimetable, dag, task

from ingestion import settings
from rapport.airflow_scheduling import TASK_DEFAULTS, started_at


def ingest_dag(source: str, time_zone: str) -> DAG:
    """The DAG of one source; its night follows the company's clock."""

    @dag(
        dag_id=f"ingest_{source}",
        # Every night at 05:00 on the company's clock, an hour that no zone's clock change touches.
        schedule=CronTriggerTimetable("0 5 * * *", timezone=time_zone),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        # Less than the 3 hours for which build_marts waits for its sources.
        dagrun_timeout=timedelta(hours=2),
        tags=["tier:2", "ingest"],
        doc_md=__doc__,
        default_args=TASK_DEFAULTS,
    )
    def ingest() -> None:
        @task(outlets=[Asset(f"raw_{source}")])
        def ingest_source(*, dag_run) -> None:
            from rapport import steps

            steps.ingest_source(settings.home(), settings.exports(), source, started_at(dag_run))

        ingest_source()

    return ingest()


for name in settings.source_names(settings.home()):
    ingest_dag(name, settings.load(settings.home()).time_zone)

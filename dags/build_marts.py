"""Makes the marts, layer by layer, each behind its gate; the last one emits the asset `marts`.

**When to worry**: a run is red. Grey after `has_news` is a good run: nothing new had arrived. The
first source to finish starts the build of the night; `other_runs_finished` waits for the others.

**What to do**: a red `validate_*` is a closed gate; its log names suite, rows and delivery: decide
with `rapport deliveries`. Else repair what the log names. Then clear `has_news` and what follows.
"""

from airflow.sdk import Asset, AssetAny, chain, dag, task

from ingestion import settings
from rapport.airflow_scheduling import TASK_DEFAULTS, no_run_of

SOURCES = settings.source_names(settings.home())


@dag(
    schedule=AssetAny(*(Asset(f"raw_{source}") for source in SOURCES)) if SOURCES else None,
    catchup=False,
    max_active_runs=1,
    tags=["tier:1", "build"],
    doc_md=__doc__,
    default_args=TASK_DEFAULTS | {"pool": "warehouse"},
)
def build_marts() -> None:
    @task.sensor(pool="default_pool", mode="reschedule", poke_interval=15, timeout=3 * 3600)
    def other_runs_finished(*, ti) -> bool:
        return no_run_of([*(f"ingest_{source}" for source in SOURCES), "publish_marts"], ti)

    @task.short_circuit
    def has_news() -> bool:
        from rapport import steps

        return steps.has_news(settings.home())

    @task
    def step(function: str, *arguments: str) -> None:
        from rapport import steps

        getattr(steps, function)(settings.home(), *arguments)

    chain(
        other_runs_finished(),
        has_news(),
        step.override(task_id="load_raw")("load_raw"),
        step.override(task_id="validate_raw")("validate", "raw"),
        step.override(task_id="run_dbt_staging")("run_dbt", "staging"),
        step.override(task_id="validate_staging")("validate", "staging"),
        step.override(task_id="resolve_identity")("resolve_identity"),
        step.override(task_id="run_dbt_facts")("run_dbt", "facts"),
        step.override(task_id="estimate_lifetime_values")("estimate_lifetime_values"),
        step.override(task_id="run_dbt_marts")("run_dbt", "marts"),
        step.override(task_id="validate_marts", outlets=[Asset("marts")])("validate", "marts"),
    )


build_marts()

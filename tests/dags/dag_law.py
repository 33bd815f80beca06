"""What every DAG file has to keep. `violations` says in words what does not."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DATA_LIBRARIES = {
    "dbt",
    "duckdb",
    "fsspec",
    "great_expectations",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "scipy",
    "sqlalchemy",
}
LINES = 60


def violations(
    dags: Mapping[str, Any], import_errors: Mapping[str, str], folder: Path
) -> list[str]:
    """Every breach of the law in the DAGs loaded from ``folder``; empty if all keep it."""
    found = [f"{file}: does not load: {text}" for file, text in import_errors.items()]
    if not dags:
        found.append(f"{folder}: no DAGs")
    for file in sorted(folder.glob("*.py")):
        found += [f"{file.name}: {fault}" for fault in _file_faults(file)]
    for dag_id, dag in sorted(dags.items()):
        found += [f"{dag_id}: {fault}" for fault in _dag_faults(dag)]
        for task in dag.tasks:
            found += [f"{dag_id}.{task.task_id}: {fault}" for fault in _task_faults(task)]
    return found


def _file_faults(file: Path) -> Iterator[str]:
    text = file.read_text()
    if (lines := len(text.splitlines())) >= LINES:
        yield f"{lines} lines; wiring fits in fewer than {LINES}"
    if file.name.startswith("dbt_"):
        yield "a module called dbt_* is imported by dbt as a plugin"
    for library in sorted(_imported(text) & DATA_LIBRARIES):
        yield f"imports {library}; data is the work of rapport.steps"
    for above, line in itertools.pairwise(text.splitlines()):
        if "schedule=Cron" in line and not re.match(r"\s*# Every .*clock", above):
            yield "a cron line without the sentence it means and whose clock it follows"


def _imported(text: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def _dag_faults(dag: Any) -> Iterator[str]:
    if not re.match(r"(ingest|build|publish)_\w", dag.dag_id):
        yield "the id does not start with a verb: ingest_, build_ or publish_"
    tiers = [tag for tag in dag.tags if re.fullmatch(r"tier:[123]", tag)]
    if len(tiers) != 1 or len(dag.tags) < 2:
        yield f"tags {sorted(dag.tags)}: one of tier:1, tier:2, tier:3 and at least one more"
    for words in ("When to worry", "What to do"):
        if words not in (dag.doc_md or ""):
            yield f"doc_md does not say {words!r}"
    if dag.catchup:
        yield "catchup is on; deliveries drive a run, not dates"
    if dag.max_active_runs != 1:
        yield f"max_active_runs is {dag.max_active_runs}; two at once would share the warehouse"


def _task_faults(task: Any) -> Iterator[str]:
    if task.owner in ("", "airflow"):
        yield "no owner"
    if task.retries < 2:
        yield f"retries {task.retries}; at least 2"
    if not task.retry_exponential_backoff:
        yield "retries without backoff"
    if task.execution_timeout is None:
        yield "no execution timeout"
    if _opens_warehouse(task) and task.pool != "warehouse":
        yield f"pool {task.pool}; whoever opens the warehouse waits in pool 'warehouse'"


def _opens_warehouse(task: Any) -> bool:
    """Every step does, except taking in a source."""
    source = inspect.getsource(task.python_callable)
    return "steps" in source and "steps.ingest_source(" not in source

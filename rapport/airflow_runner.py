"""The night in one process: the same DAGs as on the scheduler, one run each, without any server.

Airflow's `dag.test()` is the mechanism: it runs the tasks of a DAG in this process, in order,
through Airflow's own task runner. Pools, asset triggers, schedules and retries are the scheduler's
and do not act here: this module runs the DAGs in their order, and builds on success only.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import io
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

from rapport import airflow_configuration as configuration
from rapport.home_lock import HomeInUseError, hold

DONE, FAILED, GATE_CLOSED = 0, 1, 3
LOGS_KEPT = 30
OURS = ("ingestion", "expectations", "publishing", "estimation", "rapport")

Report = Callable[[str], None]


@dataclass(frozen=True)
class Failure:
    """A task that failed, as the user is told: message first, the log for whoever wants more."""

    dag_id: str
    task_id: str
    message: str
    gate_closed: bool
    log: Path | None


@dataclass(frozen=True)
class Outcome:
    """What a night came to. ``exit_code``: 0 done, 1 failed, 3 a gate is closed."""

    exit_code: int
    failures: tuple[Failure, ...]
    built: bool
    published: bool


@dataclass
class _Night:
    """What the tasks of the running night have said so far."""

    report: Report
    log: Path
    failures: list[Failure] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)


class _TaskFailedError(BaseException):
    """Ends a run at its first failed task. Not an Exception: Airflow would log it and go on."""


class _Log(io.TextIOBase):
    """Where Airflow's loggers write: they keep the stream they first saw, so its target changes."""

    target: TextIO | None = None

    def write(self, text: str) -> int:
        if self.target is not None:
            self.target.write(text)
        return len(text)

    def flush(self) -> None:
        if self.target is not None:
            self.target.flush()


_LOG = _Log()


def run_dags(
    home: Path, exports: str, sources: Sequence[str], now: datetime, report: Report
) -> Outcome:
    """Run ingest_<source> for each of ``sources``, then build_marts, then publish_marts.

    ``now`` is the start time of every run (naive is taken as UTC); ``report`` gets one line of text
    per task. A source that fails stops neither the others nor the build; publish_marts runs when
    the build has made new marts. Ctrl-C and SIGTERM stop the running task and come back as
    KeyboardInterrupt and SystemExit(143). Whatever a killed run left behind is not looked at.
    Raises RuntimeError where a DAG cannot be loaded, or where Airflow is already at work in this
    process for another home.
    """
    home = home.absolute()
    try:
        with hold(home, f"rapport run, process {os.getpid()}"):
            return _run(home, exports, sources, now, report)
    except HomeInUseError as error:
        return Outcome(FAILED, (Failure("", "", str(error), False, None),), False, False)


def _run(
    home: Path, exports: str, sources: Sequence[str], now: datetime, report: Report
) -> Outcome:
    now = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
    log = _log_file(home, now)
    night = _Night(report, log)
    with log.open("a", encoding="utf-8", buffering=1) as stream, _airflow(home, exports, stream):
        dags = _load_dags([f"ingest_{source}" for source in sources])
        for source in sources:
            _run_dag(dags[f"ingest_{source}"], now, night)
        _run_dag(dags["build_marts"], now, night)
        built = "marts" in night.assets
        if built:
            _run_dag(dags["publish_marts"], now, night)
    return Outcome(
        _exit_code(night.failures), tuple(night.failures), built, "publish" in night.finished
    )


def _exit_code(failures: Sequence[Failure]) -> int:
    """A closed gate says more than a failure beside it: it is why nothing was published."""
    if any(failure.gate_closed for failure in failures):
        return GATE_CLOSED
    return FAILED if failures else DONE


def _log_file(home: Path, now: datetime) -> Path:
    folder = configuration.airflow_folder(home) / "logs"
    for old in sorted(folder.glob("run-*.log"))[: -LOGS_KEPT + 1]:
        old.unlink()
    return folder / f"run-{now:%Y%m%dT%H%M%S}.log"


# --- Airflow in this process -----------------------------------------------------------------


@contextlib.contextmanager
def _airflow(home: Path, exports: str, log: TextIO) -> Iterator[None]:
    """Airflow, imported for this home, with fresh metadata, writing to ``log`` and nowhere else."""
    database = configuration.airflow_folder(home) / "run.db"
    _point_at(home, exports, database)
    template = database.with_name(f"empty-{importlib.metadata.version('apache-airflow-core')}.db")
    _forget_last_run(database, template)
    # Airflow's start makes millions of objects that live for the whole run: collecting them again
    # and again while they are made takes a quarter of its time.
    gc.disable()
    _LOG.target = log
    try:
        with contextlib.redirect_stdout(_LOG):
            _start(database, template)
        gc.freeze()
        gc.enable()
        with _stoppable():
            yield
    finally:
        gc.enable()
        _close()
        _LOG.target = None


def _point_at(home: Path, exports: str, database: Path) -> None:
    """Set the environment that Airflow reads when it is imported."""
    path = database.with_name("run.cfg")
    if "airflow" in sys.modules and os.environ.get("AIRFLOW_CONFIG") != str(path):
        raise RuntimeError(
            f"Airflow is already loaded in this process for {os.environ.get('AIRFLOW_CONFIG')} and"
            f" cannot change over to {home}: run each home in its own process"
        )
    configuration.write_configuration(path, configuration.embedded(home, database))
    wanted = configuration.environment(os.environ, home, exports, path)
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)
    root = str(configuration.DAGS.parent)
    if root not in sys.path:
        sys.path.insert(0, root)


def _forget_last_run(database: Path, template: Path) -> None:
    """Start from empty metadata: a run that was killed leaves rows that would trip the next one."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    if template.exists():
        shutil.copyfile(template, database)
        database.chmod(0o600)


def _start(database: Path, template: Path) -> None:
    import structlog
    from airflow.sdk.execution_time.supervisor import in_process_api_server
    from airflow.utils.db import initdb

    # Airflow's loggers look up stdout when they are made; those of the tasks are made later.
    structlog.configure(
        **structlog.get_config()
        | {"logger_factory": lambda *name: structlog.WriteLogger(cast(TextIO, _LOG))}
    )
    if not template.exists():
        initdb()
        _close()
        _keep_as_template(database, template)
    # The first request builds the routes of every API version; here it does so without collection.
    import httpx

    with httpx.Client(transport=in_process_api_server().transport) as client:
        client.get("http://in-process.invalid/health").raise_for_status()


def _close() -> None:
    """Let go of the metadata file, which the next run in this process replaces."""
    from airflow import settings

    if settings.Session is not None:
        settings.Session.remove()
    if settings.engine is not None:
        settings.engine.dispose()


def _keep_as_template(database: Path, template: Path) -> None:
    """Keep the schema just made, so that later runs copy a file instead of making 80 tables."""
    draft = template.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("vacuum into ?", (str(draft),))
    draft.chmod(0o600)
    draft.replace(template)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends the night like Ctrl-C does, so that what is half done is cleared away."""
    earlier = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


# --- The DAGs --------------------------------------------------------------------------------


def _load_dags(ingests: Sequence[str]) -> dict[str, Any]:
    """The DAGs by id. Raises RuntimeError naming the file that did not load or the DAG missing."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(configuration.DAGS)
    if bag.import_errors:
        causes = "\n".join(f"{file}: {text}" for file, text in sorted(bag.import_errors.items()))
        raise RuntimeError(f"the DAGs do not load:\n{causes}")
    missing = [one for one in (*ingests, "build_marts", "publish_marts") if one not in bag.dags]
    if missing:
        raise RuntimeError(
            f"no DAG {', '.join(missing)}; there is {', '.join(sorted(bag.dags))}. "
            "Sources come from rapport.yml: see `rapport sources`"
        )
    return dict(bag.dags)


def _run_dag(dag: Any, now: datetime, night: _Night) -> None:
    """One run of one DAG; what becomes of its tasks is noted in ``night``."""
    for task in dag.tasks:
        # Whoever sits at the terminal repairs the cause and runs again: nothing to wait for.
        task.retries = 0
        task.on_execute_callback = [lambda context: _on_execute(context, night)]
        task.on_success_callback = [lambda context: _on_success(context, night)]
        task.on_failure_callback = [lambda context: _on_failure(context, night)]
    try:
        run = dag.test(run_after=now, logical_date=now)
    except _TaskFailedError:
        _mark_failed(dag.dag_id)
        return
    if run.state != "success":
        night.failures.append(
            Failure(dag.dag_id, "", f"Airflow ended the run as {run.state}", False, night.log)
        )


def _mark_failed(dag_id: str) -> None:
    """What test() would have done had it not been cut short: it spends a second per later task."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from sqlalchemy import update

    _close()
    with create_session() as session:
        session.execute(
            update(DagRun).where(DagRun.dag_id == dag_id).values(state=DagRunState.FAILED)
        )


def _on_execute(context: Any, night: _Night) -> None:
    # Airflow's task runner has just replaced our handler by one that lets Python tasks go on.
    signal.signal(signal.SIGTERM, _stop)
    night.report(f"{context['ti'].dag_id}: {context['ti'].task_id}")


def _on_success(context: Any, night: _Night) -> None:
    night.finished.add(context["ti"].task_id)
    night.assets |= {asset.name for asset in context["task"].outlets}


def _on_failure(context: Any, night: _Night) -> None:
    error = context.get("exception")
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    ti = context["ti"]
    night.failures.append(
        Failure(ti.dag_id, ti.task_id, _message(error), _is_closed_gate(error), night.log)
    )
    raise _TaskFailedError


def _message(error: BaseException | str | None) -> str:
    """The error in the user's words; one that was not written for users keeps its type's name."""
    if not isinstance(error, BaseException):
        return str(error or "failed without a message")
    if type(error).__module__.split(".")[0] in OURS and str(error):
        return str(error)
    return traceback.format_exception_only(error)[-1].strip()


def _is_closed_gate(error: object) -> bool:
    # Imported here, after a failure only: the gates bring Great Expectations, which takes seconds.
    from expectations.gate import GateClosed

    return isinstance(error, GateClosed)

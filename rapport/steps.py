"""The steps of a night. The Airflow tasks and the command line call these same functions.

Their order: ingest_source (each source) -> has_news -> load_raw -> validate raw -> run_dbt staging
-> validate staging -> resolve_identity -> run_dbt facts -> estimate_lifetime_values -> run_dbt
marts -> validate marts -> publish.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from estimation.lifetime_value.discounting import DAYS_PER_YEAR
from estimation.lifetime_value.night import LifetimeValueSettings
from expectations.gate import GateClosed, GateReport
from expectations.gate import validate as validate_layer
from ingestion import settings as configuration
from ingestion.facts_progress import facts_are_finished, facts_begin, facts_end
from ingestion.ingest import Ingested, ingest
from ingestion.ledger import open_ledger
from ingestion.personal_data import key_fingerprint, load_key
from ingestion.settings import Settings, configuration_text
from ingestion.warehouse import Live, data_day, live_deliveries, warehouse_path
from ingestion.warehouse import load_raw as load_warehouse
from publishing.inputs import FailedSource, ReleaseInputs, fingerprint
from publishing.manifest import GateOutcome, InputFile
from publishing.pointer import Release, is_current
from publishing.release import publish as publish_release
from publishing.simulated_truth import truth_beside
from rapport import identities, lifetime_values
from rapport.version import code_version

ROOT = Path(__file__).parents[1]
DBT_PROJECT = ROOT / "dbt_project"

# Three calls, because estimates stand between them; one call per layer, because dbt's start costs
# more than its SQL.
DBT_PHASES: dict[str, tuple[str, ...]] = {
    "staging": ("path:seeds", "path:models/staging", "path:models/intermediate/identity"),
    "facts": ("path:models/intermediate",),
    "marts": ("path:models/marts",),
}
DBT_EXCLUDED: dict[str, tuple[str, ...]] = {"facts": ("path:models/intermediate/identity",)}
# Seeds and staging views say the same every night until the code changes, and then facts are made
# anew: a night that only brings facts up to date leaves them, and still counts what they show.
DBT_UP_TO_DATE: dict[str, tuple[str, ...]] = {
    "staging": ("assert_accepted_rows_are_all_staged", "path:models/intermediate/identity"),
}


class TransformFailed(Exception):
    """dbt stopped; the message names what failed and where the log lies."""


class BuildInterrupted(Exception):
    """The marts were not built from the deliveries that are there now."""


@dataclass(frozen=True)
class NightInputs:
    """What a build is made from: the run's day, the deliveries, and one hash over everything."""

    as_of: date
    live: tuple[Live, ...]
    fingerprint: str


def ingest_source(
    home: Path,
    exports: str,
    source: str,
    now: datetime,
    progress: Callable[[str], None] = lambda text: None,
) -> Ingested:
    """Take in what is new of one source. ``now`` in naive UTC."""
    return ingest(configuration.load(home), exports, source, now, progress)


def night_inputs(settings: Settings, as_of: date | None = None) -> NightInputs:
    """What the next build would be made from."""
    live = tuple(live_deliveries(settings))
    as_of = as_of or configuration.as_of() or data_day(settings, live)
    standing = [
        f"{item.delivery.delivery_id} {item.delivery.reading} {item.reason}" for item in live
    ]
    mark = fingerprint(
        standing,
        configuration_sha256=configuration_text(settings),
        key_version=key_fingerprint(load_key(settings.home)),
        as_of=as_of,
        code_version=code_version(),
    )
    return NightInputs(as_of, live, mark)


def has_news(home: Path) -> bool:
    """Would a build now differ from the current release?"""
    return not is_current(home, night_inputs(configuration.load(home)).fingerprint)


def load_raw(home: Path, as_of: date | None = None) -> None:
    """Bring the rows in force in the warehouse up to date, and remember what the build is made
    from. ``as_of`` is given where another day than the night's own is asked for.
    """
    settings = configuration.load(home)
    inputs = night_inputs(settings, as_of)
    _forget(home)
    load_warehouse(
        settings,
        inputs.as_of,
        code_version(),
        (identities.create_missing, lifetime_values.create_missing),
    )
    _write(
        _build_file(home), {"fingerprint": inputs.fingerprint, "as_of": inputs.as_of.isoformat()}
    )


def validate(home: Path, layer: str) -> GateReport:
    """Check a layer. Raises GateClosed; the report is kept beside the warehouse either way."""
    path = _gate_file(home, layer)
    path.unlink(missing_ok=True)
    try:
        report = validate_layer(warehouse_path(home), layer)
    except GateClosed as closed:
        _write(path, closed.report.as_dict())
        raise
    _write(path, report.as_dict())
    return report


def run_dbt(home: Path, phase: str) -> None:
    """One phase of the transformations.

    Facts that were finished before are brought up to date; any others are made anew.
    """
    selected = DBT_PHASES[phase]
    if phase == "facts":
        are_finished = facts_begin(warehouse_path(home))
        _dbt(home, phase, selected, *([] if are_finished else ["--full-refresh"]))
        facts_end(warehouse_path(home))
    elif facts_are_finished(warehouse_path(home)):
        _dbt(home, phase, DBT_UP_TO_DATE.get(phase, selected))
    else:
        _dbt(home, phase, selected)


def _dbt(home: Path, phase: str, selected: Sequence[str], *options: str) -> None:
    """A subprocess: in process, dbt keeps the warehouse open."""
    logs = home / "logs" / "dbt" / phase
    logs.mkdir(parents=True, exist_ok=True)
    excluded = [*DBT_EXCLUDED.get(phase, ())]
    command = [
        str(Path(sys.executable).with_name("dbt")), "--quiet", "--no-use-colors", "build",
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(_dbt_target(home)),
        "--log-path", str(logs),
        # Logging every statement costs an eighth of dbt's time; they lie in dbt/compiled.
        "--log-level-file", "info",
        "--exclude-resource-type", "unit_test",
        "--select", *selected,
        *(["--exclude", *excluded] if excluded else []),
        *options,
    ]  # fmt: skip
    environment = os.environ | {
        "RAPPORT_WAREHOUSE": str(warehouse_path(home)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise TransformFailed(
            f"dbt {phase} failed (exit {done.returncode}):\n  "
            + "\n  ".join(said[-25:])
            + f"\nThe whole log is {logs / 'dbt.log'}. Mend what it names, then `rapport build`"
        )


def _dbt_target(home: Path) -> Path:
    """Where dbt writes. What it has parsed names seeds by their full path, and is forgotten when
    the installation has moved.
    """
    target = home / "dbt"
    parsed_from = target / "parsed_from"
    if not parsed_from.exists() or parsed_from.read_text(encoding="utf-8") != str(DBT_PROJECT):
        target.mkdir(parents=True, exist_ok=True)
        (target / "partial_parse.msgpack").unlink(missing_ok=True)
        parsed_from.write_text(str(DBT_PROJECT), encoding="utf-8")
    return target


def resolve_identity(home: Path) -> int:
    """Compute which identifiers are one customer; returns the number of assignments."""
    with duckdb.connect(str(warehouse_path(home))) as connection:
        return identities.resolve_identities(connection, code_version()).assignments


def estimate_lifetime_values(home: Path) -> None:
    """Forecast what customers will buy, and hold earlier forecasts against what came."""
    settings = configuration.load(home)
    as_of = date.fromisoformat(_read(_build_file(home))["as_of"])
    lifetime_values.estimate_into(
        warehouse_path(home),
        as_of,
        LifetimeValueSettings(
            margin=float(settings.margin),
            yearly_discount=float(settings.discount_rate),
            lifetime_days=settings.horizon_months * DAYS_PER_YEAR / 12,
        ),
    )


def build_marts(
    home: Path,
    progress: Callable[[str], None] = lambda text: None,
    as_of: date | None = None,
    *,
    gates: bool = True,
) -> None:
    """All steps from the ledger to validated marts, as the DAG build_marts orders them.

    Without ``gates`` nothing is validated: for marts that are only compared.
    """
    for text, step in (
        ("loading raw", lambda: load_raw(home, as_of)),
        ("validating raw", lambda: validate(home, "raw")),
        ("dbt: staging", lambda: run_dbt(home, "staging")),
        ("validating staging", lambda: validate(home, "staging")),
        ("resolving identities", lambda: resolve_identity(home)),
        ("dbt: facts", lambda: run_dbt(home, "facts")),
        ("estimating lifetime values", lambda: estimate_lifetime_values(home)),
        ("dbt: marts", lambda: run_dbt(home, "marts")),
        ("validating marts", lambda: validate(home, "marts")),
    ):
        if gates or not text.startswith("validating"):
            progress(text)
            step()


def finished_build(home: Path) -> date:
    """The day as_of of the marts in the warehouse. Raises BuildInterrupted where they were not
    built from the deliveries that are there now.
    """
    built = _read(_build_file(home))
    if "marts" in _gates_passed(home):
        as_of = date.fromisoformat(built["as_of"])
        if built["fingerprint"] == night_inputs(configuration.load(home), as_of).fingerprint:
            return as_of
    raise BuildInterrupted(
        "the marts in the warehouse were not built from the deliveries that are there now. "
        "Run `rapport build` first"
    )


def publish(home: Path, now: datetime) -> Release:
    """Publish the marts that were built from the deliveries there are now. ``now`` in naive UTC."""
    settings = configuration.load(home)
    inputs = night_inputs(settings)
    built = _read(_build_file(home))
    if built.get("fingerprint") != inputs.fingerprint:
        raise BuildInterrupted(
            "the marts in the warehouse were not built from the deliveries that are there now. "
            "Run `rapport build`, then publish again"
        )
    return publish_release(
        home,
        ReleaseInputs(
            as_of=inputs.as_of,
            created_at=now,
            code_version=code_version(),
            fingerprint=inputs.fingerprint,
            inputs=tuple(
                InputFile(
                    source=item.delivery.source,
                    file_name=item.delivery.file_name,
                    sha256=item.delivery.sha256,
                    rows=item.delivery.rows_delivered,
                    delivery_id=item.delivery.delivery_id,
                )
                for item in inputs.live
            ),
            gates=tuple(_outcome(home, layer) for layer in _gates_passed(home)),
            failed_required_sources=tuple(_failed(settings, required=True)),
            notes=tuple(
                f"optional source {item.source} failed: {item.reason}"
                for item in _failed(settings, required=False)
            ),
            truth=truth_beside(configuration.exports()),
        ),
    )


def _failed(settings: Settings, *, required: bool) -> list[FailedSource]:
    """Sources whose last ingest failed or never was."""
    with open_ledger(settings.home) as ledger:
        runs = ledger.runs()
    failed = []
    for source in settings.sources:
        run = runs.get(source.name)
        if source.required is required and (run is None or run.status == "failed"):
            failed.append(FailedSource(source.name, run.error if run else "was never ingested"))
    return failed


def _build_file(home: Path) -> Path:
    return home / "gates" / "build.json"


def _gate_file(home: Path, layer: str) -> Path:
    return home / "gates" / f"{layer}.json"


def _gates_passed(home: Path) -> list[str]:
    return [layer for layer in ("raw", "staging", "marts") if _gate_file(home, layer).exists()]


def _outcome(home: Path, layer: str) -> GateOutcome:
    report: dict[str, Any] = _read(_gate_file(home, layer))
    failed = {
        f"{item['table']}.{item['expectation']}": item
        for item in (*report["failures"], *report["warnings"])
    }
    results = tuple(
        {"check": check, "success": check not in failed} | failed.get(check, {})
        for check in report["checked"]
    )
    return GateOutcome(layer, report["is_open"], results)


def _forget(home: Path) -> None:
    """Gate reports and the mark of an earlier build say nothing about the one that begins."""
    for path in (home / "gates").glob("*.json"):
        path.unlink()


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content

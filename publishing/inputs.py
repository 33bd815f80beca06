"""What a release is made of, and whether it may be made at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from publishing.manifest import GateOutcome, InputFile
from publishing.refusal import PublishRefused

REQUIRED_GATES = ("raw", "staging", "marts")


@dataclass(frozen=True)
class FailedSource:
    """A source whose night did not succeed: its short name, and why in one sentence."""

    source: str
    reason: str


@dataclass(frozen=True)
class ReleaseInputs:
    """Everything `publish` is told, since it reads neither the clock nor the ledger nor git.

    `created_at` is naive UTC. `fingerprint` comes from `fingerprint()` and decides whether there is
    anything new. `failed_required_sources` stop the release; `notes` are sentences for the manifest
    and the report, such as an optional source that is missing. `truth` is the folder of what is
    known about simulated customers; the report then draws forecasts beside it.
    """

    as_of: dt.date
    created_at: dt.datetime
    code_version: str
    fingerprint: str
    inputs: tuple[InputFile, ...]
    gates: tuple[GateOutcome, ...]
    required_gates: tuple[str, ...] = REQUIRED_GATES
    failed_required_sources: tuple[FailedSource, ...] = ()
    notes: tuple[str, ...] = ()
    truth: Path | None = None


def fingerprint(
    delivery_ids: Iterable[str],
    *,
    configuration_sha256: str,
    key_version: str,
    as_of: dt.date,
    code_version: str,
) -> str:
    """SHA-256 over all that decides what the marts hold; delivery order does not matter."""
    parts = [
        sorted(set(delivery_ids)),
        configuration_sha256,
        key_version,
        as_of.isoformat(),
        code_version,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _failed_checks(gate: GateOutcome) -> str:
    failed = [result for result in gate.results if result.get("success") is False]
    return "; ".join(json.dumps(result, default=str, sort_keys=True) for result in failed)


def refuse_unfit(inputs: ReleaseInputs) -> None:
    """Raise PublishRefused when a required source failed or a gate is missing, empty or closed."""
    if inputs.failed_required_sources:
        named = "; ".join(f"{one.source}: {one.reason}" for one in inputs.failed_required_sources)
        raise PublishRefused(
            f"required sources failed ({named})",
            "deliver and ingest them, or set `required: false` for the source in rapport.yml",
        )
    reports = {gate.gate: gate for gate in inputs.gates}
    missing = [gate for gate in inputs.required_gates if gate not in reports]
    if missing:
        raise PublishRefused(
            f"no report from the gates {missing}", "run `rapport validate` for each of them"
        )
    for gate in inputs.gates:
        if not gate.results:
            raise PublishRefused(
                f"the gate {gate.gate} checked nothing", f"run `rapport validate {gate.gate}`"
            )
        if not gate.is_open:
            detail = _failed_checks(gate) or "its report names no failed check"
            raise PublishRefused(
                f"the gate {gate.gate} is closed: {detail}",
                "see `rapport quarantine` and `rapport deliveries`, mend or reject the delivery,"
                " and build again",
            )

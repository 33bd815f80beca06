"""The steps of a night. The Airflow tasks and the command line call these same functions, in this order:

ingest_source (each source) -> load_raw -> validate raw -> dbt staging -> validate staging -> resolve_identity ->
dbt facts -> dbt marts -> validate marts -> publish.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb

from estimation.identity import resolve
from expectations.gate import GateReport, validate as validate_layer
from ingestion import settings as configuration
from ingestion.ingest import Ingested, ingest
from ingestion.ledger import open_ledger
from ingestion.personal_data import key_fingerprint, load_key
from ingestion.warehouse import Live, data_day, live_deliveries, load_raw as load_warehouse
from ingestion.warehouse import warehouse_path
from publishing.release import Release, publish as publish_release

ROOT = Path(__file__).parents[1]
DBT_PROJECT = ROOT / "dbt_project"
LAYERS = ("raw", "staging", "marts")

# Three calls, because estimates stand between them; one call per layer, because dbt's start costs more than its SQL.
DBT_PHASES = {
    "staging": ("path:seeds", "path:models/staging", "path:models/intermediate/identity"),
    "facts": ("path:models/intermediate",),
    "marts": ("path:models/marts",),
}
DBT_EXCLUDED = {"facts": ("path:models/intermediate/identity",)}


class TransformFailed(Exception):
    """dbt stopped; the message names the failing models or tests and where the log lies."""


def ingest_source(
    home: Path,
    exports: str,
    source: str,
    now: datetime,
    progress: Callable[[str], None] = lambda text: None,
) -> Ingested:
    """Take in what is new of one source."""
    return ingest(configuration.load(home), exports, source, now, progress)

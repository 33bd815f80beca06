"""Warehouses of companies that nobody here made up, built by the pipeline's own steps."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion import settings as configuration
from ingestion.settings import realdata
from ingestion.warehouse import warehouse_path
from rapport.steps import build_marts, ingest_source
from tests.compiled_models import remake
from tests.realdata.cdnow_orders import write_cdnow_orders

CONFIGURATIONS = Path(__file__).parents[1] / "tests" / "realdata"
RECEIVED = datetime.fromisoformat("2026-11-22T03:00")


@dataclass(frozen=True)
class Company:
    """A data set by the name of its configuration; orders are known up to ``last_day``."""

    title: str
    configuration: str
    last_day: date
    exports: str


CDNOW = Company("CDNOW master", "cdnow", date(1998, 6, 30), "")
ONLINE_RETAIL = Company("Online Retail", "online_retail", date(2011, 12, 9), "online_retail_daily")
STARBUCKS = Company("Starbucks rewards", "starbucks", date(2018, 8, 24), ".")


def build(company: Company, folder: Path) -> Path:
    """The data home of a company with its marts as of the last day; made where it is missing."""
    home = folder / company.configuration
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copyfile(CONFIGURATIONS / f"{company.configuration}.yml", home / "rapport.yml")
        exports = str(_exports(company, home))
        for source in configuration.load(home).sources:
            ingest_source(home, exports, source.name, RECEIVED)
        build_marts(home, as_of=company.last_day, gates=False)
        (home / "complete").touch()
    return home


def _exports(company: Company, home: Path) -> Path:
    if company.exports:
        return realdata() / company.exports
    exports = home / "exports"
    exports.mkdir()
    write_cdnow_orders(exports)
    return exports


def on_day(home: Path, as_of: date, models: Iterable[str]) -> duckdb.DuckDBPyConnection:
    """The warehouse with the models made anew, as the night of ``as_of`` would have made them."""
    connection = duckdb.connect(str(warehouse_path(home)))
    connection.execute("update raw.run_parameters set as_of = ?", [as_of])
    remake(connection, home / "dbt", models)
    return connection

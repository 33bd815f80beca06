"""A data home outlives a move of the installation: upgrades come to new folders."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion.warehouse import warehouse_path
from rapport import steps

pytestmark = pytest.mark.slow


def test_a_home_goes_on_with_an_installation_that_has_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, before, after = (tmp_path / name for name in ("home", "before", "after"))
    home.mkdir()
    (home / "rapport.yml").write_text(
        "reporting_currency: NOK\ntime_zone: Europe/Oslo\nsources: {hubspot: {}}\n"
    )
    steps.load_raw(home, date(2026, 6, 30))
    shutil.copytree(steps.DBT_PROJECT, before, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(steps, "DBT_PROJECT", before)
    steps.run_dbt(home, "staging")
    metrics = _metrics(home)
    before.rename(after)
    monkeypatch.setattr(steps, "DBT_PROJECT", after)
    # dbt parses again only what has changed: another row is what makes it look for a file.
    seed = after / "seeds" / "kpis" / "kpi_metrics.csv"
    header, _dropped, *kept = seed.read_text(encoding="utf-8").splitlines()
    seed.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
    steps.run_dbt(home, "staging")
    assert _metrics(home) == metrics - 1 == len(kept)


def _metrics(home: Path) -> int:
    with duckdb.connect(str(warehouse_path(home)), read_only=True) as connection:
        [(count,)] = connection.execute("select count(*) from seeds.kpi_metrics").fetchall()
    return int(count)

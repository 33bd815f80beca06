"""A data home with two sources, and Airflow loaded as a library: no metadata, no logging set up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CONFIGURATION = """\
reporting_currency: NOK
time_zone: Europe/Oslo
sources:
  hubspot: {}
  shopify: {}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "rapport.yml").write_text(CONFIGURATION)
    return folder


@pytest.fixture
def airflow_library(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow can be imported: it finds its home here, and leaves this process's logging alone."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "_AIRFLOW"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(home / "airflow"))
    monkeypatch.setenv("_AIRFLOW__AS_LIBRARY", "1")
    monkeypatch.setenv("RAPPORT_HOME", str(home))

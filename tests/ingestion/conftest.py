"""Fixtures of the ingestion tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.ingestion.company import Company


@pytest.fixture(autouse=True)
def _no_power_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """An fsync protects from power failures only, which no test can have; it is most of their time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company that delivers orders; nothing is delivered yet."""
    return Company(tmp_path)

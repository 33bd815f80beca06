"""Fixtures of the ingestion tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingestion.company import Company


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company that delivers orders; nothing is delivered yet."""
    return Company(tmp_path)

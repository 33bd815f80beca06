"""Fixtures of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# Property tests touch the disk, so their examples are few and their time is not judged; nights on a
# build machine may take more.
settings.register_profile(
    "default",
    max_examples=int(os.environ.get("RAPPORT_EXAMPLES", "40")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that run a night first, for they take longest; others that look at its release last."""
    files = {
        "test_company_night.py": -2,
        "test_small_shops.py": -1,
        "test_traps.py": 1,
        "test_concepts.py": 1,
        "test_concept_truth.py": 1,
        "test_journey_truth.py": 1,
        "test_loyalty_truth.py": 1,
        "test_relation_truth.py": 1,
        "test_semantic_layer.py": 1,
    }
    items.sort(key=lambda item: files.get(item.path.name, 0))

"""Fixtures of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

NIGHT = "end_to_end"

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
    """With several workers a file's tests stay together, and so do all that share the one night.

    The night comes first: it takes longest.
    """
    for item in items:
        is_of_night = item.path.parent.name == NIGHT
        item.add_marker(pytest.mark.xdist_group(NIGHT if is_of_night else str(item.path)))
    items.sort(key=lambda item: item.path.parent.name != NIGHT)

"""Fixtures of all tests."""

from __future__ import annotations

import os

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

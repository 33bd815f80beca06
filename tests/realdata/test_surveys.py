"""The airport survey of 2017: NPS and CSAT with their intervals, other codes left out by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion.settings import realdata
from tests.realdata.conftest import Night, ask

# Of 2,831 answers 84 say 11 and one says nothing.
PROMOTERS, PASSIVES, DETRACTORS = 564 + 872, 291 + 677, 144 + 130 + 19 + 18 + 17 + 8 + 6


@pytest.fixture(scope="module")
def home(new_home: Callable[[str], Path], night: Night) -> Path:
    """One run over all answers."""
    folder = new_home("sfo")
    night(folder, realdata())
    return folder


def _kpi(home: Path, metric: str) -> tuple[Any, ...]:
    (row,) = ask(
        home,
        "select value, n, interval_low, interval_high from kpis_daily "
        f"where metric = '{metric}' and date = as_of and segment = 'all' and channel = 'all'",
    )
    return row


def test_nps_of_the_valid_answers_with_its_interval(home: Path) -> None:
    value, n, low, high = _kpi(home, "nps")
    assert n == PROMOTERS + PASSIVES + DETRACTORS == 2746
    assert value == pytest.approx(100 * (PROMOTERS - DETRACTORS) / n)
    assert round(value, 2) == 39.84
    # Three answers added, then the normal interval.
    centre = (PROMOTERS - DETRACTORS) / (n + 3)
    variance = (PROMOTERS + DETRACTORS + 1.5) / (n + 3) - centre**2
    half = 1.959964 * (variance / (n + 3)) ** 0.5
    assert (low, high) == pytest.approx((100 * (centre - half), 100 * (centre + half)))


def test_csat_counts_the_satisfied_and_not_the_mean(home: Path) -> None:
    value, n, low, high = _kpi(home, "csat")
    assert (n, value) == (2688, pytest.approx((1507 + 699) / 2688))
    assert low < value < high


def test_codes_outside_the_scale_are_excluded_by_name(home: Path) -> None:
    assert ask(home, "select survey_type, reason, row_count from survey_exclusions") == [
        ("nps", "score outside the scale", 84)
    ]

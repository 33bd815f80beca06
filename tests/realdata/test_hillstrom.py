"""An e-mail experiment on 64,000 customers: visit rates, and what the mailings added to them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion.settings import realdata
from tests.realdata.conftest import Night, ask

MAILINGS = {"Mens E-Mail": 0.18276, "Womens E-Mail": 0.15140}
SPARED = 0.10617


@pytest.fixture(scope="module")
def home(new_home: Callable[[str], Path], night: Night) -> Path:
    """One run over the experiment."""
    folder = new_home("hillstrom")
    night(folder, realdata())
    return folder


@pytest.fixture(scope="module")
def arms() -> dict[str, Counter[str]]:
    """People, visitors, buyers and money in cents of each arm, counted from the file."""
    found: dict[str, Counter[str]] = {}
    with (realdata() / "hillstrom_email" / "hillstrom_data.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            counted = found.setdefault(row["segment"], Counter())
            counted["people"] += 1
            counted["visitors"] += int(row["visit"])
            counted["buyers"] += int(row["conversion"])
            counted["cents"] += round(100 * float(row["spend"]))
    return found


def test_identical_rows_are_different_people(home: Path) -> None:
    assert ask(home, "select count(*) from customers") == [(64_000,)]


def test_every_mailing_is_delivered_to_its_arm(home: Path, arms: dict[str, Counter[str]]) -> None:
    found = dict(ask(home, "select campaign_id, delivered_count from email_campaigns"))  # type: ignore[arg-type]
    assert found == {name: arms[name]["people"] for name in MAILINGS}


@pytest.mark.parametrize("mailing", MAILINGS)
def test_visit_rates_and_their_difference_with_an_interval(
    home: Path, arms: dict[str, Counter[str]], mailing: str
) -> None:
    (row,) = ask(
        home,
        "select treated_count, control_count, treated_visit_rate, control_visit_rate, "
        "visit_lift, visit_lift_low, visit_lift_high from campaigns "
        f"where campaign_id = '{mailing}'",
    )
    treated, control, rate, base, lift, low, high = _numbers(row)
    mailed, spared = arms[mailing], arms["No E-Mail"]
    assert (treated, control) == (mailed["people"], spared["people"])
    assert rate == pytest.approx(mailed["visitors"] / treated)
    assert base == pytest.approx(spared["visitors"] / control)
    assert (round(rate, 5), round(base, 5)) == (MAILINGS[mailing], SPARED)
    assert lift == pytest.approx(rate - base)
    # At this size every interval of a difference of shares is the normal one to three digits.
    half = 1.96 * (rate * (1 - rate) / treated + base * (1 - base) / control) ** 0.5
    assert (low, high) == pytest.approx((lift - half, lift + half), abs=1e-4)


def test_spend_per_person_is_the_files(home: Path, arms: dict[str, Counter[str]]) -> None:
    for mailing in MAILINGS:
        (row,) = ask(
            home,
            "select treated_mean_spend, control_mean_spend, treated_order_rate from campaigns "
            f"where campaign_id = '{mailing}'",
        )
        spend, base, orders = _numbers(row)
        mailed, spared = arms[mailing], arms["No E-Mail"]
        assert spend == pytest.approx(mailed["cents"] / 100 / mailed["people"])
        assert base == pytest.approx(spared["cents"] / 100 / spared["people"])
        assert orders == pytest.approx(mailed["buyers"] / mailed["people"])


def _numbers(row: tuple[Any, ...]) -> tuple[float, ...]:
    return tuple(float(value) for value in row)

"""Learned weights keep every sign, move a step at a time, and are proposed only for a gain."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.engagement.ranking_areas import compare, placements
from estimation.engagement.weights import LARGEST_STEP, Origins, fit, propose

POINTS = np.array([30.0, 20.0, 10.0, -10.0, 5.0])


def origins(truth: list[float], customers: int = 3000, seed: int = 3) -> Origins:
    """Four origins of the same customers; log odds are ``truth`` times points times levels. Nobody
    has the last signal.
    """
    draw = np.random.default_rng(seed)
    levels = draw.uniform(0, 1, (4 * customers, len(POINTS))) ** 2
    levels[:, -1] = 0
    logits = -1.5 + levels @ (np.array([*truth, 0.0]) * POINTS / 15)
    return Origins(
        levels,
        draw.uniform(size=len(logits)) < 1 / (1 + np.exp(-logits)),
        np.repeat(np.arange(4), customers),
        np.tile(np.arange(customers), 4),
        POINTS,
    )


def test_an_area_is_the_share_of_pairs_ranked_the_right_way_round() -> None:
    values = np.array([1.0, 2.0, 2.0, 3.0])
    happened = np.array([False, True, False, True])
    assert placements(values, happened).tolist() == [1.0, 0.75, 0.75, 1.0]
    assert compare(values, values, happened).present == 0.875


def test_the_error_of_a_gain_is_the_spread_over_drawn_companies() -> None:
    # 400 draws give their standard deviation to within 7 % two times in three.
    draw = np.random.default_rng(5)
    gains, errors = [], []
    for _ in range(400):
        happened = draw.uniform(size=300) < 0.3
        present = happened + draw.normal(size=300)
        proposed = present + happened / 2 + draw.normal(size=300) / 2
        one = compare(present, proposed, happened)
        gains.append(one.gain)
        errors.append(one.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.15)


def test_weights_move_towards_what_foretells_and_no_further_than_a_step() -> None:
    found = propose(origins([0.3, 3.0, 1.0, 1.0]))
    moved = found.shares / found.present_shares
    assert moved[0] < 1 < moved[1]
    assert np.all(np.abs(moved - 1) <= LARGEST_STEP + 1e-9)
    assert np.abs(found.shares).sum() == pytest.approx(1)
    assert moved[4] == 1
    assert not found.fit.is_seen[4]
    assert all(gain.gain > 0 for gain in found.gains)
    assert found.is_worth_a_review


def test_weights_that_are_right_are_left_alone() -> None:
    found = propose(origins([1.0, 1.0, 1.0, 1.0]))
    assert np.abs(found.fit.multiples / found.fit.multiples[0] - 1).max() < 0.3
    assert not found.is_worth_a_review


def test_a_sign_is_never_turned() -> None:
    # The third signal foretells the opposite of what it is configured for.
    found = fit(origins([1.0, 1.0, -2.0, 1.0]))
    assert found.multiples[2] == 0
    assert np.isnan(found.errors[2])
    assert np.all(found.multiples >= 0)


def test_errors_hold_the_truth() -> None:
    # Without the prior's pull the multiples relative to each other are those of the truth.
    inside = 0
    for seed in range(20):
        found = fit(origins([1.0, 1.0, 1.0, 1.0], customers=1500, seed=seed))
        inside += int(np.sum(np.abs(found.multiples[:4] - 1) < 2 * found.errors[:4]))
    # 80 intervals of two errors: 76 expected, and 70 or fewer once in a hundred.
    assert inside > 70


def test_too_few_origins_are_refused() -> None:
    data = origins([1.0, 1.0, 1.0, 1.0], customers=50)
    with pytest.raises(ValueError, match="2 origins"):
        propose(data.of(data.origins < 2))

"""Who speaks for whom: one purchase is MBG/NBD's, repeats are the champion's and BG/NBD's."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.lifetime_value.blending import alone, blend, level, speakers
from estimation.lifetime_value.forecasting import Forecast
from estimation.lifetime_value.purchase_summaries import summarise

SUMMARIES = summarise([0, 1, 2], [0, 5, 9], [9, 9, 9], [3, 2, 1])


def future(value: float) -> Forecast:
    rows = np.array([value, 2 * value, 3 * value])
    return Forecast(rows, rows / 10, rows / 5)


FUTURES = {"bg_nbd": future(1.0), "mbg_nbd": future(0.5), "mbg_cnbd_2": future(2.0)}


@pytest.mark.parametrize(
    ("champion", "expected"),
    [
        ("bg_nbd", [0.5, 2.0, 3.0]),
        ("mbg_nbd", [0.5, 1.5, 2.25]),
        ("mbg_cnbd_2", [0.5, 3.0, 4.5]),
    ],
)
def test_repeaters_are_the_mean_with_bg_nbd_and_newcomers_are_mbg_nbds(
    champion: str, expected: list[float]
) -> None:
    found = blend(FUTURES, champion, SUMMARIES)
    assert found.expected.tolist() == expected
    assert found.p_any == pytest.approx(np.array(expected) / 10)
    assert found.p_alive == pytest.approx(np.array(expected) / 5)


def test_who_is_missing_does_not_speak() -> None:
    without_bg = {name: FUTURES[name] for name in ("mbg_nbd", "mbg_cnbd_2")}
    assert blend(without_bg, "mbg_cnbd_2", SUMMARIES).expected.tolist() == [0.5, 4.0, 6.0]
    only = {"mbg_cnbd_2": FUTURES["mbg_cnbd_2"]}
    assert blend(only, "mbg_cnbd_2", SUMMARIES).expected.tolist() == [2.0, 4.0, 6.0]


def test_models_are_compared_by_their_own_repeaters() -> None:
    assert alone(FUTURES, "mbg_cnbd_2", SUMMARIES).tolist() == [0.5, 4.0, 6.0]


def test_the_level_is_plain_bg_nbds_total() -> None:
    assert level(FUTURES, "mbg_cnbd_2", SUMMARIES) == 3 * 1.0 + 2 * 2.0 + 3.0
    without = {name: FUTURES[name] for name in ("mbg_nbd", "mbg_cnbd_2")}
    assert level(without, "mbg_cnbd_2", SUMMARIES) == 3 * 0.5 + 2 * 4.0 + 6.0


def test_a_champion_needs_the_parameters_of_those_beside_it_once() -> None:
    assert speakers("bg_nbd") == ("bg_nbd", "mbg_nbd")
    assert speakers("mbg_cnbd_2") == ("mbg_cnbd_2", "bg_nbd", "mbg_nbd")

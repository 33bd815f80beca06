"""Tuned gradient-boosted trees as a ceiling; runs in the peers' environment, knows arrays only.

``python boosted_model.py INPUTS.npz FORECASTS.npz PLAN`` writes forecasts for each tested origin:
``earlier`` learns from earlier origins, ``folds`` from other customers at the tested origin
itself.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (  # type: ignore[import-not-found, unused-ignore]
    HistGradientBoostingClassifier,
)
from sklearn.metrics import roc_auc_score  # type: ignore[import-not-found, unused-ignore]

Array = npt.NDArray[Any]
# A setting of the trees and the number of them.
Chosen = tuple[dict[str, int], int]

CANDIDATES = [
    {"max_leaf_nodes": leaves, "min_samples_leaf": least}
    for leaves, least in itertools.product((2, 4, 8), (50, 200))
]
ROUNDS, CHECKED_EVERY = 200, 10
LEARNING_RATE, FEATURE_SHARE = 0.06, 0.5
SEED = 20261122
OWN = "score's own sum"
FOLDS = 3
# A model learns from at most so many of the latest origins whose outcome was known, and is tuned on
# the last of these.
LEARNED_FROM, TUNED_ON = 5, 2


@dataclass(frozen=True)
class Rows:
    """Customers at origins: what was known, and who ordered."""

    numbers: Array
    has_ordered: Array

    def of(self, chosen: Array) -> Rows:
        """Some of the rows."""
        return Rows(self.numbers[chosen], self.has_ordered[chosen])


def trees(setting: dict[str, int], rounds: int, rows: Rows) -> Any:
    """Boosted trees fitted to the rows."""
    model = HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE, max_features=FEATURE_SHARE, max_iter=rounds,
        l2_regularization=1.0, early_stopping=False, random_state=SEED, **setting,
    )  # fmt: skip
    # A number that nobody had yet cannot be put into bins; a constant is never split on.
    known = np.where(np.isnan(rows.numbers).all(axis=0), 0.0, rows.numbers)
    return model.fit(known, rows.has_ordered)


def tune(pairs: list[tuple[Rows, Rows]]) -> Chosen:
    """The setting and number of trees with the largest mean area over pairs of rows to learn from
    and rows to forecast.
    """
    best: tuple[float, Chosen] = (0.0, (CANDIDATES[0], CHECKED_EVERY))
    for setting in CANDIDATES:
        areas = np.mean([_areas(setting, *pair) for pair in pairs], axis=0)
        at = int(areas.argmax())
        if areas[at] > best[0]:
            best = float(areas[at]), (setting, (at + 1) * CHECKED_EVERY)
    return best[1]


def _areas(setting: dict[str, int], learned: Rows, held: Rows) -> list[float]:
    steps = trees(setting, ROUNDS, learned).staged_decision_function(held.numbers)
    return [
        roc_auc_score(held.has_ordered, values)
        for number, values in enumerate(steps, start=1)
        if number % CHECKED_EVERY == 0
    ]


def forecast(chosen: Chosen, learned: Rows, asked: Array) -> Array:
    """The log odds of an order."""
    setting, rounds = chosen
    return np.asarray(trees(setting, rounds, learned).decision_function(asked))


Part = tuple[Chosen, Array, Array]


def earlier_part(rows: Rows, origins: Array, tested: int, known: list[int]) -> Part:
    """Tuned and fitted on the latest origins of ``known``, whose outcomes the tested day knew."""
    latest = known[-LEARNED_FROM:]
    pairs = [
        (rows.of(np.isin(origins, latest[:place])), rows.of(origins == latest[place]))
        for place in range(max(1, len(latest) - TUNED_ON), len(latest))
    ]
    return tune(pairs), np.isin(origins, latest), origins == tested


def fold_parts(rows: Rows, origins: Array, folds: Array, tested: int) -> Iterator[Part]:
    """Each fold of customers, tuned and fitted on the others at the tested origin."""
    here = origins == tested
    for fold in range(FOLDS):
        others = [other for other in range(FOLDS) if other != fold]
        pairs = [
            (
                rows.of(here & (folds != fold) & (folds != held)),
                rows.of(here & (folds == held)),
            )
            for held in others
        ]
        yield tune(pairs), here & (folds != fold), here & (folds == fold)


def forecasts(rows: Rows, parts: list[Part], columns: Array) -> Array:
    """Forecasts of everybody whom a part asks for, from these columns of the inputs."""
    values = np.full(len(rows.has_ordered), np.nan)
    for chosen, learned, asked in parts:
        part = Rows(rows.numbers[np.ix_(learned, columns)], rows.has_ordered[learned])
        values[asked] = forecast(chosen, part, rows.numbers[np.ix_(asked, columns)])
    return values


def fewer_inputs(groups: Array) -> dict[str, Array]:
    """The columns of the score's own sums alone, and of these with one more group each."""
    own = groups == OWN
    return {OWN: own} | {
        group: own | (groups == group) for group in dict.fromkeys(groups[~own].tolist())
    }


def main(arguments: list[str]) -> None:
    """Read the plan (tested origin to the earlier ones whose outcomes it knew), write forecasts."""
    data = np.load(arguments[0])
    rows = Rows(data["numbers"], data["has_ordered"])
    origins, folds, groups = data["origins"], data["folds"] % FOLDS, data["groups"]
    everything = np.ones(len(groups), bool)
    found: dict[str, Any] = {}
    for name, known in json.loads(arguments[2]).items():
        tested = int(name)
        earlier = [earlier_part(rows, origins, tested, known)]
        around = list(fold_parts(rows, origins, folds, tested))
        made = {
            "earlier|all": forecasts(rows, earlier, everything),
            "folds|all": forecasts(rows, around, everything),
        }
        for group, columns in fewer_inputs(groups).items():
            made[f"earlier|{group}"] = forecasts(rows, earlier, columns)
        for part, values in made.items():
            found[f"{tested}|{part}"] = values[origins == tested]
    np.savez(Path(arguments[1]), **found)


if __name__ == "__main__":
    main(sys.argv[1:])

"""How far is the engagement score from boosted trees that learn from the same signals?

``python -m benchmarks engagement_ceiling [FOLDER]`` ranks customers of CDNOW's master file, Online
Retail and Starbucks rewards (RAPPORT_REALDATA) by the warehouse's own score and by scikit-learn's
boosted trees, and holds both against who ordered next. The trees learn from earlier origins whose
outcome the tested day knew, or from other customers at the tested day. Beside the score as it comes
stands the score on the scale that `rapport weights rebase` proposes on the tested day. Warehouses
are kept in FOLDER.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from benchmarks.engagement_inputs import Floats, Inputs, read_inputs
from benchmarks.peer_environment import peers_python
from benchmarks.real_companies import CDNOW, ONLINE_RETAIL, STARBUCKS, Company, build, on_day
from estimation.engagement.ranking_areas import Gain, area, compare
from ingestion.warehouse import warehouse_path
from rapport.weight_proposals import propose_reference
from tests.compiled_models import ENGAGEMENT_SEEDS, QUALITY_MODELS, SCORE_MODELS

MODEL = Path(__file__).with_name("boosted_model.py")
SEED = 20261122
WAYS = {"earlier": "earlier origins", "folds": "other customers"}
SCORE_HORIZON = 30
SCALES = FROZEN, REBASED = "as it comes", "re-based"
ALL = "all"
MODELS = (*SCORE_MODELS, *QUALITY_MODELS)

# From here on one more event moves the score by less than a hundredth of the signal's points.
FULL = 0.99
FULL_SHARE = """
    with fullest as (
        select points.customer_id, evaluations.evaluated_on, max(reached_share) as reached_share
        from intermediate.int_engagement_points as points
        inner join intermediate.int_engagement_evaluations as evaluations using (days_ago)
        group by all
    )
    select avg((coalesce(reached_share, 0) > ?)::integer)
    from intermediate.int_scorer_outcomes as outcomes
    left join fullest
        on outcomes.customer_id = fullest.customer_id
        and outcomes.origin_date = fullest.evaluated_on
    where scorer = 'engagement' and origin_date = ?
"""


@dataclass(frozen=True)
class Trial:
    """The days at which a company's score is tested, all days that a model may learn from, and how
    many days after each are known.
    """

    company: Company
    tested: tuple[date, ...]
    origins: tuple[date, ...]
    horizon: int

    def known_at(self, day: date) -> list[int]:
        """Places of the earlier origins whose outcome was complete by then."""
        horizon = timedelta(days=self.horizon)
        return [place for place, origin in enumerate(self.origins) if origin + horizon <= day]


def _days(first: date, places: Sequence[int]) -> tuple[date, ...]:
    return tuple(first + timedelta(days=place) for place in places)


# CDNOW's are the days of tests/realdata/test_score_on_cdnow.py. Starbucks' data end ten days after
# the one day that its test looks at, so earlier outcomes are ten days long there, too.
TRIALS = (
    Trial(
        CDNOW,
        _days(date(1997, 1, 1), range(150, 511, 60)),
        _days(date(1997, 1, 1), range(60, 511, 30)),
        SCORE_HORIZON,
    ),
    Trial(
        ONLINE_RETAIL,
        _days(date(2011, 11, 9), range(-180, 1, 30)),
        _days(date(2011, 11, 9), range(-300, 1, 30)),
        SCORE_HORIZON,
    ),
    Trial(
        STARBUCKS,
        (date(2018, 8, 14),),
        (*_days(date(2018, 8, 4), range(-6, 1, 2)), date(2018, 8, 14)),
        10,
    ),
)


@dataclass(frozen=True)
class Ranking:
    """What the warehouse makes of a day: everybody's score and outcome, the area, and the share of
    these customers for whom some signal has reached all its points.
    """

    by_customer: dict[str, tuple[float, bool]]
    area: float
    full_share: float


@dataclass(frozen=True)
class Found:
    """One tested day: by scale of the score, way of learning and set of inputs, the score's area
    beside the model's.
    """

    day: date
    customers: int
    buyers: int
    full_shares: dict[str, float]
    gains: dict[tuple[str, str, str], Gain]


class DifferentPopulation(Exception):
    """The warehouse ranked other customers, or knew other outcomes, than the inputs say."""


def try_company(trial: Trial, folder: Path) -> list[Found]:
    """Score and model at each tested day. Raises DifferentPopulation."""
    home = build(trial.company, folder)
    rankings = {day: _rankings(home, day) for day in trial.tested}
    with on_day(home, trial.company.last_day, ()) as connection:
        inputs = read_inputs(connection, trial.origins, trial.horizon)
    forecasts = _learn(trial, inputs, folder)
    return [_found(trial, day, inputs, rankings[day], forecasts) for day in trial.tested]


def _rankings(home: Path, day: date) -> dict[str, Ranking]:
    """The score as it comes, and on the scale that would have been proposed on that day."""
    # A run that was stopped may have left the other scale in a warehouse that is kept.
    _set_scale(home, ENGAGEMENT_SEEDS)
    with on_day(home, day, (*MODELS, "int_engagement_reference_candidates")):
        pass
    found = {}
    for scale, seeds in ((REBASED, propose_reference(home).folder), (FROZEN, ENGAGEMENT_SEEDS)):
        _set_scale(home, seeds)
        found[scale] = _ranking(home, day)
    return found


def _set_scale(home: Path, seeds: Path) -> None:
    with duckdb.connect(str(warehouse_path(home))) as connection:
        connection.execute("delete from seeds.engagement_reference")
        connection.execute(
            "insert into seeds.engagement_reference by name "
            "select * from read_csv($path, all_varchar = true)",
            {"path": str(seeds / "engagement_reference.csv")},
        )


def _ranking(home: Path, day: date) -> Ranking:
    with on_day(home, day + timedelta(days=SCORE_HORIZON), MODELS) as connection:
        rows = connection.execute(
            "select customer_id, scorer_value::double, has_ordered "
            "from intermediate.int_scorer_outcomes "
            "where scorer = 'engagement' and origin_date = ?",
            [day],
        ).fetchall()
        [(published_area,)] = connection.execute(
            "select auc from marts.score_quality where scorer = 'engagement' and origin_date = ?",
            [day],
        ).fetchall()
        [(full_share,)] = connection.execute(FULL_SHARE, [FULL, day]).fetchall()
    by_customer = {customer: (value, ordered) for customer, value, ordered in rows}
    return Ranking(by_customer, published_area, full_share)


def _learn(trial: Trial, inputs: Inputs, folder: Path) -> dict[str, Floats]:
    """The model's forecasts by tested place, way and inputs, made in the peers' environment."""
    given, made = folder / "inputs.npz", folder / "forecasts.npz"
    people = np.unique(inputs.customers, return_inverse=True)[1]
    folds = np.random.default_rng(SEED).permutation(int(people.max()) + 1)[people]
    np.savez(
        given,
        numbers=inputs.numbers,
        has_ordered=inputs.has_ordered,
        origins=inputs.origins,
        folds=folds,
        groups=np.array(inputs.groups),
    )
    plan = {trial.origins.index(day): trial.known_at(day) for day in trial.tested}
    command = [str(peers_python()), str(MODEL), str(given), str(made), json.dumps(plan)]
    # Threads on shared cores wait for each other: one is the faster way through many small fits.
    subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)
    with np.load(made) as found:
        return dict(found)


def _found(
    trial: Trial,
    day: date,
    inputs: Inputs,
    rankings: dict[str, Ranking],
    forecasts: dict[str, Floats],
) -> Found:
    place = trial.origins.index(day)
    here = inputs.origins == place
    happened = inputs.has_ordered[here]
    gains = {}
    for scale, ranking in rankings.items():
        score = aligned(day, inputs.customers[here], happened, ranking)
        for name, values in forecasts.items():
            tested, way, used = name.split("|")
            if int(tested) == place:
                gains[scale, way, used] = compare(score, values, happened)
    shares = {scale: ranking.full_share for scale, ranking in rankings.items()}
    return Found(day, len(happened), int(happened.sum()), shares, gains)


def aligned(
    day: date,
    customers: npt.NDArray[np.object_],
    happened: npt.NDArray[np.bool_],
    ranking: Ranking,
) -> Floats:
    """Scores in the order of the inputs' customers. Raises DifferentPopulation."""
    known = [ranking.by_customer.get(customer) for customer in customers]
    scores = [
        pair[0]
        for pair, ordered in zip(known, happened, strict=True)
        if pair is not None and pair[1] == ordered
    ]
    if not len(ranking.by_customer) == len(customers) == len(scores):
        raise DifferentPopulation(
            f"{day}: the warehouse ranked {len(ranking.by_customer)} customers, the inputs have "
            f"{len(customers)}, of whom {len(scores)} with the same outcome"
        )
    values = np.array(scores)
    if abs(area(values, happened) - ranking.area) > 1e-9:
        raise DifferentPopulation(
            f"{day}: score_quality says {ranking.area}, these rows {area(values, happened)}"
        )
    return values


def print_found(title: str, found: list[Found]) -> None:
    """Each tested day, the means, and what the trees reach with fewer inputs."""
    print(f"\n{title}: areas; distance of trees to the score (standard error), to it re-based")
    for each in found:
        frozen, rebased = (each.gains[scale, "earlier", ALL].present for scale in SCALES)
        print(
            f"  {each.day} n {each.customers} buyers {each.buyers} "
            f"score {frozen:.4f} ({each.full_shares[FROZEN]:.0%} full) "
            f"re-based {rebased:.4f} ({each.full_shares[REBASED]:.0%})",
            *(_distances(each, way) for way in WAYS),
            sep="; ",
        )
    for way, text in WAYS.items():
        means = [f"{mean_distance(found, scale, way):+.4f} {scale}" for scale in SCALES]
        print(f"  mean distance, trees from {text}: {', '.join(means)}")
    print(f"  trees from {WAYS['earlier']} with fewer inputs, beside the score {FROZEN}:")
    for used in [used for scale, _, used in found[0].gains if scale == FROZEN and used != ALL]:
        print(f"    {used:20} {mean_distance(found, FROZEN, 'earlier', used):+.4f}")


def _distances(found: Found, way: str) -> str:
    frozen, rebased = (found.gains[scale, way, ALL] for scale in SCALES)
    return (
        f"{WAYS[way]} {frozen.proposed:.4f}: {frozen.gain:+.4f} ({frozen.standard_error:.4f}), "
        f"{rebased.gain:+.4f} ({rebased.standard_error:.4f})"
    )


def mean_distance(found: list[Found], scale: str, way: str, used: str = ALL) -> float:
    """The mean over tested days of how far the trees are above the score."""
    return float(np.mean([each.gains[scale, way, used].gain for each in found]))


def main(arguments: list[str]) -> None:
    """Print all companies and the mean distance over them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[0] if arguments else temporary).resolve()
        companies = []
        for trial in TRIALS:
            companies.append(try_company(trial, folder))
            print_found(trial.company.title, companies[-1])
    print()
    for way, text in WAYS.items():
        for scale in SCALES:
            means = [mean_distance(found, scale, way) for found in companies]
            print(f"mean of the companies, trees from {text}, {scale}: {np.mean(means):+.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""`rapport weights propose` and `rapport weights rebase`: changed seeds to review, never applied.

A proposal is a folder below HOME/proposals with the seed files as they would be, their difference
from the present ones and a report. Who agrees copies the files into dbt_project/seeds/engagement,
commits them, and builds: configuration changes by a commit and by nothing else.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np

from estimation.engagement.ranking_areas import Floats, area
from estimation.engagement.weights import LARGEST_STEP, Origins, Proposal, propose
from ingestion.warehouse import warehouse_path
from rapport.steps import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds" / "engagement"
CONFIGURATION_FILES = (
    "engagement_dimensions",
    "engagement_signals",
    "engagement_settings",
    "engagement_tiers",
)
REFERENCE_FILES = ("engagement_reference", "engagement_reference_bands")
DECIMALS = Decimal("0.0001")  # of the seeds' columns
SMALLEST_SCALE = Decimal("0.5")  # half an event: below it one click would be nearly everything
SENTENCES = {"reason", "origin"}  # columns of the seeds that hold words
HALF_LIVES = (7, 14, 30, 60, 90, 180, 365)

Rows = list[dict[str, str]]


class NothingToPropose(Exception):
    """The warehouse holds too little to learn from."""


@dataclass(frozen=True)
class Written:
    """A proposal on disk; ``verdict`` says in a sentence what it is worth."""

    folder: Path
    verdict: str


def propose_weights(home: Path) -> Written:
    """Learn weights from the origins in the warehouse and write them as a proposal."""
    with _warehouse(home) as connection:
        as_of = _as_of(connection)
        signals, origin_dates, data = read_origins(connection)
        half_lives = _half_lives(connection)
    try:
        proposal = propose(data)
    except ValueError as error:
        raise NothingToPropose(f"{error}. Nothing was written") from error
    seeds = changed_weights(read_seeds(CONFIGURATION_FILES), signals, proposal)
    verdict = (
        "worth a review: it gains more than one standard error at "
        f"{proposal.origins_won} of {len(proposal.gains)} origins"
        if proposal.is_worth_a_review
        else "leave the weights as they are: more than one standard error is gained at only "
        f"{proposal.origins_won} of {len(proposal.gains)} origins"
    )
    report = _weights_report(as_of, verdict, signals, origin_dates, proposal, half_lives)
    return Written(_write(home / "proposals" / f"weights-{as_of}", seeds, report), verdict)


def propose_reference(home: Path) -> Written:
    """Measure the scale on tonight's customers and write it as a proposal."""
    with _warehouse(home) as connection:
        as_of = _as_of(connection)
        measured = {
            signal: (scale, neutral, customers)
            for signal, scale, neutral, customers in connection.execute(
                "select signal, measured_saturation_scale, measured_neutral_value, customer_count "
                "from intermediate.int_engagement_reference_candidates"
            ).fetchall()
        }
        bands = connection.execute(
            "select least(cast(floor(score / 10) as integer), 9), count(*) "
            "from intermediate.int_engagement_scores where days_ago = 0 group by 1"
        ).fetchall()
        [(drift,)] = connection.execute(
            "select population_stability_index from marts.score_stability "
            "where compared_with = 'reference window'"
        ).fetchall()
    if not bands:
        raise NothingToPropose("no customer has a score. Nothing was written")
    seeds = changed_reference(read_seeds(REFERENCE_FILES), measured, dict(bands), as_of)
    verdict = (
        f"the spread of scores is {drift:.3f} from the reference window's (above .25: re-base)"
    )
    report = [
        f"# A scale measured on {as_of}",
        "",
        verdict + ".",
        "",
        "Every score moves when this is committed, and `change_*` will not show it. The shares of",
        "the bands are those of the present scale: build once with the new scale, propose again,",
        "and take engagement_reference_bands.csv from that proposal. Set engagement_tiers.csv to",
        "the quantiles you mean.",
    ]
    return Written(_write(home / "proposals" / f"reference-{as_of}", seeds, report), verdict)


def read_origins(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[list[str], list[date], Origins]:
    """Signals, origins, and what the weights are learned from, in this order."""
    weights = connection.execute(
        "select signal, points from intermediate.int_engagement_weights order by signal"
    ).fetchall()
    rows = connection.execute(
        """
        select
            dense_rank() over (order by origin_date) - 1 as origin,
            dense_rank() over (order by customer_id) - 1 as customer,
            has_ordered, origin_date, customer_id
        from intermediate.int_scorer_outcomes
        where scorer = 'engagement'
        order by origin_date, customer_id
        """
    ).fetchnumpy()
    levels = connection.execute(
        """
        with people as (
            select
                row_number() over (order by origin_date, customer_id) - 1 as place, origin_date,
                customer_id
            from intermediate.int_scorer_outcomes
            where scorer = 'engagement'
        ),
        signals as (
            select row_number() over (order by signal) - 1 as place, signal
            from intermediate.int_engagement_weights
        )
        select people.place as person, signals.place as signal, points.reached_share as level
        from people
        inner join intermediate.int_engagement_evaluations as evaluations
            on people.origin_date = evaluations.evaluated_on
        inner join intermediate.int_engagement_points as points
            on people.customer_id = points.customer_id
                and evaluations.days_ago = points.days_ago
        inner join signals on points.signal = signals.signal
        """
    ).fetchnumpy()
    matrix = np.zeros((len(rows["origin"]), len(weights)))
    matrix[levels["person"], levels["signal"]] = levels["level"]
    dates = connection.execute(
        "select distinct origin_date from intermediate.int_scorer_outcomes order by 1"
    ).fetchall()
    return (
        [signal for signal, _ in weights],
        [day for (day,) in dates],
        Origins(
            matrix,
            np.asarray(rows["has_ordered"], dtype=np.bool_),
            np.asarray(rows["origin"], dtype=np.int64),
            np.asarray(rows["customer"], dtype=np.int64),
            np.array([float(points) for _, points in weights]),
        ),
    )


def read_seeds(names: Sequence[str]) -> dict[str, Rows]:
    """The rows of the seed files by name."""
    seeds = {}
    for name in names:
        with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            seeds[name] = list(csv.DictReader(file))
    return seeds


def changed_weights(
    seeds: dict[str, Rows], signals: Sequence[str], proposal: Proposal
) -> dict[str, Rows]:
    """The four configuration seeds with the proposed shares as weights, one version later.

    Inside a dimension the sizes of the weights add up to what they did; the dimensions to 1.
    """
    shares = dict(zip(signals, proposal.shares, strict=True))
    rows = seeds["engagement_signals"]
    by_dimension: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for row in rows:
        name = row["dimension"]
        by_dimension[name] = by_dimension.get(name, 0.0) + abs(shares[row["signal"]])
        sizes[name] = sizes.get(name, 0.0) + abs(float(row["weight"]))
    weights = {name: _decimal(share) for name, share in by_dimension.items()}
    weights[max(weights, key=lambda name: weights[name])] += 1 - sum(weights.values())
    changed = {
        "engagement_dimensions": [
            row | {"weight": _bare(weights[row["dimension"]])}
            for row in seeds["engagement_dimensions"]
        ],
        "engagement_signals": [
            row
            | {
                "weight": _bare(
                    _decimal(
                        shares[row["signal"]]
                        / by_dimension[row["dimension"]]
                        * sizes[row["dimension"]]
                    )
                )
            }
            for row in rows
        ],
    }
    return {
        name: [
            row | {"config_version": str(int(row["config_version"]) + 1)}
            for row in changed.get(name, own)
        ]
        for name, own in seeds.items()
    }


def changed_reference(
    seeds: dict[str, Rows],
    measured: dict[str, tuple[float | None, float | None, int]],
    bands: dict[int, int],
    as_of: date,
) -> dict[str, Rows]:
    """The two reference seeds as measured, one version later; what was not seen stays."""
    total = sum(bands.values())
    reference = []
    for row in seeds["engagement_reference"]:
        scale, neutral, customers = measured.get(row["signal"], (None, None, 0))
        changes = {}
        if row["saturation_scale"] and scale is not None:
            changes["saturation_scale"] = str(max(_decimal(scale), SMALLEST_SCALE))
        if row["neutral_value"] and neutral is not None:
            changes["neutral_value"] = str(_decimal(neutral))
        if changes:
            changes["origin"] = f"measured: {customers:,} customers, as of {as_of}"
        reference.append(row | changes)
    changed = {
        "engagement_reference": reference,
        "engagement_reference_bands": [
            row | {"reference_share": f"{bands.get(int(row['band']), 0) / total:.6f}"}
            for row in seeds["engagement_reference_bands"]
        ],
    }
    return {
        name: [row | {"reference_version": str(int(row["reference_version"]) + 1)} for row in rows]
        for name, rows in changed.items()
    }


def _warehouse(home: Path) -> duckdb.DuckDBPyConnection:
    path = warehouse_path(home)
    if not path.exists():
        raise NothingToPropose(f"{path} is not there. Run `rapport build` first")
    return duckdb.connect(str(path), read_only=True)


def _as_of(connection: duckdb.DuckDBPyConnection) -> date:
    [(as_of,)] = connection.execute("select as_of from raw.run_parameters").fetchall()
    day: date = as_of
    return day


def _half_lives(connection: duckdb.DuckDBPyConnection) -> dict[int, Floats]:
    """For each half-life, the areas of purchase days decayed so, by origin."""
    sums = ", ".join(
        f"sum(power(2, -(origin_date - ordered_date)::double / {days})) as decayed_{days}"
        for days in HALF_LIVES
    )
    found = connection.execute(
        f"""
        select
            origin_date, customer_id, any_value(has_ordered) as has_ordered,
            dense_rank() over (order by origin_date) - 1 as origin, {sums}
        from intermediate.int_scorer_outcomes
        inner join intermediate.int_customer_purchase_days using (customer_id)
        where scorer = 'engagement' and is_purchase_day and ordered_date <= origin_date
        group by origin_date, customer_id
        """
    ).fetchnumpy()
    areas = {}
    for days in HALF_LIVES:
        by_origin = []
        for origin in np.unique(found["origin"]):
            own = found["origin"] == origin
            value = np.round(found[f"decayed_{days}"][own], 10)
            happened = np.asarray(found["has_ordered"][own], dtype=np.bool_)
            by_origin.append(area(value, happened))
        areas[days] = np.array(by_origin)
    return areas


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value))).quantize(DECIMALS)


def _bare(value: Decimal) -> str:
    """Without zeros at the end, as somebody would write it."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _weights_report(
    as_of: date,
    verdict: str,
    signals: Sequence[str],
    origin_dates: Sequence[date],
    proposal: Proposal,
    half_lives: dict[int, Floats],
) -> list[str]:
    fitted = proposal.fit
    lines = [
        f"# Weights learned from the origins before {as_of}",
        "",
        f"{verdict[:1].upper()}{verdict[1:]}.",
        "",
        "Gain in area at each origin, with the weights learned from the others:",
        "",
        "| origin | present | proposed | gain | standard error |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {day} | {gain.present:.4f} | {gain.proposed:.4f} | {gain.gain:+.4f} "
        f"| {gain.standard_error:.4f} |"
        for day, gain in zip(origin_dates, proposal.gains, strict=True)
    ]
    lines += [
        "",
        "Shares of the score. *Fitted* is the multiple of the present weight that fits best,",
        f"drawn towards 1; a proposal moves no share by more than {LARGEST_STEP:.0%}.",
        "",
        "| signal | present | proposed | fitted | standard error |",
        "|---|---|---|---|---|",
    ]
    for row, signal in enumerate(signals):
        seen, error = fitted.is_seen[row], fitted.errors[row]
        lines.append(
            f"| {signal} | {proposal.present_shares[row]:+.4f} | {proposal.shares[row]:+.4f} "
            f"| {f'{fitted.multiples[row]:.2f}' if seen else 'not seen'} "
            f"| {'' if np.isnan(error) else f'{error:.2f}'} |"
        )
    lines += [
        "",
        "Purchase days alone, decayed with other half-lives (area by origin). Half-lives are not",
        "proposed: where another one is clearly better at every origin, say so in",
        "engagement_signals.csv.",
        "",
        "| half-life of an order, days | " + " | ".join(str(day) for day in origin_dates) + " |",
        "|---" * (len(origin_dates) + 1) + "|",
    ]
    lines += [
        f"| {days} | " + " | ".join(f"{area:.4f}" for area in areas) + " |"
        for days, areas in half_lives.items()
    ]
    return lines


def _write(folder: Path, seeds: dict[str, Rows], report: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    differences: list[str] = []
    for name, rows in seeds.items():
        proposed = _csv(rows)
        (folder / f"{name}.csv").write_text(proposed, encoding="utf-8")
        differences += difflib.unified_diff(
            (SEEDS / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True),
            proposed.splitlines(keepends=True),
            f"seeds/engagement/{name}.csv",
            f"proposed/{name}.csv",
        )
    (folder / "seeds.diff").write_text("".join(differences), encoding="utf-8")
    (folder / "report.md").write_text("\n".join(report) + "\n", encoding="utf-8")
    return folder


def _csv(rows: Rows) -> str:
    """As the seeds are written: sentences in quotes, everything else bare."""
    lines = [",".join(rows[0])]
    for row in rows:
        quoted = {name: '"' + row[name].replace('"', '""') + '"' for name in SENTENCES & set(row)}
        lines.append(",".join((row | quoted).values()))
    return "\n".join(lines) + "\n"

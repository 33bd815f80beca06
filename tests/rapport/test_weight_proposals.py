"""Proposals are files to review: the seeds of the project stay what they are."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from rapport.weight_proposals import (
    SEEDS,
    NothingToPropose,
    propose_reference,
    propose_weights,
    read_seeds,
)

SIGNALS = read_seeds(["engagement_signals"])["engagement_signals"]

# 400 customers who ordered on 1 March and some of whom ordered again; everybody has every second
# signal at a level of their own, and who has much of `referral` orders.
WAREHOUSE = """
    create schema raw; create schema intermediate; create schema marts;
    create table raw.run_parameters as select date '2026-06-30' as as_of;
    create table intermediate.int_engagement_evaluations as
    select days_ago, date '2026-06-30' - days_ago as evaluated_on
    from (values (0), (30), (60), (90), (120)) as looks(days_ago);
    create table intermediate.int_engagement_points as
    select
        'c' || customer as customer_id, signal, days_ago,
        (hash(customer, signal, days_ago) % 1000) / 1000.0::double as reached_share
    from range(400) as customers(customer), signals, intermediate.int_engagement_evaluations
    where place % 2 = 0;
    create table intermediate.int_scorer_outcomes as
    select
        'engagement' as scorer, customer_id, evaluated_on as origin_date,
        reached_share > 0.7 as has_ordered
    from intermediate.int_engagement_points
    inner join intermediate.int_engagement_evaluations using (days_ago)
    where signal = 'referral' and days_ago > 0;
    create table intermediate.int_customer_purchase_days as
    select customer_id, date '2026-02-01' + (hash(customer_id) % 27)::integer as ordered_date,
        true as is_purchase_day
    from (select distinct customer_id from intermediate.int_scorer_outcomes) as customers;
    create table intermediate.int_engagement_scores as
    select customer_id, 0 as days_ago, 25.0 as score from intermediate.int_customer_purchase_days;
    create table intermediate.int_engagement_reference_candidates as
    select
        signal, 0.1 + place as measured_saturation_scale,
        null::double as measured_neutral_value, 400 as customer_count
    from signals;
    create table marts.score_stability as
    select 'reference window' as compared_with, 0.5 as population_stability_index;
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A warehouse with four origins."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create temp table signals (place integer, signal text)")
        # The places put `referral` among the signals that are there.
        names = sorted((row["signal"] for row in SIGNALS), key=lambda name: name != "referral")
        connection.executemany("insert into signals values (?, ?)", list(enumerate(names)))
        connection.execute(WAREHOUSE)
        connection.execute(
            "create table intermediate.int_engagement_weights (signal text, points decimal(9, 6))"
        )
        connection.executemany(
            "insert into intermediate.int_engagement_weights values (?, ?)",
            [(row["signal"], row["weight"]) for row in SIGNALS],
        )
    return tmp_path


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with duckdb.connect() as connection:
        found = connection.read_csv(str(folder / f"{name}.csv"), all_varchar=True)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def present() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in SEEDS.iterdir()}


def test_weights_are_proposed_whole_and_nothing_is_applied(home: Path) -> None:
    before = present()
    done = propose_weights(home)
    assert present() == before
    assert done.verdict.startswith("worth a review")
    signals = {row["signal"]: row for row in rows_of(done.folder, "engagement_signals")}
    dimensions = rows_of(done.folder, "engagement_dimensions")
    assert sum(Decimal(row["weight"]) for row in dimensions) == 1
    assert {row["config_version"] for row in [*signals.values(), *dimensions]} == {"2"}
    for row in SIGNALS:
        assert (Decimal(row["weight"]) > 0) == (Decimal(signals[row["signal"]]["weight"]) > 0)
    by_name = {row["dimension"]: Decimal(row["weight"]) for row in dimensions}
    assert by_name["social"] > Decimal("0.15")
    difference = (done.folder / "seeds.diff").read_text()
    assert "-social,0.15," in difference
    assert "+social,0." in difference
    report = (done.folder / "report.md").read_text()
    assert len([line for line in report.splitlines() if line.startswith("| 2026-0")]) == 4
    assert "| 90 |" in report


def test_a_scale_is_proposed_as_measured(home: Path) -> None:
    before = present()
    done = propose_reference(home)
    assert present() == before
    reference = {row["signal"]: row for row in rows_of(done.folder, "engagement_reference")}
    # Below half an event the scale stays at it.
    assert reference["referral"]["saturation_scale"] == "0.5"
    assert reference["referral"]["origin"] == "measured: 400 customers, as of 2026-06-30"
    assert reference["nps_answer"]["neutral_value"] == "0.77"
    bands = rows_of(done.folder, "engagement_reference_bands")
    assert [row["reference_share"] for row in bands if row["band"] == "2"] == ["1.000000"]
    assert {row["reference_version"] for row in [*bands, *reference.values()]} == {"2"}


def test_without_origins_nothing_is_written(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("delete from intermediate.int_scorer_outcomes")
    with pytest.raises(NothingToPropose, match="0 origins"):
        propose_weights(home)
    assert not (home / "proposals").exists()

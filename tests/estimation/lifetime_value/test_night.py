"""A whole night from purchase days: its tables, and nights that have too little to say."""

from __future__ import annotations

import itertools
import json
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from estimation.lifetime_value import night
from estimation.lifetime_value.backtest import Backtest, Refusal
from estimation.lifetime_value.fitting import fit
from estimation.lifetime_value.forecasting import forecast
from estimation.lifetime_value.gamma_gamma import expected_value
from estimation.lifetime_value.night import (
    LifetimeValueEstimates,
    LifetimeValueSettings,
    estimate,
    fit_spend_at,
    month_ends,
)
from estimation.lifetime_value.night_tables import (
    BACKTESTS,
    CALIBRATIONS,
    FORMER_SCORES,
    MISSED,
    NO_MODEL,
    PARAMETERS,
    SCORES,
    TOTALS,
)
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    arrange,
    customers_at,
    date_to_number,
    distinct_summaries,
    number_to_date,
    read,
)
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD
from tests.estimation.lifetime_value.played_customers import play_purchases

SETTINGS = LifetimeValueSettings()
FIRST_DAY = date(2025, 1, 1)
DAYS = 430
AS_OF = number_to_date(date_to_number(FIRST_DAY) + DAYS)


def moved(purchases: PurchaseDays) -> PurchaseDays:
    number = np.repeat(
        np.arange(len(purchases.begins)), np.diff([*purchases.begins, len(purchases.days)])
    )
    return arrange(number, purchases.days + date_to_number(FIRST_DAY), purchases.values)


@pytest.fixture(scope="module")
def purchases() -> PurchaseDays:
    return moved(play_purchases(np.random.default_rng(11), customers=1500, days=DAYS))


@pytest.fixture(scope="module")
def tonight(purchases: PurchaseDays) -> LifetimeValueEstimates:
    return estimate(purchases, AS_OF, SETTINGS)


def rows_of(table: pa.Table, **wanted: object) -> list[dict[str, object]]:
    return [
        row
        for row in table.to_pylist()
        if all(row[name] == value for name, value in wanted.items())
    ]


def test_every_kind_of_customer_has_scores(
    purchases: PurchaseDays, tonight: LifetimeValueEstimates
) -> None:
    known = customers_at(purchases, date_to_number(AS_OF))
    scores = tonight.scores
    assert scores.schema == SCORES
    assert scores.num_rows == len(distinct_summaries(known)[0])
    assert sum(scores["customers"].to_pylist()) == len(known.places)
    columns = {name: scores[name].to_numpy() for name in scores.column_names}
    assert (columns["expected_orders_30d"] <= columns["expected_orders_90d"]).all()
    assert (columns["expected_orders_90d"] <= columns["expected_orders_365d"]).all()
    assert (columns["p_order_30d"] <= columns["p_alive"] + 1e-12).all()
    for quantity in ("orders_365d", "value_365d"):
        levels = [columns[f"{quantity}_q{level}"] for level in ("025", "100", "250", "750", "900")]
        assert all((low <= high).all() for low, high in itertools.pairwise(levels))
    once = columns["repeat_purchase_days"] == 0
    assert set(columns["model"][once]) == {"mbg_nbd"}
    assert (columns["p_alive"][once] < 1).all()


def test_expected_orders_sum_to_plain_bg_nbds(
    purchases: PurchaseDays, tonight: LifetimeValueEstimates
) -> None:
    today = date_to_number(AS_OF)
    summaries, _ = distinct_summaries(customers_at(purchases, today))
    for horizon in (30, 90):
        plain = forecast(fit(BG_NBD, summaries), summaries, horizon).expected
        [total] = rows_of(tonight.totals, horizon_days=horizon)
        # Up to the few whose 90 days are lifted to their 30 days.
        assert total["expected_orders"] == pytest.approx(summaries.customers @ plain, rel=1e-4)


def test_months_follow_the_pace_of_the_group_and_a_year_does_not(
    purchases: PurchaseDays, tonight: LifetimeValueEstimates
) -> None:
    summaries, _ = distinct_summaries(customers_at(purchases, date_to_number(AS_OF)))
    scores = {name: tonight.scores[name].to_numpy() for name in tonight.scores.column_names}
    once = summaries.repeats == 0
    found = fit(MBG_NBD, summaries)
    for horizon, factor in ((30, scores["pace_30d"]), (90, scores["pace_90d"]), (365, 1.0)):
        own = forecast(found, summaries, horizon).expected
        assert scores[f"expected_orders_{horizon}d"][once] == pytest.approx(
            (own * factor)[once], rel=1e-6
        )
    for x in range(13):
        group = np.minimum(summaries.repeats, 12) == x
        assert group.any()
        assert len(np.unique(scores["pace_30d"][group])) == 1


def test_the_night_names_its_champion_once(tonight: LifetimeValueEstimates) -> None:
    [parameters] = tonight.parameters.to_pylist()
    assert tonight.parameters.schema == PARAMETERS
    assert parameters["withheld_reason"] is None
    [own] = rows_of(tonight.backtests, horizon_days=0, is_champion=True)
    assert own["model"] == parameters["model"]
    assert own["origin_date"] == AS_OF
    assert set(json.loads(str(own["parameters"]))) == {"r", "alpha", "a", "b"}
    assert {row["model"] for row in rows_of(tonight.backtests, is_champion=True)} == {own["model"]}


def test_every_backtest_stands_in_the_table_with_yesterdays_error(
    tonight: LifetimeValueEstimates,
) -> None:
    assert tonight.backtests.schema == BACKTESTS
    champion = [row for row in rows_of(tonight.backtests, is_champion=True) if row["horizon_days"]]
    assert len(champion) == 8
    assert sum(row["previous_mae"] is not None for row in champion) == 2
    assert tonight.calibrations.schema == CALIBRATIONS
    assert tonight.calibrations.num_rows == 80
    assert all(0 <= row["actual_share"] <= 1 for row in tonight.calibrations.to_pylist())


def test_totals_are_the_sum_of_customers_with_an_interval(tonight: LifetimeValueEstimates) -> None:
    assert tonight.totals.schema == TOTALS
    for row in tonight.totals.to_pylist():
        customers = tonight.scores["customers"].to_numpy()
        each = tonight.scores[f"expected_orders_{row['horizon_days']}d"].to_numpy()
        assert row["expected_orders"] == pytest.approx(customers @ each)
        assert row["expected_orders_low"] < row["expected_orders"] < row["expected_orders_high"]
        assert row["origin_count"] == 4


def test_month_ends_are_the_last_days_of_the_months_before() -> None:
    assert month_ends(date(2026, 3, 31), 3) == [
        date(2026, 2, 28),
        date(2026, 1, 31),
        date(2025, 12, 31),
    ]


def test_the_past_is_forecast_from_its_own_rows(purchases: PurchaseDays) -> None:
    former = list(estimate(purchases, AS_OF, SETTINGS).former)
    assert all(table.schema == FORMER_SCORES for table in former)
    days = [table["origin_date"][0].as_py() for table in former]
    # The first month has nobody who could have come back often enough to learn from.
    assert days == month_ends(AS_OF)[: len(days)]
    assert len(days) >= 10
    number = np.repeat(
        np.arange(len(purchases.begins)), np.diff([*purchases.begins, len(purchases.days)])
    )
    early = purchases.days <= date_to_number(days[2])
    then = arrange(number[early], purchases.days[early], purchases.values[early])
    known = customers_at(then, date_to_number(days[2]))
    assert former[2].num_rows == len(distinct_summaries(known)[0])


def test_money_in_sql_is_gamma_gammas_expectation(purchases: PurchaseDays) -> None:
    """The formula of the mart: p (v + x m) / (p x + q - 1)."""
    known = customers_at(purchases, date_to_number(AS_OF))
    found = fit_spend_at(purchases, known).fit
    assert found is not None
    x, m = known.repeats, np.nan_to_num(known.mean_value)
    by_sql = found.p * (found.v + x * m) / (found.p * x + found.q - 1)
    assert expected_value(found, x, m) == pytest.approx(by_sql)


def test_without_money_orders_are_forecast_and_value_is_not(purchases: PurchaseDays) -> None:
    table = pa.table(
        {
            "customer_id": [f"c{number}" for number in range(0, len(purchases.days), 2)],
            "ordered_date": pa.array(purchases.days[::2].astype(np.int32)).cast(pa.date32()),
        }
    )
    assert np.isnan(read(table).values).all()
    number = np.repeat(
        np.arange(len(purchases.begins)), np.diff([*purchases.begins, len(purchases.days)])
    )
    penniless = arrange(number, purchases.days, np.full(len(number), np.nan))
    found = estimate(penniless, AS_OF, SETTINGS)
    assert found.scores["value_365d_q975"].null_count == found.scores.num_rows
    assert found.scores["expected_orders_365d"].null_count == 0
    [spend] = rows_of(found.backtests, model="gamma_gamma")
    assert (spend["status"], spend["reason"]) == ("refused", "no source has money")


@pytest.mark.parametrize(
    "rows",
    [
        ([], []),
        ([0], [5]),
        ([0, 1, 2], [3, 5, 9]),
        ([0, 0], [5, 9]),
        (list(range(40)), [DAYS] * 40),
    ],
    ids=["no customer", "one customer", "nobody repeats", "one repeater", "all came today"],
)
def test_too_little_is_said_and_not_guessed(rows: tuple[list[int], list[int]]) -> None:
    customer, day = (np.array(column, dtype=np.int64) for column in rows)
    few = arrange(customer, day + date_to_number(FIRST_DAY), np.ones(len(day)))
    found = estimate(few, AS_OF, SETTINGS)
    assert found.scores.num_rows == found.totals.num_rows == 0
    assert list(found.former) == []
    [parameters] = found.parameters.to_pylist()
    assert (parameters["model"], parameters["withheld_reason"]) == (None, NO_MODEL)
    refused = rows_of(found.backtests, origin_date=AS_OF, status="refused")
    assert {row["model"] for row in refused} >= {"mbg_nbd", "bg_nbd"}
    assert all(row["reason"] for row in refused)


def test_forecasts_that_failed_are_withheld(purchases: PurchaseDays) -> None:
    """Everybody stops buying 120 days before the night: no model foresees that."""
    number = np.repeat(
        np.arange(len(purchases.begins)), np.diff([*purchases.begins, len(purchases.days)])
    )
    early = purchases.days <= date_to_number(AS_OF) - 120
    first = np.zeros(len(number), dtype=bool)
    first[purchases.begins] = True
    stopped = arrange(
        np.append(number[early], number[first & ~early]),
        np.append(purchases.days[early], purchases.days[first & ~early]),
        np.append(purchases.values[early], purchases.values[first & ~early]),
    )
    few = customers_at(stopped, date_to_number(AS_OF))
    assert len(few.places) == 1500
    # A handful still buys, so that there is a total to be far from.
    handful = arrange(
        np.append(
            np.repeat(
                np.arange(len(stopped.begins)), np.diff([*stopped.begins, len(stopped.days)])
            ),
            np.arange(20),
        ),
        np.append(stopped.days, np.full(20, date_to_number(AS_OF) - 1)),
        np.append(stopped.values, np.full(20, 10.0)),
    )
    found = estimate(handful, AS_OF, SETTINGS)
    [parameters] = found.parameters.to_pylist()
    assert parameters["withheld_reason"] == MISSED
    assert any(row["status"] == "failed" for row in rows_of(found.backtests, is_champion=True))


def test_one_time_customers_are_left_out_where_only_bg_nbd_has_parameters(
    purchases: PurchaseDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BG/NBD holds them alive by assumption: nothing is said of them instead."""
    real = night.usable_fit

    def only_bg(rows, day, model, start=None):  # type: ignore[no-untyped-def]
        if model.name != "bg_nbd":
            raise night.FitRefused(f"{model.name}: flat")
        return real(rows, day, model, start)

    monkeypatch.setattr(night, "usable_fit", only_bg)
    monkeypatch.setattr(
        night, "backtest", lambda *_, **__: Backtest((), (Refusal("mbg_nbd", 0, "flat"),), ())
    )
    found = estimate(purchases, AS_OF, SETTINGS)
    assert set(found.scores["model"].to_pylist()) == {"bg_nbd"}
    assert min(found.scores["repeat_purchase_days"].to_pylist()) == 1

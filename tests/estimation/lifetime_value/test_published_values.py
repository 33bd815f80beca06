"""The numbers of the literature and of other libraries' tests, on the data they were made with."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from estimation.lifetime_value import gamma_gamma, pareto_nbd
from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.geometric_dropout import Dropout, log_likelihood_of_each
from estimation.lifetime_value.purchase_days import (
    customers_at,
    distinct_summaries,
    log_intervals_at,
)
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    PurchaseModel,
    mbg_cnbd,
)
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    PurchaseSummaries,
    select,
    summarise,
)
from estimation.lifetime_value.regularity import read_off
from tests.estimation.lifetime_value.real_purchases import (
    CDNOW_CALIBRATION_END,
    CDNOW_END,
    ONLINE_RETAIL_END,
    cdnow,
    cdnow_folder,
    online_retail,
)

# Published with three digits (Fader, Hardie and Lee 2005, table 2).
PAPER = np.array([0.243, 4.414, 0.793, 2.426])
# Fitted to the table whose weeks are rounded to two decimals.
ROUNDED_TABLE = np.array([0.2425929, 4.4135316, 0.7928861, 2.4257534])


def in_weeks(file: str, day: int) -> PurchaseSummaries:
    summaries, _ = distinct_summaries(customers_at(cdnow(file), day))
    return weeks(summaries)


def weeks(summaries: PurchaseSummaries) -> PurchaseSummaries:
    return PurchaseSummaries(
        summaries.repeats,
        summaries.recency / 7,
        summaries.tenure / 7,
        summaries.customers,
    )


def one(value: float) -> Floats:
    return np.array([float(value)])


@pytest.fixture(scope="module")
def sample() -> PurchaseSummaries:
    return in_weeks("CDNOW_sample.txt", CDNOW_CALIBRATION_END)


@pytest.fixture(scope="module")
def bg_fit(sample: PurchaseSummaries) -> Fit:
    return fit(BG_NBD, sample)


@pytest.mark.realdata
def test_cdnow_has_the_customers_that_were_published(sample: PurchaseSummaries) -> None:
    assert sample.customers.sum() == 2357
    assert sample.customers @ sample.repeats == 2457
    assert len(sample) == 1016
    assert select(sample, sample.repeats == 0).customers.sum() == 1411


@pytest.mark.realdata
def test_bg_nbd_finds_the_published_parameters(bg_fit: Fit) -> None:
    assert bg_fit.parameters == pytest.approx((0.2426, 4.4136, 0.7929, 2.4259), abs=1e-4)
    assert bg_fit.log_likelihood == pytest.approx(-9582.4292, abs=1e-3)
    assert bg_fit.gradient < 1e-6


@pytest.mark.realdata
def test_bg_nbd_finds_the_parameters_of_the_rounded_table() -> None:
    with (cdnow_folder() / "cdnow_customers_summary.csv").open(newline="") as file:
        rows = [(row["frequency"], row["recency"], row["T"]) for row in csv.DictReader(file)]
    columns = np.array(rows, dtype=np.float64).T
    found = fit(BG_NBD, summarise(*columns))
    assert found.parameters == pytest.approx(tuple(ROUNDED_TABLE), abs=1e-5)
    assert found.log_likelihood == pytest.approx(-9582.4256, abs=1e-4)
    again = fit(MBG_NBD, summarise(*columns))
    assert again.log_likelihood == pytest.approx(-9582.1327, abs=1e-3)


@pytest.mark.realdata
def test_standard_errors_are_those_of_the_literature(bg_fit: Fit) -> None:
    assert bg_fit.standard_errors == pytest.approx((0.01256, 0.37822, 0.18572, 0.70535), rel=0.01)


@pytest.mark.realdata
def test_mbg_nbd_finds_the_published_parameters(sample: PurchaseSummaries) -> None:
    found = fit(MBG_NBD, sample)
    assert found.parameters == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=1e-3)
    assert found.log_likelihood == pytest.approx(-9582.1357, abs=1e-3)


@pytest.mark.realdata
def test_pareto_nbd_finds_the_published_parameters(sample: PurchaseSummaries) -> None:
    found = fit(PARETO_NBD, sample)
    assert found.parameters == pytest.approx((0.553, 10.578, 0.606, 11.669), abs=1e-2)
    assert found.log_likelihood == pytest.approx(-9594.976, abs=1e-2)


@pytest.mark.realdata
def test_bg_nbd_forecasts_customer_one_as_published(bg_fit: Fit) -> None:
    customer = (bg_fit.values, one(2), one(30.43), one(38.86))
    alive = BG_NBD.p_alive(*customer)
    expected = alive * BG_NBD.purchases_if_alive(*customer, 39.0)
    assert expected == pytest.approx(1.22591, abs=1e-3)
    assert alive == pytest.approx(0.72661, abs=1e-3)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        (0.1429, 0.0078),
        (1.0, 0.0532),
        (3.0, 0.1506),
        (31.8571, 1.0405),
        (32.0, 1.0437),
        (78.0, 1.8576),
    ],
)
def test_bg_nbd_expects_of_a_new_customer_what_was_published(
    bg_fit: Fit, horizon: float, expected: float
) -> None:
    found = BG_NBD.purchases_if_alive(bg_fit.values, one(0), one(0), one(0), horizon)
    assert found == pytest.approx(expected, abs=5e-4)


def test_bg_nbd_distributes_counts_as_published() -> None:
    def at_least(count: int, horizon: float) -> float:
        row = (PAPER, one(0), one(0), one(0), horizon, one(count))
        return float(BG_NBD.at_least_if_alive(*row)[0])

    assert 1 - at_least(1, 39.0) == pytest.approx(0.5737864, abs=1e-6)
    assert at_least(10, 2.0) - at_least(11, 2.0) == pytest.approx(1.07869e-7, rel=1e-4)


@pytest.mark.parametrize(
    ("x", "t_x", "tenure", "expected"),
    [(0, 0, 40, -0.59947382), (200, 38, 40, 100.7957)],
)
def test_bg_nbd_likelihood_of_one_customer_is_that_of_the_reference(
    x: float, t_x: float, tenure: float, expected: float
) -> None:
    found = log_likelihood_of_each(
        Dropout(False), one(x), one(t_x), one(tenure), np.array([0.25, 4.0, 0.8, 2.5])
    )
    assert found == pytest.approx(expected, abs=1e-4)


def test_pareto_nbd_forecasts_a_regular_as_published() -> None:
    parameters = np.array([0.553, 10.578, 0.606, 11.669])
    alive = pareto_nbd.p_alive(parameters, one(26), one(30.86), one(31))
    expected = alive * pareto_nbd.purchases_if_alive(parameters, one(26), one(31), 52.0)
    assert alive == pytest.approx(0.9979, abs=1e-3)
    assert expected == pytest.approx(25.46, abs=1e-2)


def spend_summaries() -> tuple[gamma_gamma.SpendSummaries, Floats, Floats]:
    """Of customers with a repeat purchase, and x and m of the file's first ten customers."""
    path = cdnow_folder() / "cdnow_customers_summary_with_transactions.csv"
    with path.open(newline="") as file:
        rows = [(float(row["x"]), float(row["zbar"])) for row in csv.DictReader(file)]
    repeats, mean = np.array(rows).T
    return gamma_gamma.summarise_spend(repeats, mean), repeats[:10], mean[:10]


@pytest.mark.realdata
def test_gamma_gamma_finds_the_published_parameters() -> None:
    summaries, _, _ = spend_summaries()
    found = gamma_gamma.fit_spend(summaries)
    assert summaries.customers.sum() == 946
    assert (found.p, found.q, found.v) == pytest.approx((6.25, 3.74, 15.44), abs=1e-2)
    assert found.log_likelihood == pytest.approx(-4055.92, abs=1e-2)


@pytest.mark.realdata
def test_gamma_gamma_expects_the_published_means() -> None:
    _, repeats, mean = spend_summaries()
    published = gamma_gamma.SpendFit(6.25, 3.74, 15.44, (0.0, 0.0, 0.0), (), 0.0, 946.0)
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    found = gamma_gamma.expected_value(published, repeats, mean)
    assert found == pytest.approx(np.array(expected), abs=0.1)


@pytest.mark.parametrize(
    ("x", "t_x", "tenure", "alive", "in_30_days", "in_a_year", "any_in_30_days"),
    [
        (1, 20, 39, 0.599394, 0.072050, 0.732066, 0.066173),
        (7, 38.71, 38.86, 0.911993, 0.634402, 5.966919, 0.451786),
        (26, 30.86, 31, 0.968920, 2.948126, 25.759473, 0.920579),
    ],
)
def test_the_grid_of_forecasts_is_reproduced(
    x: float,
    t_x: float,
    tenure: float,
    alive: float,
    in_30_days: float,
    in_a_year: float,
    any_in_30_days: float,
) -> None:
    customer = (ROUNDED_TABLE, one(x), one(t_x), one(tenure))
    found = BG_NBD.p_alive(*customer)
    month = 30 / 7
    assert found == pytest.approx(alive, abs=1e-5)
    assert found * BG_NBD.purchases_if_alive(*customer, month) == pytest.approx(
        in_30_days, abs=1e-5
    )
    assert found * BG_NBD.purchases_if_alive(*customer, 52.0) == pytest.approx(in_a_year, abs=1e-5)
    assert found * BG_NBD.at_least_if_alive(*customer, month, one(1)) == pytest.approx(
        any_in_30_days, abs=1e-5
    )


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("day", "parameters", "log_likelihood", "spend", "spend_log_likelihood"),
    [
        (
            CDNOW_CALIBRATION_END,
            (0.2516, 4.7889, 0.7234, 2.1611),
            -95368.44,
            (6.2754, 3.6245, 14.9837),
            -40763.48,
        ),
        (
            CDNOW_END,
            (0.2671, 5.9865, 0.4835, 2.1116),
            -173425.92,
            (5.0860, 3.9951, 21.2522),
            -49496.52,
        ),
    ],
)
def test_the_master_file_has_its_known_parameters(
    day: int,
    parameters: tuple[float, ...],
    log_likelihood: float,
    spend: tuple[float, ...],
    spend_log_likelihood: float,
) -> None:
    known = customers_at(cdnow("CDNOW_master.txt"), day)
    summaries, _ = distinct_summaries(known)
    found = fit(BG_NBD, weeks(summaries))
    assert found.customers == 23570
    assert found.parameters == pytest.approx(parameters, abs=1e-4)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    money = gamma_gamma.fit_spend(gamma_gamma.summarise_spend(known.repeats, known.mean_value))
    assert (money.p, money.q, money.v) == pytest.approx(spend, abs=1e-3)
    assert money.log_likelihood == pytest.approx(spend_log_likelihood, abs=0.01)


@pytest.mark.realdata
def test_online_retail_has_its_known_likelihood_and_regularity() -> None:
    purchases = online_retail()
    known = customers_at(purchases, ONLINE_RETAIL_END)
    summaries, _ = distinct_summaries(known)
    found = fit(BG_NBD, weeks(summaries))
    assert len(known.places) == 4338
    assert found.log_likelihood == pytest.approx(-37645.54, abs=0.1)
    # a is weakly identified: with the known parameters the forecast must be the same.
    reference = np.array([0.8265, 9.8436, 0.0034, 6.7451])
    here = weeks(summaries)
    columns = (here.repeats, here.recency, here.tenure)
    totals = [
        float(
            here.customers
            @ (
                BG_NBD.p_alive(values, *columns)
                * BG_NBD.purchases_if_alive(values, *columns, 365 / 7)
            )
        )
        for values in (found.values, reference)
    ]
    assert totals[0] == pytest.approx(totals[1], rel=0.01)
    money = gamma_gamma.fit_spend(gamma_gamma.summarise_spend(known.repeats, known.mean_value))
    assert (money.p, money.q) == pytest.approx((2.1034, 3.4512), abs=1e-3)
    assert money.v == pytest.approx(485.8885, abs=0.05)
    assert money.log_likelihood == pytest.approx(-19083.33, abs=0.1)
    regularity, likelihoods = read_off(summaries, log_intervals_at(purchases, ONLINE_RETAIL_END))
    assert regularity == 2
    assert likelihoods[1] - likelihoods[0] > 700


@pytest.mark.realdata
@pytest.mark.parametrize("file", ["CDNOW_sample.txt", "CDNOW_master.txt"])
def test_cdnow_shows_no_regularity(file: str) -> None:
    purchases = cdnow(file)
    summaries, _ = distinct_summaries(customers_at(purchases, CDNOW_CALIBRATION_END))
    regularity, likelihoods = read_off(
        summaries, log_intervals_at(purchases, CDNOW_CALIBRATION_END)
    )
    assert regularity == 1
    assert len(likelihoods) == 2


@pytest.mark.realdata
def test_weights_stand_for_rows() -> None:
    known = customers_at(cdnow("CDNOW_sample.txt"), CDNOW_CALIBRATION_END)
    summaries, _ = distinct_summaries(known)
    models: list[PurchaseModel] = [BG_NBD, MBG_NBD, PARETO_NBD, mbg_cnbd(2)]
    for purchase_model in models:
        logarithms = np.log([0.6, 3.0, 0.8, 3.0])
        order = np.lexsort((known.tenure, known.recency, known.repeats))
        rows = PurchaseSummaries(
            known.repeats[order],
            known.recency[order],
            known.tenure[order],
            np.ones(len(order)),
        )
        whole, slopes = purchase_model.objective(summaries)(logarithms)
        single, single_slopes = purchase_model.objective(rows)(logarithms)
        assert whole == pytest.approx(single, rel=1e-10)
        assert slopes == pytest.approx(single_slopes, rel=1e-9, abs=1e-12)

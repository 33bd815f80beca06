"""The intervals of the marts hold what they promise: their own SQL on thousands of simulated companies.

Every simulated company is one channel or one claim of the tables that the mart reads, so that one
query judges all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from jinja2 import Environment

from rapport.steps import DBT_PROJECT
from simulation.local_time import Calendar
from simulation.people import MEMBER_VALUE_UPLIFT, draw_people
from simulation.purchases import PRICE_RATES, draw_purchases

Numbers = npt.NDArray[np.float64]
MACROS = DBT_PROJECT / "macros"


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database on two threads."""
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


def _model(connection: duckdb.DuckDBPyConnection, path: str) -> duckdb.DuckDBPyRelation:
    """What a model's own SQL says over the tables in the connection."""
    texts = [MACROS / "squared.sql", MACROS / "identifiers.sql", DBT_PROJECT / "models" / path]
    template = "".join(text.read_text() for text in texts)
    return connection.sql(Environment().from_string(template).render(ref=str))


def _kpi_intervals(
    connection: duckdb.DuckDBPyConnection, method: str, sums: dict[str, Numbers]
) -> tuple[Numbers, Numbers]:
    """Both ends of the interval of every company from its sums in int_kpi_moments."""
    companies = len(sums["numerator"])
    moments = pa.table(sums | {"company": np.arange(companies)})
    connection.register("moments", moments)
    connection.execute(
        f"""
        create table kpi_metrics as select 'kpi' as metric, 'ratio' as kind,
            '{method}' as interval_method, 1 as scale, null::int as lower_bound,
            null::int as upper_bound, 1 as minimum_n, 'unit' as unit;
        create table int_kpi_moments as
        select *, 'kpi' as metric, 'all' as segment, company::text as channel,
            denominator as observations, date '2026-06-30' as reported_date,
            date '2026-06-30' as as_of
        from moments;
        create table int_kpi_ticket_medians as
        select 'none' as metric, 0 as n, 0.0 as value, 0.0 as interval_low, 0.0 as interval_high,
            date '2026-06-30' as reported_date, date '2026-06-30' as as_of
        where false
        """
    )
    found = _model(connection, "marts/kpis/kpis_daily.sql").order("channel::int").fetchnumpy()
    assert len(found["value"]) == companies
    return found["interval_low"], found["interval_high"]


def _covered(low: Numbers, high: Numbers, truth: float) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize(("promoters", "passives"), [(0.8, 0.15), (0.5, 0.3), (0.3, 0.3)])
def test_the_interval_of_nps_covers_at_twenty_answers(
    warehouse: duckdb.DuckDBPyConnection, promoters: float, passives: float
) -> None:
    """The plain interval covers 86 % for 80, 15 and 5 %; ours 94 to 97 %, as answers are whole."""
    shares = [promoters, passives, 1 - promoters - passives]
    answers = np.random.default_rng(20).multinomial(20, shares, size=20_000).astype(float)
    fans, critics = answers[:, 0], answers[:, 2]
    n = np.full(len(answers), 20.0)
    low, high = _kpi_intervals(
        warehouse,
        "nps",
        {
            "numerator": fans - critics,
            "denominator": n,
            "numerator_squared": fans + critics,
            "numerator_denominator": fans - critics,
            "denominator_squared": n,
            "clusters": n,
        },
    )
    truth = shares[0] - shares[2]
    assert 0.94 <= _covered(low, high, truth) <= 0.97
    plain = 1.959964 * np.sqrt(((fans + critics) / 20 - ((fans - critics) / 20) ** 2) / 20)
    centre = (fans - critics) / 20
    if promoters == 0.8:
        assert _covered(centre - plain, centre + plain, truth) < 0.88


class Orders:
    """Orders of customers who differ in how often and for how much they buy.

    Order counts are 1 + Poisson with a gamma mean, a customer's orders lie close to the customer's
    own mean: what one order says the next repeats.
    """

    def __init__(self, companies: int, customers: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        shape = (companies, customers)
        self.counts = 1.0 + random.poisson(random.gamma(1.0, 4.0, shape))
        means = random.gamma(5.0, 20.0, shape)
        noise = means * 0.4
        self.sums = self.counts * means + np.sqrt(self.counts) * noise * random.normal(size=shape)
        # Of orders around a mean with a known spread: the sum of squares as it is expected.
        self.squares = self.counts * (noise**2 + means**2)

    MEAN = 5.0 * 20.0


def test_the_clustered_interval_of_order_value_covers(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    orders = Orders(companies=4000, customers=300, seed=7)
    low, high = _kpi_intervals(
        warehouse,
        "clustered",
        {
            "numerator": orders.sums.sum(axis=1),
            "denominator": orders.counts.sum(axis=1),
            "numerator_squared": (orders.sums**2).sum(axis=1),
            "numerator_denominator": (orders.sums * orders.counts).sum(axis=1),
            "denominator_squared": (orders.counts**2).sum(axis=1),
            "clusters": np.full(4000, 300.0),
        },
    )
    assert 0.94 <= _covered(low, high, Orders.MEAN) <= 0.96


def _effect_intervals(
    connection: duckdb.DuckDBPyConnection, comparisons: pa.Table
) -> tuple[Numbers, Numbers]:
    """Both ends of the uplift of every claim in int_loyalty_comparisons."""
    connection.register("comparisons", comparisons)
    connection.execute(
        """
        create table int_loyalty_comparisons as
        select *, claim::text as claim_name, 'relative uplift' as form from comparisons;
        alter table int_loyalty_comparisons drop claim;
        alter table int_loyalty_comparisons rename claim_name to claim;
        create table loyalty_claims as
        select distinct claim, form, 'm' as members, 'o' as others, 'c' as caveat
        from int_loyalty_comparisons;
        create table int_kpi_reported_dates as select date '2026-06-30' as as_of
        """
    )
    found = _model(connection, "marts/kpis/loyalty_effects.sql").order("claim::int").fetchnumpy()
    return found["interval_low"], found["interval_high"]


def test_a_clustered_interval_rejects_a_true_null_one_time_in_twenty(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    """Members and others alike: taking orders as independent finds a difference four times in ten."""
    companies, customers = 2000, 800
    orders = Orders(companies, customers, seed=11)
    is_member = np.tile(np.arange(customers) % 2 == 0, (companies, 1))
    low, high = _effect_intervals(
        warehouse,
        pa.table(
            {
                "claim": np.repeat(np.arange(companies), customers),
                "customer_id": np.tile(np.arange(customers), companies),
                "member_numerator": (orders.sums * is_member).ravel(),
                "member_denominator": (orders.counts * is_member).ravel(),
                "other_numerator": (orders.sums * ~is_member).ravel(),
                "other_denominator": (orders.counts * ~is_member).ravel(),
            }
        ),
    )
    assert len(low) == companies
    assert 0.04 <= 1 - _covered(low, high, 0.0) <= 0.06
    assert 0.3 <= np.mean(_naive_rejections(orders, is_member)) <= 0.5


def _naive_rejections(orders: Orders, is_member: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Welch's test over orders, as if every order were another customer's."""
    means, errors = [], []
    for side in (is_member, ~is_member):
        n = (orders.counts * side).sum(axis=1)
        mean = (orders.sums * side).sum(axis=1) / n
        variance = (orders.squares * side).sum(axis=1) / n - mean**2
        means.append(mean)
        errors.append(variance / n)
    return np.abs(means[0] - means[1]) > 1.959964 * np.sqrt(errors[0] + errors[1])


@pytest.mark.slow
def test_the_uplift_of_members_lies_in_its_interval(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The uplift that the simulation plants, in twenty companies of a thousand customers."""
    calendar = Calendar(date(2026, 1, 1), date(2026, 6, 29))
    tables = [_order_values(seed, calendar) for seed in range(1, 21)]
    low, high = _effect_intervals(warehouse, pa.concat_tables(tables))
    assert len(low) == 20
    # Of twenty intervals that hold 95 times in 100, fewer than seventeen hold once in 60 series.
    assert _covered(low, high, MEMBER_VALUE_UPLIFT - 1) >= 0.85
    # And they say something: most exclude that members order for a third more.
    assert _covered(low, high, 0.33) < 0.85


def _order_values(seed: int, calendar: Calendar) -> pa.Table:
    """Goods and orders of every customer with and without the card, from one company."""
    people = draw_people(1000, calendar, seed)
    orders, _ = draw_purchases(people, calendar, seed)
    sums = np.zeros((len(people), 4))
    for order in orders:
        counts = order.document_type == "sale" and not order.is_test and not order.is_voided
        if counts and not people[order.person].is_cast:
            side = 0 if order.is_member else 2
            sums[order.person, side] += order.gross / 100 * PRICE_RATES[order.currency]
            sums[order.person, side + 1] += 1
    return pa.table(
        {
            "claim": np.full(len(people), seed),
            "customer_id": np.arange(len(people)),
            "member_numerator": sums[:, 0],
            "member_denominator": sums[:, 1],
            "other_numerator": sums[:, 2],
            "other_denominator": sums[:, 3],
        }
    )


# Amounts of a currency with small units, and one order a million times the others.
CASES = """
    create table engagement_claims as select 'a' as claim, 'e' as exposure, 'o' as outcome,
        'c' as caveat, 30 as horizon_days;
    create table loyalty_claims as
    select 'a' as claim, 'ratio' as form, 'm' as members, 'o' as others, 'c' as caveat;
    create table stg_run__parameters as select date '2026-06-30' as as_of;
    create table int_kpi_reported_dates as select date '2026-06-30' as as_of;
    create table amounts as
    select n, n % 3 as side,
        (case when n = 77 then 1e12 else 1000000 * (1.5 + sin(n)) end)::decimal(18, 4) as amount
    from range(3000) as numbers (n);
    create table stg_estimates__identity_assignments as
    select n as identifier, n as customer_id, null::timestamp as valid_from,
        null::timestamp as valid_to from amounts;
    create table int_sessions as select n as identifier, true as is_human,
        timestamp '2026-06-02' as started_at from amounts where n % 7 = 0;
"""
SHUFFLED = {
    "int_claim_cases": "select 'a' as claim, n as customer_id, (side = 0)::bigint as exposed_count,"
    " (side != 0)::bigint as other_count,"
    " if(side = 0, amount, 0)::decimal(18, 4) as exposed_outcome,"
    " if(side != 0, amount, 0)::decimal(18, 4) as other_outcome from amounts",
    "int_loyalty_comparisons": "select 'a' as claim, 'ratio' as form, n as customer_id,"
    " if(side = 0, amount, 0)::decimal(18, 4) as member_numerator,"
    " (side = 0)::decimal(18, 4) as member_denominator,"
    " if(side != 1, amount, 0)::decimal(18, 4) as other_numerator,"
    " (side != 1)::decimal(18, 4) as other_denominator from amounts",
    "int_campaign_arms": "select 's' as source, 'spring' as campaign_id, n as person,"
    " n as customer_id, timestamp '2026-06-01' as assigned_at,"
    " if(side = 0, 'control', 'treated') as arm from amounts",
    "int_orders_attributed": "select n as customer_id, true as is_counted,"
    " amount as net_amount_reporting, timestamp '2026-06-02' as ordered_at from amounts",
}
SPREADS = (
    "marts/kpis/claim_effects.sql",
    "marts/kpis/loyalty_effects.sql",
    "intermediate/campaigns/int_campaign_lifts.sql",
)


def _spreads(connection: duckdb.DuckDBPyConnection, seed: int) -> list[list[object]]:
    """The effects, with the rows that they are made from in another order for every seed."""
    for table, rows in SHUFFLED.items():
        connection.execute(
            f"create or replace table {table} as {rows} order by hash(n * 1000 + {seed})"
        )
    return [list(_model(connection, path).fetchall()[0]) for path in SPREADS]


def test_effects_are_the_same_to_the_last_bit_in_any_order(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute(CASES)
    first = _spreads(warehouse, 0)
    assert all(len([x for x in row if isinstance(x, float)]) >= 3 for row in first)
    for seed in range(1, 8):
        assert _spreads(warehouse, seed) == first

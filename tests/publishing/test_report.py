"""The report page is true to the release, needs nothing from elsewhere and runs nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html.parser
import re
from pathlib import Path

import duckdb
import pytest
from small_warehouse import AS_OF, build, gates, release_inputs

from publishing import manifest as manifests
from publishing.manifest import GateOutcome, InputFile
from publishing.markup import element
from publishing.release import publish
from publishing.report import kpi_value, number, signed, sparkline, title_of

HOSTILE = "<img src=x onerror=alert(1)>'\"&<script>alert(2)</script>"
TAGS = (
    "html head meta title style body main header footer section article figure figcaption div"
    " h1 h2 h3 p ul li strong span code table thead tbody tr th td svg polyline circle text"
)


class Page(html.parser.HTMLParser):
    """The elements, attributes and texts of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def add(home: Path, *statements: str) -> None:
    with duckdb.connect(home / "warehouse.duckdb") as connection:
        for statement in statements:
            values = {"text": HOSTILE, "as_of": AS_OF}
            named = {name: value for name, value in values.items() if f"${name}" in statement}
            connection.execute(statement, named)


LEDGERS = (
    "create table marts.pipeline_ledger as select $text as source, $text as object,"
    " 10 as rows_delivered, 7 as rows_accepted, 2 as rows_quarantined, 1 as rows_duplicate,"
    " timestamp '2026-06-30' as data_through, $as_of::date as as_of",
    "create table marts.pipeline_ledger_amounts as select 'quarantined' as outcome,"
    " $text as reason, 'NOK' as currency, 1250.5::decimal(18, 4) as amount,"
    " $as_of::date as as_of",
)
QUALITY = (
    "create table marts.score_quality as select date '2026-01-01' as origin_date,"
    " 90 as horizon_days, $text as scorer, 0.78::double as auc, 3.1::double as top_decile_lift,"
    " 2000 as n, 0.18::double as base_rate, -0.02::double as auc_margin,"
    " 0.9::double as lift_ratio, false as is_beaten, $as_of::date as as_of",
    "create table marts.clv_model_quality as select date '2026-01-01' as origin_date,"
    " 90 as horizon_days, $text as model, 100.5::double as actual, 98.0::double as predicted,"
    " 1.5::double as mae, 2.5::double as naive_mae, true as is_champion, $text as status,"
    " $as_of::date as as_of",
)
KPI = (
    "insert into marts.kpis_daily by name select $text as metric, $text as segment,"
    " $text as channel, date '2026-06-30' - day::int as date, day::double as value,"
    " 9 as n, 0.5::double as interval_low, 9.5::double as interval_high,"
    " $as_of::date as as_of from range(5) as days (day)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of a second release, hostile text in every field that comes from outside."""
    home = tmp_path_factory.mktemp("home")
    build(home)
    publish(home, release_inputs("a"))
    add(home, *LEDGERS, *QUALITY, KPI)
    add(home, "update marts.orders set net_amount = 90, refund_amount = 10.10")
    add(home, "insert into marts.orders by name select $text as order_id, 'shopify_no' as source,"
        " timestamp '2026-05-01' as ordered_at, $text as currency, 5 as net_amount,"
        " 0 as refund_amount, true as is_counted, $as_of::date as as_of")  # fmt: skip
    warned = {"table": HOSTILE, "expectation": "volume", "success": False, "observed": HOSTILE}
    inputs = dataclasses.replace(
        release_inputs("b"),
        gates=(*gates()[:2], GateOutcome("marts", True, (warned,))),
        inputs=(InputFile(HOSTILE, "cd" * 32, 10, "d2", HOSTILE),),
        notes=(HOSTILE,),
        code_version=HOSTILE,
    )
    folder = publish(home, inputs).folder
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_hostile_text_is_shown_and_never_markup(page: Page) -> None:
    assert set(page.tags) <= set(TAGS.split())
    assert not [one for one in page.attributes if one[1].startswith("on") or one[1] == "style"]
    shown = [text for text in page.texts if HOSTILE in text]
    # metric, segment and channel, source twice, file, object, reason, scorer, model, status, ...
    assert len(shown) >= 12


def test_the_page_loads_nothing_from_anywhere(page: Page) -> None:
    names = {name for _, name, _ in page.attributes}
    assert not names & {"src", "href", "action", "data", "srcset", "xlink:href"}
    style = page.texts[page.tags.index("style")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_forbids_all_but_the_own_style_sheet(page: Page) -> None:
    policy = next(
        str(value)
        for tag, name, value in page.attributes
        if tag == "meta" and name == "content" and "default-src" in str(value)
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_says_what_is_new_and_what_was_seen(page: Page) -> None:
    text = " ".join(" ".join(page.texts).split())
    assert "Release 2" in text
    assert "Data as of 2026-06-30" in text
    assert "1 new delivery" in text
    assert "1 warning" in text
    assert "orders 4 +1 changed 2026-06-06" in text
    assert "interactions 6 ±0 unchanged 2026-06-20" in text
    assert "AOV 75.08 70.00 to 80.00" in text
    assert f"quarantined {HOSTILE} NOK 1 250" in text
    assert "0.780 3.10 2 000 0.180" in text
    assert "flagged The engagement score does not foretell the next orders better" in text
    assert f"{HOSTILE} \u22120.020 0.900 0 1" in text
    assert "late data" in text
    assert "\u221210.10" in text


def test_a_release_without_any_of_these_marts_has_a_page_too(tmp_path: Path) -> None:
    build(tmp_path)
    add(tmp_path, "drop table marts.kpis_daily", "drop table marts.orders")
    folder = publish(tmp_path, release_inputs("a")).folder
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert "the first release" in " ".join(page.texts)
    assert "Key figures" not in page.texts
    assert "report.html" in {file.path for file in manifests.verify(folder).files}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (1234567, "1\u202f234\u202f567"),
        (0.12345, "0.123"),
        (12.0, "12.00"),
        (-1234.5, "\u22121\u202f234"),
        (0, "0"),
    ],
)
def test_numbers_are_written_for_people(value: float | None, said: str) -> None:
    assert number(value) == said


def test_changes_carry_their_sign_and_rates_are_percent() -> None:
    assert [signed(value) for value in (3, -3, 0, None)] == ["+3", "\u22123", "±0", "–"]
    assert kpi_value("email_open_rate", 0.4183) == "41.8 %"
    assert kpi_value("nps", 0.4183) == "0.418"
    assert title_of("clv_predicted_365d") == "CLV predicted 365d"


def test_a_line_needs_two_points() -> None:
    assert sparkline([1.0]) is None
    assert re.findall(r"[\d.]+,([\d.]+)", str(sparkline([1.0, 1.0]))) == ["14.0", "14.0"]
    assert 'aria-label="from 1.00 to 3.00"' in str(sparkline([1.0, float("nan"), 3.0]))


def test_markup_only_comes_from_elements() -> None:
    assert element("p", "<b>", element("b", "&"), class_='"') == (
        '<p class="&quot;">&lt;b&gt;<b>&amp;</b></p>'
    )
    assert element("p", str(dt.date(2026, 6, 30)), None) == "<p>2026-06-30</p>"


def simulated(home: Path, last_day: dt.date) -> str:
    """The report of twenty simulated customers. The truth knows of customer n that n orders are to
    be expected after ``last_day``; forecast are half as many. Two people are customer 20.
    """
    build(home)
    add(
        home,
        "create or replace table marts.customer_lifetime_values as"
        " select 'c' || n as customer_id, n / 2 as expected_orders_365d, $as_of::date as as_of"
        " from range(1, 21) as customers (n)",
        "create or replace table marts.orders as"
        " select 'shop' as source, 'o' || n as order_id, 'c' || least(n, 20) as customer_id,"
        " timestamp '2026-06-01' as ordered_at, $as_of::date as as_of"
        " from range(1, 22) as customers (n)",
    )
    truth = home / "truth"
    truth.mkdir()
    lifetimes = [f"p{n},{n},{n + 1},{last_day}" for n in range(1, 22)]
    header = "person_id,expected_orders_365d,orders_next_365d,last_day"
    (truth / "true_remaining_lifetime.csv").write_text("\n".join([header, *lifetimes]))
    documents = [f"shop,o{n},p{n}" for n in range(1, 22)]
    (truth / "orders.csv").write_text("\n".join(["source,order_id,person_id", *documents]))
    folder = publish(home, dataclasses.replace(release_inputs("a"), truth=truth)).folder
    return (folder / "report.html").read_text(encoding="utf-8")


def test_forecasts_stand_beside_the_true_lifetimes_of_simulated_customers(tmp_path: Path) -> None:
    report = simulated(tmp_path, AS_OF)
    assert "Of 19 customers 95 orders are forecast, 190 are truly to be expected, and 209" in report
    label = re.search(r'aria-label="Simulated company[^"]*truly expected: ([^"]*)"', report)
    assert label
    assert label[1].count("forecast and") == 10
    assert label[1].startswith("0.75 forecast and 1.5 truly expected, 1.75 forecast")


def test_a_truth_about_other_days_is_not_drawn(tmp_path: Path) -> None:
    assert "Simulated company" not in simulated(tmp_path, AS_OF - dt.timedelta(days=1))

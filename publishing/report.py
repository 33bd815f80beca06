"""``report.html``: a release on one page, for whoever wants to know whether tonight's numbers are
to be trusted.

The page is one file without scripts and without anything from elsewhere; its content policy forbids
both, and allows only the style sheet it carries, by hash. It opens from disk, from an object store
and inside a mail client.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from publishing.calibration_chart import STYLE as CHART_STYLE
from publishing.calibration_chart import calibration_chart
from publishing.manifest import GateOutcome, Manifest, MartEntry
from publishing.markup import Markup, element, joined, style_sheet
from publishing.report_style import STYLE
from publishing.report_tables import ReportTables, Row

REPORT = "report.html"
ROWS_SHOWN = 25  # per table; the marts hold the rest
THOUSAND = 1000  # from here on decimals say nothing to a reader

ACRONYMS = {"aov", "nps", "csat", "ces", "clv"}

Cell = Callable[[Any], str | Markup]


def number(value: object) -> str:
    """A number for people: thousands apart, at most as many decimals as matter, a dash for none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    amount = Decimal(str(value))
    size = abs(amount)
    is_whole = not isinstance(value, float) and amount == int(amount)
    decimals = 0 if is_whole or size >= THOUSAND else 2 if size >= 1 or size == 0 else 3
    return f"{amount:,.{decimals}f}".replace(",", "\u202f").replace("-", "\u2212")


def count(amount: int, one: str, many: str | None = None) -> str:
    """So many things: ``1 gate``, ``2 gates``."""
    return f"{number(amount)} {one if amount == 1 else many or one + 's'}"


def signed(value: object) -> str:
    """A change for people: with its sign, or ± for none."""
    if value is None:
        return "–"
    text = number(value)
    return "±0" if float(str(value)) == 0 else text if text.startswith("\u2212") else f"+{text}"


def _is_share(metric: str, value: float) -> bool:
    return ("rate" in metric.split("_") or "share" in metric.split("_")) and 0 <= value <= 1


def kpi_value(metric: str, value: float | None) -> str:
    """A KPI for people; rates and shares in percent."""
    if value is not None and math.isfinite(value) and _is_share(metric, value):
        return f"{100 * value:.1f} %"
    return number(value)


def title_of(name: str) -> str:
    """A column or metric name as words: ``nps`` as NPS, ``repeat_purchase_rate`` as Repeat purchase
    rate.
    """
    words = [word.upper() if word in ACRONYMS else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def day(value: dt.date | None) -> str:
    """A date as ISO 8601, a dash for none."""
    return value.isoformat() if value else "–"


def plain(value: object) -> str:
    """Text as it is, a dash for none."""
    return "–" if value is None else str(value)


def yes(value: object) -> str:
    """A tick for true."""
    return "✓" if value else ""


def table(rows: Sequence[Row], columns: Sequence[tuple[str, str, Cell]], caption: str) -> Markup:
    """Rows as a table: (key, heading, cell) per column; numbers are set to the right."""
    numeric = {number, signed}
    head = element(
        "tr",
        *(
            element("th", label, scope="col", class_="n" if cell in numeric else None)
            for _, label, cell in columns
        ),
    )
    body = [
        element(
            "tr",
            *(
                element("td", cell(row[key]), class_="n" if cell in numeric else None)
                for key, _, cell in columns
            ),
        )
        for row in rows[:ROWS_SHOWN]
    ]
    left = len(rows) - len(body)
    more = element("p", f"and {number(left)} more", class_="quiet") if left > 0 else None
    grid = element("table", element("thead", head), element("tbody", joined(body)))
    return element(
        "figure", element("figcaption", caption), element("div", grid, class_="scroll"), more
    )


def section(title: str, *children: Markup | None, note: str | None = None) -> Markup:
    """A titled part of the page."""
    said = element("p", note, class_="quiet") if note else None
    return element("section", element("h2", title), said, *children)


def sparkline(series: Sequence[float]) -> Markup | None:
    """The series as a line of 120 x 28 with a dot at its end; None for fewer than two points."""
    values = [value for value in series if value is not None and math.isfinite(value)]
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    step, height = 116 / (len(values) - 1), (high - low) or 1.0
    points = [
        (2 + index * step, 25 - 22 * (value - low) / height) for index, value in enumerate(values)
    ]
    if high == low:
        points = [(x, 14.0) for x, _ in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return element(
        "svg",
        element("polyline", points=line),
        element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="2.2"),
        view_box="0 0 120 28",
        class_="spark",
        role="img",
        aria_label=f"from {number(values[0])} to {number(values[-1])}",
    )


def _kpi_card(row: Row) -> Markup:
    metric = str(row["metric"])
    low, high = row["interval_low"], row["interval_high"]
    interval = f"{kpi_value(metric, low)} to {kpi_value(metric, high)}" if low is not None else None
    scope = [text for text in (row["segment"], row["channel"]) if text and text != "all"]
    return element(
        "article",
        element("h3", title_of(metric)),
        element("p", kpi_value(metric, row["value"]), class_="value"),
        element("p", interval, class_="quiet") if interval else None,
        sparkline(row["series"]),
        element(
            "p", " · ".join([f"n = {number(row['n'])}", day(row["date"]), *scope]), class_="quiet"
        ),
        class_="card",
    )


def _badge(text: str, kind: str) -> Markup:
    return element("span", text, class_=f"badge {kind}")


def _header(manifest: Manifest, tables: ReportTables) -> Markup:
    closed = [gate.gate for gate in manifest.gates if not gate.is_open]
    warned = sum(len(_failed(gate)) for gate in manifest.gates)
    gates = (
        _badge(f"closed: {', '.join(closed)}", "bad")
        if closed
        else _badge(f"{count(len(manifest.gates), 'gate')} open", "good")
    )
    before = manifest.previous_release
    facts = [
        gates,
        _badge(count(warned, "warning"), "warn") if warned else None,
        _badge(count(len(tables.new_inputs), "new delivery", "new deliveries"), "plain"),
        _badge(count(tables.restatement_count, "restated number"), "plain")
        if tables.restatement_count
        else None,
    ]
    return element(
        "header",
        element("p", "Rapport", class_="brand"),
        element("h1", f"Release {manifest.release}"),
        element(
            "p",
            element("strong", f"Data as of {day(manifest.as_of)}"),
            f" · published {manifest.created_at:%Y-%m-%d %H:%M} UTC",
            f" · after release {before}" if before else " · the first release",
        ),
        element("p", *facts, class_="badges"),
    )


def _news(manifest: Manifest, tables: ReportTables) -> Markup:
    rows = [
        {"source": one.source, "file": one.file_name, "rows": one.rows, "sha256": one.sha256[:12]}
        for one in tables.new_inputs
    ]
    gone = [element("li", note) for note in manifest.notes]
    return section(
        "What is new",
        element("ul", *gone, class_="notes") if gone else None,
        table(
            rows,
            [
                ("source", "Source", plain),
                ("file", "File", plain),
                ("rows", "Rows", number),
                ("sha256", "SHA-256", plain),
            ],
            "Deliveries the previous release did not have",
        )
        if rows
        else element("p", "No delivery is new; settings, code or the day of the run are."),
    )


def _restatements(tables: ReportTables) -> Markup | None:
    if not tables.restatements:
        return None
    shown = len(tables.restatements)
    return section(
        "Restated",
        table(
            [
                {**row, "group": row["key_group"].replace("|", " · ").replace("=", " ")}
                for row in tables.restatements
            ],
            [
                ("mart", "Mart", plain),
                ("group", "What", plain),
                ("before", "Before", number),
                ("after", "Now", number),
                ("change", "Change", signed),
                ("reason", "Why", plain),
            ],
            f"The {number(shown)} largest of {number(tables.restatement_count)}",
        ),
        note="Numbers of earlier days that this release says otherwise than the one before it.",
    )


def _mart_row(mart: MartEntry) -> Row:
    before = mart.rows_before
    return {
        "mart": mart.name,
        "rows": mart.rows,
        "change": None if before is None else mart.rows - before,
        "state": "new" if before is None else "changed" if mart.is_changed else "unchanged",
        "through": mart.data_through.date if mart.data_through else None,
        "hash": mart.content_hash[:12],
    }


def _marts(manifest: Manifest) -> Markup:
    rows = [_mart_row(mart) for mart in manifest.marts]
    columns: list[tuple[str, str, Cell]] = [
        ("mart", "Mart", plain),
        ("rows", "Rows", number),
        ("change", "Change", signed),
        ("state", "Content", plain),
        ("through", "Data through", day),
        ("hash", "Content hash", plain),
    ]
    parts = [rows[start : start + ROWS_SHOWN] for start in range(0, len(rows), ROWS_SHOWN)]
    caption = f"{number(manifest.rows)} rows in {len(rows)} marts"
    return section("Marts", *(table(part, columns, caption) for part in parts))


def _failed(gate: GateOutcome) -> list[Row]:
    return [result for result in gate.results if result.get("success") is False]


def _check_name(result: Row) -> str:
    named = [str(result[key]) for key in ("table", "expectation") if result.get(key)]
    return ".".join(named) or str(result.get("check", "a check without a name"))


def _check_details(result: Row) -> list[Markup]:
    """What was seen, and why the bound is what it is; the rest stands in the manifest."""
    return [
        element("span", f" {label}{result[key]}", class_="quiet")
        for key, label in (("severity", ""), ("observed", "· "), ("notes", "· "))
        if result.get(key)
    ]


def _gate(gate: GateOutcome) -> Markup:
    failed = _failed(gate)
    passed = len(gate.results) - len(failed)
    said = f"{passed} of {len(gate.results)} checks passed"
    checks = [
        element("li", element("strong", _check_name(result)), *_check_details(result))
        for result in failed[:ROWS_SHOWN]
    ]
    return element(
        "div",
        element(
            "p",
            _badge("open", "good") if gate.is_open else _badge("closed", "bad"),
            " ",
            element("strong", gate.gate),
            f" · {said}",
        ),
        element("ul", *checks, class_="notes") if checks else None,
        class_="gate",
    )


def _quarantine(tables: ReportTables) -> Markup | None:
    if not tables.ledger:
        return None
    parts = [
        table(
            tables.ledger,
            [
                ("source", "Source", plain),
                ("object", "Object", plain),
                ("deliveries", "Deliveries", number),
                ("rows_delivered", "Delivered", number),
                ("rows_accepted", "Accepted", number),
                ("rows_quarantined", "Quarantined", number),
                ("rows_duplicate", "Duplicate", number),
                ("data_through", "Data through", day),
            ],
            "Rows: accepted + quarantined + duplicate = delivered",
        )
    ]
    if tables.quarantine:
        columns: list[tuple[str, str, Cell]] = [
            ("outcome", "Outcome", plain),
            ("reason", "Reason", plain),
            ("currency", "Currency", plain),
            ("amount", "Amount", number),
        ]
        parts.append(table(tables.quarantine, columns, "Money that reached no mart, by reason"))
    return section("Deliveries and quarantine", *parts)


def _models(tables: ReportTables) -> Markup | None:
    parts = []
    if tables.clv_quality:
        columns: list[tuple[str, str, Cell]] = [
            ("model", "Model", plain),
            ("is_champion", "Champion", yes),
            ("origin_date", "Seen from", day),
            ("horizon_days", "Days ahead", number),
            ("actual", "Came true", number),
            ("predicted", "Predicted", number),
            ("mae", "Error", number),
            ("naive_mae", "Naive error", number),
            ("status", "Status", plain),
        ]
        parts.append(table(tables.clv_quality, columns, "Customer lifetime value, backtested"))
        parts += _calibrations(tables.clv_calibration)
    if tables.lifetime_truth:
        parts.append(_lifetime_truth(tables.lifetime_truth))
    if tables.score_quality:
        columns = [
            ("scorer", "Scorer", plain),
            ("origin_date", "Seen from", day),
            ("horizon_days", "Days ahead", number),
            ("auc", "AUC", number),
            ("top_decile_lift", "Top-decile lift", number),
            ("n", "Customers", number),
            ("base_rate", "Base rate", number),
        ]
        parts.append(table(tables.score_quality, columns, "Engagement score, against what came"))
    if tables.unbeaten_scorers:
        parts += _unbeaten(tables.unbeaten_scorers)
    return section("How good the estimates were", *parts) if parts else None


def _unbeaten(rows: Sequence[Row]) -> list[Markup]:
    """The flag of a score that does not foretell orders better than simpler rankings."""
    columns: list[tuple[str, str, Cell]] = [
        ("scorer", "Scorer", plain),
        ("auc_margin", "AUC of the score, less that of the scorer", signed),
        ("lift_ratio", "Lift of the score, times that of the scorer", number),
        ("origins_beaten", "Origins at which the score was better", number),
        ("origins", "of", number),
    ]
    return [
        element(
            "p",
            _badge("flagged", "warn"),
            " The engagement score does not foretell the next orders better than the simpler "
            "scorers below. It still says who is engaged and why; to choose buyers, use them.",
        ),
        table(rows, columns, "Simpler scorers that the engagement score does not beat"),
    ]


def _calibrations(rows: Sequence[Row]) -> list[Markup]:
    """A picture per horizon: ten groups of customers by their probability to buy."""
    pictures = []
    for horizon in sorted({row["horizon_days"] for row in rows}):
        own = [row for row in rows if row["horizon_days"] == horizon]
        points = [(float(row["predicted_share"]), float(row["actual_share"])) for row in own]
        origins = count(own[0]["origins"], "earlier day", "earlier days")
        title = f"Share of buyers within {horizon} days, by tenths of customers, over {origins}"
        pictures.append(
            element(
                "figure",
                element("figcaption", title),
                calibration_chart(points, title),
            )
        )
    return pictures


def _lifetime_truth(rows: Sequence[Row]) -> Markup:
    """Of a simulated company: the forecast beside what is truly to be expected of its customers."""
    title = (
        "Simulated company: orders to come in 365 days, by tenths of customers, "
        "forecast and truly expected"
    )
    points = [(float(row["forecast"]), float(row["true_orders"])) for row in rows]
    customers = sum(row["customers"] for row in rows)
    sums = {
        name: sum(row["customers"] * row[name] for row in rows)
        for name in ("forecast", "true_orders", "drawn_orders")
    }
    return element(
        "figure",
        element("figcaption", title),
        calibration_chart(points, title, vertical="truly expected"),
        element(
            "p",
            f"Of {number(customers)} customers {number(round(sums['forecast']))} orders are "
            f"forecast, {number(round(sums['true_orders']))} are truly to be expected, and "
            f"{number(round(sums['drawn_orders']))} were drawn.",
            class_="quiet",
        ),
    )


def _footer(manifest: Manifest) -> Markup:
    return element(
        "footer",
        element(
            "p",
            "Every file of this release and its SHA-256 stand in ",
            element("code", "manifest.json"),
            ".",
        ),
        element(
            "p",
            f"Code {manifest.code_version} · fingerprint {manifest.fingerprint}",
            class_="quiet mono",
        ),
    )


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def render(manifest: Manifest, tables: ReportTables) -> str:
    """The page as HTML text. `manifest` need not list the report itself."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(STYLE + CHART_STYLE)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Rapport release {manifest.release}, data as of {day(manifest.as_of)}"),
        style_sheet(STYLE + CHART_STYLE),
    )
    kpis = element("div", *(_kpi_card(row) for row in tables.kpis), class_="cards")
    body = element(
        "body",
        element(
            "main",
            _header(manifest, tables),
            section("Key figures", kpis) if tables.kpis else None,
            _news(manifest, tables),
            _restatements(tables),
            _marts(manifest),
            section("Gates", *(_gate(gate) for gate in manifest.gates)),
            _quarantine(tables),
            _models(tables),
            _footer(manifest),
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"

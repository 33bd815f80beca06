"""Calibration on CDNOW for docs/metrics.md: draws docs/pictures/lifetime_value_calibration.svg.

The sample's champion stands on 1997-09-30 and forecasts 30 and 90 days (RAPPORT_REALDATA).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from estimation.lifetime_value.backtest import evaluate, hold_out
from estimation.lifetime_value.purchase_models import MBG_NBD
from publishing.calibration_chart import SIZE, STYLE, calibration_chart
from publishing.markup import Markup, element, style_sheet
from tests.estimation.lifetime_value.real_purchases import CDNOW_CALIBRATION_END, cdnow

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COLOURS = (("var(--accent)", "#1f6f5c"), ("var(--line)", "#98a39d"), ("var(--quiet)", "#626a65"))
HEADER = 18


def write_picture(path: Path, charts: Sequence[tuple[Sequence[tuple[float, float]], str]]) -> None:
    """Charts side by side, each with its title, as an SVG file that stands alone."""
    style = STYLE
    for name, colour in COLOURS:
        style = style.replace(name, colour)
    panels = [
        element(
            "g",
            element("text", title, x=SIZE // 2, y=12, text_anchor="middle", class_="title"),
            calibration_chart(points, title, y=str(HEADER), width=str(SIZE), height=str(SIZE)),
            transform=f"translate({place * SIZE} 0)",
        )
        for place, (points, title) in enumerate(charts)
    ]
    width, height = SIZE * len(charts), SIZE + HEADER
    text = element(
        "svg",
        style_sheet(f"{style} text {{ font-family: sans-serif; }} .title {{ font-size: 10px; }}"),
        element("rect", width=width, height=height, fill="#ffffff"),
        *panels,
        xmlns="http://www.w3.org/2000/svg",
        view_box=f"0 0 {width} {height}",
        width=width,
        height=height,
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(Markup(f"{text}\n"), encoding="utf-8")


def main(_: list[str]) -> None:
    """Draw the picture of docs/metrics.md."""
    holdouts, _refused = hold_out(
        cdnow("CDNOW_sample.txt"), CDNOW_CALIBRATION_END, (30, 90), [MBG_NBD], {}
    )
    found = [evaluate(holdout, MBG_NBD.name, []) for holdout in holdouts]
    charts = [
        (each.measures.groups, f"share of buyers within {each.horizon} days") for each in found
    ]
    write_picture(PICTURES / "lifetime_value_calibration.svg", charts)
    for each in found:
        print(f"{each.horizon} days: calibration error {each.measures.calibration_error:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])

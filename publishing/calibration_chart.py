"""A picture of calibration: the share that was forecast against the share that came, by group."""

from __future__ import annotations

from collections.abc import Sequence

from publishing.markup import Markup, element

SIZE = 240
LEFT, TOP = 34, 8
SIDE = SIZE - LEFT - 10


def calibration_chart(
    points: Sequence[tuple[float, float]],
    title: str,
    horizontal: str = "forecast",
    vertical: str = "came true",
    **attributes: str,
) -> Markup:
    """A square with one dot per (forecast, true) pair and the diagonal on which all would lie.

    Both axes run from 0 to the same round number. ``attributes`` go to the svg element.
    """
    reach = _round_up(max((max(pair) for pair in points), default=0.0))

    def x(value: float) -> str:
        return f"{LEFT + SIDE * value / reach:.1f}"

    def y(value: float) -> str:
        return f"{TOP + SIDE * (1 - value / reach):.1f}"

    ticks = [reach * step / 4 for step in range(5)]
    return element(
        "svg",
        element("polyline", points=f"{x(0)},{y(reach)} {x(0)},{y(0)} {x(reach)},{y(0)}",
                class_="axis"),
        element("polyline", points=f"{x(0)},{y(0)} {x(reach)},{y(reach)}", class_="diagonal"),
        element("polyline", points=" ".join(f"{x(own)},{y(true)}" for own, true in points)),
        *(element("circle", cx=x(own), cy=y(true), r="3") for own, true in points),
        *(element("text", f"{tick:.3g}", x=x(tick), y=TOP + SIDE + 14, text_anchor="middle")
          for tick in ticks),
        *(element("text", f"{tick:.3g}", x=LEFT - 5, y=y(tick - reach / 70), text_anchor="end")
          for tick in ticks),
        element("text", horizontal, x=x(reach / 2), y=TOP + SIDE + 27, text_anchor="middle"),
        element("text", vertical, x=LEFT + 6, y=TOP + 8),
        view_box=f"0 0 {SIZE} {SIZE}",
        class_="calibration",
        role="img",
        aria_label=f"{title}: "
        + ", ".join(f"{own:.3g} {horizontal} and {true:.3g} {vertical}" for own, true in points),
        **attributes,
    )  # fmt: skip


STYLE = """
.calibration { width: 15rem; max-width: 100%; }
.calibration polyline { fill: none; stroke: var(--accent); stroke-width: 1.6; }
.calibration .axis { stroke: var(--line); stroke-width: 1; }
.calibration .diagonal { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 4 3; }
.calibration circle { fill: var(--accent); }
.calibration text { fill: var(--quiet); font-size: 9px; }
"""


def _round_up(value: float) -> float:
    """The next number at or above the value whose quarters are short."""
    for power in range(-4, 7):
        for first in (1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0):
            if value <= first * 10.0**power:
                return first * 10.0**power
    return value

"""HTML by construction: every text is escaped, because only `element` can make markup."""

from __future__ import annotations

import html

VOID = frozenset({"meta", "br", "rect", "polyline", "circle"})


class Markup(str):
    """Text that is HTML already. Nothing but this module makes any."""

    __slots__ = ()


Child = str | int | None


def joined(children: tuple[Child, ...] | list[Markup]) -> Markup:
    """Children one after the other: markup as it is, all else as escaped text, None as nothing."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(str(child))
            for child in children
            if child is not None
        )
    )


def element(name: str, /, *children: Child, **attributes: str | int | None) -> Markup:
    """An element; `class_` and `view_box` stand for `class` and `viewBox`, attributes of None are
    left out.
    """
    names = {"class_": "class", "view_box": "viewBox"}
    written = "".join(
        f' {names.get(key, key.replace("_", "-"))}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def style_sheet(css: str) -> Markup:
    """A style element with text of this project, which must not hold a closing tag."""
    if "</" in css:
        raise ValueError("a style sheet cannot hold '</'")
    return Markup(f"<style>{css}</style>")

"""What a vendor's module says about its exports, beside the contract's columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ObjectExport:
    """How the files of one object are recognised and opened.

    ``patterns``: file names, as shell globs relative to the source's folder. ``records``: path to
    the list of records inside a JSON page. ``fill_down``: the column whose text marks the first row
    of a block; the rows below with none continue it. ``provisional``: a word in the file name of
    deliveries that any later final one replaces. ``signatures``: lists of fields that, together,
    only this object's files have, one per form of the export, for ``rapport sources detect``.
    """

    object: str
    patterns: tuple[str, ...] = ()
    records: str | None = None
    fill_down: str | None = None
    provisional: str | None = None
    signatures: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Source:
    """A vendor: its short name, its home page's name for the export, and its objects."""

    name: str
    title: str
    objects: tuple[ObjectExport, ...]

"""Resolve again only what new, changed or vanished evidence touches.

What evidence can change is its block (BLOCKS): identifiers that any evidence holds together, before
guards look inside. Identifiers that are guarded from outside (role mailboxes, the most crowded
addresses) stand outside all blocks; when such a guard comes or goes, the identifier's neighbours
are touched too. So the parts that are resolved again are whole, and the result is that of a full
resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from estimation.identity.resolution import Resolution, resolve
from estimation.identity.tables import ANONYMOUS, ASSIGNMENTS


@dataclass(frozen=True)
class Changes:
    """Rows that are new or gone, against the evidence of an earlier resolution. A row that changed
    is in both. ``identifiers_*``: IDENTIFIERS, ``edges``: EDGES, new and gone alike.
    """

    identifiers_gone: pa.Table
    identifiers_new: pa.Table
    edges: pa.Table


def update(
    previous: Resolution, identifiers: pa.Table, edges: pa.Table, changes: Changes
) -> tuple[Resolution, int]:
    """The resolution of all ``identifiers`` (IDENTIFIERS) and ``edges`` (EDGES) there are now.

    Returns it, equal to ``resolve(identifiers, edges)``, and how many identifiers were looked at.
    """
    touched = _touched(previous.blocks, identifiers, edges, changes)
    of_touched = edges.filter(_ends_among(edges, touched))
    ends = _names(of_touched["left_identifier"], of_touched["right_identifier"])
    inside = _among(identifiers["identifier"], touched)
    # Beside the touched part stand guarded identifiers, and people who were met on its devices.
    beside = pc.and_(
        pc.is_valid(identifiers["guard_reason"]), _among(identifiers["identifier"], ends)
    )
    part = identifiers.filter(pc.or_(inside, beside))
    met = ends.filter(pc.invert(pc.is_in(ends, _names(part["identifier"]))))
    resolved = resolve(part, of_touched, _known(previous.assignments, met))
    return _replaced(previous, touched, part, resolved), len(part)


def _known(assignments: pa.Table, names: pa.Array) -> pa.Table:
    """What is known of identifiers that are not touched; a null customer where it is nobody's."""
    found = assignments.filter(_among(assignments["identifier"], names))
    nobody = names.filter(pc.invert(pc.is_in(names, _names(found["identifier"]))))
    empty = {
        field.name: pa.nulls(len(nobody), field.type)
        for field in ASSIGNMENTS
        if field.name != "identifier"
    }
    return pa.concat_tables([found, pa.table({"identifier": nobody, **empty}, ASSIGNMENTS)])


def _touched(
    blocks: pa.Table, identifiers: pa.Table, edges: pa.Table, changes: Changes
) -> pa.Array:
    """Identifiers whose customer may differ now."""
    seeds = _names(
        changes.identifiers_gone["identifier"],
        changes.identifiers_new["identifier"],
        changes.edges["left_identifier"],
        changes.edges["right_identifier"],
    )
    guards = [
        _names(table.filter(pc.is_valid(table["guard_reason"]))["identifier"])
        for table in (changes.identifiers_gone, changes.identifiers_new)
    ]
    flipped = _names(
        *(
            pa.chunked_array([one.filter(pc.invert(pc.is_in(one, other)))])
            for one, other in (guards, guards[::-1])
        )
    )
    around = edges.filter(_ends_among(edges, flipped))
    seeds = _names(pa.chunked_array([seeds]), around["left_identifier"], around["right_identifier"])
    held = _names(blocks.filter(_among(blocks["identifier"], seeds))["block"])
    members = blocks.filter(_among(blocks["block"], held))["identifier"]
    touched = _names(pa.chunked_array([seeds]), members)
    around = edges.filter(_ends_among(edges, touched))
    met = _names(around["left_identifier"], around["right_identifier"])
    kinds = identifiers.filter(_among(identifiers["identifier"], met))
    devices = kinds.filter(pc.equal(kinds["identifier_type"], ANONYMOUS))["identifier"]
    return _names(pa.chunked_array([touched]), devices)


def _replaced(
    previous: Resolution, touched: pa.Array, part: pa.Table, resolved: Resolution
) -> Resolution:
    names = _names(pa.chunked_array([touched]), part["identifier"])
    old = previous.exclusions
    of_whole = pc.is_null(old["other_identifier"])
    stale = pc.or_(
        pc.and_(of_whole, _among(old["identifier"], names)),
        pc.or_(_among(old["identifier"], touched), _among(old["other_identifier"], touched)),
    )
    exclusions = [old.filter(pc.invert(stale)), resolved.exclusions]
    return Resolution(
        assignments=_swapped(previous.assignments, names, resolved.assignments),
        exclusions=_sorted(exclusions, old.column_names),
        blocks=_swapped(previous.blocks, names, resolved.blocks),
    )


def _swapped(old: pa.Table, names: pa.Array, new: pa.Table) -> pa.Table:
    kept = old.filter(pc.invert(_among(old["identifier"], names)))
    return _sorted([kept, new], old.column_names[:2])


def _sorted(tables: list[pa.Table], order: list[str]) -> pa.Table:
    return pa.concat_tables(tables).sort_by([(name, "ascending") for name in order])


def _ends_among(edges: pa.Table, names: pa.Array) -> pa.ChunkedArray:
    return pc.or_(_among(edges["left_identifier"], names), _among(edges["right_identifier"], names))


def _among(values: pa.ChunkedArray, names: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(values, value_set=names)


def _names(*columns: pa.ChunkedArray) -> pa.Array:
    """All values, each once."""
    chunks = [chunk for column in columns for chunk in column.chunks]
    return pc.unique(pa.chunked_array(chunks, pa.string())).drop_null()

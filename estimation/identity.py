"""Which identifiers are one customer: connected components of the identity edges.

Deterministic linkage only: two identifiers are one customer when a chain of evidence joins them.
The customer's id is made from the component's oldest identifier, so it stays the same when
identifiers are added, and depends on nothing but the evidence: a rerun without some evidence ends
as if that evidence had never been.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ASSIGNMENTS = pa.schema([("identifier", pa.string()), ("customer_id", pa.string())])


class UnknownIdentifier(ValueError):
    """An edge names an identifier that is not in the list of identifiers."""


def resolve(identifiers: pa.Table, edges: pa.Table) -> pa.Table:
    """Assign identifiers to customers.

    ``identifiers``: ``identifier`` text (unique), ``identifier_type`` text, ``first_seen_at``
    timestamp (null sorts last), ``has_order`` bool. ``edges``: ``left_identifier``,
    ``right_identifier`` text.

    Returns ASSIGNMENTS, sorted by identifier: one row per identifier that belongs to a customer. A
    component of nothing but anonymous ids (browsers, devices) is a customer only if one of them
    placed an order. Raises UnknownIdentifier for an edge into nowhere.
    """
    ordered = identifiers.sort_by([("first_seen_at", "ascending"), ("identifier", "ascending")])
    names = ordered["identifier"].combine_chunks()
    left = _positions(edges["left_identifier"], names)
    right = _positions(edges["right_identifier"], names)
    size = len(names)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    is_person = np.zeros(count, dtype=bool)
    evidence = pc.or_(
        pc.not_equal(ordered["identifier_type"], "anonymous"),
        pc.fill_null(ordered["has_order"], False),
    ).to_numpy(zero_copy_only=False)
    is_person[labels[evidence]] = True
    # Sorted by age: the first place at which a label appears is its oldest identifier.
    _, oldest = np.unique(labels, return_index=True)
    ids = pa.array([_customer_id(name) for name in names.take(pa.array(oldest)).to_pylist()])
    assigned = pa.table(
        {"identifier": names, "customer_id": ids.take(pa.array(labels))}, schema=ASSIGNMENTS
    )
    return assigned.filter(pa.array(is_person[labels])).sort_by("identifier")


def _positions(wanted: pa.ChunkedArray, names: pa.Array) -> np.ndarray:
    places = pc.index_in(wanted, value_set=names)
    if places.null_count:
        missing = pc.filter(wanted, pc.is_null(places))[0].as_py()
        raise UnknownIdentifier(
            f"identity edge into {missing!r}, which is no identifier: int_identity_edges and "
            "int_identifiers disagree"
        )
    return np.asarray(places.combine_chunks().to_numpy(zero_copy_only=False), dtype=np.int64)


def _customer_id(identifier: str) -> str:
    return "c" + hashlib.sha256(identifier.encode()).hexdigest()[:20]

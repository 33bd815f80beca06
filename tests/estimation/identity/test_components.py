"""Components, against a union of sets by hand."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimation.identity.components import components

Pairs = list[tuple[int, int]]
PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40)


def _groups(pairs: Pairs) -> set[frozenset[object]]:
    groups: list[set[object]] = []
    for pair in pairs:
        touched = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in touched]
        groups.append(set(pair).union(*touched))
    return {frozenset(group) for group in groups}


def _columns(pairs: Pairs, kind: pa.DataType) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    left, right = zip(*pairs, strict=True) if pairs else ((), ())
    return tuple(  # type: ignore[return-value]
        pa.chunked_array([pa.array(ends, pa.int64()).cast(kind)]) for ends in (left, right)
    )


def _found(table: pa.Table) -> set[frozenset[object]]:
    groups = defaultdict(set)
    for row in table.to_pylist():
        groups[row["component"]].add(int(row["vertex"]))
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
@settings(deadline=None)
@given(pairs=PAIRS)
def test_components_are_what_chains_of_edges_join(kind: pa.DataType, pairs: Pairs) -> None:
    assert _found(components(*_columns(pairs, kind))) == _groups(pairs)

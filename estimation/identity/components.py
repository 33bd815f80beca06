"""Connected components of a graph, from scratch or by adding edges to known components.

Vertices are int64 or text; inside, they are dense numbers, because SciPy's components cost a
quarter of the time and a third of the memory of any graph library that keeps vertices as objects.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LABELS = ("vertex", "component")


def dense_components(left: np.ndarray, right: np.ndarray, size: int) -> tuple[int, np.ndarray]:
    """Number of components, and the component of each of ``size`` vertices (int32).

    ``left`` and ``right`` are the ends of the edges, integers in ``[0, size)``.
    """
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    return int(count), labels


def components(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Table:
    """The component of every vertex that has an edge.

    ``left`` and ``right``: the ends of the edges, both int64 or both text, without nulls. Returns
    ``vertex`` (their type, each once, in the order of first appearance) and ``component`` (int32,
    numbered from 0 by first vertex).
    """
    ends = pa.chunked_array([*left.chunks, *right.chunks], type=left.type)
    vertices, places = _encoded(ends)
    _, labels = dense_components(places[: len(left)], places[len(left) :], len(vertices))
    return pa.table({LABELS[0]: vertices, LABELS[1]: pa.array(labels)})


def contract(known: pa.Table, left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Table:
    """What new edges change in known components.

    ``known``: what ``components`` returned, at least the vertices that the new edges touch. The new
    edges are laid onto the old components, not onto their members, so that the cost follows the new
    edges. Returns ``old_component`` (int32; null for a vertex that was not known), ``vertex`` (null
    but for such a vertex) and ``component``: the components that are now one share a number.
    """
    ends = pa.chunked_array([*left.chunks, *right.chunks], type=left.type)
    # The few new ends are hashed, not the many known vertices.
    met = known.filter(pc.is_in(known[LABELS[0]], value_set=pc.unique(ends)))
    places = pc.index_in(ends, value_set=met[LABELS[0]].combine_chunks())
    old = met[LABELS[1]].combine_chunks().take(places.combine_chunks())
    is_new = pc.is_null(old)
    strangers = ends.filter(pc.is_null(places)).combine_chunks()
    new_vertices, new_places = _encoded(pa.chunked_array([strangers]))
    old_components, old_places = np.unique(
        old.drop_null().to_numpy(zero_copy_only=False), return_inverse=True
    )
    nodes = np.empty(len(ends), dtype=np.int64)
    new_mask = is_new.to_numpy(zero_copy_only=False)
    nodes[~new_mask] = old_places
    nodes[new_mask] = len(old_components) + new_places
    size = len(old_components) + len(new_vertices)
    _, labels = dense_components(nodes[: len(left)], nodes[len(left) :], size)
    return pa.table(
        {
            "old_component": pa.concat_arrays(
                [
                    pa.array(old_components, pa.int32()),
                    pa.nulls(len(new_vertices), pa.int32()),
                ]
            ),
            LABELS[0]: pa.concat_arrays([pa.nulls(len(old_components), left.type), new_vertices]),
            LABELS[1]: pa.array(labels, pa.int32()),
        }
    )


def _encoded(values: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """The distinct values in the order of first appearance, and the place of each value in them."""
    if not len(values):
        return pa.array([], values.type), np.empty(0, dtype=np.int32)
    # All chunks of an encoded array share one dictionary.
    chunks = values.dictionary_encode().chunks
    places = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks])
    distinct = chunks[0].dictionary
    del chunks
    # The encoder's hash table is as large as its input; SciPy needs the room.
    pa.default_memory_pool().release_unused()
    return distinct, places

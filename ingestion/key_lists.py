"""Lists of ``{key, value}``, as GA4 keeps its parameters: the value of a key, for every record."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Where GA4 puts a value, by its type; the first that is there counts.
VALUE_KINDS = ("string_value", "int_value", "double_value", "float_value")


def looked_up(lists: pa.ListArray, key: str) -> pa.Array:
    """For each list, the value of its first element with ``key``; null without one."""
    offsets = lists.offsets.to_numpy()
    is_key = pc.equal(pc.cast(pc.struct_field(lists.values, "key"), pa.string()), key)
    hits = np.flatnonzero(pc.fill_null(is_key, False).to_numpy(zero_copy_only=False))
    hits = hits[(hits >= offsets[0]) & (hits < offsets[-1])]
    rows, firsts = np.unique(np.searchsorted(offsets, hits, side="right") - 1, return_index=True)
    places = np.full(len(lists), -1)
    places[rows] = hits[firsts]
    return pc.struct_field(lists.values, "value").take(pa.array(places, mask=places < 0))

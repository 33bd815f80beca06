"""Connected components: how long, and in how much memory.

``python -m benchmarks.components`` measures 10 million edges between integers and between texts,
and a night with one per cent new edges, each in a process of its own; ``--edges`` and ``--case``
choose.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from estimation.identity.components import components, contract

EDGES = 10_000_000
EDGES_PER_PERSON = 4
NEW_SHARE = 0.01
# One edge in a thousand joins two people by mistake, as shared identifiers do.
BRIDGES = 0.001
SEED = 20261122

Columns = tuple[pa.ChunkedArray, pa.ChunkedArray]


def identity_like(edges: int, people: int, seed: int) -> Columns:
    """Edges between a person's oldest identifier and four others, some of them somebody else's."""
    generator = np.random.default_rng(seed)
    person = generator.integers(0, people, edges)
    right = person * 5 + generator.integers(1, 5, edges)
    is_bridge = generator.random(edges) < BRIDGES
    right[is_bridge] = generator.integers(0, people, int(is_bridge.sum())) * 5
    return pa.chunked_array([pa.array(person * 5)]), pa.chunked_array([pa.array(right)])


def as_texts(columns: Columns) -> Columns:
    """The same edges between identifiers as the warehouse writes them."""
    left, right = (column.cast(pa.string()) for column in columns)
    return (
        pc.binary_join_element_wise("shop|customer|", left, ""),
        pc.binary_join_element_wise("any|email|k1:", right, ""),
    )


def _case(name: str, edges: int) -> dict[str, float]:
    people = edges // EDGES_PER_PERSON
    columns = identity_like(edges, people, SEED)
    if name in ("texts", "new texts"):
        columns = as_texts(columns)
    work: Callable[[], pa.Table]
    if name.startswith("new"):
        known = components(*columns)
        fresh = identity_like(int(edges * NEW_SHARE), people, SEED + 1)
        fresh = as_texts(fresh) if name == "new texts" else fresh
        del columns
        work = lambda: contract(known, *fresh)  # noqa: E731
    else:
        work = lambda: components(*columns)  # noqa: E731
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - processor, 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "rows": found.num_rows,
    }


CASES = ("integers", "new integers", "texts", "new texts")


def main(arguments: list[str]) -> None:
    """Run all cases, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=EDGES)
    parser.add_argument("--case", choices=CASES)
    chosen = parser.parse_args(arguments)
    if chosen.case:
        print(json.dumps(_case(chosen.case, chosen.edges)))
        return
    for case in CASES:
        command = [sys.executable, "-m", "benchmarks.components"]
        command += ["--edges", str(chosen.edges), "--case", case]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{case:>13}: {done.stdout.strip()}")


if __name__ == "__main__":
    main(sys.argv[1:])

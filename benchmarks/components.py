"""Connected components: how long, and in how much memory.

``python -m benchmarks.components`` measures 10 million edges between integers and between texts,
and the same as evidence in a warehouse: the first night, which resolves everything, and the next
one with one per cent new edges. Each case has a process of its own; ``--edges`` and ``--case``
choose.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from estimation.identity.components import components
from rapport.identities import resolve_identities

EDGES = 10_000_000
EDGES_PER_PERSON = 4
NEW_SHARE = 0.01
# One edge in a thousand joins two people by mistake, as shared identifiers do.
BRIDGES = 0.001
SEED = 20261122

Columns = tuple[pa.ChunkedArray, pa.ChunkedArray]
Cost = dict[str, float]


def identity_like(edges: int, people: int, seed: int) -> Columns:
    """Edges between a person's oldest identifier and four others, some of them somebody else's."""
    generator = np.random.default_rng(seed)
    person = generator.integers(0, people, edges)
    right = person * 5 + generator.integers(1, 5, edges)
    is_bridge = generator.random(edges) < BRIDGES
    right[is_bridge] = generator.integers(0, people, int(is_bridge.sum())) * 5
    return pa.chunked_array([pa.array(person * 5)]), pa.chunked_array([pa.array(right)])


def evidence_of_night(edges: int, people: int, number: int) -> Columns:
    """Edges as a night finds them: each pair is one row, and later nights bring identifiers that
    nobody had before.
    """
    generator = np.random.default_rng(SEED + number)
    place = generator.permutation(people * EDGES_PER_PERSON)[:edges]
    person = place % people
    right = person * 100 + 10 * number + 1 + place // people
    is_bridge = generator.random(edges) < BRIDGES
    right[is_bridge] = generator.integers(0, people, int(is_bridge.sum())) * 100
    return pa.chunked_array([pa.array(person * 100)]), pa.chunked_array([pa.array(right)])


def as_texts(columns: Columns) -> Columns:
    """The same edges between identifiers as the warehouse writes them."""
    left, right = (column.cast(pa.string()) for column in columns)
    return (
        pc.binary_join_element_wise("shop|customer|", left, ""),
        pc.binary_join_element_wise("any|email|k1:", right, ""),
    )


def _case(name: str, edges: int) -> list[Cost]:
    columns = identity_like(edges, edges // EDGES_PER_PERSON, SEED)
    if name == "warehouse":
        return _nights(edges)
    if name == "texts":
        columns = as_texts(columns)
    return [_measured(lambda: components(*columns).num_rows)]


def _nights(edges: int) -> list[Cost]:
    """The night that resolves everything, and one with new evidence."""
    costs = []
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(f"{folder}/warehouse.duckdb") as connection,
    ):
        connection.execute("set threads = 2; set memory_limit = '3GB'")
        connection.execute("create schema intermediate; create schema estimates")
        for number, share in enumerate((1, NEW_SHARE)):
            _add_evidence(connection, int(edges * share), edges // EDGES_PER_PERSON, number)
            costs.append(_measured(lambda: resolve_identities(connection, "").looked_at))
    return costs


def _add_evidence(
    connection: duckdb.DuckDBPyConnection, edges: int, people: int, number: int
) -> None:
    left, right = as_texts(evidence_of_night(edges, people, number))
    connection.register("drawn", pa.table({"left_identifier": left, "right_identifier": right}))
    connection.execute(
        f"""
        create table if not exists intermediate.int_identity_edges (
            left_identifier varchar, right_identifier varchar, source varchar, evidence varchar,
            strength double, observed_at timestamp, last_observed_at timestamp, is_ended boolean,
            left_key ubigint, right_key ubigint, row_hash ubigint
        );
        insert into intermediate.int_identity_edges
        select
            left_identifier, right_identifier, 'shop', 'order_email', 1,
            timestamp '2026-01-01' + to_days({number}), timestamp '2026-01-01' + to_days({number}),
            false, hash(left_identifier), hash(right_identifier),
            hash(left_identifier, right_identifier)
        from drawn;
        create or replace table intermediate.int_identifiers as
        select distinct
            identifier, split_part(identifier, '|', 2) as identifier_type,
            split_part(identifier, '|', 1) as id_space, null::varchar as name_key,
            false as is_contact, true as has_order, null::varchar as guard_reason,
            timestamp '2026-01-01' as first_seen_at, hash(identifier) as identifier_key,
            hash(identifier) as row_hash
        from (
            select left_identifier as identifier from intermediate.int_identity_edges
            union all
            select right_identifier from intermediate.int_identity_edges
        )
        """
    )
    connection.unregister("drawn")


def _measured(work: Callable[[], int]) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    rows = work()
    return {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - processor, 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "rows": rows,
    }


CASES = ("integers", "texts", "warehouse")


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

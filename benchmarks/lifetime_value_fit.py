"""One fit of BG/NBD to a million customers, against pymc-marketing's maximum, taking turns.

pymc-marketing gets flat priors (HalfFlat), so that both look for the same maximum, and lives in an
environment of its own, made from requirements/benchmark_peers.txt. Import and reading are timed
apart; memory is the whole process's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.measured_process import Cost, run
from benchmarks.peer_environment import peers_python
from benchmarks.simulated_customers import FOLDER, purchase_days, summarise

CUSTOMERS = 1_000_000
ROUNDS = 3

OWN = """
import json, sys, time
import duckdb
from estimation.lifetime_value.fitting import fit
from estimation.lifetime_value.purchase_models import BG_NBD
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries
connection = duckdb.connect()
started, cpu = time.perf_counter(), time.process_time()
found = connection.execute(
    f"select x::double x, t_x::double t_x, tenure::double tenure, count(*)::double n "
    f"from read_parquet('{sys.argv[1]}') group by all order by all"
).fetchnumpy()
rows = PurchaseSummaries(found["x"], found["t_x"], found["tenure"], found["n"])
fitted = fit(BG_NBD, rows)
print(json.dumps({
    "wall": time.perf_counter() - started, "cpu": time.process_time() - cpu,
    "parameters": fitted.parameters,
}))
"""

PEER = """
import json, sys, time
import numpy as np, pandas as pd
from pymc_extras.prior import Prior
from pymc_marketing.clv import BetaGeoModel
x, t_x, tenure = np.load(sys.argv[1])
data = pd.DataFrame({"customer_id": np.arange(len(x)), "frequency": x, "recency": t_x, "T": tenure})
started, cpu = time.perf_counter(), time.process_time()
flat = {name: Prior("HalfFlat") for name in ("r", "alpha", "a", "b")}
model = BetaGeoModel(data, model_config=flat)
model.fit(method="map", progressbar=False)
found = model.fit_summary()
print(json.dumps({
    "wall": time.perf_counter() - started, "cpu": time.process_time() - cpu,
    "parameters": [float(found[name]) for name in ("r", "alpha", "a", "b")],
}))
"""


def main(_: list[str]) -> None:
    """Alternate, and print both sides' best and all rounds."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows, arrays = FOLDER / "customers.parquet", FOLDER / "customers.npy"
    with duckdb.connect() as connection:
        summarise(connection, purchase_days(CUSTOMERS))
        connection.execute(
            f"copy (select x, t_x, tenure from customers order by customer_id) to '{rows}'"
        )
        columns = connection.execute(f"select * from '{rows}'").fetchnumpy()
    np.save(arrays, np.array([columns[name] for name in ("x", "t_x", "tenure")], np.float64))
    python = peers_python()
    own: list[Cost] = []
    peer: list[Cost] = []
    for _round in range(ROUNDS):
        own.append(run(Path(sys.executable), OWN, rows))
        peer.append(run(python, PEER, arrays))
        for name, cost in (("own", own[-1]), ("pymc-marketing", peer[-1])):
            print(
                f"{name:15} fit {cost.result['cpu']:6.2f} s CPU {cost.result['wall']:6.2f} s wall; "
                f"process {cost.cpu_seconds:6.2f} s CPU, {cost.peak_megabytes:5.0f} MB; "
                + " ".join(f"{value:.4f}" for value in cost.result["parameters"]),
                flush=True,
            )
    speed = min(c.result["cpu"] for c in peer) / min(c.result["cpu"] for c in own)
    memory = min(c.peak_megabytes for c in own) / min(c.peak_megabytes for c in peer)
    print(f"own is {speed:.1f} times as fast (CPU of the fit) with {memory:.2f} of the memory")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Steps that only write down their calls: what the runner does with steps, without any data.

Files in the home say what goes wrong: `close_<layer>` closes a gate, `break_<source>` or
`break_all` make sources fail, `wait` makes load_raw wait until the file is gone.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from expectations.gate import GateClosed


def ingest_source(home: Path, exports: str, source: str, now: datetime) -> None:
    _record(home, f"ingest_source {source} {now.isoformat()}")
    if (home / f"break_{source}").exists() or (home / "break_all").exists():
        raise FileNotFoundError(f"{exports}/{source}: no file customers_*.csv; ask the vendor")
    (home / f"news_of_{source}").touch()


def has_news(home: Path) -> bool:
    _record(home, "has_news")
    return any(home.glob("news_of_*"))


def load_raw(home: Path) -> None:
    _record(home, "load_raw")
    while (home / "wait").exists():
        time.sleep(0.05)


def validate(home: Path, layer: str) -> None:
    _record(home, f"validate {layer}")
    if (home / f"close_{layer}").exists():
        closed = GateClosed.__new__(GateClosed)
        closed.args = (f"gate {layer} is closed: 3 orders without currency",)
        raise closed


def run_dbt(home: Path, phase: str) -> None:
    _record(home, f"run_dbt {phase}")


def resolve_identity(home: Path) -> None:
    _record(home, "resolve_identity")


def estimate_lifetime_values(home: Path) -> None:
    _record(home, "estimate_lifetime_values")


def publish(home: Path, now: datetime) -> None:
    _record(home, f"publish {now.isoformat()}")
    for news in home.glob("news_of_*"):
        news.unlink()


def _record(home: Path, call: str) -> None:
    with (home / "calls.txt").open("a") as file:
        file.write(call + "\n")

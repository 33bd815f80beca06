"""The traps by number: TRAPS.md is the list, ``traps.json`` in the truth adds the concrete rows of
one company.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from simulation.deliveries import Book

TABLE = Path(__file__).parent / "TRAPS.md"


class TrapError(RuntimeError):
    """A trap is not in the files, or not in the table: tests would rest on nothing."""


@dataclass(frozen=True)
class Trap:
    """One row of TRAPS.md. ``key`` names its evidence, ``test`` the test that springs it."""

    number: int
    key: str
    title: str
    where: str
    naive: str
    test: str


def read_traps(table: Path = TABLE) -> list[Trap]:
    """The rows of the table in TRAPS.md. Raises TrapError where a row has not six cells."""
    traps = []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|") or line.startswith(("| nr |", "|---")):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6:
            raise TrapError(f"{table.name}, line {number}: {len(cells)} cells, a trap has 6")
        nr, key, title, where, naive, test = cells
        traps.append(Trap(int(nr), key, title, where, naive, test.strip("`")))
    return traps


def write_traps(folder: Path, book: Book) -> int:
    """Write ``traps.json``, return the number of traps. Raises TrapError where one is missing."""
    traps = read_traps()
    missing = [trap.key for trap in traps if not book.evidence.get(trap.key)]
    unknown = sorted(set(book.evidence) - {trap.key for trap in traps})
    if missing or unknown:
        raise TrapError(
            f"traps without a row in the files: {missing}; evidence of no listed trap: {unknown}. "
            "Ask for more customers or days, or correct TRAPS.md"
        )
    body = [
        {
            "number": trap.number,
            "key": trap.key,
            "title": trap.title,
            "where": trap.where,
            "naive": trap.naive,
            "test": trap.test,
            "evidence": book.evidence[trap.key],
        }
        for trap in traps
    ]
    text = json.dumps(body, indent=1, ensure_ascii=False)
    (folder / "traps.json").write_text(text + "\n", encoding="utf-8")
    return len(body)

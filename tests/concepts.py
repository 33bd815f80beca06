"""docs/concepts.md as data: the columns of a concept, what fills them, which tests hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "concepts.md"
COLUMN = re.compile(r"`([a-z_]+)\.([a-z0-9_]+)`")
ROW = re.compile(r"`([a-z_]+)\[([a-z0-9_]+)\]`")
WORD = re.compile(r"`([a-z0-9_]+)`")
# The column that names the rows of a mart, and the one that holds their figure.
NAMED_BY = {
    "kpis_daily": ("metric", "value"),
    "loyalty_effects": ("claim", "value"),
    "claim_effects": ("claim", "effect"),
}


@dataclass(frozen=True)
class Concept:
    """A row of the page: ``columns`` are (mart, column), ``rows`` are (mart, metric or claim)."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str], ...]
    sources: str
    tests: tuple[str, ...]


def read_concepts() -> list[Concept]:
    """All rows of the page's tables. Raises ValueError for a row without four cells."""
    concepts = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("| ") or line.startswith("| concept |"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4:
            raise ValueError(f"{PAGE.name}: {len(cells)} cells in {line!r}. Give four")
        name, columns, sources, tests = cells
        concepts.append(
            Concept(
                name,
                tuple(COLUMN.findall(columns)),
                tuple(ROW.findall(columns)),
                sources,
                tuple(WORD.findall(tests)),
            )
        )
    return concepts

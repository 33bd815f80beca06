"""The generated part of docs/mapping.md: every generic contract with every column.

Run alone: ``python -m rapport.mapping_reference`` rewrites the page; a test fails when it is out of
date.
"""

from __future__ import annotations

from pathlib import Path

from ingestion.contract import WHERE_MAPPED, Column, ObjectContract, load_contracts

PAGE = Path(__file__).parents[1] / "docs" / "mapping.md"
MARK = "<!-- everything below is written by `make docs` from ingestion/contracts/generic.yml -->\n"


def reference() -> str:
    """The column tables of all generic contracts, as Markdown."""
    contracts = [item for item in load_contracts().values() if item.vendor == "generic"]
    return MARK + "\n".join(_contract(item) for item in contracts)


def _need(column: Column) -> str:
    if column.required_where_mapped:
        return f"required {WHERE_MAPPED}"
    return "required" if column.required else ""


def _contract(contract: ObjectContract) -> str:
    facts = f"{contract.meaning} Grain: {contract.grain}. Mode: {contract.mode}"
    if contract.key:
        facts += f", key {', '.join(contract.key)}"
    if contract.mode == "upsert":
        facts += f", version {contract.version}"
    if contract.money_amount:
        facts += f". Money accounted for: {contract.money_amount}"
    rows = "\n".join(
        f"| `{column.name}` | {column.type}{_values(column.values)} | "
        f"{_need(column)} | {column.meaning} |"
        for column in contract.columns
    )
    return (
        f"\n### {contract.table}\n\n{facts}.\n\n"
        f"| column | type | | meaning |\n|---|---|---|---|\n{rows}\n"
    )


def _values(values: tuple[str, ...]) -> str:
    return f": {', '.join(values)}" if values else ""


def page(text: str) -> str:
    """``text`` with its generated part renewed."""
    return text.partition(MARK)[0] + reference()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

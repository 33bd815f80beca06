"""Generic: any system's export, taken in through a mapping in ``rapport.yml`` (docs/mapping.md).

What arrives: CSV, JSON, NDJSON or Parquet with the company's own field names.

Quirks: all of them are declared in the mapping: dialect, zone, formats, filters, value maps.

Data flow::

    files of rapport.yml -> raw/generic_<object>

Run alone: ``rapport ingest <instance>``
"""

from ingestion.contract import load_contracts
from ingestion.source import ObjectExport, Source

SOURCE = Source(
    name="generic",
    title="Any export, through a mapping",
    objects=tuple(
        ObjectExport(object=contract.name)
        for contract in load_contracts().values()
        if contract.vendor == "generic"
    ),
)

"""Shopify admin: the orders CSV export.

What arrives: one row per order line. Totals, currency and state of an order stand on its first row
only; below it ``Name``, ``Email`` and ``Created at`` are repeated, in older exports left empty.

Quirks: amounts of the order are repeated nowhere, so they must be read from the first row; times
carry the shop's offset; ``Refunded Amount`` includes refunded tax and shipping; the export has no
flag for test orders; an order that is exported again is repeated whole.

Data flow::

    orders*.csv -> raw/shopify_orders (one row per line, order fields filled down)

Run alone: ``rapport ingest shopify``
"""

from ingestion.source import ObjectExport, Source

SOURCE = Source(
    name="shopify",
    title="Shopify admin orders CSV",
    objects=(
        ObjectExport(
            object="orders",
            patterns=("*orders*.csv",),
            fill_down="order_name",
            signatures=(("Lineitem quantity", "Financial Status"),),
        ),
    ),
)

"""HubSpot CRM: contacts and deals.

What arrives: pages of the CRM API v3 (``{"results": [...], "paging": ...}``, fields under
``properties``) or CSV exports with internal property names or the English export headers.

Quirks: an e-mail address is not unique; a merged contact lives on as an id in
``hs_merged_object_ids`` of the survivor, separated by semicolons and sometimes typed as a number;
archived records come with ``archived: true``.

Data flow::

    contacts*.json, contacts*.csv -> raw/hubspot_contacts
    deals*.json, deals*.csv       -> raw/hubspot_deals

Run alone: ``rapport ingest hubspot``
"""

from ingestion.source import ObjectExport, Source

SOURCE = Source(
    name="hubspot",
    title="HubSpot CRM API pages or CSV exports",
    objects=(
        ObjectExport(
            object="contacts",
            patterns=("*contacts*.json", "*contacts*.csv"),
            records="results",
            signatures=(
                ("hs_object_id", "lastmodifieddate", "firstname"),
                ("Record ID - Contact",),
                ("Record ID", "Lifecycle Stage", "Email"),
            ),
        ),
        ObjectExport(
            object="deals",
            patterns=("*deals*.json", "*deals*.csv"),
            records="results",
            signatures=(("dealstage", "closedate"), ("Deal Stage", "Close Date")),
        ),
    ),
)

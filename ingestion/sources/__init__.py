"""The vendors that Rapport reads. A new one is a module, a contract, one word here, staging models
and test exports.
"""

from ingestion.source import Source
from ingestion.sources import delighted, ga4, generic, hubspot, sendgrid, shopify

ALL: dict[str, Source] = {
    module.SOURCE.name: module.SOURCE
    for module in (delighted, ga4, generic, hubspot, sendgrid, shopify)
}

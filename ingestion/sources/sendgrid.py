"""Twilio SendGrid: the event webhook's bodies, stored as files.

What arrives: JSON arrays of events, each as the webhook posted it, or one event per line.

Quirks: at least once, so events repeat within and across files for days (``sg_event_id`` tells them
apart); ``timestamp`` is in seconds; ``category`` is a text or a list; the Message-ID field is
called ``smtp-id``.

Data flow::

    *events*.json, *webhook*.json, *.ndjson -> raw/sendgrid_events

Run alone: ``rapport ingest sendgrid``
"""

from ingestion.source import ObjectExport, Source

SOURCE = Source(
    name="sendgrid",
    title="SendGrid event webhook JSON",
    objects=(
        ObjectExport(
            object="events",
            patterns=("*.json", "*.json.gz", "*.ndjson", "*.ndjson.gz"),
            signatures=(("sg_event_id", "sg_message_id"),),
        ),
    ),
)

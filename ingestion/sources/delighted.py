"""Delighted: survey responses.

What arrives: JSON lists as the API returns them, or the CSV export.

Quirks: 0 is a score; ``person`` is an id, or an object with e-mail address when expanded; times are
seconds; an answer that is edited later arrives again with a newer ``updated_at``.

Data flow::

    *.json, *.csv -> raw/delighted_survey_responses

Run alone: ``rapport ingest delighted``
"""

from ingestion.source import ObjectExport, Source

SOURCE = Source(
    name="delighted",
    title="Delighted survey responses JSON or CSV",
    objects=(
        ObjectExport(
            object="survey_responses",
            patterns=("*.json", "*.csv"),
            signatures=(("survey_type", "permalink"), ("Survey Type", "Response Created At")),
        ),
    ),
)

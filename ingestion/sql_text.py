"""Names and texts as SQL: the only way that anything from a file or from rapport.yml enters a
query.
"""

from __future__ import annotations


def quoted(name: str) -> str:
    """A name as an SQL identifier: quotes doubled, so that no name can be anything else."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"

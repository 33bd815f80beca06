"""Field paths of rapport.yml: ``value.amount``, ``items[0].item_id``,
``event_params[ga_session_id]``.

In CSV, and wherever a top-level field has exactly that name, a path is a name and nothing more.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

# A name, or something in brackets, each with the dot that may follow it.
_STEP = re.compile(r"(?:(?P<name>[^.\[\]]+)|\[(?P<inside>[^\[\]]+)\])(?:\.(?=[^.\[])|(?=\[)|$)")


@dataclass(frozen=True)
class FieldPath:
    """Steps into a record: names and list places; ``key`` looks up the list of ``{key, value}``
    there.
    """

    text: str
    steps: tuple[str | int, ...]
    key: str | None = None

    @property
    def first(self) -> str:
        """The top-level field that the path starts in."""
        return str(self.steps[0])

    def pointer(self) -> str:
        """The steps as a JSON pointer (RFC 6901), which no name can break out of."""
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)
        return "".join(f"/{step}" for step in steps)


@functools.lru_cache(maxsize=4096)
def parse_path(text: str) -> FieldPath:
    """The steps of a path; a text that is no path is a plain name."""
    steps: list[str | int] = []
    key = None
    place = 0
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None or key is not None or (step["inside"] and not steps):
            return FieldPath(text, (text,))
        place = step.end()
        if step["name"]:
            steps.append(step["name"])
        elif step["inside"].isdecimal():
            steps.append(int(step["inside"]))
        else:
            key = step["inside"]
    return FieldPath(text, tuple(steps) or (text,), key)

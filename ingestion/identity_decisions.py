"""The user's own word on who is one customer: a CSV with decision, left and right.

``merge`` joins two identifiers, ``do_not_merge`` keeps two apart, and both go before everything
else. An identifier is written as the marts name it, ``id_space|type|value``; e-mail addresses as
``any|email|ola@example.no`` (or by their key), since they mean the same person everywhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingestion.mapping import nearest
from ingestion.personal_data import KEY_VERSION, Keyring, normal_email

COLUMNS = ("decision", "left", "right")
DECISIONS = ("merge", "do_not_merge")
TYPES = ("customer", "email", "loyalty", "survey_person", "anonymous")


class DecisionError(ValueError):
    """A line cannot be followed; the message names file, line, value and next step."""


@dataclass(frozen=True)
class Decision:
    """One line of the file; ``left`` and ``right`` as they stand there."""

    line: int
    decision: str
    left: str
    right: str


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """The decisions of a CSV. Columns beyond COLUMNS are the user's own notes.

    Raises DecisionError for a file that is not there, a word or an identifier that means nothing,
    and for decisions that contradict each other.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DecisionError(
            f"{path}: not found. Write it ({','.join(COLUMNS)}), or take identity.decisions out"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DecisionError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DecisionError(
            f"{path}, line 1: no column {missing[0]!r}; the first line reads {','.join(COLUMNS)}"
        )
    decisions = tuple(_decision(path, reader.line_num, row) for row in reader)
    _check_agreement(path, decisions)
    return decisions


def _decision(path: Path, line: int, row: dict[str, str | None]) -> Decision:
    word, left, right = ((row[name] or "").strip() for name in COLUMNS)
    where = f"{path}, line {line}"
    if word not in DECISIONS:
        raise DecisionError(f"{where}: no decision {word!r}; {nearest(word, DECISIONS)}")
    for text in (left, right):
        _check_identifier(where, text)
    if left == right:
        raise DecisionError(f"{where}: {left!r} stands on both sides; name two identifiers")
    return Decision(line, word, left, right)


def _check_identifier(where: str, text: str) -> None:
    space, _, rest = text.partition("|")
    kind, _, value = rest.partition("|")
    if not space or not value:
        raise DecisionError(
            f"{where}: {text!r} is no identifier; write id_space|type|value, like "
            "hubspot|customer|1042 or any|email|ola@example.no"
        )
    if kind not in TYPES:
        raise DecisionError(f"{where}: {text!r} has no type {kind!r}; {nearest(kind, TYPES)}")
    if kind == "email" and space != "any":
        raise DecisionError(f"{where}: {text!r}: e-mail addresses stand in the id_space any")
    if kind == "email" and not _is_key(value) and normal_email(value) is None:
        raise DecisionError(f"{where}: {value!r} is no e-mail address")


def _is_key(value: str) -> bool:
    return value.startswith(f"{KEY_VERSION}:")


def _check_agreement(path: Path, decisions: Iterable[Decision]) -> None:
    """What merges make one, no other line may keep apart."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    listed = list(decisions)
    for item in listed:
        if item.decision == "merge":
            parents[root(_spelled(item.left))] = root(_spelled(item.right))
    for item in listed:
        if item.decision == "do_not_merge" and root(_spelled(item.left)) == root(
            _spelled(item.right)
        ):
            raise DecisionError(
                f"{path}, line {item.line}: {item.left!r} and {item.right!r} are kept apart here, "
                "but merge lines make them one. Take one of the lines out"
            )


def _spelled(identifier: str) -> str:
    """One spelling for each identifier."""
    space, kind, value = identifier.split("|", 2)
    address = normal_email(value) if kind == "email" else None
    return f"{space}|{kind}|{address or value}"


def keyed_identifier(identifier: str, keyring: Keyring) -> str:
    """The identifier as the warehouse knows it: without a clear e-mail address."""
    space, kind, value = identifier.split("|", 2)
    if kind == "email" and not _is_key(value):
        value = keyring.keyed("email", value) or value
    return f"{space}|{kind}|{value}"

"""The fingerprint of a night changes with all that decides the marts, and with nothing else."""

from __future__ import annotations

from typing import Any

from small_warehouse import AS_OF

from publishing.inputs import fingerprint

NIGHT: dict[str, Any] = {
    "configuration_sha256": "c1",
    "key_version": "k1",
    "as_of": AS_OF,
    "code_version": "0123abc",
}


def test_order_and_repetition_of_deliveries_do_not_matter() -> None:
    assert fingerprint(["a", "b"], **NIGHT) == fingerprint(["b", "a", "b"], **NIGHT)


def test_everything_else_does() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"configuration_sha256": "c2"},
        {"key_version": "k2"},
        {"as_of": AS_OF.replace(day=29)},
        {"code_version": "4567def"},
    ]
    found = {fingerprint(["a", "b"], **{**NIGHT, **change}) for change in changes}
    found |= {fingerprint(["a"], **NIGHT), fingerprint(["ab"], **NIGHT), fingerprint([], **NIGHT)}
    assert len(found) == len(changes) + 3

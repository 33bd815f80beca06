"""Field paths: names, places, keys; a text that is no path is a name."""

from __future__ import annotations

import pytest

from ingestion.field_paths import parse_path


@pytest.mark.parametrize(
    ("text", "steps", "key", "pointer"),
    [
        ("a", ("a",), None, "/a"),
        ("value.offer id", ("value", "offer id"), None, "/value/offer id"),
        ("items[0].item_id", ("items", 0, "item_id"), None, "/items/0/item_id"),
        ("a[0][1]", ("a", 0, 1), None, "/a/0/1"),
        ("event_params[ga_session_id]", ("event_params",), "ga_session_id", "/event_params"),
        ("p[a.b]", ("p",), "a.b", "/p"),
        ("smtp-id", ("smtp-id",), None, "/smtp-id"),
        ("a/b~c", ("a/b~c",), None, "/a~1b~0c"),
        ("a..b", ("a..b",), None, "/a..b"),
        (".a", (".a",), None, "/.a"),
        ("a.", ("a.",), None, "/a."),
        ("[0]", ("[0]",), None, "/[0]"),
        ("a[b].c", ("a[b].c",), None, "/a[b].c"),
        ("a[", ("a[",), None, "/a["),
        ("*", ("*",), None, "/*"),
        ("$", ("$",), None, "/$"),
    ],
)
def test_a_path_is_its_steps(
    text: str, steps: tuple[str | int, ...], key: str | None, pointer: str
) -> None:
    path = parse_path(text)
    assert (path.text, path.steps, path.key, path.pointer()) == (text, steps, key, pointer)
    assert path.first == str(steps[0])

"""The list of benchmarks: each of them can be run and says what it measures."""

from __future__ import annotations

import importlib

import pytest

from benchmarks import __main__ as benchmarks


def test_every_benchmark_can_be_run_and_says_what_it_measures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchmarks.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(benchmarks.ALL)
    assert all(len(line.partition(": ")[2]) > 20 for line in lines)
    ran = []
    for name in benchmarks.ALL:
        module = importlib.import_module(f"benchmarks.{name}")
        monkeypatch.setattr(module, "main", lambda own, name=name: ran.append((name, own)))
    assert benchmarks.main(["growth", "folder", "30", "lifetime_value_fit"]) == 0
    assert ran == [("growth", ["folder", "30"]), ("lifetime_value_fit", [])]


def test_an_unknown_benchmark_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["warp_drive"]) == 2
    assert "no benchmark warp_drive" in capsys.readouterr().err

"""The list of benchmarks is what lies in the folder; each of them says what it measures."""

from __future__ import annotations

import importlib

import pytest

from benchmarks import __main__ as benchmarks


def test_every_benchmark_can_be_run_and_says_what_it_measures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert benchmarks.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == benchmarks.names()
    assert len(lines) > 0
    for line, name in zip(lines, benchmarks.names(), strict=True):
        assert len(line) > len(name) + 10
        assert callable(importlib.import_module(f"benchmarks.{name}").main)


def test_an_unknown_benchmark_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["warp_drive"]) == 2
    assert "no benchmark warp_drive" in capsys.readouterr().err

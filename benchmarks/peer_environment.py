"""The interpreter of other people's models: an environment of its own beside the project's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.simulated_customers import FOLDER

ROOT = Path(__file__).parents[1]


def peers_python() -> Path:
    """The interpreter of the environment of requirements/benchmark_peers.txt, which is made where
    it is missing.
    """
    folder = FOLDER / "peers"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True
        )
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes",
             "--compile-bytecode", "-r", str(ROOT / "requirements" / "benchmark_peers.txt")],
            check=True,
        )  # fmt: skip
        (folder / "complete").touch()
    return python

"""``python -m benchmarks [NAME...]``: list the benchmarks, or run those named."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def names() -> list[str]:
    """The modules of this package that can be run, in order."""
    return sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name[0] != "_"
    )


def main(arguments: list[str]) -> int:
    """Exit code 2 for a name that is none."""
    unknown = sorted(set(arguments) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: there are {', '.join(names())}", file=sys.stderr)
        return 2
    for name in arguments or names():
        module = importlib.import_module(f"benchmarks.{name}")
        title = (module.__doc__ or "").strip().splitlines()[0]
        print(f"{name}: {title}", flush=True)
        if arguments:
            module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m benchmarks`` lists them; ``python -m benchmarks NAME [ARGUMENT...]`` runs one."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "components",
    "engagement_ceiling",
    "growth",
    "lifetime_value_accuracy",
    "lifetime_value_fit",
    "lifetime_value_night",
    "lifetime_value_pictures",
    "lifetime_value_scale",
    "lifetime_value_truth",
    "volume",
)


def main(arguments: list[str]) -> int:
    """List or run; what follows a name and is none itself goes to that benchmark. 2: no such
    name.
    """
    if arguments and arguments[0] not in ALL:
        print(f"no benchmark {arguments[0]}: there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    wanted: list[tuple[str, list[str]]] = []
    for argument in arguments:
        if argument in ALL:
            wanted.append((argument, []))
        else:
            wanted[-1][1].append(argument)
    for name, own in wanted or [(name, []) for name in ALL]:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"{name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        if wanted:
            module.main(own)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

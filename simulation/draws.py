"""Random numbers by name: every part draws from its own stream, so that one more draw here moves
nothing there.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one part of one company."""
    return np.random.Generator(np.random.PCG64([seed, *name.encode()]))


def token(*parts: object) -> str:
    """16 hex digits that depend on the parts alone."""
    text = "|".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

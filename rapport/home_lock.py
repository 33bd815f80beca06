"""One writer per data home: whoever changes it holds the lock on `<home>/.lock`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


class HomeInUseError(RuntimeError):
    """Somebody else works in this data home; the message says who and what to do."""


@contextmanager
def hold(home: Path, purpose: str) -> Iterator[int]:
    """Hold the data home for as long as the block runs; gives the lock's file descriptor.

    ``purpose`` is what others are told, e.g. "rapport run, process 4711". The kernel releases the
    lock when the last process that has the descriptor ends, however it ends: there is no stale
    lock. Raises HomeInUseError at once if the home is held.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUseError(_in_use(home, descriptor)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{purpose}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(home: Path) -> bool:
    """Does somebody hold this data home just now?"""
    if not (home / LOCK).exists():
        return False
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _in_use(home: Path, descriptor: int) -> str:
    holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
    return f"{home}: already running ({holder}); wait until it ends, or stop it"

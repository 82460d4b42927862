"""One writer at a time on a file: the only place that knows how a file is locked on which system."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from gonogo.model.errors import ConfigError

try:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

except ImportError:  # Windows: a byte far behind the end, since locked bytes cannot be read there
    import msvcrt

    _FAR = 1 << 62

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]


@contextmanager
def appending(path: Path, patience: timedelta = timedelta(seconds=10)) -> Iterator[int]:
    """A descriptor that reads `path` and writes at its end, held by nobody else meanwhile.

    The file and its folder are made if need be. ConfigError if it cannot be opened, or somebody holds it too long.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    try:
        _wait(descriptor, path, time.monotonic() + patience.total_seconds())
        try:
            yield descriptor
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, ends: float) -> None:
    while True:
        try:
            _try_lock(descriptor)
        except OSError:
            if time.monotonic() >= ends:
                raise ConfigError(f"{path} is being written by somebody else; try again") from None
            time.sleep(0.02)
        else:
            return

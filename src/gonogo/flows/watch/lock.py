"""One watch an environment: a lock that dies with its process, and a line beside it that says who holds it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from gonogo.model.errors import ConfigError
from gonogo.reporting.files import write_text

LOCK, HOLDER = "watch.lock", "holder.json"
_NOT_OURS = 0.5  # s between the start of a process as noted and as it is: another one has got its number


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who watches. `born` is when its process began, in seconds since 1970: numbers of processes come again."""

    pid: int
    host: str
    since: str  # ISO 8601
    born: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


@contextmanager
def held(base: Path, environment: str, now: datetime) -> Iterator[Holder]:
    """Hold the environment's lock; ConfigError names who has it. One that a dead process left is taken over."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only a watch needs it

    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = FileLock(base / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise ConfigError(f"{environment} is watched already{_by(holder(base))}; --replace takes over") from None
    except OSError as error:
        raise ConfigError(f"{base}: the watch cannot be locked there ({error.strerror or error})") from None
    me = Holder(pid=os.getpid(), host=platform.node(), since=now.isoformat(timespec="seconds"), born=_born(os.getpid()))
    try:
        write_text(base / HOLDER, json.dumps(asdict(me)) + "\n")
        yield me
    finally:
        with suppress(OSError):
            (base / HOLDER).unlink()
        lock.release()


def holder(base: Path) -> Holder | None:
    """Who holds the lock now; None where nobody does, or nobody said so."""
    try:
        found = Holder(**json.loads((base / HOLDER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.host != platform.node() or alive(found) else None


def alive(one: Holder) -> bool:
    """Whether that very process still runs on this machine."""
    if one.host != platform.node():
        return False
    import psutil  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    try:
        process = psutil.Process(one.pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - one.born) < _NOT_OURS)
    except psutil.Error:
        return False


def _born(pid: int) -> float:
    import psutil  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    return float(psutil.Process(pid).create_time())


def _by(one: Holder | None) -> str:
    return "" if one is None else f" by {one}"

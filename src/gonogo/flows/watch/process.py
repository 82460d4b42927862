"""A watch as a process of its own: begun behind the terminal, looked for, told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.flows.watch.lock import Holder, alive, holder
from gonogo.flows.watch.store import STATUS, watches
from gonogo.model.errors import ConfigError, ExitStatus, GonogoError
from gonogo.reporting.files import NotKept, read_json

OUTPUT = "output.log"
_READY_S = 60.0  # a rehearsed environment has to come up, too
_ENDS_S = 90.0  # at most: a rollback that has begun is finished, and a rehearsal goes down
_TURN_S = 0.05


class NotBegunError(GonogoError):
    """The process in the background ended before it watched; `status` is its own exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.exit_status = ExitStatus(status) if status in set(ExitStatus) else ExitStatus.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A watch in the background."""

    pid: int
    folder: Path


def begin_behind(base: Path, arguments: Sequence[str], root: Path) -> Begun:
    """Begin `gonogo watch start --foreground` with these arguments, in a session of its own, and wait until it
    watches. NotBegunError with its last line if it ended before.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        (base / OUTPUT).open("ab").close()
    except OSError as error:
        raise NotKept(f"{base}: nothing can be kept there ({error.strerror or error}); nothing was begun") from None
    command = [sys.executable, "-P", "-X", "utf8", "-m", "gonogo.cli", "watch", "start", "--foreground", *arguments]
    with (base / OUTPUT).open("ab") as output:
        at = output.tell()
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter and this package
                command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_detached()
            )
        except OSError as error:
            raise ConfigError(f"the watch cannot be begun: {error.strerror or error}") from None
    ends = time.monotonic() + _READY_S
    while time.monotonic() < ends:
        folder = _watching(base, process.pid)
        if folder is not None:
            process.returncode = 0  # it goes on without us: nobody waits for it
            return Begun(pid=process.pid, folder=folder)
        status = process.poll()
        if status is not None:
            raise NotBegunError(_last_line(base / OUTPUT, at) or f"the watch ended at once ({status})", status)
        time.sleep(_TURN_S)
    _tell(process.pid)
    raise NotBegunError(f"the watch did not begin within {_READY_S:.0f} s (see {base / OUTPUT})", ExitStatus.HOLD)


def end_first(base: Path) -> Holder | None:
    """End whoever watches, and wait until it has; None where nobody does. ConfigError for one elsewhere."""
    one = holder(base)
    if one is None:
        return None
    if not alive(one):
        raise ConfigError(f"{one} watches on another machine: end it there")
    _tell(one.pid)
    if not _gone(one, _ENDS_S):
        os.kill(one.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if not _gone(one, _ENDS_S):
            raise ConfigError(f"{one} does not end")
    return one


def _detached() -> dict[str, Any]:
    """Out of the terminal's session, so that its end is not ours."""
    if os.name == "nt":
        flags = "DETACHED_PROCESS", "CREATE_NEW_PROCESS_GROUP", "CREATE_BREAKAWAY_FROM_JOB"
        return {"creationflags": sum(getattr(subprocess, flag, 0) for flag in flags)}
    return {"start_new_session": True}


def _watching(base: Path, pid: int) -> Path | None:
    """The folder in which this process has said how it stands."""
    for folder in watches(base)[-1:]:
        try:
            status = read_json(folder / STATUS)
        except GonogoError:
            return None
        if isinstance(status, dict) and status.get("pid") == pid:
            return folder
    return None


def _tell(pid: int) -> None:
    """SIGTERM; Windows knows none, and ends the process as `kill -9` would: what was kept stays kept."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except OSError as error:
        raise ConfigError(f"process {pid} cannot be told to end: {error.strerror or error}") from None


def _gone(one: Holder, within_s: float) -> bool:
    ends = time.monotonic() + within_s
    while alive(one):
        if time.monotonic() >= ends:
            return False
        time.sleep(_TURN_S)
    return True


def _last_line(path: Path, after: int) -> str:
    with path.open("rb") as file:
        file.seek(after)
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("gonogo: ") if lines else ""

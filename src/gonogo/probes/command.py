"""A program of this machine into its exit status and output: no shell, no secrets, one deadline, a cap on bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gonogo.model.evidence import Cause
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure

OUTPUT_CAP = 32 * 1024 * 1024
_ERROR_CAP = 64 * 1024
_CHUNK = 64 * 1024
# What a program needs to find itself, its caches and the roots of trust; nothing else of the environment reaches it.
_KEPT = (
    "APPDATA", "COMSPEC", "HOME", "LANG", "LC_ALL", "LOCALAPPDATA", "NODE_EXTRA_CA_CERTS", "PATHEXT", "SSL_CERT_DIR",
    "SSL_CERT_FILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TRIVY_CACHE_DIR", "USERPROFILE", "XDG_CACHE_HOME",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program that has ended by itself. `error` is the last line of its standard error."""

    status: int
    output: bytes
    error: str


def find(name: str, folder: str = "") -> str | None:
    """The program's own path: in `folder` alone where one is named, else on PATH. None if it is not there."""
    found = shutil.which(name, path=folder or None)
    return str(Path(found).absolute()) if found else None


def run(
    words: Sequence[str],
    *,
    cwd: Path,
    deadline: Deadline,
    beside: str = "",
    more: Mapping[str, str] | None = None,
    cap: int = OUTPUT_CAP,
) -> Ran:
    """Run `words` until it ends. It finds other programs in the folder `beside` first, and of this process's
    environment only what it cannot do without, with `more` over it.

    Failure: TIMEOUT when the deadline ran out, BROKEN over the cap, UNAVAILABLE if it cannot be started; it and what
    it started are killed.
    """
    name = Path(words[0]).name
    try:
        process = subprocess.Popen(  # noqa: S603 - words come from fixed tables and checked names
            list(words),
            cwd=cwd,
            env=_environment(beside, more or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        raise Failure(Cause.UNAVAILABLE, f"{name} cannot be started: {error.strerror}") from None
    output, errors = _Drain(process.stdout, cap, process), _Drain(process.stderr, _ERROR_CAP, None)
    try:
        status = process.wait(deadline.left)
        for drain in (output, errors):
            drain.join(max(0.2, deadline.left))
    except subprocess.TimeoutExpired:
        raise Failure(
            Cause.TIMEOUT, f"{name} did not end within {deadline.allowed:g} s; {len(output.taken)} bytes of output"
        ) from None
    finally:
        _kill(process)
        for drain in (output, errors):
            drain.join(1.0)
    if output.over:
        raise Failure(Cause.BROKEN, f"{name} wrote more than {cap} bytes")
    lines = bytes(errors.taken).decode("utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return Ran(status=status, output=bytes(output.taken), error=last[:300])


class _Drain(threading.Thread):
    """Reads one pipe to its end, so that the program never waits for us. Beyond the cap it kills the program (of
    standard output) or keeps the newest half (of standard error).
    """

    def __init__(self, pipe: IO[bytes] | None, cap: int, victim: subprocess.Popen[bytes] | None) -> None:
        super().__init__(daemon=True)
        self.taken = bytearray()
        self.over = False
        self._pipe = pipe
        self._cap = cap
        self._victim = victim
        self.start()

    def run(self) -> None:
        if self._pipe is None:
            return
        with suppress(OSError, ValueError), self._pipe as pipe:
            while chunk := pipe.read1(_CHUNK):  # type: ignore[attr-defined] # a buffered pipe has it
                self.taken += chunk
                if len(self.taken) <= self._cap:
                    continue
                if self._victim is not None:
                    self.over = True
                    _kill(self._victim)
                    return
                del self.taken[: len(self.taken) // 2]


def _environment(beside: str, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name in _KEPT if (value := os.environ.get(name))}
    path = os.pathsep.join(part for part in (beside, os.environ.get("PATH", os.defpath)) if part)
    return {**kept, "PATH": path, "PYTHONUTF8": "1", "NO_COLOR": "1", **more}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The program and, where there are process groups, all that it started."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    if process.poll() is None:
        with suppress(OSError, subprocess.TimeoutExpired):
            process.wait(2)

"""Lines of JSON on standard input into running servers; the end of input, even by a kill of the asker, into none.

It runs as a process of its own, in a session of its own, and needs the standard library alone. It makes a temporary
folder and prints its path. Each line is {name, steps: [[program, argument ...], ...], user, end}: the steps run one
after the other, the last one to stay; `user` is a numeric user to run as (null: the same), `end` the signal that asks
the last one to stop. When the input ends, for whatever reason, all are stopped and the folder is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO

STOP_WITHIN_S = 3.0


class Job:
    """A chain of commands in a thread."""

    def __init__(self, order: dict[str, object], folder: Path) -> None:
        self._order = order
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_ended = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        steps = self._order["steps"]
        assert isinstance(steps, list)  # noqa: S101 - the asker is ours
        user = self._order.get("user")
        rights: dict[str, object] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        with (self._folder / f"{self._order['name']}.log").open("ab") as log:
            try:
                for step in steps:
                    if self._run_step(step, log, rights) != 0:
                        return
            except (OSError, subprocess.SubprocessError) as error:
                log.write(f"cannot run: {error}\n".encode())

    def _run_step(self, step: list[str], log: BinaryIO, rights: dict[str, object]) -> int | None:
        with self._lock:
            if self._is_ended:
                return None
            process: subprocess.Popen[bytes] = subprocess.Popen(
                step,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=os.name == "posix",
                **rights,  # type: ignore[call-overload]
            )
            self._process = process
        return process.wait()

    def ask_to_end(self) -> None:
        with self._lock:
            self._is_ended = True
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(getattr(signal, str(self._order["end"]), signal.SIGTERM))

    def end(self, until: float) -> None:
        """Wait for it until then; kill its whole process group if it stays."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
            self._process.wait()


def _base() -> str | None:
    """Where temporary folders go. Servers that run as another user must be able to reach it, by a short path."""
    default = Path(tempfile.gettempdir())
    if len(str(default)) <= 60 and (os.name != "posix" or os.geteuid() != 0 or is_open(default)):
        return None
    return next((path for path in ("/tmp", "/var/tmp", "/dev/shm") if is_open(Path(path))), None)  # noqa: S108


def is_open(path: Path) -> bool:
    """True if every user may pass through all folders on the way."""
    return path.is_dir() and all(part.stat().st_mode & 0o001 for part in (path.resolve(), *path.resolve().parents))


def _remove(folder: Path) -> None:
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def main() -> None:
    """Serve until standard input ends."""
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # only the end of the input ends it
    folder = Path(tempfile.mkdtemp(prefix="ion-rehearsal-", dir=_base()))
    jobs: list[Job] = []
    try:
        folder.chmod(0o711)
        print(folder, flush=True)
        jobs.extend(Job(json.loads(line), folder) for line in sys.stdin)
    finally:
        for job in jobs:
            job.ask_to_end()
        until = time.monotonic() + STOP_WITHIN_S
        for job in jobs:
            job.end(until)
        _remove(folder)


if __name__ == "__main__":
    main()

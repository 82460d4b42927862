"""Real servers as child processes that never outlive this one, by way of the reaper."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NOBODY = 65534


class Processes:
    """The reaper and what it runs. `folder` is the temporary folder that goes with it."""

    def __init__(self) -> None:
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("reaper.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=os.name == "posix",  # Ctrl-C is for the asker alone
        )
        assert self._reaper.stdout is not None  # noqa: S101 - it is a pipe
        self.folder = Path(self._reaper.stdout.readline().rstrip("\n"))

    def start(
        self, name: str, steps: Sequence[Sequence[str | Path]], *, user: int | None = None, end: str = "SIGTERM"
    ) -> None:
        """Run commands one after the other, the last one to stay. Their output goes to NAME.log in the folder."""
        order = {"name": name, "steps": [[str(word) for word in step] for step in steps], "user": user, "end": end}
        assert self._reaper.stdin is not None  # noqa: S101 - it is a pipe
        self._reaper.stdin.write(json.dumps(order) + "\n")
        self._reaper.stdin.flush()

    def log(self, name: str) -> str:
        """The last line that a server wrote."""
        with contextlib.suppress(OSError):
            lines = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line for line in reversed(lines) if line.strip()), "")
        return ""

    def end(self) -> None:
        """Stop all and wait until the folder is gone."""
        if self._reaper.stdin is not None:
            with contextlib.suppress(OSError):
                self._reaper.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._reaper.wait(10)


def other_user() -> int | None:
    """The user that servers which refuse to run as root run as: None when this is not root."""
    return NOBODY if os.name == "posix" and os.geteuid() == 0 else None

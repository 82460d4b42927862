"""An environment's start command into a running environment with its addresses, and down again."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, ExitStatus, GonogoError
from gonogo.model.units import show_duration

_END_WITHIN_S = 10.0


class NotReadyError(GonogoError):
    """The environment's own start command did not bring it up: nothing was seen, so HOLD."""

    exit_status = ExitStatus.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Addresses and secrets of a started environment, and what it declares of itself beside its file (a part of
    an environment, merged over it). Secrets are not in its text.
    """

    addresses: Mapping[str, str]
    declares: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    pid: int


class Starter:
    """One process of a start command. It is told to end by closing its standard input, so that it
    also ends when this process is killed.
    """

    def __init__(self, environment: Environment, root: Path) -> None:
        if environment.start is None:
            raise ConfigError(f"{environment.name} has no start command; it is not a rehearsed environment")
        self._name = environment.name
        self._start = environment.start
        self._root = root
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()  # another thread may end it while this one brings it up
        self._ended = False
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed in end()

    def up(self, scene: str, faults: Sequence[str]) -> Started:
        """Start the command and wait for its ready line; NotReadyError after `ready_within`."""
        first, *rest = self._start.command
        command = [sys.executable if first == "python" else first, *rest]
        if scene:
            command += ["--scene", scene]
        for fault in faults:
            command += ["--fault", fault]
        with self._lock:
            if self._ended:
                raise NotReadyError(f"{self._name}: told to end before it was started")
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the environment file names it
                    command,
                    cwd=self._root,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,
                )
            except OSError as error:
                raise NotReadyError(f"{self._name}: cannot start {command[0]}: {error.strerror}") from None
        return self._ready()

    def switch(self, scene: str, faults: Sequence[str]) -> Started:
        """Ask the running command for another scene and other faults; it answers with a new ready line."""
        process = self._process
        if process is None or process.stdin is None:
            raise NotReadyError(f"{self._name} is not running")
        try:
            process.stdin.write(json.dumps({"scene": scene, "faults": list(faults)}) + "\n")
            process.stdin.flush()
        except OSError:
            raise self._not_ready("ended") from None
        return self._ready()

    def end(self) -> None:
        """Close its standard input and wait; kill it if it stays."""
        with self._lock:
            process, self._process = self._process, None
            self._ended = True
        if process is not None:
            if process.stdin is not None:
                with suppress(OSError):  # it has ended, and an order to it was never read
                    process.stdin.close()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._errors.close()

    def _ready(self) -> Started:
        process = self._process
        if process is None or process.stdout is None:
            raise NotReadyError(f"{self._name} is not running")
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        reader.join(self._start.ready_within.total_seconds())
        if not lines:
            raise self._not_ready(f"was not ready within {show_duration(self._start.ready_within)}")
        return self._read(lines[0])

    def _read(self, line: str) -> Started:
        if not line:
            raise self._not_ready("ended before it was ready")
        try:
            ready: dict[str, Any] = json.loads(line)
            return Started(
                addresses={str(k): str(v) for k, v in ready["addresses"].items()},
                declares=dict(ready.get("declares", {})),
                secrets={str(k): str(v) for k, v in ready.get("secrets", {}).items()},
                pid=int(ready.get("pid", 0)),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._not_ready("printed no ready line of JSON with addresses") from None

    def _not_ready(self, what: str) -> NotReadyError:
        self._errors.seek(0)
        tail = [line.strip() for line in self._errors.read().splitlines() if line.strip()][-1:]
        command = " ".join(self._start.command)
        return NotReadyError(f"{self._name}: its start command `{command}` {what}" + "".join(f": {t}" for t in tail))


class Starters:
    """Those that are up in a run, to be ended together and at once."""

    def __init__(self) -> None:
        self._known: list[Starter] = []
        self._lock = threading.Lock()
        self._ended = False

    def add(self, starter: Starter) -> None:
        """One that is about to come up; NotReadyError if all have been told to end."""
        with self._lock:
            if self._ended:
                raise NotReadyError("told to end before it was started")
            self._known.append(starter)

    def end(self) -> None:
        """Tell all of them to end, side by side, and wait."""
        with self._lock:
            self._ended = True
            threads = [threading.Thread(target=starter.end) for starter in self._known]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@contextmanager
def started(environment: Environment, root: Path, scene: str = "", faults: Sequence[str] = ()) -> Iterator[Started]:
    """Bring an environment up for the length of a `with` block."""
    starter = Starter(environment, root)
    try:
        yield starter.up(scene, faults)
    finally:
        starter.end()

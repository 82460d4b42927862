"""`python -m pytest` as a fork of a process that has already imported what it imports.

Such a run is a process of its own, with its own folder, environment, arguments and output, and ends as Python ends;
only its imports are done. Its parent is single-threaded, runs nothing itself and has not imported pytest's plugins:
pytest finds, imports and rewrites them anew in every run.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

IMPORTED = (
    *("pytest", "unittest", "doctest", "difflib", "pdb", "xml.etree.ElementTree", "execnet", "attr", "jmespath"),
    *("allure_commons.model2", "encodings.idna", "httpx", "gonogo.flows.session", "gonogo.flows.ending"),
    *("gonogo.judges.expect", "gonogo.probes.http.wire", "gonogo.reporting.reports", "gonogo.reporting.terminal"),
)
FIXED_AT_START = ("PYTHON", "LC_", "LANG", "TZ")  # variables that Python reads when it starts


class Forked:
    """The parent of such runs, started with the first of them; close() ends it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._parent: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def fits(self, command: Sequence[str], environ: Mapping[str, str], settings: Mapping[str, Any]) -> bool:
        """True if the command is one that a fork of the parent can run as a new process would."""
        fixed = [{k: v for k, v in one.items() if k.startswith(FIXED_AT_START)} for one in (self._environ, environ)]
        is_pytest = list(command[:3]) == [sys.executable, "-m", "pytest"]
        return hasattr(os, "fork") and is_pytest and not settings and fixed[0] == fixed[1]

    def run(
        self, command: Sequence[str], folder: Path, environ: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """The command there; TimeoutExpired, and it is killed, when it or its output lasts longer (seconds)."""
        with tempfile.TemporaryFile() as order, contextlib.ExitStack() as stack:
            order.write(json.dumps({"folder": str(folder), "environ": dict(environ), "argv": command[2:]}).encode())
            order.seek(0)
            pipes = [os.pipe() for _ in range(3)]
            socket.send_fds(self._open(), [b"!"], [order.fileno(), *(write for _, write in pipes)])
            for _, write in pipes:
                os.close(write)
            files = [stack.enter_context(os.fdopen(read, "rb", buffering=0)) for read, _ in pipes]
            out, errors, told = _read_all(files, time.monotonic() + timeout)
        pid, _, status = told.decode().partition("\n")
        if not status:
            if pid:
                os.kill(int(pid), signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(command), timeout, out, errors)
        return subprocess.CompletedProcess(list(command), int(status), out.decode(), errors.decode())

    def close(self) -> None:
        if self._parent is not None and self._channel is not None:
            self._channel.close()
            self._parent.wait(30)

    def _open(self) -> socket.socket:
        if self._channel is None:
            self._channel, other = socket.socketpair()
            words = [sys.executable, __file__, str(other.fileno())]
            silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            self._parent = subprocess.Popen(words, env=self._environ, pass_fds=[other.fileno()], **silent)
            other.close()
        return self._channel


def _read_all(files: Sequence[Any], until: float) -> list[bytes]:
    """What comes until all of them are closed, or until then (monotonic seconds)."""
    found = [b""] * len(files)
    with selectors.DefaultSelector() as selector:
        for at, file in enumerate(files):
            selector.register(file, selectors.EVENT_READ, at)
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if not (more := os.read(key.fd, 1 << 16)):
                    selector.unregister(key.fileobj)
                found[key.data] += more
    return found


def _order(channel: socket.socket) -> dict[str, Any] | None:
    """In a fork: what it is to run, its output in place. In the parent, when the tests have ended: None."""
    while True:
        word, fds, _, _ = socket.recv_fds(channel, 1, 4)
        if not word:
            return None
        if os.fork() == 0:  # it waits for the run, so that the parent is free for the next
            channel.close()
            order, out, errors, told = fds
            if (run := os.fork()) == 0:
                os.close(told)
                os.dup2(out, 1)
                os.dup2(errors, 2)
                os.close(out)
                os.close(errors)
                with os.fdopen(order, "rb") as file:
                    return dict(json.load(file))
            os.close(out)
            os.close(errors)
            os.write(told, f"{run}\n".encode())
            os.write(told, str(os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])).encode())
            os._exit(0)
        for fd in fds:
            os.close(fd)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def main() -> None:
    """The parent, and every fork of it."""
    for name in IMPORTED:
        import_module(name)
    for name in [one for one in sys.modules if one.partition(".")[0] == "anyio"]:
        del sys.modules[name]  # httpcore brought it, and pytest wants to be its importer
    tasks = Path("/proc/self/task")
    assert not tasks.is_dir() or len(list(tasks.iterdir())) == 1, "a process with threads cannot be forked"
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        order = _order(channel)
    if order is not None:
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environ"])
        sys.path[0] = order["folder"]
        sys.argv = order["argv"]
        runpy.run_module("pytest", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

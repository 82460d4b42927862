"""A started rehearsal for tests: as a user starts it, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 60.0


class Program:
    """`python environments/rehearsal`, its ready line and what may be said to it."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "environments/rehearsal", *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.ready = self.line()

    def line(self) -> dict[str, Any]:
        """The next line of standard output; fails after a minute."""
        assert self.process.stdout is not None
        found: list[str] = []
        reader = threading.Thread(target=lambda: found.append(self.process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        reader.join(READY_WITHIN_S)
        assert found, "no line within a minute"
        assert found[0], self.process.stderr.read() if self.process.stderr else "ended"
        document: dict[str, Any] = json.loads(found[0])
        return document

    def switch(self, scene: str, *faults: str) -> dict[str, Any]:
        """Ask for another world; the new ready line."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"scene": scene, "faults": faults}) + "\n")
        self.process.stdin.flush()
        document = self.line()
        if document["ready"]:
            self.ready = document
        return document

    def get(self, name: str, path: str = "", secret: str = "", body: Any = None) -> tuple[int, Any]:
        """Status and JSON (or text) of an HTTP address."""
        request = urllib.request.Request(  # noqa: S310 - loopback addresses of the ready line
            self.ready["addresses"][name] + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.ready['secrets'].get(secret, 'wrong')}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        try:
            return status, json.loads(raw.decode("utf-8"))
        except ValueError:
            return status, raw.decode("utf-8", errors="replace")

    @property
    def folder(self) -> Path:
        """Its temporary folder."""
        return Path(self.ready["addresses"]["signoffs"]).parent

    def end(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Program]:
    """One rehearsal for all tests of a module; each switches it to the world it needs."""
    program = Program()
    yield program
    program.end()


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Starts rehearsals of a test's own, and ends them."""
    programs: list[Program] = []

    def one(*words: str) -> Program:
        programs.append(Program(*words))
        return programs[-1]

    yield one
    for program in programs:
        program.end()

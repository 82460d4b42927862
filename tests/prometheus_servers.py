"""The real Prometheus and Alertmanager for a test, where they are installed, and what the checklists ask them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
UP_WITHIN_S = 60.0


def asked(system: str) -> list[dict[str, Any]]:
    """The options of every look at Prometheus in the checklists of a system."""
    found: list[dict[str, Any]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            options = node.get("prometheus")
            if isinstance(options, dict) and "query" in options:
                found.append(options)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for path in sorted((ROOT / "checks" / system).glob("*.yaml")):
        walk(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def get(url: str, body: Any = None) -> tuple[int, Any]:
    """Status and document of a GET, of a POST where there is a body."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            status, raw = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, raw = error.code, error.read()
    try:
        return status, json.loads(raw)
    except ValueError:
        return status, raw.decode("utf-8", errors="replace")


def binary(name: str) -> str:
    """Its path; a test is skipped where it is not installed, but not in CI."""
    path = shutil.which(name)
    if path is None:
        text = f"{name} is not installed (Debian: apt-get install prometheus prometheus-alertmanager)"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return path


def port() -> int:
    """A free one."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait(what: str, true: Callable[[], bool]) -> None:
    """Until it is so; the test fails where it never is."""
    give_up = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError, KeyError, IndexError, TypeError):
            if true():
                return
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {UP_WITHIN_S:g} s")


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    """A server for the length of a `with` block."""
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

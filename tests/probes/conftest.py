"""A loopback back end that answers what a test says, and a vantage point that may look at it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gonogo.model.environment import BackEnd, Environment, Release
from gonogo.probes.base import Vantage

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RELEASE = Release(version="v1.2.3", commit="0123456789abcdef", image="region/ion-api:v1.2.3", pull_request=41)


@dataclass(slots=True)
class Call:
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(slots=True)
class BackEndFake:
    """`answers` maps a path to a JSON value, or to a function of the call; (status, value) sets the status."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [call.path for call in self.calls]


@pytest.fixture
def fake() -> Iterator[BackEndFake]:
    """A back end on a free port of this machine, for one test."""
    state = BackEndFake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            headers = {key.lower(): value for key, value in self.headers.items()}
            is_json = headers.get("content-type", "").startswith("application/json") and body
            form = json.loads(body) if is_json else dict(parse_qsl(body.decode()))
            call = Call(self.command, parts.path, dict(parse_qsl(parts.query)), headers, form)
            state.calls.append(call)
            found = state.answers.get(parts.path, (404, {"message": "Not Found"}))
            found = found(call) if callable(found) else found
            status, value, extra = (*found, {})[:3] if isinstance(found, tuple) else (200, found, {})
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for key, text in {"Content-Type": "application/json", "Content-Length": str(len(content)), **extra}.items():
                self.send_header(key, text)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield state
        server.shutdown()


@pytest.fixture
def vantage_of(tmp_path: Path) -> Iterator[Callable[..., Vantage]]:
    """Makes a vantage of back ends; relative files start from tmp_path/environments, the project is tmp_path."""
    made: list[Vantage] = []
    (tmp_path / "environments").mkdir()

    def make(
        back_ends: dict[str, BackEnd] | None = None,
        *,
        environment: Environment | None = None,
        release: Release | None = RELEASE,
        now: datetime = NOW,
        t0: datetime | None = None,
        secrets: dict[str, str] | None = None,
    ) -> Vantage:
        named = environment or Environment(name="local", system="ion", describe="", back_ends=back_ends or {})
        reveal = (secrets or {}).__getitem__
        base = str(tmp_path / "environments")
        made.append(Vantage(environment=named, release=release, now=now, t0=t0, reveal=reveal, base=base))
        return made[-1]

    yield make
    for vantage in made:
        vantage.close()

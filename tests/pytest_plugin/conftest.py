"""Throw-away projects, and a server that counts: the plugin as its users meet it, each run in a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.pytest_plugin.forked import Forked

from gonogo.cli import main

_CONFTEST = 'pytest_plugins = ["gonogo.pytest_plugin"]\n'
_INI = "[pytest]\ntestpaths = checks\naddopts = -p no:locust --strict-markers --import-mode=importlib\n"
_WITHIN_S = 180.0
_TEST = "def test_item(item_key, judged, request):\n    judged(item_key, request.node)\n"
RELEASE = {"version": "v1.2.3", "commit": "0123456789abcdef", "image": "registry.example/shop:v1.2.3"}
HEALTHY: tuple[int, Mapping[str, str], bytes] = (
    200,
    {"Content-Type": "application/json"},
    b'{"status": "healthy", "ms": 40}',
)
Answer = tuple[int, Mapping[str, str], bytes]


@dataclass(slots=True)
class Server:
    """`answers` maps a path to an answer, or to a function of the path's request number (from 1) and its headers."""

    url: str = ""
    answers: dict[str, Answer | Callable[[int, Mapping[str, str]], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    stop: Callable[[], None] = lambda: None


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


@pytest.fixture
def serve() -> Iterator[Callable[[], Server]]:
    """Starts servers on free ports of this machine that end with the test."""
    running: list[Server] = []

    def start() -> Server:
        state = Server()
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with lock:
                    state.asked.append(self.path)
                    number = state.asked.count(self.path)
                state.arrived.set()
                found = state.answers.get(self.path, HEALTHY)
                headers = {key.lower(): value for key, value in self.headers.items()}
                status, extra, body = found(number, headers) if callable(found) else found
                self.send_response_only(status)
                for name, text in {"Content-Length": str(len(body)), **extra}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = _Quiet(("127.0.0.1", 0), Handler)
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

        def stop() -> None:
            server.shutdown()
            server.server_close()

        state.stop = stop
        running.append(state)
        return state

    yield start
    for state in running:
        state.stop()


@pytest.fixture
def server(serve: Callable[[], Server]) -> Server:
    """One such server."""
    return serve()


def item(name: str, path: str = "/health", **more: Any) -> dict[str, Any]:
    """A checklist item that wants `healthy` from a path of the stable side."""
    return {
        "id": name,
        "title": {"en": f"{name} is fine", "ko": "정상"},
        "probe": {"http": {"side": "stable", "path": path}},
        "pass": [{"expect": {"value": "json.status", "equals": "healthy", "name": "status"}}],
        "remedy": "Look at the shop.",
        **more,
    }


@dataclass(slots=True)
class Done:
    """A run that has ended, and the folders that it left."""

    code: int
    out: str
    err: str
    folders: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        assert len(self.folders) == 1, (self.folders, self.out, self.err)
        return self.folders[0]

    @property
    def verdict(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "verdict.json").read_bytes()))

    @property
    def plan(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "plan.json").read_bytes()))

    @property
    def evidence(self) -> list[dict[str, Any]]:
        lines = (self.folder / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def lines(self) -> list[str]:
        return [line for line in (self.out + self.err).splitlines() if line.strip()]


@dataclass(slots=True)
class Project:
    """A folder with an environment `shop` and a checklist; JSON is YAML, so that is what its files are written in."""

    root: Path
    url: str
    forked: Forked | None = None

    def environment(self, name: str = "shop", **more: Any) -> None:
        document = {
            "name": name,
            "system": "shop",
            "describe": "A shop on this machine",
            "release": "release.yaml",
            "sides": {"stable": {"url": self.url, "health": "/health"}},
            "guards": {"live": False, "max_requests": 10_000},
            **more,
        }
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in document.items() if value is not None)
        self.write(f"environments/{name}.yaml", "".join(lines))

    def release(self, **more: Any) -> None:
        self.write("environments/release.yaml", RELEASE | more)

    def checklist(self, *items: Mapping[str, Any], phase: str = "predeploy", **defaults: Any) -> None:
        base = {"area": "technical", "owner": "Kim", "source": "the runbook"}
        document = {"system": "shop", "phase": phase, "defaults": base | defaults, "items": items}
        self.write(f"checks/{phase}.yaml", document)

    def write(self, path: str, content: Any) -> Path:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def command(self, *arguments: str, without: Sequence[str] = ("cacheprovider",)) -> list[str]:
        """Pytest with its plugins, without those that only our own tests bring."""
        left_out = [word for name in (*without, "hypothesispytest", "anyio") for word in ("-p", f"no:{name}")]
        return [sys.executable, "-m", "pytest", *left_out, *arguments]

    def pytest(self, *arguments: str, phase: str | None = "predeploy", env: str | None = "shop", **more: Any) -> Done:
        """`pytest -m PHASE --env ENV ARGUMENTS` here."""
        given = [*(["-m", phase] if phase else []), *(["--env", env] if env else []), *arguments]
        return self.run(self.command(*given), **more)

    def gonogo(self, *arguments: str) -> Done:
        """A gonogo command here, in this process: tests/test_cli.py runs it from outside."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = main(arguments)
        return Done(code, out.getvalue(), errors.getvalue(), ())

    def run(self, command: Sequence[str], **more: Any) -> Done:
        """A command here; `variables` are set beside those of this process."""
        before = set(self.folders())
        variables = clean_variables() | more.pop("variables", {})
        if self.forked is not None and self.forked.fits(command, variables, more):
            done = self.forked.run(command, self.root, variables, _WITHIN_S)
            return Done(done.returncode, done.stdout, done.stderr, tuple(sorted(set(self.folders()) - before)))
        settings = {"capture_output": True, "encoding": "utf-8", "timeout": _WITHIN_S, **more}
        done = subprocess.run(command, cwd=self.root, env=variables, stdin=subprocess.DEVNULL, check=False, **settings)
        return Done(done.returncode, done.stdout or "", done.stderr or "", tuple(sorted(set(self.folders()) - before)))

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """The same, left running."""
        return subprocess.Popen(
            self.command("-m", "predeploy", "--env", "shop", *arguments),
            cwd=self.root, env=clean_variables() | variables,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip

    def folders(self) -> list[Path]:
        out = self.root / "reports" / "out"
        return sorted(out.iterdir()) if out.is_dir() else []


def clean_variables() -> dict[str, str]:
    """The environment of this process without what a test runner or a CI system adds to it."""
    drop = ("PYTEST_", "GITHUB_", "GONOGO_", "COV_", "NO_COLOR", "FORCE_COLOR", "CI")
    return {key: value for key, value in os.environ.items() if not key.startswith(drop)}


@pytest.fixture(scope="session")
def forked() -> Iterator[Forked]:
    """Runs of pytest without its imports."""
    made = Forked(clean_variables())
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path, server: Server, forked: Forked) -> Project:
    """A healthy shop with three items on two paths."""
    made = Project(root=tmp_path / "project", url=server.url, forked=forked)
    made.write("conftest.py", _CONFTEST)
    made.write("pytest.ini", _INI)
    made.write("checks/test_checklist.py", _TEST)
    made.environment()
    made.release()
    made.checklist(item("shop-a"), item("shop-b"), item("shop-c", "/cart", area="team"))
    return made


def broken(text: str = "broken") -> Answer:
    """An answer that says it is not healthy."""
    return 200, {"Content-Type": "application/json"}, json.dumps({"status": text}).encode()


def wait_for(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Until `true()` is; fails after `seconds`."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def kit() -> Any:
    """Helpers of this file, for tests that cannot import it."""
    return _KIT


class _Kit:
    item = staticmethod(item)
    broken = staticmethod(broken)
    wait_for = staticmethod(wait_for)
    healthy = HEALTHY


_KIT = _Kit()

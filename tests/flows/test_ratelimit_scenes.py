"""gonogo ratelimit with a policy against a service on this machine: keys, routes, spellings, waits, budgets, guards."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from gonogo.cli import main
from gonogo.flows.rate.examine import Asked, examine
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.model.examination import Examination
from gonogo.model.ratelimit import Shown

KEY, OTHER = "X-API-Key: open sesame 42", "X-API-Key: open poppy 43"


@dataclass(slots=True, kw_only=True)
class Shop:
    """A counter that opens with its first request, one a key and route. What is wrong with it is a switch."""

    limit: int = 8
    window: float = 1.5
    counter: Callable[[str, str, dict[str, str]], object] = lambda key, path, _headers: (key, path.partition("?")[0])
    promise: Callable[[float], str] = lambda left: str(ceil(left))
    health_limited: bool = False
    counts: dict[object, list[float]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], str]:
        with self.lock:
            self.asked.append((method, path, headers, body))
            key, now = headers.get("x-api-key"), time.monotonic()
            if not key:
                return 401, {}, '{"detail": "who?"}'
            route = path.partition("?")[0]
            if route not in ("/chat", "/tell", "/health"):
                return 404, {}, '{"detail": "nothing here"}'
            name = self.counter(key, path, headers)
            if route == "/health" and not self.health_limited:
                return 200, {}, '{"status": "ok"}'
            opened = self.counts.setdefault(name, [float("-inf"), 0.0])
            if now >= opened[0] + self.window:
                opened[:] = [now, 0.0]
            if opened[1] >= self.limit:
                return 429, {"Retry-After": self.promise(opened[0] + self.window - now)}, '{"detail": "later"}'
            opened[1] += 1
            return 200, {}, '{"reply": "hello"}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        server: Any = self.server
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, text = server.shop.answer(self.command, self.requestline.split()[1], headers, body)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    do_GET = do_HEAD = do_POST = respond  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    shop: Shop


@contextmanager
def serving(shop: Shop) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    server.shop = shop
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    text = "algorithm: fixed_window\nlimit: 8\nwindow: 1500ms\naligned: false\nretry_after: true\nper: [key, route]\n"
    path.write_text(text, encoding="utf-8")
    return path


def look(base: str, policy: Path, **more: Any) -> Examination:
    full: dict[str, Any] = {"headers": (KEY,), "other_header": OTHER, "other_path": "/tell", "exempt": ("/health",)}
    return examine(Asked(**{"url": f"{base}/chat", "root": policy.parent, "policy": policy, **full, **more}))


def failed(seen: Examination) -> set[str]:
    return {one.id for one in seen.results if one.verdict is Shown.FAIL}


def test_a_service_that_keeps_its_policy(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop()
    with serving(shop) as base:
        words = ["ratelimit", f"{base}/chat", "--policy", str(policy), "--header", KEY, "--other-header", OTHER]
        words += ["--other-path", "/tell", "--exempt-path", "/health", "--json"]
        assert main(words) == 0
    told = capsys.readouterr().out
    found = json.loads(told)
    verdicts = {one["id"]: one["verdict"] for one in found["properties"]}
    passed = {id_ for id_, verdict in verdicts.items() if verdict == "pass"}
    assert passed >= {"P1", "P2", "P3", "P4", "P5", "P6", "P13", "P15", "P16", "P17", "P18", "P19", "P20", "P21"}
    assert all(one["requests"] >= 3 for one in found["properties"] if one["id"] in ("P15", "P17", "P18", "P19", "P20"))
    assert len(shop.asked) == found["requests"] <= 200
    assert {row["variant"] for row in found["timeline"]} >= {"", "the other key", "X-Forwarded-For", "HEAD", "no key"}
    assert "sesame" not in told
    assert "poppy" not in told
    # Spellings stand in the first line as they are; forged addresses are those of documentation.
    spelt = {one[1] for one in shop.asked}
    assert {"//chat", "/./chat", "/CHAT", "/chat/", "/chat;a=b", "/cha%74", "/chat?z=1"} <= spelt
    assert {one[2]["x-forwarded-for"] for one in shop.asked if "x-forwarded-for" in one[2]} == {"203.0.113.11"}
    assert {one[2]["forwarded"] for one in shop.asked if "forwarded" in one[2]} == {"for=203.0.113.13"}
    assert {one[0] for one in shop.asked} == {"GET", "HEAD"}
    assert {one[2].get("x-api-key") for one in shop.asked} == {"open sesame 42", "open poppy 43", "", None}


def test_ways_around_are_found(policy: Path) -> None:
    def counter(key: str, path: str, headers: dict[str, str]) -> object:
        return headers.get("x-forwarded-for"), path

    with serving(Shop(counter=counter, health_limited=True, limit=8)) as base:
        seen = look(base, policy, patience=8.0)
    assert failed(seen) >= {"P15", "P17", "P18"}
    assert seen.status is ExitStatus.NO_GO
    (forged,) = [one for one in seen.results if one.id == "P17"]
    assert forged.reason.startswith("X-Forwarded-For: admitted at ")


def test_row109_a_wait_beyond_the_patience_is_hold_and_names_retry_after(policy: Path) -> None:
    with serving(Shop(promise=lambda _left: "3")) as base:
        seen = look(base, policy, patience=3.0)
    assert failed(seen) == set()
    assert seen.status is ExitStatus.HOLD
    assert seen.cautions == ("Retry-After asks for 3 s, beyond the patience of 3 s: no recovery was seen",)
    assert max(event.sent for event in seen.events) < 3


@pytest.mark.parametrize(
    "promise", [lambda _left: "0", lambda _left: "Sun, 06 Nov 1994 08:49:37 GMT"], ids=["0", "1994"]
)
def test_row110_a_retry_after_that_lies_is_no_go(promise: Callable[[float], str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("algorithm: fixed_window\nlimit: 4\nwindow: 2s\naligned: false\n", encoding="utf-8")
    with serving(Shop(limit=4, window=2.0, promise=promise)) as base:
        seen = examine(Asked(url=f"{base}/chat", root=tmp_path, policy=policy, headers=(KEY,), patience=5.0))
    (lie,) = [one for one in seen.results if one.id == "P6"]
    assert lie.verdict is Shown.FAIL
    assert f"with Retry-After {promise(0)}, rejected again at" in lie.reason
    assert seen.status is ExitStatus.NO_GO


def test_a_small_budget_says_how_much_more_it_needs(policy: Path) -> None:
    with serving(Shop()) as base:
        seen = look(base, policy, at_most=45, patience=6.0)
    assert len(seen.events) <= 45
    lacking = {one.id: one.more for one in seen.skipped if one.more}
    assert {"P16", "P18"} <= set(lacking)
    assert f"{seen.more} more requests (--max-requests) would also show" in seen.ended
    (spelling,) = [one for one in seen.results if one.id == "P18"]
    assert spelling.verdict is Shown.NOT_VISIBLE
    assert spelling.reason.startswith("needs 17 more requests, --max-requests leaves ")
    assert seen.status is ExitStatus.GO


def test_a_body_goes_with_every_request(policy: Path) -> None:
    shop = Shop()
    with serving(shop) as base:
        seen = look(base, policy, method="POST", body='{"message": "hi"}', at_most=40, patience=3.5)
    assert {one[0] for one in shop.asked} == {"POST"}
    assert {one[3] for one in shop.asked} == {b'{"message": "hi"}'}
    assert failed(seen) == set()


ENVIRONMENT = """
name: shop
system: shop
describe: a shop
sides: {stable: {url: 'https://shop.example'}}
guards: {live: true, profiles: [stress], max_requests: 100}
"""


def test_a_live_environment_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gonogo.flows.rate.sender.fetch", lambda *_, **__: pytest.fail("a packet was sent"))
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "shop.yaml").write_text(ENVIRONMENT, encoding="utf-8")
    with pytest.raises(SafetyRefusal, match="GET, HEAD, OPTIONS only, not with POST"):
        examine(Asked(url="https://shop.example/", root=tmp_path, environment="shop", method="POST", at_most=50))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"method": "BREW"}, "--method cannot be 'BREW'"),
        ({"body": "{}"}, "add --method POST"),
        ({"method": "POST", "body": "{"}, "not JSON"),
        ({"patience": 0.0}, "--patience"),
        ({"patience": float("nan")}, "--patience"),
        ({"other_path": "//elsewhere.example/"}, "starts with one /"),
        ({"exempt": ("health",)}, "starts with one /"),
        ({"other_header": "poppy"}, "--other-header wants"),
        ({"other_header": "Host: elsewhere.example"}, "cannot set Host"),
        ({"other_header": OTHER}, "need --policy FILE"),
    ],
)
def test_bad_usage_ends_before_anything_is_sent(
    more: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gonogo.flows.rate.sender.fetch", lambda *_, **__: pytest.fail("a packet was sent"))
    with pytest.raises(ConfigError, match=said) as caught:
        examine(Asked(**{"url": "http://127.0.0.1:9/", "root": tmp_path, **more}))
    assert "poppy" not in str(caught.value)

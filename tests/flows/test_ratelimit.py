"""gonogo ratelimit against limiters on this machine: real requests, short windows, and guards that send nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gonogo.cli import main
from gonogo.flows.rate.examine import Asked, examine
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.model.ratelimit import Algorithm, Shown

Answer = Callable[[float], tuple[int, dict[str, str]]]  # the moment of a request, to its status and headers


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    answer: Answer
    asked: list[tuple[str, dict[str, str]]]
    lock: threading.Lock


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server: Any = self.server
        with server.lock:
            server.asked.append((self.path, dict(self.headers)))
            status, headers = server.answer(time.monotonic())
        self.send_response(status)
        for name, value in {"Content-Length": "2", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answer, server.asked, server.lock = answer, [], threading.Lock()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def first_hit(limit: int, window: float, *, admits: int | None = None, status: int = 429) -> Answer:
    """`limit` from the first request on; `admits` is what it admits in truth."""
    state = [float("-inf"), 0.0]

    def answer(now: float) -> tuple[int, dict[str, str]]:
        if now >= state[0] + window:
            state[:] = [now, 0]
        if state[1] >= (admits or limit):
            return status, {"Retry-After": str(max(1, round(state[0] + window - now + 0.5)))}
        state[1] += 1
        return 200, {}

    return answer


def bucket(limit: int, window: float) -> Answer:
    state = [float(limit), 0.0]

    def answer(now: float) -> tuple[int, dict[str, str]]:
        state[:] = [min(limit, state[0] + (now - state[1]) * limit / window), now]
        if state[0] < 1:
            return 429, {}
        state[0] -= 1
        return 200, {}

    return answer


def free(_: float) -> tuple[int, dict[str, str]]:
    return 200, {}


def url(server: Server, path: str = "/chat") -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def declared(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_counter_that_nobody_declared(tmp_path: Path) -> None:
    with serving(first_hit(10, 1.5)) as server:
        seen = examine(Asked(url=url(server), root=tmp_path))
        asked = len(server.asked)
    assert asked == len(seen.events) <= 200
    assert seen.inferred is not None
    assert seen.inferred.algorithm is Algorithm.FIXED_WINDOW
    assert seen.inferred.limit == 10
    assert seen.inferred.window.total_seconds() == pytest.approx(1.5, rel=0.15)
    assert seen.status is ExitStatus.GO


def test_a_bucket_that_nobody_declared(tmp_path: Path) -> None:
    with serving(bucket(8, 2.0)) as server:
        seen = examine(Asked(url=url(server), root=tmp_path))
    assert seen.inferred is not None
    assert seen.inferred.algorithm is Algorithm.TOKEN_BUCKET
    assert seen.inferred.burst == 8
    assert seen.inferred.refill == pytest.approx(4.0, rel=0.25)


def test_no_limiter_is_told_within_the_cap(tmp_path: Path) -> None:
    with serving(free) as server:
        seen = examine(Asked(url=url(server), root=tmp_path, at_most=50))
        assert len(server.asked) == 50
    assert seen.inferred is not None
    assert seen.inferred.algorithm is Algorithm.NONE
    assert seen.status is ExitStatus.GO


def test_a_declared_policy_that_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = declared(tmp_path, "algorithm: fixed_window\nlimit: 10\nwindow: 2s\naligned: false\nretry_after: true\n")
    with serving(first_hit(10, 2.0)) as server:
        assert main(["ratelimit", url(server), "--policy", str(policy)]) == 0
    told = capsys.readouterr().out
    assert "declared    fixed window, 10 in 2s" in told
    assert "PASS        P3" in told
    assert told.endswith("GO  the declared policy is kept\n")


@pytest.mark.parametrize(
    ("answer", "broken"),
    [(first_hit(10, 2.0, admits=13), "P1"), (first_hit(10, 2.0, admits=7), "P2"), (free, "P3")],
    ids=["13 of 10", "7 of 10", "no limit"],
)
def test_a_declared_policy_that_is_broken(answer: Answer, broken: str, tmp_path: Path) -> None:
    policy = declared(tmp_path, "algorithm: fixed_window\nlimit: 10\nwindow: 2s\naligned: false\n")
    with serving(answer) as server:
        seen = examine(Asked(url=url(server), root=tmp_path, policy=policy, patience=7.0))
    assert broken in {one.id for one in seen.results if one.verdict is Shown.FAIL}
    assert seen.status is ExitStatus.NO_GO


def test_a_limit_out_of_reach_is_not_decidable(tmp_path: Path) -> None:
    policy = declared(tmp_path, "algorithm: fixed_window\nlimit: 1000\nwindow: 1s\n")
    with serving(free) as server:
        seen = examine(Asked(url=url(server), root=tmp_path, policy=policy, at_most=30))
        assert len(server.asked) == 30
    assert seen.status is ExitStatus.HOLD


def test_json_holds_the_timeline_and_no_header_that_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(free) as server:
        words = ["ratelimit", url(server), "--header", "X-API-Key: open sesame 42", "--max-requests", "9", "--json"]
        assert main(words) == 0
        assert {headers.get("X-API-Key") for _, headers in server.asked} == {"open sesame 42"}
    told = capsys.readouterr().out
    found = json.loads(told)
    assert found["requests"] == len(found["timeline"]) == 9
    assert found["inferred"]["algorithm"] == "none"
    assert "sesame" not in told


def test_a_server_that_is_not_there_is_hold(tmp_path: Path) -> None:
    with serving(free) as server:
        gone = url(server)
    seen = examine(Asked(url=gone, root=tmp_path))
    assert seen.status is ExitStatus.HOLD
    assert len(seen.events) < 10
    assert seen.cautions


def test_nothing_leads_off_the_host(tmp_path: Path) -> None:
    """A redirect is an answer; it is not followed."""
    with serving(free) as other, serving(lambda _: (302, {"Location": url(other)})) as server:
        examine(Asked(url=url(server), root=tmp_path, at_most=5))
        assert len(server.asked) == 5
        assert not other.asked


ENVIRONMENT = """
name: shop
system: shop
describe: a shop
sides: {{stable: {{url: 'https://shop.example'}}}}
guards: {{live: {live}, profiles: [{profiles}], max_requests: 100}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    def make(live: str = "true", profiles: str = "gentle, stress") -> Path:
        (tmp_path / "environments").mkdir()
        text = ENVIRONMENT.format(live=live, profiles=profiles)
        (tmp_path / "environments" / "shop.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        ("https://shop.example/chat", {}, "name the environment that lists it"),
        ("https://other.example/chat", {"environment": "shop"}, "is not a host of shop"),
        ("http://shop.example/chat", {"environment": "shop"}, "use https"),
        ("https://shop.example/chat", {"environment": "shop", "at_most": 101}, "takes 100 requests at most"),
        ("https://me:pass@shop.example/chat", {"environment": "shop"}, "user information"),
    ],
)
def test_a_guard_ends_it_before_anything_is_sent(
    url: str, more: dict[str, Any], said: str, project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gonogo.flows.rate.sender.fetch", lambda *_, **__: pytest.fail("a packet was sent"))
    with pytest.raises(SafetyRefusal, match=said):
        examine(Asked(**{"at_most": 50, "url": url, "root": project(), **more}))


def test_an_environment_without_heavy_profiles_is_refused(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gonogo.flows.rate.sender.fetch", lambda *_, **__: pytest.fail("a packet was sent"))
    root = project(profiles="gentle, normal")
    with pytest.raises(SafetyRefusal, match="no profile that exhausts a limit"):
        examine(Asked(url="https://shop.example/", root=root, environment="shop", at_most=50))


def test_a_refusal_ends_with_7_and_bad_usage_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ratelimit", "https://shop.example/"]) == 7
    assert main(["ratelimit", "shop.example"]) == 4
    assert main(["ratelimit", "http://127.0.0.1:9/", "--max-requests", "501"]) == 4
    assert main(["ratelimit", "http://127.0.0.1:9/", "--header", "sesame"]) == 4
    assert main(["ratelimit", "http://127.0.0.1:9/", "--policy", "nowhere.yaml"]) == 4
    assert "sesame" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("algorithm: fixed_window\nlimit: 0\nwindow: 2s\n", "limit >= 1"),
        ("algorithm: fixed_windows\nlimit: 1\nwindow: 2s\n", "fixed_window"),
        ("path: /other\nalgorithm: none\n", "is asked for"),
    ],
)
def test_a_policy_that_cannot_be(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        examine(Asked(url="http://127.0.0.1:9/chat", root=tmp_path, policy=declared(tmp_path, text)))

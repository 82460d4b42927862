"""`gonogo compare` and `gonogo rollout reset-metrics`: one item by itself, against two sides that count."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gonogo.cli import main
from gonogo.model.sealed import is_whole

CHECKS = """system: shop
phase: canary
defaults: {area: monitoring, owner: Kim, source: handbook}
items:
  - id: shop-compare
    title: {en: Both sides answer alike, ko: 비교}
    remedy: Look at it
    probes:
      canary: {http: {side: canary, method: POST, path: /new, times: 4, every: 1ms, body: {q: 안녕}}}
      legacy: {http: {side: stable, method: POST, path: /old, times: 4, every: 1ms, body: {q: 안녕}}}
    pass:
      - expect: {value: 'divide(length(canary.requests[?status == `200`]), canary.count)', objective: alike, unit: ratio, samples: canary.count, name: canary success}
      - expect: {value: 'divide(length(legacy.requests[?status == `200`]), legacy.count)', objective: alike, unit: ratio, samples: legacy.count, name: legacy success}
  - id: shop-health
    title: {en: Both are healthy, ko: 상태}
    remedy: Look at it
    probes:
      canary: {http: {side: canary, path: /health}}
      legacy: {http: {side: stable, path: /health}}
    pass:
      - expect: {value: canary.status, equals: 200}
      - expect: {value: legacy.status, equals: 200}
  - id: shop-reset
    title: {en: The counters can be reset, ko: 초기화}
    remedy: Look at it
    action: metrics-reset
    probe: {http_steps: {side: canary, steps: [{method: POST, path: /reset}, {path: /metrics}]}}
    pass:
      - expect: {value: 'steps[0].status', equals: 200, name: POST reset}
      - expect: {value: 'steps[1].json.requests_total', equals: 0, name: requests counted after the reset}
"""  # noqa: E501 - a rule of a checklist is one line


class Side:
    """A side that counts what reaches it; `answer` says status and document by path and number."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.bodies: list[bytes] = []
        self.answer: Callable[[str, int], tuple[int, Any]] = lambda *_: (200, {"requests_total": 0})
        self.delay_s = 0.0
        side = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                side.seen[f"{self.command} {self.path}"] += 1
                side.bodies.append(body)
                time.sleep(side.delay_s)
                status, document = side.answer(self.path, side.seen.total())
                raw = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = _serve  # noqa: N815 - the base class wants these names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Shop:
    """A project in the current folder with both sides."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.canary, self.stable = Side(), Side()
        for name in ("environments", "checks"):
            (root / name).mkdir()
        (root / "checks" / "canary.yaml").write_text(CHECKS, encoding="utf-8")
        self.declare("{live: false, actions: [metrics-reset]}")

    def declare(self, guards: str) -> None:
        (self.root / "environments" / "shop.yaml").write_text(
            "name: shop\nsystem: shop\ndescribe: Two sides that count\n"
            f"sides: {{canary: {{url: '{self.canary.url}'}}, stable: {{url: '{self.stable.url}'}}}}\n"
            f"objectives: {{alike: {{at_least: 0.95, unit: ratio, min_samples: 4}}}}\nguards: {guards}\n",
            encoding="utf-8",
        )

    @property
    def packets(self) -> int:
        return self.canary.seen.total() + self.stable.seen.total()

    def kept(self, name: str) -> Any:
        (path,) = (self.root / "reports" / "out").glob(f"*-shop-*/{name}")
        return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.chdir(tmp_path)
    one = Shop(tmp_path)
    yield one
    one.canary.close()
    one.stable.close()


def compare(*words: str) -> int:
    return main(["compare", "--env", "shop", *words])


def test_both_sides_are_asked_the_same_and_compared(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """As often as the item says, without retries; success and times a side; the artefact is whole."""
    shop.canary.delay_s = 0.02
    assert compare() == 0
    assert shop.canary.seen == {"POST /new": 4}
    assert shop.stable.seen == {"POST /old": 4}
    assert shop.canary.bodies[0] == '{"q": "안녕"}'.encode()
    page = capsys.readouterr().out
    assert "shop-compare on shop: 4 requests a side, 1 ms between, 0 retries" in page
    assert page.splitlines()[-2] == "GO"
    document = shop.kept("compare.json")
    assert is_whole(document)
    assert (document["decision"], document["retries"]) == ("GO", 0)
    assert [side["succeeded"] for side in document["sides"].values()] == [4, 4]
    assert document["sides"]["canary"]["p50_ms"] >= 20
    assert document["canary_over_legacy"] > 1
    assert len(document["sides"]["legacy"]["answers"]) == 4


def test_json_is_the_artefact(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """One document on standard output, with the number and the delay that were asked for."""
    assert compare("--requests", "6", "--delay", "2ms", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == shop.kept("compare.json")
    assert (document["requests"], document["delay_ms"]) == (6, 2)
    assert shop.packets == 12


@pytest.mark.parametrize("side", ["canary", "stable"])
def test_a_side_that_fails_is_no_go(shop: Shop, side: str) -> None:
    """One answer in four is an error: below 95 %. Its time does not count."""
    failing: Side = getattr(shop, side)
    failing.answer = lambda _, number: (500 if number == 2 else 200, {})
    assert compare() == 1
    document = shop.kept("compare.json")
    name = {"canary": "canary", "stable": "legacy"}[side]
    assert document["sides"][name]["succeeded"] == 3
    assert [row["status"] for row in document["sides"][name]["answers"]].count(500) == 1


def test_too_few_requests_are_hold(shop: Shop) -> None:
    """The objective wants four."""
    assert compare("--requests", "3") == 6
    assert shop.kept("compare.json")["decision"] == "HOLD"


def test_nobody_answers_is_hold(shop: Shop) -> None:
    """Both sides gone is the observer's fault or the network's."""
    shop.canary.close()
    shop.stable.close()
    assert compare() == 6
    document = shop.kept("compare.json")
    assert document["sides"]["canary"]["mean_ms"] is None
    assert document["canary_over_legacy"] is None


@pytest.mark.parametrize(
    ("words", "guards", "refused"),
    [
        (["--requests", "0"], "{live: false}", (4, "--requests is 1 to 200")),
        (["--requests", "201"], "{live: false}", (4, "--requests is 1 to 200")),
        (["--delay", "2m"], "{live: false}", (4, "--delay at most 1m")),
        (["--delay", "soon"], "{live: false}", (4, "--delay: 'soon' is not a duration")),
        (["--requests", "9"], "{live: false, max_requests: 17}", (7, "shop allows 17 requests, and 9 a side are more")),
        (["--requests", "5"], "{live: true}", (7, "shop is live: at most 4 requests a side")),
        (["--delay", "0ms"], "{live: true}", (7, "at least 1ms apart")),
        (["--item", "shop-health"], "{live: false}", (4, "system 'shop' has shop-compare, and not 'shop-health'")),
    ],
)
def test_what_is_refused_sends_nothing(
    shop: Shop, capsys: pytest.CaptureFixture[str], words: list[str], guards: str, refused: tuple[int, str]
) -> None:
    """One line, and no packet to either side."""
    shop.declare(guards)
    assert compare(*words) == refused[0]
    captured = capsys.readouterr()
    assert refused[1] in captured.err
    assert captured.err.count("\n") == 1
    assert shop.packets == 0


def test_a_reset_is_a_dry_run_until_the_name_is_typed(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """What would be sent is shown; then it is sent once, read back, judged and kept."""
    assert main(["rollout", "reset-metrics", "--env", "shop"]) == 0
    page = capsys.readouterr().out
    assert "POST /reset to the canary side" in page
    assert "dry run: nothing was sent; `gonogo rollout reset-metrics --env shop --yes shop` does it" in page
    assert shop.packets == 0
    assert main(["rollout", "reset-metrics", "--env", "shop", "--yes", "shop"]) == 0
    assert shop.canary.seen == {"POST /reset": 1, "GET /metrics": 1}
    assert shop.kept("metrics-reset.json")["done"] is True


def test_a_reset_that_did_not_take_is_no_go(shop: Shop) -> None:
    """The counters are read back."""
    shop.canary.answer = lambda *_: (200, {"requests_total": 7})
    assert main(["rollout", "reset-metrics", "--env", "shop", "--yes", "shop"]) == 1
    kept = shop.kept("metrics-reset.json")
    assert kept["done"] is False
    assert "requests counted after the reset is 7" in kept["said"]


@pytest.mark.parametrize(
    ("guards", "yes", "said"),
    [
        ("{live: true}", "shop", "does not allow the action 'metrics-reset' (guards.actions: none); nothing was sent"),
        ("{live: false}", "Shop", "--yes is the name of the environment, shop"),
    ],
)
def test_a_reset_that_is_refused(
    shop: Shop, capsys: pytest.CaptureFixture[str], guards: str, yes: str, said: str
) -> None:
    """Exit 7 before any packet."""
    shop.declare(guards)
    assert main(["rollout", "reset-metrics", "--env", "shop", "--yes", yes]) == 7
    assert said in capsys.readouterr().err
    assert shop.packets == 0

"""Load runs that items ask for: which profiles show a limit, and a run in a process of its own."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest

from gonogo.config.environment import load_environment
from gonogo.config.profiles import load_profiles
from gonogo.flows.book import Book
from gonogo.flows.load.alone import LoadsAlone
from gonogo.flows.load.reach import reaching, rest, takes
from gonogo.flows.started import Started
from gonogo.judges.loads.run import PROPERTIES
from gonogo.model.environment import Release
from gonogo.model.evidence import Cause
from gonogo.model.ratelimit import Algorithm, Policy
from gonogo.probes.failure import Failure
from gonogo.probes.recorded.load_record import read
from gonogo.reporting.load.schema import load_schema

ROOT = Path(__file__).resolve().parents[2]
PROFILES = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES)
RUNBOOK = ("gentle", "light", "normal", "medium", "aggressive", "heavy", "stress")
GENTLEST_FIRST = ["gentle", "light", "normal", "aggressive", "medium", "heavy", "stress"]
ASKED: dict[str, str | None] = {"method": "GET", "canary_path": "/a", "legacy_path": "/b", "body": None}
SECOND = timedelta(seconds=1)


def policy(limit: int, seconds: float, algorithm: Algorithm = Algorithm.SLIDING_LOG) -> Policy:
    return Policy(path="/a", algorithm=algorithm, limit=limit, window=seconds * SECOND)


@pytest.mark.parametrize(
    ("policies", "names"),
    [
        ([policy(5, 10)], ["light", "normal", "aggressive", "medium", "heavy", "stress"]),
        ([policy(20, 60)], ["aggressive", "medium", "heavy", "stress"]),
        ([policy(60, 60)], ["heavy", "stress"]),
        ([policy(300, 60)], ["stress"]),
        ([policy(1000, 3600)], []),
        ([policy(1, 60, Algorithm.TOKEN_BUCKET)], GENTLEST_FIRST),
        ([policy(20, 60), policy(60, 60)], ["heavy", "stress"]),
        ([policy(60, 60, Algorithm.FIXED_WINDOW)], ["heavy", "stress"]),
    ],
)
def test_profiles_that_reach_a_limit(policies: list[Policy], names: list[str]) -> None:
    """Those that a limiter of the policy must reject, the fewest requests first; for several, of all of them."""
    assert [one.name for one in reaching(PROFILES, RUNBOOK, policies)] == names


def test_only_allowed_profiles() -> None:
    """An environment that allows gentle and normal gets no other."""
    assert reaching(PROFILES, ("gentle", "normal", "unheard-of"), [policy(20, 60)]) == []
    assert [one.name for one in reaching(PROFILES, ("spike", "burst"), [policy(20, 60)])] == ["burst", "spike"]


def test_rest_and_length() -> None:
    """A limiter has forgotten after its window, or when its bucket is full; a profile takes its delays."""
    assert rest([policy(20, 60), Policy(path="/b", algorithm=Algorithm.NONE)]) == 60
    assert rest([replace(policy(10, 60, Algorithm.TOKEN_BUCKET), burst=5)]) == 30
    assert rest([policy(20, 60, Algorithm.SLIDING_COUNTER)]) == 120
    assert rest([]) == 0
    assert takes(PROFILES["burst"]) < 1 < takes(PROFILES["aggressive"]) < 13


class Service:
    """Both sides on one port; counts paths, and holds an answer back where a test says so."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str | None]] = Counter()
        self.delay = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                service.seen[self.path, self.headers.get("X-API-Key")] += 1
                time.sleep(service.delay)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


@pytest.fixture
def loads(tmp_path: Path, service: Service) -> LoadsAlone:
    """A project of two sides whose gentle profile is over at once."""
    for folder in ("environments", "loadtests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "environments" / "mine.yaml").write_text(
        "name: mine\nsystem: shop\ndescribe: Two sides\nguards: {live: false, profiles: [gentle]}\n"
        f"sides:\n  canary: {{url: 'http://127.0.0.1:{service.port}'}}\n"
        f"  stable: {{url: 'http://localhost:{service.port}'}}\n",
        encoding="utf-8",
    )
    (tmp_path / "loadtests" / "profiles.yaml").write_text(
        "gentle: {use: a test, workload: closed, requests: 3, proves: [P2, P22]}\n"
        "stress: {use: a test, workload: closed, requests: 500, proves: [P2, P22]}\n",
        encoding="utf-8",
    )
    book = Book(
        environment=load_environment("mine", tmp_path / "environments"), checks=(), waivers=(), faults=(), actions=(),
        at=None, root=tmp_path, reports=tmp_path / "out",
        release=Release(version="v1.2.3", commit="c0ffee1", image="x"),
    )  # fmt: skip
    return LoadsAlone(book=book)


def test_a_run_of_its_own(loads: LoadsAlone, service: Service) -> None:
    """Three requests a side, no more, and a record of this release that says so."""
    document = read(loads.make("gentle", ASKED, (), 120 * SECOND))
    jsonschema.validate(document, load_schema())
    assert service.seen == {("/a", None): 3, ("/b", None): 3}
    assert (document["decision"], document["environment"]) == ("GO", "mine")
    assert document["release"] == {"version": "v1.2.3", "commit": "c0ffee1", "image": "x"}
    assert {side: one["endpoint"] for side, one in document["sides"].items()} == {
        "canary": "GET /a",
        "legacy": "GET /b",
    }


def test_what_the_environment_does_not_allow_is_not_sent(loads: LoadsAlone, service: Service) -> None:
    """A profile that is not allowed is refused in the other process as on the command line."""
    with pytest.raises(Failure, match="does not allow the profile 'stress'") as refused:
        loads.make("stress", ASKED, (), 120 * SECOND)
    assert refused.value.cause is Cause.REFUSED
    (loads.book.root / "loadtests" / "profiles.yaml").unlink()
    with pytest.raises(Failure, match=r"profiles\.yaml") as broken:
        loads.make("gentle", ASKED, (), 120 * SECOND)
    assert broken.value.cause is Cause.UNAVAILABLE
    assert service.seen.total() == 0


def test_a_run_that_does_not_end_is_ended(loads: LoadsAlone, service: Service) -> None:
    """At its deadline the process stops to send and leaves; what it kept is HOLD."""
    service.delay = 60.0
    (loads.book.root / "loadtests" / "profiles.yaml").write_text(
        "gentle: {use: a test, workload: closed, requests: 30, proves: [P2, P22]}\n", encoding="utf-8"
    )
    began = time.monotonic()
    with pytest.raises(Failure, match="did not end within 1s") as late:
        loads.make("gentle", ASKED, (), SECOND)
    assert late.value.cause is Cause.TIMEOUT
    assert time.monotonic() - began < 45
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in loads.reports.glob("*/load.json")]
    assert [one["decision"] for one in kept] == ["HOLD"] * len(kept)
    assert service.seen.total() <= 2


def test_a_rehearsal_is_not_started_twice(loads: LoadsAlone, service: Service, tmp_path: Path) -> None:
    """The run goes to the rehearsal that is up, as a client of its own: the command would not even start."""
    (tmp_path / "environments" / "mine.yaml").write_text(
        "name: mine\nsystem: shop\ndescribe: Two sides\nguards: {live: false, profiles: [gentle]}\n"
        "start: {command: [no-such-program]}\nsides: {canary: {url: 'address:c'}, stable: {url: 'address:s'}}\n",
        encoding="utf-8",
    )
    book = replace(loads.book, environment=load_environment("mine", tmp_path / "environments"))
    addresses = {"c": f"http://127.0.0.1:{service.port}", "s": f"http://localhost:{service.port}"}
    ready = Started(addresses=addresses, declares={}, secrets={"TOKEN": "s3cret-value"}, pid=1)
    rehearsed = LoadsAlone(book=book, ready=ready)
    assert rehearsed.rehearsed
    assert read(rehearsed.make("gentle", ASKED, (policy(20, 60),), 120 * SECOND))["decision"] == "GO"
    assert {path for path, _ in service.seen} == {"/a", "/b"}
    ((_, key), *_) = service.seen
    assert key is not None
    assert key.startswith("gonogo-")
    assert "s3cret-value" not in repr(rehearsed)


def test_in_a_rehearsal_the_quickest_profile_is_taken() -> None:
    """Nobody waits for a load test where a burst shows the same."""
    book = Book(
        environment=load_environment("local", ROOT / "environments"), checks=(), waivers=(), faults=(), actions=(),
        at=None, root=ROOT, reports=ROOT, release=None,
    )  # fmt: skip
    limits = [policy(20, 60)]
    assert LoadsAlone(book=book).reaching(limits)[0] == "aggressive"
    ready = Started(addresses={}, declares={}, secrets={}, pid=1)
    assert LoadsAlone(book=book, ready=ready).reaching(limits)[0] == "burst"

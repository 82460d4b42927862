"""AI Factory's canary from beginning to end: users flow, Prometheus scrapes them, the watch decides after 20 minutes.

The rehearsal's stand-in runs in this process, and one clock that only waiting moves is the clock of all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.watch_sim import FakeHands, make_watch

from gonogo.config.environment import load_environment
from gonogo.config.raw import to_raw
from gonogo.flows.watch.loop import Watch
from gonogo.flows.watch.prometheus import PrometheusSampler
from gonogo.flows.watch.told import rulebook_of
from gonogo.flows.watch_replay import replay
from gonogo.model.environment import BackEnd, Environment
from gonogo.model.rulebook import Rulebook
from gonogo.model.verdict import Decision
from gonogo.probes.base import Vantage

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

import clock  # type: ignore[import-not-found]  # noqa: E402
from factory.prometheus import Observers  # type: ignore[import-not-found]  # noqa: E402
from factory.world import World  # type: ignore[import-not-found]  # noqa: E402
from http_server import HttpServer  # type: ignore[import-not-found]  # noqa: E402

RELEASE = {"version": "1.4.0", "image": "registry.test/judgment-service:v1.4.0"}
LOCAL = load_environment("factory-local", ROOT / "environments")


def book() -> Rulebook:
    """The rules of factory-local."""
    assert LOCAL.watch is not None
    return LOCAL.watch


def test_a_plan_keeps_the_queries_of_its_watch() -> None:
    """What a watch was begun with is read again, for the items that rest on it."""
    raw = to_raw(book())
    raw.pop("origin", None)
    assert rulebook_of(raw, "plan.json") == book()


@dataclass
class Play:
    """One canary whose users flow, and the watch of it."""

    folder: Path
    hands: FakeHands = field(default_factory=FakeHands)

    def run(self, *faults: str, rate: float = 40.0) -> Watch:
        world = World("watch", frozenset(faults), self.hands.now().timestamp(), RELEASE, self.folder)
        observers = Observers(SimpleNamespace(parts={}, rate=rate))
        observers.apply(world)
        server = HttpServer(observers.prometheus)
        environment = Environment(
            name="e", system="factory", describe="d", back_ends={"prometheus": BackEnd(address=server.url)}
        )
        vantage = Vantage(environment=environment, release=None, now=self.hands.now(), t0=None, reveal=str)
        watch = make_watch(self.folder, (), lasts=book().for_, rulebook=book(), hands=self.hands)
        watch.sampler = PrometheusSampler(vantage, book(), self.hands.now())
        try:
            watch.run()
        finally:
            vantage.close()
            server.close()
        return watch


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    monkeypatch.setenv("NO_PROXY", "*")
    made = Play(folder=tmp_path)
    monkeypatch.setattr(clock, "now", lambda: made.hands.now().timestamp())
    return made


def test_a_healthy_canary_is_go_after_twenty_minutes(play: Play) -> None:
    """At 40 requests a second, a tenth of them the canary's: 4,800 of it prove all three criteria."""
    watch = play.run()
    assert watch.decision is Decision.GO, watch.verdict
    assert watch.verdict is not None
    assert watch.verdict.seq in (19, 20)
    assert watch.hands.now() - watch.started < timedelta(minutes=21)
    assert {bound.measure for bound in watch.verdict.bounds} == {"error_ratio", "p95_latency", "llm_parsing_ratio"}
    asked = next(bound.samples for bound in watch.verdict.bounds if bound.measure == "error_ratio")
    assert 4200 < asked < 5000


def test_a_canary_with_little_traffic_is_not_proven(play: Play) -> None:
    """Five requests a second leave the canary 600 in 20 minutes: HOLD, with what is missing."""
    watch = play.run(rate=5.0)
    assert watch.decision is Decision.HOLD
    assert watch.verdict is not None
    assert any(
        "llm_parsing_ratio <= 0.005" in reason and "would prove it" in reason for reason in watch.verdict.reasons
    )


@pytest.mark.parametrize(
    ("fault", "measure"),
    [
        ("canary-flow-errors-5pct", "error_ratio"),
        ("canary-flow-errors-2pct", "error_ratio"),
        ("canary-flow-slow", "p95_latency"),
        ("canary-flow-unreadable-3pct", "llm_parsing_ratio"),
    ],
)
def test_a_fault_that_begins_later_is_no_go_by_its_measure(play: Play, fault: str, measure: str) -> None:
    """Within minutes of its beginning, and never before it."""
    watch = play.run(f"{fault}@3m")
    assert watch.decision is Decision.NO_GO
    assert watch.verdict is not None
    assert 4 <= watch.verdict.seq <= 12
    assert measure in watch.verdict.reasons[0] or "latency" in watch.verdict.reasons[0]
    assert not watch.verdict.both_sides


def test_what_breaks_both_sides_says_so(play: Play) -> None:
    watch = play.run("both-flow-errors-25pct@2m")
    assert watch.decision is Decision.NO_GO
    assert watch.verdict is not None
    assert watch.verdict.both_sides


def test_a_watch_of_prometheus_is_judged_again(play: Play) -> None:
    """The recorded samples come to the same decision at the same sample."""
    watch = play.run("canary-flow-unreadable-3pct@2m")
    assert watch.verdict is not None
    replayed = replay(watch.store.folder / "samples.jsonl", rules=None, environment="factory-local", root=ROOT)
    assert (replayed.last.seq, replayed.last.decision) == (watch.verdict.seq, Decision.NO_GO)
    assert replayed.last.reasons == watch.verdict.reasons

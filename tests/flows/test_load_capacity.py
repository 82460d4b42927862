"""Capacity searches against a real server on loopback, whose capacity is known."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.load.loopback import Answer, Server, broken, ok, plain, target, unauthorized

from gonogo.flows.load.capacity import Search, Sender, Sent
from gonogo.judges.loads.capacity_step import Bar, bars
from gonogo.load.fleet import Fleet
from gonogo.load.lag import Lag
from gonogo.load.waiting import wait
from gonogo.model.capacity import Steps, StepVerdict
from gonogo.model.environment import Objective
from gonogo.model.load import Profile, Target, Workload
from gonogo.model.units import Unit


def saturating(workers: int, service: float) -> Answer:
    """So many workers, each busy for so long with a request: first come, first served."""
    free = [0.0] * workers

    async def answer(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
        done = max(time.perf_counter(), heapq.heappop(free)) + service
        heapq.heappush(free, done)
        await asyncio.sleep(max(0.0, done - time.perf_counter()))
        writer.write(plain("200 OK"))

    return answer


class Local(Sender):
    """Each step is a fleet of its own."""

    fleet: Fleet | None = None

    def send(self, profile: Profile, targets: Sequence[Target]) -> Sent:
        lag = Lag(wait)
        self.fleet = Fleet(profile, targets, wait=lag)
        return Sent(found=self.fleet.run(), late=lag.late)

    def stop(self, reason: str) -> None:
        if self.fleet is not None:
            self.fleet.stop(reason)


def profile(steps: Steps, **given: object) -> Profile:
    wanted: dict[str, object] = {
        "name": "capacity", "use": "a test", "workload": Workload.OPEN, "rate": steps.from_, "requests": 20_000,
        "duration": timedelta(seconds=60), "connections": 100, "steps": steps, "proves": ("capacity",), **given,
    }  # fmt: skip
    return Profile(**wanted)  # type: ignore[arg-type]


def kept(p95: float = 3000) -> dict[str, tuple[Bar, ...]]:
    """What both sides have to keep: a p95 in ms, by default one that a slow machine keeps, and few errors."""
    objectives = {
        f"{side}_{measure}": objective
        for side in ("canary", "legacy")
        for measure, objective in {
            "p95": Objective(below=p95, unit=Unit.MS, min_samples=20),
            "error_ratio": Objective(below=0.05, unit=Unit.RATIO),
        }.items()
    }
    return {side: bars(side, objectives) for side in ("canary", "legacy")}


SHORT = Steps(from_=100, at_most=500, each=timedelta(seconds=0.8), pause=timedelta(seconds=0.1), within=0.2, repeats=2)


def test_the_capacity_of_a_real_server_is_found() -> None:
    """Three workers of 20 ms bear 150/s: that is what is found, and the interval's lower end is not above it."""
    for _ in range(3):  # a busy machine serves less, and the search says when it had no time to send
        lines: list[str] = []
        with Server(saturating(3, 0.02)) as server:
            search = Search(profile(SHORT), [target(server.url)], kept(p95=100), Local(), say=lines.append)
            found = search.run()
            seen = len(server.seen)
        (capacity,) = search.capacities
        assert found.aborted is None
        assert found.sides[0].requests == seen == sum(step.sent for step in capacity.steps)
        assert len(lines) == len(capacity.steps)
        if capacity.complete and capacity.rate == pytest.approx(150, rel=0.25):
            break
    assert capacity.complete, capacity.said
    assert capacity.rate == pytest.approx(150, rel=0.25)  # how near it comes is a benchmark
    assert capacity.low is not None
    assert capacity.low <= 165
    assert capacity.limited_by == "canary_p95"


def test_sides_take_turns_and_keep_to_their_requests() -> None:
    """No side gets more than the profile's requests, counted at the server; the second begins after the first."""
    steps = Steps(from_=50, at_most=5000, each=timedelta(seconds=0.3), pause=timedelta(0), repeats=2)
    with Server(ok) as one, Server(ok) as other:
        search = Search(profile(steps, requests=150), [target(one.url), target(other.url, "legacy")], kept(), Local())
        search.run()
        assert len(one.seen) <= 150
        assert len(other.seen) <= 150
        assert max(one.seen) < min(other.seen)
    assert [found.side for found in search.capacities] == ["canary", "legacy"]
    sent = [step.sent for step in search.capacities[0].steps]
    assert sent[0] == 15
    assert set(sent) <= {15, 30, 60}  # a step that a busy machine spoilt is made again


def test_an_error_burn_ends_its_step_at_once() -> None:
    """A step of a minute that answers 503 is broken after a moment, and the rest of it is not sent."""
    steps = Steps(from_=50, at_most=50, each=timedelta(seconds=60), pause=timedelta(0), repeats=1, count=1)
    with Server(broken) as server:
        search = Search(profile(steps, abort_error_ratio=0.2), [target(server.url)], kept(), Local())
        before = time.monotonic()
        search.run()
        assert time.monotonic() - before < 20
        assert len(server.seen) < 1000  # of three thousand
    (step,) = search.capacities[0].steps
    assert step.verdict is StepVerdict.BROKEN
    assert step.broke == ("canary_error_ratio",)
    assert "were errors, more than the ratio" in step.reason


def test_refused_credentials_end_the_search() -> None:
    """401 to each of the first requests: one step, nothing known."""
    with Server(unauthorized) as server:
        search = Search(profile(SHORT), [target(server.url)], kept(), Local())
        search.run()
        assert len(server.seen) < 20
    (found,) = search.capacities
    assert found.steps[0].refused
    assert (found.rate, found.complete) == (None, False)


def test_a_stop_keeps_what_was_found() -> None:
    """Ctrl-C after a step: nothing more is sent, the steps before it stand, and the run says why."""
    steps = Steps(from_=50, at_most=1000, factor=1.1, each=timedelta(seconds=0.4), pause=timedelta(seconds=60))

    def interrupt(_: str) -> None:
        threading.Timer(0.3, search.stop, ["it was interrupted"]).start()

    with Server(ok) as server:
        sides = [target(server.url), target(server.url, "legacy")]
        search = Search(profile(steps, duration=timedelta(minutes=10)), sides, kept(), Local(), say=interrupt)
        before = time.monotonic()
        found = search.run()
        assert time.monotonic() - before < 20
        assert len(server.seen) == 20
    assert found.aborted == "it was interrupted"
    (capacity,) = search.capacities
    assert (len(capacity.steps), capacity.complete) == (1, False)


def test_a_profile_without_steps_is_no_search() -> None:
    """The mistake is the caller's."""
    with pytest.raises(ValueError, match="has no steps"):
        Search(replace(profile(SHORT), steps=None), [], {}, Local())

"""What real limiters taught the judges of a declared policy, in simulated form."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from tests.inference_sim import event
from tests.ratelimit_sim import Server, chance, declare, serve
from tests.scenario_sim import Service, examine

from gonogo.judges.rate.headers import read_headers
from gonogo.judges.rate.limit import validate
from gonogo.model.load import Event
from gonogo.model.rate_scenes import NOTHING
from gonogo.model.ratelimit import Algorithm, Policy, Shown

BUCKETS = (Algorithm.TOKEN_BUCKET, Algorithm.GCRA)


def other(factor: float) -> Service:
    """A service whose bucket has the declared size and another refill."""

    def build(policy: Policy, random: Random) -> Server:
        return replace(serve(replace(policy, window=policy.window / factor), random), policy=policy)

    policy = declare(BUCKETS[0], 5, 1.0, burst=10, retry_after=False)
    return Service(policy=policy, random=chance(f"pace {factor}"), build=build)


@pytest.mark.parametrize("algorithm", BUCKETS)
@pytest.mark.parametrize(("factor", "breaks"), [(0.5, "P2"), (0.7, "P2"), (1.5, "P1"), (2.0, "P1")])
def test_a_bucket_of_the_declared_size_with_another_refill(algorithm: Algorithm, factor: float, breaks: str) -> None:
    """Its burst is right: only requests that go on while it is empty show how fast it refills."""
    for _ in range(3):
        service = other(factor)
        policy = replace(service.policy, algorithm=algorithm)
        played = examine(service, policy, NOTHING, at_most=200, shake=0.01)
        assert played.results[breaks].verdict is Shown.FAIL, played.results[breaks]


def test_a_right_refill_passes() -> None:
    service = other(1.0)
    played = examine(service, service.policy, NOTHING, at_most=200, shake=0.01)
    assert played.failed() == set()
    assert {id_ for id_, result in played.results.items() if result.verdict is Shown.PASS} >= {"P1", "P2", "P3"}


def test_a_limiter_that_lets_nobody_in_too_often_is_not_said_to_count_rejections() -> None:
    """P2 is blamed for a smaller limit where requests are admitted in spite of many rejections."""
    service = other(0.5)
    played = examine(service, service.policy, NOTHING, at_most=200, shake=0.01)
    assert played.results["P14"].verdict is not Shown.FAIL


def queued(size: int) -> list[Event]:
    """Twenty at once to a queue that is left five times a second."""
    held = [event(0.001 * n, 200, 0.001 * n + 0.002 + n / 5) for n in range(size)]
    return [*held, *(event(0.001 * n, 429, 0.001 * n + 0.003) for n in range(size, 20))]


@pytest.mark.parametrize(("size", "verdict"), [(10, Shown.PASS), (15, Shown.FAIL)])
def test_who_waited_in_a_queue_was_admitted_when_it_was_sent(size: int, verdict: Shown) -> None:
    """Late answers do not hide that more were taken at once than the queue may hold."""
    policy = Policy(path="/", algorithm=Algorithm.LEAKY_BUCKET, limit=5, window=timedelta(seconds=1), burst=10)
    found = {result.id: result for result in validate(queued(size), [policy])}
    assert found["P1"].verdict is verdict, found["P1"]


def test_a_declared_queue_is_filled_in_one_row() -> None:
    """Chunks that wait for their answers never fill a limiter that makes them wait."""
    policy = declare(Algorithm.LEAKY_BUCKET, 5, 1.0, burst=10)
    played = examine(Service(policy=policy, random=chance("queue")), policy, NOTHING)
    burst = [one for one in played.events if "P9" in one.scene.split()]
    assert burst[-1].sent - burst[0].sent < 0.1
    assert len(burst) > 20


def test_a_date_may_be_two_seconds_old() -> None:
    """Servers that make it once a second, cut to seconds, add up to that."""
    fields = [("date", "Fri, 20 Nov 2026 11:51:23 GMT"), ("x-ratelimit-limit", "10")]
    said = read_headers([*fields, ("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1795175487.0498")])
    assert said.reset is not None
    assert said.reset[0] < 2.1 < said.reset[1]

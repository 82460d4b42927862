"""A limiter that makes requests wait is told by the even steps of its answers."""

from __future__ import annotations

from random import Random

import pytest
from tests.inference_sim import event, play
from tests.ratelimit_sim import Limiter, declare

from gonogo.judges.rate.inference import infer
from gonogo.judges.rate.plan import Done, Send, Wait, next_step
from gonogo.judges.rate.queue import queue_of
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm


def played(size: int, rate: float, at_once: int = 1, seed: int = 1) -> list[Event]:
    """The plan against a queue of `size` that is left `rate` times a second; `at_once` of them do not wait."""
    draw = Random(seed)  # noqa: S311 - a simulation
    now, excess, last = 0.0, 0.0, float("-inf")
    timeline: list[Event] = []
    while True:
        step = next_step(timeline, now, patience=3600)
        match step:
            case Done():
                return timeline
            case Wait(seconds=seconds):
                now += seconds
            case Send(n=n, spacing=spacing):
                for number in range(n):
                    sent = now + number * max(spacing, 0.001)
                    at = sent + draw.uniform(0.0005, 0.002)
                    left = 0.0 if last == float("-inf") else max(0.0, excess - (at - last) * rate + 1)
                    back = draw.uniform(0.0005, 0.002)
                    if left > size - 1 + 1e-9:
                        timeline.append(event(sent, 429, at + back))
                        continue
                    excess, last = left, at
                    timeline.append(event(sent, 200, at + max(0.0, left - at_once + 1) / rate + back))
                now = max(one.received for one in timeline)


@pytest.mark.parametrize(("size", "rate", "at_once"), [(10, 5.0, 1), (10, 5.0, 5), (6, 2.0, 1), (30, 20.0, 1)])
def test_a_queue_is_a_leaky_bucket(size: int, rate: float, at_once: int) -> None:
    found = infer(played(size, rate, at_once))
    assert found is not None
    assert found.algorithm is Algorithm.LEAKY_BUCKET
    assert found.burst == size
    assert found.refill == pytest.approx(rate, rel=0.05)
    assert found.reject_status == 429


def test_a_bucket_does_not_make_wait() -> None:
    limiter = Limiter(declare(Algorithm.TOKEN_BUCKET, 10, 2.0))
    timeline = play(lambda at: limiter.hit(at).admitted, Random(1))  # noqa: S311 - a simulation
    assert queue_of(timeline, 429) is None


def test_a_slow_service_behind_a_bucket_is_no_queue_of_the_limiter() -> None:
    """Answers that come one after the other at 40 a second do not explain what a bucket of 5 a second rejects."""
    limiter = Limiter(declare(Algorithm.TOKEN_BUCKET, 10, 2.0))
    timeline = play(lambda at: limiter.hit(at).admitted, Random(1))  # noqa: S311 - a simulation
    slowed, free = list[Event](), 0.0
    for one in timeline:
        free = max(free, one.sent) + 0.025 if one.status == 200 else free
        slowed.append(event(one.sent, one.status, free if one.status == 200 else one.sent + 0.002))
    assert queue_of(slowed, 429) is not None
    found = infer(slowed)
    assert found is None or found.algorithm is not Algorithm.LEAKY_BUCKET


def test_answers_at_odd_times_are_no_queue() -> None:
    draw = Random(2)  # noqa: S311 - a simulation
    assert queue_of([event(0.0, 200, draw.uniform(0.1, 3)) for _ in range(40)], 429) is None

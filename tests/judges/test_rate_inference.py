"""A limiter that nobody declared, found by its answers alone, over simulated limiters with jitter."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from gonogo.judges.rate_inference import infer, reject_status
from gonogo.judges.rate_plan import AT_MOST, Done, Send, Wait, next_step
from gonogo.model.load import Event, OutcomeClass
from gonogo.model.ratelimit import Algorithm, Dialect, Inferred

Limiter = Callable[[float], bool]


def fixed_clock(limit: int, window: float, phase: float) -> Limiter:
    counts: dict[int, int] = {}

    def admit(now: float) -> bool:
        spot = math.floor((now + phase) / window)
        counts[spot] = counts.get(spot, 0) + 1
        return counts[spot] <= limit

    return admit


def fixed_first(limit: int, window: float, _: float) -> Limiter:
    state = [-math.inf, 0]

    def admit(now: float) -> bool:
        if now >= state[0] + window:
            state[:] = [now, 0]
        state[1] += 1
        return state[1] <= limit

    return admit


def log(limit: int, window: float, _: float) -> Limiter:
    taken: list[float] = []

    def admit(now: float) -> bool:
        taken[:] = [one for one in taken if one > now - window]
        if len(taken) >= limit:
            return False
        taken.append(now)
        return True

    return admit


def counter(limit: int, window: float, phase: float) -> Limiter:
    counts: dict[int, int] = {}

    def admit(now: float) -> bool:
        place = (now + phase) / window
        spot = math.floor(place)
        if counts.get(spot - 1, 0) * (1 - (place - spot)) + counts.get(spot, 0) + 1 > limit:
            return False
        counts[spot] = counts.get(spot, 0) + 1
        return True

    return admit


def bucket(limit: int, window: float, _: float) -> Limiter:
    state = [float(limit), 0.0]

    def admit(now: float) -> bool:
        state[:] = [min(limit, state[0] + (now - state[1]) * limit / window), now]
        if state[0] < 1:
            return False
        state[0] -= 1
        return True

    return admit


FAMILIES = {
    "clock": (fixed_clock, Algorithm.FIXED_WINDOW),
    "first": (fixed_first, Algorithm.FIXED_WINDOW),
    "log": (log, Algorithm.SLIDING_LOG),
    "counter": (counter, Algorithm.SLIDING_COUNTER),
    "bucket": (bucket, Algorithm.TOKEN_BUCKET),
}


def event(sent: float, status: int, received: float | None = None, **more: str) -> Event:
    outcome = OutcomeClass.ACCEPTED if 0 < status < 400 else OutcomeClass.LIMITED
    headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
    return Event(
        side="it", endpoint="GET /", intended=sent, sent=sent, received=sent + 0.05 if received is None else received,
        status=status, outcome=outcome, headers=headers,
    )  # fmt: skip


def play(limiter: Limiter, draw: random.Random, at_most: int = AT_MOST, *, status: int = 429) -> list[Event]:
    """The plan against a limiter: 50 ms to and fro, +-20 ms either way, 2 ms between requests of a burst."""
    now, timeline = 0.0, list[Event]()
    while True:
        step = next_step(timeline, now, at_most=at_most, patience=3600)
        if isinstance(step, Done):
            return timeline
        if isinstance(step, Wait):
            now += step.seconds
            continue
        assert isinstance(step, Send)
        sent = [now + number * max(step.spacing, 0.002) for number in range(step.n)]
        arrives = [moment + 0.025 + draw.uniform(-0.02, 0.02) for moment in sent]
        answers = {number: limiter(arrives[number]) for number in sorted(range(step.n), key=arrives.__getitem__)}
        for number, moment in enumerate(sent):
            received = arrives[number] + 0.025 + draw.uniform(-0.02, 0.02)
            timeline.append(event(moment, 200 if answers[number] else status, received))
        now = max(one.received for one in timeline)
        assert len(timeline) <= at_most


def drawn(seed: int) -> tuple[str, int, float, Inferred | None, list[Event]]:
    draw = random.Random(seed)  # noqa: S311 - a simulation
    family = sorted(FAMILIES)[seed % len(FAMILIES)]
    limit, window = draw.randint(5, 100), draw.uniform(1, 60)
    timeline = play(FAMILIES[family][0](limit, window, draw.uniform(0, window)), draw)
    return family, limit, window, infer(timeline), timeline


def test_a_hundred_limiters() -> None:
    """The algorithm is right for nine in ten, and the limit within 6 % for 95 of 100."""
    right, errors = 0, list[float]()
    for seed in range(100):
        family, limit, _, found, timeline = drawn(seed)
        assert len(timeline) <= AT_MOST
        right += found is not None and found.algorithm is FAMILIES[family][1]
        errors.append(1.0 if found is None else abs(found.limit - limit) / limit)
    assert right >= 90
    assert sorted(errors)[94] <= 0.06


def test_numbers_of_a_bucket() -> None:
    draw = random.Random(3)  # noqa: S311 - a simulation
    found = infer(play(bucket(20, 10.0, 0.0), draw, status=503))
    assert found is not None
    assert found.algorithm is Algorithm.TOKEN_BUCKET
    assert found.limit == found.burst == 20
    assert found.refill == pytest.approx(2.0, rel=0.1)
    assert found.reject_status == 503
    assert found.confidence > 0.5


def test_nothing_rejected_is_no_limiter_seen() -> None:
    timeline = play(lambda _: True, random.Random(1), at_most=60)  # noqa: S311 - a simulation
    assert len(timeline) == 60
    found = infer(timeline)
    assert found is not None
    assert found.algorithm is Algorithm.NONE
    assert found.reject_status is None
    assert "the most in a second" in found.notes[0]


def test_nothing_accepted_cannot_be_said() -> None:
    timeline = play(lambda _: False, random.Random(1), status=401)  # noqa: S311 - a simulation
    assert len(timeline) < 10
    assert infer(timeline) is None
    assert next_step(timeline, 99.0) == Done(reason="no request was accepted (401)")


def test_rejects_without_a_return_cannot_be_said() -> None:
    """A burst alone tells a number and no window."""
    timeline = [event(number / 10, 200 if number < 5 else 429) for number in range(9)]
    assert infer(timeline) is None


def test_a_failing_server_is_left_alone() -> None:
    timeline = [event(0.0, 200), *(event(1 + number / 10, 500) for number in range(8))]
    assert next_step(timeline, 9.0) == Done(reason="the server fails (two 5xx in a row)")
    lost = [event(0.0, 200), *(event(1 + number / 10, 0) for number in range(8))]
    assert next_step(lost, 9.0) == Done(reason="3 answers in a row were lost")


def test_the_plan_is_a_function_of_timeline_and_moment() -> None:
    timeline = [event(number / 100, 200 if number < 5 else 429) for number in range(9)]
    assert next_step([], 0.0) == Send(n=1)
    assert next_step(timeline[:1], 0.1) == Send(n=8)
    assert next_step(timeline, 0.1) == next_step(timeline, 0.1)
    waits = next_step(timeline, 0.1)
    assert isinstance(waits, Wait)
    assert next_step(timeline, 0.1 + waits.seconds) == Send(n=1)
    assert next_step(timeline, 0.1, patience=0.05) == Done(reason="it would take longer than 0.05 s")
    assert next_step(timeline, 9.0, at_most=9) == Done(reason="9 requests are sent")


@pytest.mark.parametrize("status", [429, 503, 403])
def test_the_reject_status_is_told(status: int) -> None:
    assert reject_status([event(0.0, 200), event(0.1, status)]) == status
    assert reject_status([event(0.0, 200), event(0.1, 500)]) is None


@pytest.mark.parametrize(
    ("headers", "spoken"),
    [
        ({}, Dialect.NONE),
        ({"ratelimit": '"default";r=5;t=10', "ratelimit_policy": '"default";q=10;w=60'}, Dialect.DRAFT),
        ({"ratelimit_limit": "10", "ratelimit_remaining": "5", "ratelimit_reset": "3"}, Dialect.DRAFT_OLD),
        ({"x_ratelimit_limit": "10", "x_ratelimit_reset": "1790000000"}, Dialect.LEGACY_EPOCH),
        ({"x_ratelimit_limit": "10", "x_ratelimit_reset": "30"}, Dialect.LEGACY_DELTA),
    ],
)
def test_the_dialect_is_told(headers: dict[str, str], spoken: Dialect) -> None:
    found = infer([event(0.0, 200, None, **headers), event(0.1, 200)])
    assert found is not None
    assert found.headers is spoken

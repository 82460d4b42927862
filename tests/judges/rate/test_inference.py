"""A limiter that nobody declared, found by its answers alone, over simulated limiters with jitter."""

from __future__ import annotations

from random import Random

import pytest
from tests import inference_sim
from tests.inference_sim import drawn, event, play
from tests.ratelimit_sim import Limiter, declare

from gonogo.judges.rate.inference import infer, reject_status
from gonogo.judges.rate.plan import AT_MOST, Done, Send, Wait, next_step
from gonogo.model.ratelimit import Algorithm, Dialect


def test_fifty_limiters() -> None:
    """The algorithm is right for nine in ten, and the limit within 6 % for 19 of 20; the benchmark draws 300."""
    right, errors = 0, list[float]()
    for seed in range(50):
        policy, found, timeline = drawn(seed)
        assert len(timeline) <= AT_MOST
        right += found is not None and found.algorithm is policy.algorithm
        errors.append(1.0 if found is None else abs(found.limit - policy.limit) / policy.limit)
    assert right >= 45
    assert sorted(errors)[46] <= 0.06


def test_numbers_of_a_bucket() -> None:
    limiter = Limiter(declare(Algorithm.GCRA, 20, 10.0))
    found = infer(play(lambda at: limiter.hit(at).admitted, Random(3), status=503))  # noqa: S311 - a simulation
    assert found is not None
    assert found.algorithm is Algorithm.TOKEN_BUCKET
    assert found.limit == found.burst == 20
    assert found.refill == pytest.approx(2.0, rel=0.1)
    assert found.reject_status == 503
    assert found.confidence > 0.5


@pytest.mark.parametrize("used", [1, 4, 10])
@pytest.mark.parametrize(
    ("algorithm", "aligned"),
    [(Algorithm.FIXED_WINDOW, True), (Algorithm.FIXED_WINDOW, False), (Algorithm.TOKEN_BUCKET, None)],
)
def test_a_key_that_was_in_use_before(algorithm: Algorithm, aligned: bool | None, used: int) -> None:
    """A first burst that is admitted less than later ones does not make the limit look smaller."""
    limiter = Limiter(declare(algorithm, 10, 2.0, aligned=aligned))
    for number in range(used):
        limiter.hit(99.8 + number / 1000)
    found = infer(play(lambda at: limiter.hit(100 + at).admitted, Random(used)))  # noqa: S311 - a simulation
    assert found is not None
    assert found.algorithm is algorithm
    assert found.limit == 10
    assert found.window.total_seconds() == pytest.approx(2, rel=0.15)


def test_only_rejections_at_first_are_waited_out() -> None:
    """429 from the first request on is a limiter that was used before; it is asked again, less and less often."""
    timeline = [event(number / 10, 429) for number in range(4)]
    waits = next_step(timeline, 0.4)
    assert isinstance(waits, Wait)
    assert next_step(timeline, 0.4 + waits.seconds) == Send(n=1)
    assert infer(timeline) is None


@pytest.mark.parametrize("seed", range(4))
def test_one_request_at_a_time_is_a_bucket_of_one(seed: int) -> None:
    """With a limit of one, a window from the first request, a log and a bucket answer alike."""
    limiter = Limiter(declare(Algorithm.TOKEN_BUCKET, 1, 3.0))
    found = infer(play(lambda at: limiter.hit(at).admitted, Random(seed)))  # noqa: S311 - a simulation
    assert found is not None
    assert found.algorithm is Algorithm.TOKEN_BUCKET
    assert found.burst == 1
    assert found.refill == pytest.approx(1 / 3, rel=0.05)
    assert any("are the same" in note for note in found.notes)


@pytest.mark.parametrize("seed", range(6))
def test_a_log_is_told_from_a_window_by_slow_bursts_too(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The half that is sent when the quota comes back is sent when a log has given back all of it."""
    monkeypatch.setattr(inference_sim, "APART", 0.01)
    limiter = Limiter(declare(Algorithm.SLIDING_LOG, 10, 2.0))
    found = infer(play(lambda at: limiter.hit(at).admitted, Random(seed)))  # noqa: S311 - a simulation
    assert found is not None
    assert found.algorithm is Algorithm.SLIDING_LOG
    assert found.confidence > 0.5


def test_nothing_rejected_is_no_limiter_seen() -> None:
    timeline = play(lambda _: True, Random(1), at_most=60)  # noqa: S311 - a simulation
    assert len(timeline) == 60
    found = infer(timeline)
    assert found is not None
    assert found.algorithm is Algorithm.NONE
    assert found.reject_status is None
    assert "the most in a second" in found.notes[0]


def test_nothing_accepted_cannot_be_said() -> None:
    timeline = play(lambda _: False, Random(1), status=401)  # noqa: S311 - a simulation
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
        ({"ratelimit": '"default";r=5;t=10', "ratelimit-policy": '"default";q=10;w=60'}, Dialect.DRAFT),
        ({"ratelimit-limit": "10", "ratelimit-remaining": "5", "ratelimit-reset": "3"}, Dialect.DRAFT_OLD),
        ({"x-ratelimit-limit": "10", "x-ratelimit-reset": "1790000000"}, Dialect.LEGACY_EPOCH),
        ({"x-ratelimit-limit": "10", "x-ratelimit-reset": "30"}, Dialect.LEGACY_DELTA),
    ],
)
def test_the_dialect_is_told(headers: dict[str, str], spoken: Dialect) -> None:
    found = infer([event(0.0, 200, None, tuple(headers.items())), event(0.1, 200)])
    assert found is not None
    assert found.headers is spoken

"""A limiter that makes requests wait instead of rejecting them, told by answers that come one step after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from gonogo.judges.rate.fit import Fit, Shot, bucket
from gonogo.model.load import Event

_HELD_S = 0.02  # longer than twice a quick answer and this: it was made to wait
_LEAST = 4  # steps of a staircase
_EVEN = 0.7  # share of the steps that have to be alike
_SPREAD = 0.2  # by so much of a step, or
_SHAKE_S = 0.01  # by so many seconds, they may differ
_LEAST_SLACK_S = 0.008  # the queue's own clock and the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Answers left it `rate` a second; one that did not wait took about `quick` seconds."""

    rate: float
    quick: float


def queue_of(timeline: Sequence[Event], status: int | None = None) -> Queue | None:
    """The queue in which admitted requests waited; None where they were answered at once or at odd times.

    `status` is that of a rejection: who is rejected does not wait.
    """
    admitted = [event for event in timeline if 0 < event.status < 400]
    rejected = [_took(event) for event in timeline if event.status == status]
    if len(admitted) <= _LEAST:
        return None
    quick = median(rejected) if rejected else min(map(_took, admitted))
    held = sorted((event for event in admitted if _took(event) > 2 * quick + _HELD_S), key=lambda event: event.received)
    # Within one row only: the later one was sent before the earlier one was answered.
    gaps = [late.received - early.received for early, late in pairwise(held) if late.sent < early.received]
    if len(gaps) < _LEAST:
        return None
    step = median(gaps)
    alike = sum(abs(gap - step) <= max(_SPREAD * step, _SHAKE_S) for gap in gaps)
    if step < _SHAKE_S or alike < _EVEN * len(gaps):
        return None
    even = [gap for gap in gaps if abs(gap - step) <= max(_SPREAD * step, _SHAKE_S)]
    return Queue(rate=len(even) / sum(even), quick=quick)


def queue_fit(timeline: Sequence[Event], status: int, queue: Queue) -> Fit:
    """The queue's length that explains what was admitted: a bucket in which each request arrived as it was sent."""
    usual = max(_LEAST_SLACK_S, queue.quick / 2)
    shots = sorted(
        (
            Shot(
                at=event.sent + usual,
                slack=usual if event.status < 400 else max(usual, _took(event) / 2),
                admitted=event.status < 400,
            )
            for event in timeline
            if event.status == status or 0 < event.status < 400
        ),
        # Of requests that went together nobody knows the order: what was admitted came first.
        key=lambda shot: (round(shot.at, 1), not shot.admitted, shot.at),
    )
    rejects = sum(not shot.admitted for shot in shots)
    costs = [
        (bucket(shots, size, queue.rate * share) + 20 * abs(share - 1), size, queue.rate * share)
        for size in range(1, len(shots) - rejects + 1)
        for share in (0.98, 0.99, 1.0, 1.01, 1.02)
    ]
    cost, size, rate = min(costs)
    return Fit(family="queue", limit=size, window=size / rate, cost=cost)


def _took(event: Event) -> float:
    return event.received - event.sent

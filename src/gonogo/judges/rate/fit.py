"""How well a limiter of one family, with given numbers, explains what a timeline shows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_HARD = 1.0  # wrong at every moment at which the server may have counted
_SOFT = 0.2  # right at one of them only


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One answered request: when the server counted it, at best, and by how much that may be wrong (seconds)."""

    at: float
    slack: float
    admitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A family with its numbers; `cost` counts the answers that it does not explain.

    `phase` is the moment of a clock's edge; None where the window starts with the first request.
    """

    family: str
    limit: float
    window: float
    cost: float
    phase: float | None = None


def _cost(*, admitted: bool, early: bool, late: bool) -> float:
    if early == late:
        return 0.0 if early == admitted else _HARD
    return _SOFT


def fixed(shots: Sequence[Shot], limit: float, window: float, phase: float) -> float:
    """A counter that a clock resets."""
    cost = 0.0
    counts: dict[int, int] = {}
    for shot in shots:
        here = (shot.at - phase) / window
        early, late = math.floor(here - shot.slack / window), math.floor(here + shot.slack / window)
        cost += _cost(admitted=shot.admitted, early=counts.get(early, 0) < limit, late=counts.get(late, 0) < limit)
        if shot.admitted:
            spot = math.floor(here)
            if counts.get(spot, 0) >= limit and early != late:  # it was counted on the other side of the edge
                spot = late if spot == early else early
            counts[spot] = counts.get(spot, 0) + 1
    return cost


def first_hit(shots: Sequence[Shot], limit: float, window: float) -> float:
    """A counter that starts with the first request and is thrown away one window later."""
    cost = 0.0
    start, count = -math.inf, 0
    for shot in shots:
        full = count >= limit
        age = shot.at - start
        free_early, free_late = age - 2 * shot.slack >= window, age + 2 * shot.slack >= window
        cost += _cost(admitted=shot.admitted, early=not full or free_early, late=not full or free_late)
        if age >= window or (shot.admitted and full and free_late):
            start, count = shot.at, 0
        if shot.admitted:
            count += 1
    return cost


def sliding_log(shots: Sequence[Shot], limit: float, window: float) -> float:
    """At most `limit` admitted in any window."""
    cost = 0.0
    log: deque[float] = deque()
    for shot in shots:
        slack = 2 * shot.slack
        while log and log[0] < shot.at - window - slack:
            log.popleft()
        surely = 0
        for moment in log:
            if moment > shot.at - window + slack:
                break
            surely += 1
        cost += _cost(admitted=shot.admitted, early=len(log) < limit, late=len(log) - surely < limit)
        if shot.admitted:
            log.append(shot.at)
            if len(log) > limit and log[0] <= shot.at - window + slack:
                log.popleft()
    return cost


def sliding_counter(shots: Sequence[Shot], limit: float, window: float, phase: float, *, room: float = 1.0) -> float:
    """A window's count and the fading share of the one before; `room` must be left for one more."""
    cost = 0.0
    counts: dict[int, int] = {}

    def free(moment: float) -> bool:
        place = (moment - phase) / window
        spot = math.floor(place)
        share = counts.get(spot - 1, 0) * (1 - (place - spot))
        return share + counts.get(spot, 0) <= limit - room

    for shot in shots:
        cost += _cost(admitted=shot.admitted, early=free(shot.at - shot.slack), late=free(shot.at + shot.slack))
        if shot.admitted:
            spot = math.floor((shot.at - phase) / window)
            counts[spot] = counts.get(spot, 0) + 1
    return cost


def bucket(shots: Sequence[Shot], burst: float, rate: float, *, start: float | None = None) -> float:
    """A bucket of `burst` tokens that gets `rate` a second; a leaky bucket that does not delay is the same.

    It holds `start` tokens at the first request, None: it is full.
    """
    cost = 0.0
    tokens, last = burst, -math.inf
    if start is not None and shots:
        tokens, last = min(burst, start), shots[0].at
    for shot in shots:
        passed = shot.at - last
        tokens = burst if passed == math.inf else min(burst, tokens + max(0.0, passed) * rate)
        last = max(last, shot.at)
        reach = 2 * shot.slack * rate
        cost += _cost(
            admitted=shot.admitted, early=min(burst, tokens) - reach >= 1, late=min(burst, tokens + reach) >= 1
        )
        tokens = max(0.0, tokens - 1) if shot.admitted else min(tokens, 0.999)
    return cost

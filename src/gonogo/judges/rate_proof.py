"""What to send so that a declared policy is proven or broken: a burst over its limit, and probes of its recovery."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from gonogo.judges.rate_headers import read_headers
from gonogo.judges.rate_steps import Send, accepted
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm, Policy

_ENOUGH = 3  # rejects in a row that say: it is enforced
_SPARE_S = 1.0  # after the moment that is told, for clocks that count whole seconds
_NONE = 100  # requests that a path without a limiter has to take
_AHEAD = 16

_Story = Generator["float | Send", Sequence[Event], str]  # a float is a moment to wait for


def proof(policy: Policy) -> _Story:
    """The story that `next_step` tells for a policy."""
    if policy.algorithm is Algorithm.NONE:
        yield Send(n=_NONE)
        return f"{_NONE} requests at once"
    window = policy.window.total_seconds()
    refill = policy.at_once * window / policy.limit if policy.algorithm.bucket else window
    rest = (2.0 if policy.algorithm is Algorithm.SLIDING_COUNTER else 1.0) * refill
    yield rest  # what was used before this run is forgotten by then
    last = yield from _exhaust(policy)
    if last is None:
        return "no request was rejected"
    told = _told(last)
    if told is not None and told > 2 * _SPARE_S + 1:  # half of a short time is within what whole seconds blur
        yield last.received + told / 2
        (last,) = yield Send(n=1)
    for _ in range(2):
        if accepted(last):
            break
        told = _told(last)
        yield last.received + (told if told is not None else window) + _SPARE_S
        (last,) = yield Send(n=1)
    # Whole again after a window in which nothing was sent?
    yield last.received + rest + _SPARE_S
    yield Send(n=math.ceil(0.9 * policy.at_once))
    return "the limit was reached, and its recovery was looked at"


def _exhaust(policy: Policy) -> Generator[Send, Sequence[Event], Event | None]:
    """As fast as it goes until several in a row are rejected, or more were sent than any reading of it admits."""
    left = 2 * policy.at_once + math.ceil(2 * policy.tolerance * policy.at_once) + _ENOUGH + 2
    events: list[Event] = []
    chunk = policy.at_once + _ENOUGH
    while left > 0:
        events += yield Send(n=min(chunk, left))
        left -= min(chunk, left)
        tail = events[-_ENOUGH:]
        if not any(accepted(event) for event in tail):
            return max(tail, key=lambda event: event.received)
        chunk = _AHEAD
    return None


def _told(event: Event) -> float | None:
    """Seconds until the quota comes back, as the answer's headers say."""
    said = read_headers(event.headers)
    interval = said.retry_after or said.reset
    return None if interval is None or interval[1] < 0 else max(0.0, sum(interval) / 2)

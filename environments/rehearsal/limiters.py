"""Requests by time into admitted or rejected: the ways of counting that rate limiters have, each of them right."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import floor
from typing import Protocol

ALIGNED, FIXED, MOVING, SLIDING, BUCKET, GCRA = "aligned", "fixed", "moving", "sliding", "bucket", "gcra"
FREE = "free"  # rejects nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`limit` requests in `window` s. `burst` is what a bucket takes at once, `limit` where it is None."""

    family: str
    limit: int
    window: float
    burst: int | None = None
    counts_rejected: bool = False

    @property
    def at_once(self) -> int:
        """The most that an idle limiter admits at once."""
        return self.limit if self.burst is None else self.burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a limiter decides: what is left after it, s until all of it is back, s until one more is admitted."""

    admitted: bool
    remaining: int
    reset: float
    wait: float


class Limiter(Protocol):
    """The counter of one key. `at` is in s and never earlier than before."""

    def hit(self, at: float) -> Answer:
        """Count one request."""
        ...


def limiter(rule: Rule) -> Limiter:
    """A new counter for a rule; KeyError for a family that there is not."""
    return _FAMILIES[rule.family](rule)


class _Free:
    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def hit(self, at: float) -> Answer:
        return Answer(admitted=True, remaining=self._rule.at_once, reset=0.0, wait=0.0)


class _Fixed:
    """Windows follow the clock (aligned), or open with the first request after the one before has ended."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._opened = float("-inf")
        self._count = 0

    def hit(self, at: float) -> Answer:
        rule = self._rule
        if at >= self._opened + rule.window:
            self._opened = floor(at / rule.window) * rule.window if rule.family == ALIGNED else at
            self._count = 0
        admitted = self._count < rule.limit
        self._count += admitted or rule.counts_rejected
        ends = self._opened + rule.window - at
        left = max(0, rule.limit - self._count)
        return Answer(admitted=admitted, remaining=left, reset=ends, wait=0.0 if left else ends)


class _Moving:
    """Every admitted request of the last window is remembered."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._seen: deque[float] = deque()

    def hit(self, at: float) -> Answer:
        rule, seen = self._rule, self._seen
        while seen and seen[0] <= at - rule.window:
            seen.popleft()
        admitted = len(seen) < rule.limit
        if admitted or rule.counts_rejected:
            seen.append(at)
        left = max(0, rule.limit - len(seen))
        frees = seen[max(0, len(seen) - rule.limit)] + rule.window - at
        return Answer(admitted=admitted, remaining=left, reset=frees, wait=0.0 if left else frees)


class _Sliding:
    """Two windows of the clock; the one before counts by the part of it that is still in sight."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._opened = float("-inf")
        self._before = self._count = 0

    def hit(self, at: float) -> Answer:
        rule = self._rule
        opened = floor(at / rule.window) * rule.window
        if opened > self._opened:
            follows = opened - self._opened < 1.5 * rule.window
            self._before, self._count = (self._count if follows else 0), 0
            self._opened = opened
        gone = (at - opened) / rule.window
        admitted = self._count + self._before * (1 - gone) < rule.limit
        self._count += admitted or rule.counts_rejected
        left = max(0, floor(rule.limit - self._count - self._before * (1 - gone)))
        return Answer(
            admitted=admitted, remaining=left, reset=opened + rule.window - at, wait=0.0 if left else self._wait(at)
        )

    def _wait(self, at: float) -> float:
        rule = self._rule
        if self._count < rule.limit:  # what is left of the window before fades until one fits
            fades = 1 - (rule.limit - self._count) / self._before if self._before else 0.0
            return max(0.0, self._opened + rule.window * fades - at)
        return self._opened + rule.window * (2 - rule.limit / self._count) - at


class _Bucket:
    """Tokens come back steadily, one is taken for each admitted request."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._tokens = float(rule.at_once)
        self._last: float | None = None

    def hit(self, at: float) -> Answer:
        most, refill = self._rule.at_once, self._rule.limit / self._rule.window
        if self._last is not None:
            self._tokens = min(most, self._tokens + refill * (at - self._last))
        self._last = at
        admitted = self._tokens >= 1
        if admitted or self._rule.counts_rejected:
            self._tokens -= 1
        return Answer(
            admitted=admitted,
            remaining=max(0, floor(self._tokens)),
            reset=(most - self._tokens) / refill,
            wait=max(0.0, (1 - self._tokens) / refill),
        )


class _Gcra:
    """The moment at which the next request would be on schedule; it may run ahead of the clock by a burst."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._due = float("-inf")

    def hit(self, at: float) -> Answer:
        every = self._rule.window / self._rule.limit
        ahead = every * self._rule.at_once
        due = max(self._due, at) + every
        admitted = due - at <= ahead + 1e-9
        if admitted or self._rule.counts_rejected:
            self._due = due
        behind = max(0.0, self._due - at)
        left = max(0, floor((ahead - behind) / every + 1e-9))
        return Answer(admitted=admitted, remaining=left, reset=behind, wait=max(0.0, behind + every - ahead))


_FAMILIES: dict[str, type[_Free | _Fixed | _Moving | _Sliding | _Bucket | _Gcra]] = {
    FREE: _Free,
    ALIGNED: _Fixed,
    FIXED: _Fixed,
    MOVING: _Moving,
    SLIDING: _Sliding,
    BUCKET: _Bucket,
    GCRA: _Gcra,
}

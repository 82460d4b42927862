"""What a declared limiter cannot have done, however its clock and the network shifted the requests."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gonogo.judges.rate.windows import Found, Span, Windows
from gonogo.model.ratelimit import Algorithm, Policy

SLACK = 0.01  # seconds by which a limiter's own clock may be off over a window


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A definite breach, or None: too much admitted, rejected too early, or both only together impossible."""

    over: str | None = None
    early: str | None = None
    together: str | None = None


def breaches(policy: Policy, spans: Sequence[Span], *, since: float = float("-inf")) -> Broken:
    """What no limiter of this policy can have done.

    `spans` are sorted by `low`. Before `since` others may have used the key too.
    """
    if not spans:
        return Broken()
    spare = int(policy.limit * policy.tolerance)
    most, least = policy.at_once + spare, policy.at_once - spare
    also = policy.counts_rejected
    admitted = [span for span in spans if span.admitted]
    counted = [span for span in spans if also or not span.rejected]
    rejects = [span for span in spans if span.held]
    width = policy.window.total_seconds()
    if policy.algorithm.bucket:
        refill = policy.limit / width
        return Broken(
            over=_bucket_over(admitted, most, refill * (1 + policy.tolerance)),
            early=_bucket_early(
                [span for span in counted if span.low >= since], rejects, least, refill * (1 - policy.tolerance), also
            ),
        )
    if policy.algorithm is Algorithm.SLIDING_LOG:
        return Broken(
            over=_log_over(admitted, most, width - SLACK),
            early=_log_early(counted, rejects, least, width + SLACK, also),
        )
    weighted = policy.algorithm is Algorithm.SLIDING_COUNTER
    windows = Windows(
        spans=spans, width=width, most=most, least=least, counts_rejected=policy.counts_rejected, weighted=weighted
    )
    found: Found = None, None, None
    if weighted or policy.aligned is not False:
        found = windows.any_edges()
    if not weighted and policy.aligned is not True and (policy.aligned is False or any(found)):
        fresh = spans if since <= spans[0].low else _rested(spans, width)
        other = (
            replace(windows, spans=fresh).first_request()
            if fresh
            else (_log_over(admitted, 2 * most, width - SLACK), None, None)  # one edge at most within a window
        )
        found = other if policy.aligned is False or not any(other) else found
    over, early, together = found
    return Broken(over=over, early=early, together=together)


def _rested(spans: Sequence[Span], width: float) -> Sequence[Span]:
    """What follows the first rest of a window: nothing from before is in force."""
    busy = spans[0].high
    for place, span in enumerate(spans):
        if span.low > busy + width + SLACK:
            return spans[place:]
        busy = max(busy, span.high)
    return []


def _log_over(admitted: Sequence[Span], most: int, width: float) -> str | None:
    lows = [span.low for span in admitted]
    for place, first in enumerate(admitted):
        inside = admitted[place : bisect_right(lows, first.low + width)]
        n = sum(span.high < first.low + width for span in inside)
        if n > most:
            return f"{n} admitted within {width:.3g} s from {first.low:.3f} s on, at most {most} may be"
    return None


def _log_early(
    counted: Sequence[Span], rejects: Sequence[Span], least: int, width: float, counts_rejected: bool
) -> str | None:
    lows = [span.low for span in counted]
    highs = sorted(span.high for span in counted)
    for reject in rejects:
        begun = bisect_right(lows, reject.high)
        ended = bisect_left(highs, reject.low - width)
        n = begun - ended - int(counts_rejected)
        if n < least:
            return f"rejected at {reject.low:.3f} s after {n} at most in {width:.3g} s, {least} are allowed"
    return None


def _bucket_over(admitted: Sequence[Span], most: int, refill: float) -> str | None:
    by_high = sorted(range(len(admitted)), key=lambda place: admitted[place].high)
    seen = -1.0
    for place, first in enumerate(admitted):
        if first.low == seen:
            continue
        seen, n = first.low, 0
        for other in by_high:
            if other < place:
                continue
            n += 1
            span = admitted[other].high - first.low + SLACK
            if n > most + refill * span + 1e-9:
                return f"{n} admitted within {span:.3f} s from {first.low:.3f} s on, at most {most} + {refill:.3g}/s"
    return None


def _bucket_early(
    counted: Sequence[Span], rejects: Sequence[Span], least: int, refill: float, counts_rejected: bool
) -> str | None:
    for reject in rejects:
        recent = counted if counts_rejected else _refilled(counted, reject, least / refill)
        lows = [span.low for span in recent]
        highs = sorted(span.high for span in recent)
        begun = bisect_right(lows, reject.high) - int(counts_rejected)
        # Of all that begun, those that may have come at or after a moment; the bucket was at most full then.
        tokens = min(
            (
                least - (begun - ended) + refill * max(0.0, reject.low - SLACK - high)
                for ended, high in enumerate(highs)
                if ended < begun
            ),
            default=float(least),
        )
        if tokens >= 1 + 1e-9:
            return f"rejected at {reject.low:.3f} s with {tokens:.2f} or more left of {least}"
    return None


def _refilled(counted: Sequence[Span], reject: Span, full: float) -> Sequence[Span]:
    """Those after the last rest before a reject in which the bucket filled up, however empty it was."""
    start, busy = 0, float("-inf")
    for place, span in enumerate(counted):
        if span.low > reject.high:
            break
        if span.low > busy + full + SLACK:
            start = place
        busy = max(busy, span.high)
    return counted[start:]

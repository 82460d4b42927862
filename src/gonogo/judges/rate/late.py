"""The dearer scenes: polling through a wait, half bursts on both sides of an edge, one request after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.judges.rate.stage import ENOUGH, SPARE_S, Move, Stage, told
from gonogo.judges.rate.steps import accepted
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm

_MARGIN = 0.1  # seconds between a half burst and the edge
PARALLEL = "parallel"  # a word of the scene
_IMPATIENT = "would take longer than the patience"


def polls(stage: Stage) -> Move[None]:
    """P14: as many rejected requests as the limit, spread over the wait, then one at its end."""
    policy, last = stage.policy, stage.last
    if policy.counts_rejected or last is None or not stage.rejected(last) or not told(last):
        return
    if stage.polled >= policy.limit:
        return  # that many were rejected before a recovery already
    n = policy.at_once + 1
    if not stage.affords("P14", n + 1):
        return
    window = policy.window.total_seconds()
    wait = told(last) or (0.0, 0.0)
    # They have to be within a window of the request at the end; a bucket comes back sooner.
    start = stage.ended if policy.algorithm.bucket else last.received + wait[1] + SPARE_S - 0.9 * window
    start, end = max(stage.ended, start), last.received + 0.9 * max(0.0, wait[0])
    if end <= start and not policy.algorithm.bucket:
        stage.skip("P14", f"a window of {window:g} s is too short to poll in and to wait for whole seconds after")
        return
    yield start
    answers = yield from stage.ask(n, "P14", spacing=max(0.0, end - start) / n)
    interval = told(max(answers, key=lambda event: event.received))
    due = stage.ended + (interval[1] if interval else window) + SPARE_S
    if all(stage.rejected(event) for event in answers):  # then the wait that was asked for before still holds
        due = max(stage.ended, last.received + wait[1]) + SPARE_S / 4
    if (yield from stage.until(due)):
        yield from stage.ask(1, "P6 P14")
    else:
        stage.skip("P14", _IMPATIENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """Where a fixed window would end if there were one: it opens at `opens`, and half bursts go before and after."""

    opens: float
    before: float
    after: float
    half: int


def edge(stage: Stage, burst: Sequence[Event]) -> Move[None]:
    """P27: half of more than the limit right before the edge of a fixed window, and half right after it.

    The first request goes out right after an edge of the clock, so that a window of a first request ends there too.
    """
    policy = stage.policy
    if policy.algorithm is Algorithm.FIXED_WINDOW:
        return
    found = _place(stage, burst)
    if isinstance(found, str):
        stage.skip("P27", found)
        return
    if not stage.affords("P27", 2 * found.half + 1):
        return
    if found.after > stage.patience:
        stage.skip("P27", _IMPATIENT)
        return
    yield found.opens
    yield from stage.ask(1, "P27")
    for moment in (found.before, found.after):
        yield moment
        yield from stage.ask(found.half, "P27", serial=True)


def _place(stage: Stage, burst: Sequence[Event]) -> _Edge | str:
    policy, last = stage.policy, stage.denied
    window = policy.window.total_seconds()
    interval = None if last is None else told(last)
    if last is None or interval is None:
        return "no rejection says when the quota comes back, so no edge is known"
    low, high = last.sent + max(0.0, interval[0]), last.received + interval[1]
    middle, blur = (low + high) / 2, (high - low) / 2 + 0.02
    trip = sorted(event.received - event.sent for event in burst)[len(burst) * 3 // 4] + 0.002
    rounds = max(0, math.ceil((stage.ended + stage.rest + _MARGIN - middle - blur) / window))
    opens = middle + blur + rounds * window
    took = trip * (policy.at_once / 2 + 2)
    before = opens + window - 2 * blur - took - _MARGIN
    after = opens + window + 2 * _MARGIN
    apart = after - before + took
    if apart > 0.6 * window:
        return f"the edge is known to {2 * blur:.2g} s, too little for a window of {window:g} s"
    bound = policy.at_once + stage.spare + (policy.limit / window * apart if policy.algorithm.bucket else 0.0)
    half = math.ceil((bound + (6 if policy.algorithm is Algorithm.SLIDING_COUNTER else 2)) / 2)
    if half + 1 > policy.limit:
        return f"half bursts of {half} do not fit into a window of {policy.limit}"
    return _Edge(opens=opens, before=before, after=after, half=half)


def burst_is_suspect(stage: Stage, first: Sequence[Event], burst: Sequence[Event]) -> bool:
    """Whether too few of a burst were admitted with several under way, and no fewer one after the other at first."""
    if overlap(first) < 2 and sum(map(accepted, first)) <= sum(map(accepted, burst)) + 1:
        return False
    return sum(accepted(event) for event in burst) < stage.policy.at_once - stage.spare - 1 and overlap(burst) > 1


def serial(stage: Stage, burst: Sequence[Event]) -> Move[None]:
    """P28: a few more than the burst got through, after a rest all at once, and after another one by one."""
    n = min(stage.policy.at_once - stage.spare, sum(accepted(event) for event in burst) + ENOUGH)
    if not stage.affords("P28", 2 * n):
        return
    for parallel in (True, False):
        if not (yield from stage.until(stage.ended + stage.rest + SPARE_S)):
            stage.skip("P28", _IMPATIENT)
            return
        yield from stage.ask(n, f"P28 {PARALLEL}" if parallel else "P28", serial=not parallel)


def overlap(events: Sequence[Event]) -> int:
    """The most that were under way at one moment."""
    marks = sorted([(event.sent, 1) for event in events] + [(event.received, -1) for event in events])
    most = now = 0
    for _, step in marks:
        now += step
        most = max(most, now)
    return most

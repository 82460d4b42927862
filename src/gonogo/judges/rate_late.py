"""The dearer scenes: polling through a wait, half bursts on both sides of an edge, one request after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.judges.rate_stage import AHEAD, ENOUGH, SPARE_S, Move, Stage, told
from gonogo.judges.rate_steps import accepted
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm

_MARGIN = 0.1  # seconds between a half burst and the edge
_IMPATIENT = "would take longer than the patience"


def polls(stage: Stage) -> Move[None]:
    """P14: as many rejected requests as the limit, spread over the wait, then one at its end."""
    policy, last = stage.policy, stage.last
    if policy.counts_rejected or last is None or not stage.rejected(last) or not told(last):
        return
    window = policy.window.total_seconds()
    if any(sum(at <= one <= at + 0.9 * window for one in stage.rejects) >= policy.limit + 1 for at in stage.rejects):
        return  # that many were rejected before a recovery already
    n = policy.at_once + 1
    if not stage.affords("P14", n + 1):
        return
    wait = told(last) or (0.0, 0.0)
    answers = yield from stage.ask(n, "P14", spacing=max(0.0, 0.8 * wait[0]) / n)
    interval = told(max(answers, key=lambda event: event.received))
    due = stage.ended + (interval[1] if interval else window) + SPARE_S
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
        left = found.half
        while left > 0:
            n = min(AHEAD, left)
            yield from stage.ask(n, "P27")
            left -= n


def _place(stage: Stage, burst: Sequence[Event]) -> _Edge | str:
    policy, last = stage.policy, stage.last
    window = policy.window.total_seconds()
    interval = told(last) if last is not None and stage.rejected(last) else None
    if last is None or interval is None:
        return "no rejection says when the quota comes back, so no edge is known"
    low, high = last.sent + max(0.0, interval[0]), last.received + interval[1]
    middle, blur = (low + high) / 2, (high - low) / 2 + 0.02
    took = (max(event.received for event in burst) - burst[0].sent) * 0.7 + 0.02
    rounds = max(0, math.ceil((stage.ended + stage.rest + _MARGIN - middle - blur) / window))
    opens = middle + blur + rounds * window
    before = opens + window - 2 * blur - took - _MARGIN
    after = opens + window + 2 * _MARGIN
    apart = after - before + took
    if apart > 0.6 * window:
        return f"the edge is known to {2 * blur:.2g} s, too little for a window of {window:g} s"
    bound = policy.at_once + stage.spare + (policy.limit / window * apart if policy.algorithm.bucket else 0.0)
    half = math.ceil((bound + 2) / 2)
    if half + 1 > policy.limit:
        return f"half bursts of {half} do not fit into a window of {policy.limit}"
    return _Edge(opens=opens, before=before, after=after, half=half)


def burst_is_suspect(stage: Stage, burst: Sequence[Event]) -> bool:
    """Whether the first burst was rejected in part before its limit, with several under way: by their number?"""
    least = stage.policy.at_once - stage.spare
    return any(stage.rejected(event) for event in burst[:least]) and overlap(burst) > 1


def serial(stage: Stage, burst: Sequence[Event]) -> Move[None]:
    """P28: a few more than the burst got through, each after the answer of the one before."""
    n = min(stage.policy.at_once - stage.spare, sum(accepted(event) for event in burst) + ENOUGH)
    if not stage.affords("P28", n):
        return
    if (yield from stage.until(stage.ended + stage.rest + SPARE_S)):
        yield from stage.ask(n, "P28", serial=True)
    else:
        stage.skip("P28", _IMPATIENT)


def overlap(events: Sequence[Event]) -> int:
    """The most that were under way at one moment."""
    marks = sorted([(event.sent, 1) for event in events] + [(event.received, -1) for event in events])
    most = now = 0
    for _, step in marks:
        now += step
        most = max(most, now)
    return most

"""What to send so that a declared policy is proven or broken: over its limit, while it is used up, after a rest."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from gonogo.judges.rate.catalogue import scenes
from gonogo.judges.rate.headers import read_headers
from gonogo.judges.rate.late import burst_is_suspect, edge, polls, serial
from gonogo.judges.rate.pace import pace
from gonogo.judges.rate.stage import ENOUGH, SPARE_S, Move, Stage, doubted, exhaust, play, told
from gonogo.judges.rate.steps import Done, Send, accepted
from gonogo.model.load import Event
from gonogo.model.rate_scenes import Scenario
from gonogo.model.ratelimit import Algorithm, Policy

BURST = "P1 P2 P3 P4 P9 P10"  # what the first burst shows
_EARLY = 0.4  # of the wait that is asked for: an admission in less than half of it fails
_SURE_S = 0.2  # after the latest moment that an answer can mean
_NONE = 100  # requests that a path without a limiter has to take

Story = Generator["float | Send", Sequence[Event], "str | Done"]  # a float is a moment to wait for


def proof(policy: Policy, scenario: Scenario, *, at_most: int, patience: float) -> Story:
    """The story that `next_step` tells for a policy. Dearer scenes come later; the recovery is always looked at."""
    if policy.algorithm is Algorithm.NONE:
        yield Send(n=_NONE)
        return f"{_NONE} requests at once"
    stage = Stage(policy=policy, scenario=scenario, left=at_most, patience=patience)
    if not (yield from stage.until(stage.rest)):  # what was used before this run is forgotten by then
        return Done(reason=f"a rest of {stage.rest:g} s is longer than the patience of {patience:g} s")
    burst = yield from exhaust(stage, BURST, careful=True)
    if accepted(burst[-1]):
        return "no request was rejected"
    yield from pace(stage)
    played = scenes(policy, scenario)
    yield from play(stage, played, reserve=policy.at_once + 2 * ENOUGH)
    short = yield from _recovery(stage)
    whole = policy.algorithm is Algorithm.FIXED_WINDOW and stage.last is not None and accepted(stage.last)
    if not short and not whole and not (yield from stage.until(stage.ended + stage.rest + SPARE_S)):
        short = f"a rest of {stage.rest:g} s would end after the patience of {patience:g} s: no recovery was seen"
    if short:
        return Done(reason=short, short=short, skipped=tuple(stage.skipped))
    for id_, variant in doubted(stage, played):
        yield from stage.ask(1, id_, variant=variant)
    if stage.affords("P20", policy.at_once + ENOUGH):
        parallel: Sequence[Event] = yield from exhaust(stage, "P13 P20 P28", fresh=True)
    else:
        parallel = yield from stage.ask(math.ceil(0.9 * policy.at_once), "P13 P28")
    yield from polls(stage)
    if whole and stage.last is not None and stage.rejected(stage.last) and stage.left > 0:
        yield from _recovery(stage)  # again: two windows are not shorter than declared
    yield from edge(stage, burst)
    if burst_is_suspect(stage, burst, parallel):
        yield from serial(stage, parallel)
    if _used_before(stage, burst):
        yield from _once_more(stage, burst)
    more = max(0, stage.dear - max(0, stage.left))
    return Done(reason=_summary(stage, more), skipped=tuple(stage.skipped), more=more)


def _used_before(stage: Stage, burst: Sequence[Event]) -> bool:
    left = next((said for event in burst if (said := read_headers(event.headers).remaining) is not None), None)
    return left is not None and left < stage.policy.at_once - 1


def _once_more(stage: Stage, burst: Sequence[Event]) -> Move[None]:
    """P2: the first answer counted more than itself; what was used before is forgotten now, whoever used it."""
    forgotten = burst[0].sent + 2 * stage.policy.window.total_seconds() + _SURE_S
    if not stage.affords("P2", stage.policy.at_once + ENOUGH):
        return
    if (yield from stage.until(max(forgotten, stage.ended + stage.rest + SPARE_S))):
        yield from exhaust(stage, "P2", careful=True)


def _summary(stage: Stage, more: int) -> str:
    text = "the limit was reached, and its recovery was looked at"
    dear = [one for one in stage.skipped if one.more]
    if not dear:
        return text
    return f"{text}; {more} more requests (--max-requests) would also show {', '.join(one.id for one in dear)}"


def _recovery(stage: Stage) -> Move[str]:
    """Within the wait that a rejection asks for, and after it. What was not waited for, if anything."""
    last = stage.last
    interval = None if last is None else told(last)
    if last is None:
        return ""
    if interval is not None and sum(interval) / 2 > 2 * SPARE_S + 1:  # half of a shorter time is within what is blurred
        if not (yield from stage.until(last.received + _EARLY * sum(interval) / 2)):
            return _impatient(stage, last)
        (last,) = yield from stage.ask(1, "P7")
    longest = stage.longest
    interval = told(last)
    if stage.rejected(last) and interval is not None and interval[0] > longest + 2 * SPARE_S:
        # Longer than the policy can make anybody wait: is that the truth?
        if not (yield from stage.until(last.received + longest + _SURE_S)):
            return _impatient(stage, last)
        (last,) = yield from stage.ask(1, "P7 P14")
    for _ in range(2):
        if accepted(last):
            break
        interval = told(last)
        wait = stage.policy.window.total_seconds() + SPARE_S if interval is None else max(0.0, interval[1])
        if not (yield from stage.until(last.received + wait + _SURE_S)):
            return _impatient(stage, last)
        (last,) = yield from stage.ask(1, "P6 P14")
    return ""


def _impatient(stage: Stage, last: Event) -> str:
    asks = dict(last.headers).get("retry-after")
    what = f"Retry-After asks for {asks[:40]}" if asks else f"the window is {stage.policy.window.total_seconds():g} s"
    unit = " s" if asks and asks.isdigit() else ""
    return f"{what}{unit}, beyond the patience of {stage.patience:g} s: no recovery was seen"

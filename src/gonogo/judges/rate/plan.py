"""What to send next so that a limiter shows what it is: a story, told again on the timeline so far."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from gonogo.judges.rate.proof import proof
from gonogo.judges.rate.queue import queue_of
from gonogo.judges.rate.steps import Done, Send, Step, Wait, accepted
from gonogo.model.load import Event
from gonogo.model.rate_scenes import NOTHING, Scenario
from gonogo.model.ratelimit import Policy

__all__ = ["AT_MOST", "Done", "Send", "Step", "Wait", "accepted", "next_step"]

AT_MOST = 500
_ENOUGH = 3  # rejects in a row that say: it is exhausted
_FIRST_GAP = 0.05
_GROWTH = 1.3
_TRIES = 3  # answers that are all errors, at first
_LIMITED = 429
_LONGEST = 64  # requests at once
_ROUNDS = 5  # times that a bucket is looked at again, because it was fuller than before


_Until = float  # a story waits for a moment, not for a time
_Story = Generator["_Until | Send", Sequence[Event], str]


def next_step(
    timeline: Sequence[Event],
    now: float,
    *,
    policy: Policy | None = None,
    scenario: Scenario = NOTHING,
    at_most: int = AT_MOST,
    patience: float = 900.0,
) -> Step:
    """The next step after `timeline` at the moment `now`; both alone decide it.

    Events stand in the order of sending, and each Send is answered by exactly its number of events.
    `patience` is the latest moment at which anything is sent. With a policy only what proves it is sent, and what
    `scenario` offers is used for that.
    """
    at_most = min(at_most, AT_MOST)
    story: Generator[_Until | Send, Sequence[Event], str | Done] = (
        _story() if policy is None else proof(policy, scenario, at_most=at_most, patience=patience)
    )
    used = 0
    try:
        asked: float | Send = next(story)
        while True:
            if isinstance(asked, Send):
                n = min(asked.n, at_most - used)
                if n <= 0:
                    return Done(reason=f"{at_most} requests are sent")
                if used + n > len(timeline):
                    return replace(asked, n=n)
                answers = timeline[used : used + n]
                used += n
                bad = _stop(timeline[:used])
                if bad:
                    return Done(reason=bad)
                asked = story.send(answers)
                continue
            if used == len(timeline) and now < asked:
                if asked > patience:
                    return Done(reason=f"it would take longer than {patience:g} s")
                return Wait(seconds=asked - now)
            asked = story.send(())
    except StopIteration as end:
        return end.value if isinstance(end.value, Done) else Done(reason=str(end.value))


def _stop(timeline: Sequence[Event]) -> str:
    """Why nothing more may be sent; empty if all is well."""
    first = timeline[:_TRIES]
    used = all(event.status == _LIMITED for event in timeline)
    if len(first) == _TRIES and not used and not any(accepted(event) for event in timeline):
        codes = ", ".join(sorted({str(event.status) if event.status else event.error or "lost" for event in first}))
        return f"no request was accepted ({codes})"
    last = timeline[-_TRIES:]
    if len(last) == _TRIES and all(event.status == 0 for event in last):
        return f"{_TRIES} answers in a row were lost"
    if len(last) > 1 and all(event.status in (500, 502, 504) for event in last[-2:]):
        return "the server fails (two 5xx in a row)"
    return ""


def _burst(known: int = 0) -> Generator[Send, Sequence[Event], list[Event]]:
    """As fast as it goes, until several in a row are rejected."""
    events: list[Event] = []
    chunk = known + _ENOUGH if known else 8
    while True:
        events += yield Send(n=chunk)
        tail = events[-_ENOUGH:]
        if len(tail) == _ENOUGH and not any(accepted(event) for event in tail):
            return events
        longer = _ENOUGH + 2 if known else min(24, chunk + 8)
        # A queue empties while the answers are waited for: only a longer row fills it.
        chunk = min(_LONGEST, 2 * chunk) if queue_of(events[-chunk:]) else longer


@dataclass(slots=True)
class _Recovery:
    """The last reject and the first accept after it."""

    rejected: float
    admitted: float


def _poll(since: float, gap: float, growth: float = _GROWTH) -> Generator[_Until | Send, Sequence[Event], _Recovery]:
    """One request after growing gaps until one is accepted."""
    last = since
    while True:
        yield last + gap
        (event,) = yield Send(n=1)
        if accepted(event):
            return _Recovery(rejected=last, admitted=event.sent)
        last = event.sent
        gap *= growth


def _comb(start: float, step: float, teeth: int, since: float) -> Generator[_Until | Send, Sequence[Event], _Recovery]:
    """One request at even steps from a moment on; after so many, at a tenth of the time that has passed."""
    last, tooth = start - step, 0
    while True:
        yield last + (step if tooth < teeth else max(step, 0.1 * (last - since)))
        (event,) = yield Send(n=1)
        if accepted(event):
            return _Recovery(rejected=last, admitted=event.sent)
        last, tooth = event.sent, tooth + 1


def _story() -> _Story:
    (one,) = yield Send(n=1)
    if one.status == _LIMITED:  # the key was in use before
        back = yield from _poll(one.received, _FIRST_GAP)
        yield back.admitted + (back.admitted - one.sent)
    burst = yield from _burst()
    began, ended = burst[0].sent, burst[-1].sent
    if queue := queue_of(burst):
        return (yield from _queued(burst, 1 / queue.rate))
    admits = 1 + sum(accepted(event) for event in burst)
    first = yield from _poll(ended, _FIRST_GAP)
    dead = first.admitted - began
    # Does the whole quota come back at once, or a request at a time?
    more = max(2, min(admits - 1, max(4, round(0.3 * admits))))
    yield first.admitted + min(0.2 * dead, (ended - began) * 1.1)
    probe = yield Send(n=more)
    if sum(accepted(event) for event in probe) >= 0.7 * more:
        return (yield from _whole(admits, probe, more, began, first))
    return (yield from _gradual(admits, first, dead, probe[-1].sent))


def _queued(burst: Sequence[Event], step: float) -> _Story:
    """Those that were admitted waited, and by now the queue is empty: fill it again, and keep it full for a while."""
    admits = sum(accepted(event) for event in burst)
    rest = (admits + 2) * step  # one that delays only some is not empty when the last has its answer
    yield max(event.received for event in burst) + rest
    again = yield from _burst(admits)
    yield max(event.received for event in again) + rest
    yield Send(n=min(_LONGEST, admits + 12), spacing=0.37 * step)
    return "it makes requests wait"


def _whole(admits: int, probe: Sequence[Event], more: int, began: float, first: _Recovery) -> _Story:
    rest = yield from _burst(max(1, admits - more - 1))
    # All that was admitted since the quota came back is the limit; it comes back again one window later.
    limit = 1 + sum(accepted(event) for event in (*probe, *rest))
    spread = max(event.received for event in (*probe, *rest)) - first.admitted
    least, most = first.rejected - began, first.admitted - began
    start = max(rest[-1].sent + _FIRST_GAP, first.admitted + 0.98 * least)
    again = yield from _comb(start, max(_FIRST_GAP, (most - least) / 8), 9, first.admitted)
    window = again.admitted - first.admitted
    # Half now, half later; one window after the first half a log has only that half to give, a counter has all.
    # Now: as soon as a log has given back the whole of what was admitted one window ago, not its first alone.
    now = again.admitted + min(0.25 * window, spread)
    head = max(1, round(0.4 * limit) - 1)
    yield now
    yield from _sent(Send(n=head))
    yield now + 0.6 * window
    yield from _sent(Send(n=limit - head - 1))
    yield now + 1.1 * window + min(0.15 * window, first.admitted - first.rejected)
    yield from _sent(Send(n=min(limit, head + 1 + max(2, round(0.3 * limit)))))
    return "the quota comes back at once"


def _sent(send: Send) -> Generator[Send, Sequence[Event], None]:
    if send.n > 0:
        yield send


def _gradual(admits: int, first: _Recovery, dead: float, since: float) -> _Story:
    # How fast do single requests come back?
    marks: list[float] = []
    gap = _FIRST_GAP
    for _ in range(4):
        one = yield from _poll(since, gap, 1.25)
        marks.append(one.admitted)
        if len(marks) > 1:
            gap = max(_FIRST_GAP / 2, (marks[-1] - marks[-2]) / 6)
        since = one.admitted
    step = max(0.005, (marks[-1] - marks[0]) / (len(marks) - 1))
    spacing = max(0.05, step * 0.45)
    yield marks[-1] + spacing
    steady = yield Send(n=12, spacing=spacing)
    got = sum(accepted(event) for event in steady)
    if 0 < got < len(steady):
        step = (steady[-1].sent - marks[0]) / (got + len(marks) - 1)
    window = step * admits
    # A sliding counter waits for its clock's edge first, a bucket never: exhaust it again far from where that edge
    # would be, with nothing left of the window before.
    edge = first.admitted - min(step, dead)
    moment = edge
    while moment + 0.3 * window < steady[-1].sent + 1.7 * window:
        moment += window
    yield moment + 0.3 * window
    burst = yield from _burst(admits)
    for _ in range(_ROUNDS):
        since = burst[-1].sent
        more = sum(accepted(event) for event in burst)
        if more <= 1.25 * admits + 1:
            break
        admits = more  # it was not full at first, and may not be now
        yield since + 4 * admits * step
        burst = yield from _burst(admits)
    since = burst[-1].sent
    for _ in range(3):
        one = yield from _poll(since, max(_FIRST_GAP, step / 4), 1.2)
        since = one.admitted
    return "requests come back one at a time"

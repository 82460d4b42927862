"""What limiter stands there, told by its answers alone: algorithm, limit, window, burst, refill, status, headers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from gonogo.judges.rate_fit import Fit, Shot, bucket, first_hit, fixed, sliding_counter, sliding_log
from gonogo.judges.rate_headers import read_headers
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm, Dialect, Inferred

REJECTS = (429, 503, 403, 420, 509, 502, 404)  # what limiters answer, the likeliest first
_LEAST_SLACK_S = 0.002
_TOO_ODD = 0.06  # a best fit that leaves a greater share unexplained explains nothing
_STEPS = (0.3, 0.12, 0.05, 0.02, 0.008)

_FAMILIES = {
    "first_hit": Algorithm.FIXED_WINDOW,
    "fixed": Algorithm.FIXED_WINDOW,
    "log": Algorithm.SLIDING_LOG,
    "counter": Algorithm.SLIDING_COUNTER,
    "loose_counter": Algorithm.SLIDING_COUNTER,
    "bucket": Algorithm.TOKEN_BUCKET,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Return:
    """An accept after rejects: the quota, or some of it, came back between the two moments."""

    after: float
    by: float

    @property
    def middle(self) -> float:
        return (self.after + self.by) / 2


def infer(timeline: Sequence[Event]) -> Inferred | None:
    """The limiter behind the answers; algorithm `none` where nothing was rejected, None where it cannot be said."""
    status = reject_status(timeline)
    if not any(0 < event.status < 400 for event in timeline):
        return None
    if status is None:
        return Inferred(
            algorithm=Algorithm.NONE,
            limit=0,
            window=timedelta(0),
            headers=dialect(timeline),
            requests=len(timeline),
            notes=(f"nothing was rejected; the most in a second was {most_in_a_second(timeline)} requests",),
        )
    shots = shots_of(timeline, status)
    fits = sorted(_fits(shots), key=lambda fit: fit.cost)
    if not fits or fits[0].cost > _TOO_ODD * len(shots) + 2:
        return None
    best = fits[0]
    algorithm = _FAMILIES[best.family]
    others = [fit.cost for fit in fits[1:] if _FAMILIES[fit.family] is not algorithm]
    margin = min(others, default=best.cost + 10) - best.cost
    limit = max(1, round(best.limit))
    refill = best.limit / best.window if algorithm is Algorithm.TOKEN_BUCKET else None
    return Inferred(
        algorithm=algorithm,
        limit=limit,
        window=timedelta(seconds=best.window),
        burst=limit if refill is not None else None,
        refill=refill,
        reject_status=status,
        headers=dialect(timeline),
        confidence=round((1 - math.exp(-margin / 2)) * math.exp(-3 * best.cost / len(shots)), 3),
        requests=len(timeline),
        notes=tuple(_notes(best, fits)),
    )


def reject_status(timeline: Sequence[Event]) -> int | None:
    """The status that means "limited": 429 where there is one, else the first of the usual ones that came at times."""
    seen = Counter(event.status for event in timeline)
    return next((status for status in REJECTS if seen[status]), None)


def dialect(timeline: Sequence[Event]) -> Dialect:
    """The dialect of the first answer that speaks one."""
    spoken = (read_headers(event.headers).dialect for event in timeline)
    return next((one for one in spoken if one is not Dialect.NONE), Dialect.NONE)


def most_in_a_second(timeline: Sequence[Event]) -> int:
    """The most requests that were sent within any second."""
    sent = sorted(event.sent for event in timeline)
    most = first = 0
    for last, moment in enumerate(sent):
        while moment - sent[first] > 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def shots_of(timeline: Sequence[Event], status: int) -> list[Shot]:
    """What was answered, in the likeliest order of the server; faults of any other kind say nothing."""
    shots = [
        Shot(
            at=(event.sent + event.received) / 2,
            slack=max(_LEAST_SLACK_S, (event.received - event.sent) / 2),
            admitted=event.status < 400,
        )
        for event in timeline
        if event.status == status or 0 < event.status < 400
    ]
    return _in_order(sorted(shots, key=lambda shot: shot.at))


def _in_order(shots: list[Shot]) -> list[Shot]:
    """Of requests whose order nobody knows, those that were admitted came first: they trade their moments."""
    for start in range(1, len(shots)):
        here = start
        while here and shots[here].admitted and not shots[here - 1].admitted:
            late, early = shots[here], shots[here - 1]
            if late.at - late.slack > early.at + early.slack:
                break
            shots[here - 1], shots[here] = replace(late, at=early.at), replace(early, at=late.at)
            here -= 1
    return shots


def _notes(best: Fit, fits: Sequence[Fit]) -> Iterator[str]:
    if best.family == "fixed":
        yield "its windows follow a clock"
    if best.family == "first_hit":
        yield "its window starts with the first request"
    if best.family == "bucket":
        yield "limit / window is its refill; a bucket shows no other window"
    for fit in fits:
        yield f"{fit.family}: {fit.cost:.1f} answers not explained"


def _returns(shots: Sequence[Shot]) -> list[_Return]:
    """Every accept that follows a reject, a while later."""
    found = []
    for before, shot in pairwise(shots):
        if shot.admitted and not before.admitted and shot.at - before.at > (shot.slack + before.slack) / 2:
            found.append(_Return(after=before.at, by=shot.at))
    return found


def _fits(shots: Sequence[Shot]) -> Iterator[Fit]:
    """The best numbers of every family. Where nothing ever came back, there is no window to be found."""
    returns = _returns(shots)
    if not returns:
        return
    first = next(index for index, shot in enumerate(shots) if not shot.admitted)
    ceiling = _burst(shots, returns[0].after)
    start = shots[0].at
    groups = sorted({first, ceiling, *_groups(shots, returns)} - {0})
    windows = sorted(
        {round(back.middle - start, 3) for back in returns[:2]}
        | {round(late.middle - back.middle, 3) for back, late in pairwise(returns[:3])}
    )
    windows = [window for window in windows if window > 0.01]
    yield _best("first_hit", lambda n, w, _: first_hit(shots, n, w), groups, windows, (0.0,))
    yield _best("log", lambda n, w, _: sliding_log(shots, n, w), groups, windows, (0.0,))
    edges = tuple(back.middle for back in returns[:2])
    yield _best("fixed", lambda n, w, p: fixed(shots, n, w, p), groups, windows, edges)
    step = _step(returns)
    rates = [ceiling * step * share for share in (0.8, 1.0, 1.25)]
    gaps = [late.middle - early.middle for early, late in _pairs(returns)]
    rates += [gap / k for gap in gaps for k in range(1, 5) if 0.6 < gap / k / (ceiling * step) < 1.6][:8]
    phases = tuple(_edges(returns, step))
    yield _best("counter", lambda n, w, p: sliding_counter(shots, n, w, p), groups, rates, phases)
    yield _best("loose_counter", lambda n, w, p: sliding_counter(shots, n, w, p, room=0.001), groups, rates, phases)
    duration = next(back.after for back in returns) - start
    sizes = {max(1, round(ceiling - share * ceiling * duration / max(rates[1], 0.01))) for share in (0, 0.5, 1.0)}
    yield _best("bucket", lambda n, w, _: bucket(shots, n, n / w), sorted(sizes), rates, (0.0,))


def _burst(shots: Sequence[Shot], until: float) -> int:
    """Admitted before the first return."""
    return sum(shot.admitted for shot in shots if shot.at <= until)


def _groups(shots: Sequence[Shot], returns: Sequence[_Return]) -> Iterator[int]:
    """Admitted from one return to the next, where that was more than a few."""
    bounds = [back.by for back in returns] + [math.inf]
    counts = [sum(shot.admitted for shot in shots if begin <= shot.at < end) for begin, end in pairwise(bounds)]
    yield from sorted((count for count in counts if count > 3), reverse=True)[:3]


def _step(returns: Sequence[_Return]) -> float:
    """The usual time between single returns."""
    gaps = sorted(late.middle - back.middle for back, late in pairwise(returns))
    return max(0.005, gaps[len(gaps) // 4] if gaps else returns[0].middle)


def _pairs(returns: Sequence[_Return]) -> Iterator[tuple[_Return, _Return]]:
    """The first return, and those that followed a long silence."""
    for back, late in pairwise(returns):
        if late.middle - back.middle > 3 * (returns[-1].middle - returns[0].middle) / len(returns):
            yield returns[0], late


def _edges(returns: Sequence[_Return], step: float) -> Iterator[float]:
    for back in [returns[0], *(late for _, late in _pairs(returns))][:3]:
        yield back.middle - step
        yield back.middle


def _best(
    family: str,
    cost: Callable[[float, float, float], float],
    limits: Sequence[int],
    windows: Sequence[float],
    phases: Sequence[float],
) -> Fit:
    """The best start, then downhill: window, phase and limit in ever smaller steps."""
    starts = [(cost(n, w, p), n, w, p) for n in limits for w in windows for p in phases if w > 0]
    best: tuple[float, float, float, float] = (math.inf, 1, 1.0, 0.0)
    for start in sorted(starts)[:3]:
        best = min(best, _downhill(cost, start, moving=len(phases) > 1 or phases[0] != 0.0))
        if best[0] == 0:
            break
    value, limit, window, phase = best
    return Fit(family=family, limit=limit, window=window, cost=value, phase=phase)


def _downhill(
    cost: Callable[[float, float, float], float], start: tuple[float, float, float, float], *, moving: bool
) -> tuple[float, float, float, float]:
    best = start
    for step in _STEPS:
        for _ in range(3):
            _, n, w, p = best
            hop = max(1, round(n * step / 2))
            tries = [(n, w * (1 + step), p), (n, w / (1 + step), p), (n + hop, w, p), (max(1, n - hop), w, p)]
            tries += [(n + hop, w * (n + hop) / n, p), (max(1, n - hop), w * max(1, n - hop) / n, p)]
            if moving:
                tries += [(n, w, p + w * step), (n, w, p - w * step)]
            better = min((cost(*one), *one) for one in tries)
            if better[0] >= best[0]:
                break
            best = better
    return best

"""The numbers with which each family of limiters explains a timeline best."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gonogo.judges.rate.fit import Fit, Shot, bucket, first_hit, fixed, sliding_counter, sliding_log

_STEPS = (0.3, 0.12, 0.05, 0.02, 0.008)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Return:
    """An accept after rejects: the quota, or some of it, came back between the two moments."""

    after: float
    by: float

    @property
    def middle(self) -> float:
        return (self.after + self.by) / 2


def _returns(shots: Sequence[Shot]) -> list[_Return]:
    """Every accept that follows a reject, a while later."""
    found = []
    for before, shot in pairwise(shots):
        if shot.admitted and not before.admitted and shot.at - before.at > (shot.slack + before.slack) / 2:
            found.append(_Return(after=before.at, by=shot.at))
    return found


def fits(shots: Sequence[Shot]) -> list[Fit]:
    """The best numbers of every family. Where nothing ever came back, there is no window to be found.

    Where the first requests were admitted less than later ones, the key may have been in use before: then what came
    before the first return is left out if the rest is explained better for it.
    """
    found = list(_fits(shots)) if shots and shots[0].admitted else []
    back = next((place for place in range(1, len(shots)) if shots[place].admitted > shots[place - 1].admitted), 0)
    if back and _used_before(shots):
        rest = list(_fits(shots[back:], drained=True))
        if min((fit.cost for fit in rest), default=math.inf) + 1 < min((fit.cost for fit in found), default=math.inf):
            return rest
    return found


def _used_before(shots: Sequence[Shot]) -> bool:
    """Whether less was admitted at first than after a later return."""
    first = next((place for place, shot in enumerate(shots) if not shot.admitted), len(shots))
    returns = _returns(shots)
    return first == 0 or any(count > _burst(shots, returns[0].after) for count in _groups(shots, returns))


def _fits(shots: Sequence[Shot], *, drained: bool = False) -> Iterator[Fit]:
    """`drained`: nothing was left just before the first request."""
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
    gaps += [late.middle - returns[0].middle for late in returns[-3:]]
    rates += [gap / k for gap in gaps for k in range(1, 5) if 0.6 < gap / k / (ceiling * step) < 1.6][:12]
    phases = tuple(_edges(returns, step))
    spans = sorted({*rates, *windows, *(1.4 * window for window in windows)})
    yield _best("counter", lambda n, w, p: sliding_counter(shots, n, w, p), groups, spans, phases)
    yield _best("loose_counter", lambda n, w, p: sliding_counter(shots, n, w, p, room=0.001), groups, spans, phases)
    yield _bucket(shots, returns, rates, drained=drained)


def _bucket(shots: Sequence[Shot], returns: Sequence[_Return], windows: Sequence[float], *, drained: bool) -> Fit:
    """A bucket's size is read off a burst after a silence, its refill off the time in which it was empty."""
    raw = sorted(shots, key=lambda shot: shot.at)
    silences = [0] + [place for place in range(1, len(shots)) if _silent(shots, returns, place)]
    sizes, refills = [], []
    for begin, end in zip(silences, [*silences[1:], len(shots)], strict=True):
        part = shots[begin:end]
        empty = next((place for place, shot in enumerate(part) if not shot.admitted), None)
        if empty is None:
            continue
        last = max(place for place, shot in enumerate(part) if not shot.admitted)
        passed = part[last].at - part[empty].at
        if passed > 0 and last - empty > 5:
            refills.append((sum(shot.admitted for shot in part[empty:last]), passed))
        if begin or not drained:
            sizes.append((empty, part[empty].at - part[0].at))
    total = sum(passed for _, passed in refills)
    refill = sum(count for count, _ in refills) / total if total > 0 else 0.0
    if refill <= 0:
        limits, spans = [count for count, _ in sizes[:1]], list(windows)
    elif not sizes:
        limits, spans = [], []
    else:
        # The burst with the least time to refill says it best.
        count, passed = min(sizes, key=lambda size: size[1])
        middle = max(1, round(count - refill * passed))
        limits = sorted({middle, max(1, middle - 1), middle + 1})
        spans = [middle / refill]
    start = 1.0 if drained else None
    best = min(
        (
            (
                min(bucket(shots, n, n / w, start=start), bucket(raw, n, n / w, start=start))
                + 0.3 * abs(n - limits[len(limits) // 2]),
                n,
                w,
            )
            for n in limits
            for span in spans
            for w in (span * (0.8 + 0.025 * step) for step in range(17))
        ),
        default=(math.inf, 1, 1.0),
    )
    return Fit(family="bucket", limit=best[1], window=best[2], cost=best[0])


def _silent(shots: Sequence[Shot], returns: Sequence[_Return], place: int) -> bool:
    """Whether a request ended a silence that is long beside the usual time between returns."""
    gap = shots[place].at - shots[place - 1].at
    return shots[place].admitted and gap > 8 * _step(returns) and gap > 1.0


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
    """Where a clock's edge may have been: at a return, or a little before it."""
    for back in [returns[0], *(late for _, late in _pairs(returns))][:2]:
        yield back.middle - min(step, back.by)
        yield back.middle
        yield back.after


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
    # A clock's phase is one more number to fit with: a counter has to explain one answer more than a bucket.
    extra = 1.0 if family.endswith("counter") else 0.0
    return Fit(family=family, limit=limit, window=window, cost=value + extra, phase=phase)


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

"""What limiter stands there, told by its answers alone: algorithm, limit, window, burst, refill, status, headers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from gonogo.judges.rate.fit import Fit, Shot
from gonogo.judges.rate.headers import read_headers
from gonogo.judges.rate.queue import queue_fit, queue_of
from gonogo.judges.rate.search import fits
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm, Dialect, Inferred

REJECTS = (429, 503, 403, 420, 509, 502, 404)  # what limiters answer, the likeliest first
_LEAST_SLACK_S = 0.002
_TOO_ODD = 0.06  # a best fit that leaves a greater share unexplained explains nothing

_FAMILIES = {
    "first_hit": Algorithm.FIXED_WINDOW,
    "fixed": Algorithm.FIXED_WINDOW,
    "log": Algorithm.SLIDING_LOG,
    "counter": Algorithm.SLIDING_COUNTER,
    "loose_counter": Algorithm.SLIDING_COUNTER,
    "bucket": Algorithm.TOKEN_BUCKET,
    "queue": Algorithm.LEAKY_BUCKET,
}
_ALIKE = ("first_hit", "log", "bucket")  # with a limit of one request these are one and the same


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
    found = _found(timeline, status, shots)
    if not found or found[0].cost > _TOO_ODD * len(shots) + 2:
        return None
    best = found[0]
    single = round(best.limit) == 1 and best.family in _ALIKE
    algorithm = Algorithm.TOKEN_BUCKET if single else _FAMILIES[best.family]
    others = [
        fit.cost
        for fit in found[1:]
        if _FAMILIES[fit.family] is not algorithm and not (single and fit.family in _ALIKE)
    ]
    margin = max(0.0, min(others, default=best.cost + 10) - best.cost)
    limit = max(1, round(best.limit))
    refill = best.limit / best.window if algorithm.bucket else None
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
        notes=tuple(_notes(best, found)),
    )


def _found(timeline: Sequence[Event], status: int, shots: Sequence[Shot]) -> list[Fit]:
    """What explains it, the best first. Answers that came in even steps are explained by a queue if anything does."""
    queue = queue_of(timeline, status)
    if queue is not None:
        fit = queue_fit(timeline, status, queue)
        if fit.cost <= _TOO_ODD * len(shots) + 2:
            return [fit]
    found = sorted(fits(shots), key=lambda fit: fit.cost)
    alike = [fit for fit in found if fit.family in _ALIKE and round(fit.limit) == 1 and fit.cost <= found[0].cost + 1]
    return [*alike, *(fit for fit in found if fit not in alike)]  # without a clock, if one request is all there is


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


def _notes(best: Fit, found: Sequence[Fit]) -> Iterator[str]:
    if best.family == "fixed":
        yield "its windows follow a clock"
    if best.family == "first_hit":
        yield "its window starts with the first request"
    if best.family == "queue":
        yield "it makes requests wait for their turn, and rejects those that find its queue full"
    if round(best.limit) == 1 and best.family in _ALIKE:
        yield "with a limit of one request a window, a log and a bucket are the same"
    elif best.family == "bucket":
        yield "limit / window is its refill; a bucket shows no other window"
    costs = ", ".join(f"{fit.family.replace('_', ' ')} {fit.cost:.1f}" for fit in found)
    yield f"answers that a family does not explain: {costs}"

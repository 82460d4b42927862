"""Servers whose capacity is known: queues in simulated time, asked step by step as a capacity profile does."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from random import Random

from gonogo.judges.loads.capacity import Ended, Plan, estimate, next_step
from gonogo.judges.loads.capacity_step import Bar, judge_step
from gonogo.model.capacity import Capacity, CapacityStep, Steps
from gonogo.model.load import LatencySummary, OutcomeClass, SideRecord

Latencies = Callable[[float, float], list[float]]  # rate a second, seconds -> latencies in s


def queue(workers: int, service: Callable[[], float]) -> Latencies:
    """Even arrivals, one queue, so many workers; it is empty when a step begins."""

    def answers(rate: float, seconds: float) -> list[float]:
        free = [0.0] * workers
        found = []
        for number in range(math.ceil(rate * seconds - 1e-9)):
            arrived = number / rate
            done = max(arrived, heapq.heappop(free)) + service()
            heapq.heappush(free, done)
            found.append(done - arrived)
        return found

    return answers


def arrivals_at_random(workers: int, service: float, random: Random) -> Latencies:
    """M/M/c, in its steady state: it has served for a while when a step is measured."""

    def answers(rate: float, seconds: float) -> list[float]:
        free, found, at = [0.0] * workers, [], 0.0
        warm = 400 * service
        while at < warm + seconds:
            at += random.expovariate(rate)
            done = max(at, heapq.heappop(free)) + random.expovariate(1 / service)
            heapq.heappush(free, done)
            if at > warm:
                found.append(done - at)
        return found

    return answers


def waits(rate: float, workers: int, service: float, within: float) -> float:
    """The share of requests of M/M/c that take longer than `within` seconds: Erlang C and the time in service.

    L. Kleinrock, Queueing Systems I (1975), 3.5; 1 where the queue grows for ever.
    """
    load = rate * service
    if load >= workers:
        return 1.0
    terms = [load**k / math.factorial(k) for k in range(workers + 1)]
    last = terms[-1] * workers / (workers - load)
    queued = last / (sum(terms[:-1]) + last)
    serve, drain = 1 / service, (workers - load) / service
    if math.isclose(serve, drain):
        return math.exp(-serve * within) * (1 + queued * serve * within)
    both = (serve * math.exp(-drain * within) - drain * math.exp(-serve * within)) / (serve - drain)
    return (1 - queued) * math.exp(-serve * within) + queued * both


def true_capacity(workers: int, service: float, within: float, share: float = 0.05) -> float:
    """The rate at which exactly `share` of M/M/c's requests take longer than `within` seconds."""
    low, high = 0.0, workers / service
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if waits(middle, workers, service, within) < share else (low, middle)
    return low


def search(
    steps: Steps,
    answers: Latencies,
    bars: Sequence[Bar],
    *,
    requests: int | None = None,
    seconds: float | None = None,
    errors: Callable[[float], float] = lambda _rate: 0.0,
    late: Callable[[float], float] = lambda _rate: 0.0,
    connections: int = 10_000,
) -> Capacity:
    """The whole search. `errors` and `late` are shares by rate."""
    plan = Plan(steps=steps, requests=requests, seconds=seconds)
    taken: list[CapacityStep] = []
    while not isinstance(wanted := next_step(plan, taken, bars), Ended):
        found = sorted(answers(wanted, steps.each.total_seconds()))
        lost = round(errors(wanted) * len(found))
        kept = found[: len(found) - lost]
        record = SideRecord(
            side="canary",
            requested_rate=wanted,
            achieved_rate=wanted,
            requests=len(found),
            outcomes={
                OutcomeClass.ACCEPTED: _summary(kept),
                OutcomeClass.ERROR: LatencySummary(count=lost),
            },
            statuses={200: len(kept)} | ({503: lost} if lost else {}),
        )
        over = {
            bar.name: sum(not bar.objective.comparator.holds(each * 1000, bar.limit_ms) for each in kept)
            for bar in bars
            if bar.limit_ms is not None
        }
        took = steps.each.total_seconds()
        taken.append(
            judge_step(wanted, record, over, bars, connections=connections, late_ratio=late(wanted), took=took)
        )
    return estimate(plan, "canary", taken, bars, wanted)


def _summary(found: Sequence[float]) -> LatencySummary:
    """By nearest rank, in ms; `found` is sorted."""
    if not found:
        return LatencySummary()
    ranks = {name: found[math.ceil(share * len(found)) - 1] * 1000 for name, share in _RANKS.items()}
    return LatencySummary(count=len(found), **ranks)


_RANKS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

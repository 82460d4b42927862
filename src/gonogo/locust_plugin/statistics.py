"""Answers of the fleet into Locust's own statistics, a batch at a time."""

from __future__ import annotations

from collections import Counter
from time import time

from locust.stats import RequestStats, StatsError, bucket_response_time

from gonogo.load.lane import Batch
from gonogo.load.record import in_us
from gonogo.model.load import OutcomeClass


def enter(stats: RequestStats, batch: Batch) -> None:
    """A batch into Locust's statistics. A reject is no failure; it has a line of its own."""
    name = f"{batch.side} {batch.endpoint.partition(' ')[2]}"
    if batch.outcome is OutcomeClass.LIMITED:
        name += f" ({batch.status})"
    failed = batch.outcome is OutcomeClass.ERROR
    count, second = len(batch.latencies), int(time())
    counted = in_us(batch.latencies)
    buckets: Counter[int] = Counter()
    for latency, times in counted.items():
        buckets[bucket_response_time(latency / 1000)] += times
    lowest, highest = min(counted) / 1000, max(counted) / 1000
    buckets[bucket_response_time(lowest)] -= 1  # that one is logged, the others are added
    for entry in (stats.total, stats.entries[name, batch.method]):
        entry.log(lowest, 0)  # type: ignore[arg-type]
        entry.num_requests += count - 1
        entry.num_reqs_per_sec[second] += count - 1
        entry.total_response_time += sum(batch.latencies) / 1e6 - lowest  # type: ignore[assignment]
        entry.max_response_time = max(entry.max_response_time, highest)  # type: ignore[assignment]
        for bucket, times in buckets.items():
            entry.response_times[bucket] += times
        if failed:
            entry.num_failures += count
            entry.num_fail_per_sec[second] += count
    if failed:
        why = f"answered {batch.status}" if batch.status else "no answer"
        key = StatsError.create_key(batch.method, name, why)
        stats.errors.setdefault(key, StatsError(batch.method, name, why)).occurrences += count

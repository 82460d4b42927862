"""Answers of the fleet into Locust's own statistics, a batch at a time."""

from __future__ import annotations

from collections import Counter
from time import time

from locust.stats import RequestStats, StatsError, bucket_response_time

from gonogo.load.lane import Batch
from gonogo.model.load import OutcomeClass


def enter(stats: RequestStats, batch: Batch) -> None:
    """A batch into Locust's statistics. A reject is no failure; it has a line of its own."""
    name = f"{batch.side} {batch.endpoint.partition(' ')[2]}"
    if batch.outcome is OutcomeClass.LIMITED:
        name += f" ({batch.status})"
    milliseconds = [latency / 1e6 for latency in batch.latencies]
    first, *rest = milliseconds
    failed = batch.outcome is OutcomeClass.ERROR
    second = int(time())
    buckets = Counter(bucket_response_time(each) for each in rest)
    for entry in (stats.total, stats.entries[name, batch.method]):
        entry.log(first, 0)  # type: ignore[arg-type]
        entry.num_requests += len(rest)
        entry.num_reqs_per_sec[second] += len(rest)
        entry.total_response_time += sum(rest)  # type: ignore[assignment]
        entry.min_response_time = min(*milliseconds, entry.min_response_time or first)  # type: ignore[assignment]
        entry.max_response_time = max(entry.max_response_time, *milliseconds)  # type: ignore[assignment]
        for bucket, count in buckets.items():
            entry.response_times[bucket] += count
        if failed:
            entry.num_failures += len(milliseconds)
            entry.num_fail_per_sec[second] += len(milliseconds)
    if failed:
        why = f"answered {batch.status}" if batch.status else "no answer"
        key = StatsError.create_key(batch.method, name, why)
        stats.errors.setdefault(key, StatsError(batch.method, name, why)).occurrences += len(milliseconds)

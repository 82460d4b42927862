"""The canary's own requests into its in-memory metrics, and their reset."""

from __future__ import annotations

from typing import Any

import clock
from mentoring import stamp
from world import Request, World

FLUSHED_EVERY_S = 2.0
OWN_PATHS = ("/api/v2/canary/metrics", "/api/v2/canary/metrics/reset")


def document(world: World) -> dict[str, Any]:
    """The body of GET /api/v2/canary/metrics: rates are ratios (0-1); requests are counted two seconds late."""
    since, until = world.canary_metrics_since, clock.now() - FLUSHED_EVERY_S
    mine = [r for r in world.snapshot() if r.side == "canary" and since <= r.at <= until and r.path not in OWN_PATHS]
    by_path: dict[str, list[Request]] = {}
    for request in mine:
        by_path.setdefault(request.path, []).append(request)
    return {
        "status": "success",
        "version": "canary",
        "since": stamp(since),
        "timestamp": stamp(clock.now()),
        **_summary(mine),
        "by_path": {path: _summary(requests) for path, requests in sorted(by_path.items())},
    }


def reset(world: World) -> dict[str, Any]:
    """The body of POST /api/v2/canary/metrics/reset, after the counters were cleared."""
    if world.fault("canary-reset-refused"):
        return {"status": "error", "message": "Metrics are locked by another reset", "timestamp": stamp(clock.now())}
    if not world.fault("canary-reset-ineffective"):
        with world.lock:
            world.canary_metrics_since = clock.now()
    return {"status": "success", "message": "Metrics reset successfully", "timestamp": stamp(clock.now())}


def _summary(requests: list[Request]) -> dict[str, Any]:
    """Counts, ratios and latencies; no ratio and no latency without requests."""
    total = len(requests)
    failed = sum(request.status >= 500 for request in requests)
    counts: dict[str, Any] = {"requests_total": total, "errors_total": failed}
    if not total:
        return counts
    ordered = sorted(request.process_time_ms for request in requests)
    ranks = {f"p{p}_ms": ordered[max(0, -(-total * p // 100) - 1)] for p in (50, 90, 95, 99)}  # nearest rank
    mean = round(sum(ordered) / total, 2)
    rates = {"error_rate": failed / total, "success_rate": (total - failed) / total}
    return {**counts, **rates, "mean_ms": mean, **ranks, "max_ms": ordered[-1]}

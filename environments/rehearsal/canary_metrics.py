"""The canary's own requests into its in-memory metrics, and their reset."""

from __future__ import annotations

import time
from typing import Any

from mentoring import stamp
from world import Request, World

HEALTH_PATHS = ("/health", "/api/health", "/api/v2/health")
OWN_PATHS = ("/api/v2/canary/metrics", "/api/v2/canary/metrics/reset")


def document(world: World) -> dict[str, Any]:
    """The body of GET /api/v2/canary/metrics: rates are ratios (0-1), latencies milliseconds."""
    since = world.canary_metrics_since
    mine = [r for r in world.snapshot() if r.side == "canary" and r.at >= since and r.path not in OWN_PATHS]
    by_path: dict[str, list[Request]] = {}
    for request in mine:
        by_path.setdefault(request.path, []).append(request)
    return {
        "status": "success",
        "version": "canary",
        "since": stamp(since),
        "timestamp": stamp(time.time()),
        **_summary(mine),
        "health": _summary([r for r in mine if r.path in HEALTH_PATHS]),
        "by_path": {path: _summary(requests) for path, requests in sorted(by_path.items())},
    }


def reset(world: World) -> dict[str, Any]:
    """The body of POST /api/v2/canary/metrics/reset, after the counters were cleared."""
    if world.fault("canary-reset-refused"):
        return {"status": "error", "message": "Metrics are locked by another reset", "timestamp": stamp(time.time())}
    if not world.fault("canary-reset-ineffective"):
        with world.lock:
            world.canary_metrics_since = time.time()
    return {"status": "success", "message": "Metrics reset successfully", "timestamp": stamp(time.time())}


def _summary(requests: list[Request]) -> dict[str, Any]:
    total = len(requests)
    failed = sum(request.status >= 500 for request in requests)
    return {
        "total_requests": total,
        "successful_requests": total - failed,
        "failed_requests": failed,
        "error_rate": failed / total if total else 0.0,
        "success_rate": (total - failed) / total if total else 1.0,
        "latency_ms": _latency(sorted(request.process_time_ms for request in requests)),
    }


def _latency(ordered: list[float]) -> dict[str, float] | None:
    """Mean, nearest-rank percentiles and maximum; None without requests."""
    if not ordered:
        return None
    ranks = {f"p{p}": ordered[max(0, -(-len(ordered) * p // 100) - 1)] for p in (50, 90, 95, 99)}
    return {"mean": round(sum(ordered) / len(ordered), 2), **ranks, "max": ordered[-1]}

"""A side over time and the limiter that stood before it, as they stand in load.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.model.load import Moment, OutcomeClass, Series
from gonogo.model.ratelimit import Inferred, Policy

Json = dict[str, Any]


def series_document(series: Series | None) -> Json | None:
    """Columns of equal length, an entry an interval from the first to the last in use; latencies in ms, None: none."""
    if series is None:
        return None
    width = series.interval_ms / 1000
    used = [*(each.index for each in series.moments), *series.sent, *(series.requested or {})]
    places = range(min(used), max(used) + 1) if used else range(0)
    return {
        "interval_s": width,
        "begins_s": round(series.begins, 6),
        "ends_s": round(series.ends, 6),
        "at_s": [round(place * width, 3) for place in places],
        "requested": None if series.requested is None else [series.requested.get(place, 0) for place in places],
        "sent": [series.sent.get(place, 0) for place in places],
        "outcomes": {
            outcome.value: _columns({each.index: each for each in series.moments if each.outcome is outcome}, places)
            for outcome in OutcomeClass
        },
    }


def limiter_document(limiter: Policy | Inferred | None) -> Json | None:
    """What was declared for the side, or else what its answers show."""
    if limiter is None:
        return None
    made: Json = {
        "declared": isinstance(limiter, Policy),
        "algorithm": limiter.algorithm.value,
        "limit": limiter.limit,
        "window_s": round(limiter.window.total_seconds(), 3),
        "burst": limiter.burst,
        "reject_status": limiter.reject_status,
    }
    if isinstance(limiter, Inferred):
        return made | {"confidence": limiter.confidence, "notes": list(limiter.notes)}
    return made | {"aligned": limiter.aligned}


def _columns(moments: Mapping[int, Moment], places: range) -> Json:
    found = [moments.get(place) for place in places]
    return {"count": [0 if each is None else each.count for each in found]} | {
        name: [None if each is None else getattr(each, name) for each in found] for name in ("p50", "p95", "p99", "max")
    }

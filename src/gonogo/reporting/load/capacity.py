"""What a capacity run found of a side into JSON for load.json, and into lines for a terminal."""

from __future__ import annotations

from typing import Any

from gonogo.model.capacity import Capacity, CapacityStep
from gonogo.model.units import show_number
from gonogo.reporting.escape import visible

Json = dict[str, Any]


def capacity_document(capacity: Capacity) -> Json:
    """`steps` in the order in which they were sent, and `found`.

    Rates are a second, latencies ms of accepted requests (null where there are none), ratios 0-1. `found.rate` is
    the highest rate kept and `found.high` the lowest broken (null: none was); the truth lies in low..high with
    `confidence`. `verdict` of a step is kept | broken | unsure.
    """
    return {
        "steps": [
            {
                "rate": step.rate,
                "sent": step.sent,
                "achieved": step.achieved,
                "p50": step.p50,
                "p95": step.p95,
                "p99": step.p99,
                "error_ratio": step.error_ratio,
                "accepted_ratio": step.accepted_ratio,
                "late_ratio": step.late_ratio,
                "took_s": step.took,
                "verdict": step.verdict.value,
                "reason": step.reason,
                "broke": list(step.broke),
            }
            for step in capacity.steps
        ],
        "found": {
            "rate": capacity.rate,
            "low": capacity.low,
            "high": capacity.high,
            "confidence": capacity.confidence,
            "limited_by": capacity.limited_by,
            "proven": capacity.proven,
            "complete": capacity.complete,
            "said": capacity.said,
        },
    }


def step_line(side: str, step: CapacityStep) -> str:
    """One step as it ends."""
    times = " ".join(
        f"{name} {'-' if value is None else f'{value:.1f}'}" for name, value in (("p50", step.p50), ("p95", step.p95))
    )
    why = "" if step.verdict.value == "kept" else f": {visible(step.reason)}"
    return (
        f"{side:<7} {show_number(step.rate):>7}/s  sent {step.sent:>6}  {times} ms"
        f"  errors {step.error_ratio:.1%}  {step.verdict.value}{why}"
    )


def found_line(capacity: Capacity) -> str:
    """What the steps of a side come to."""
    if capacity.rate is None:
        return f"{capacity.side:<7} capacity: {visible(capacity.said)}"
    low = "?" if capacity.low is None else f"{capacity.low:.1f}"
    span = f"{low}/s or more" if capacity.high is None else f"{low} to {show_number(capacity.high)}/s"
    sure = f"{span} with {capacity.confidence:.0%} confidence"
    return f"{capacity.side:<7} capacity: {show_number(capacity.rate)}/s ({sure}); {visible(capacity.said)}"

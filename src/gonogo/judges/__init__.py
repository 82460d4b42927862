"""Evidence into findings: the table of contents of the judges."""

from __future__ import annotations

from gonogo.judges.base import Judge
from gonogo.model.registry import Registry

JUDGES: Registry[Judge] = Registry(
    "gonogo.judges",
    {
        "auto_recovery": "incident.auto_recovery:JUDGE",
        "bursts": "bursts:JUDGE",
        "chosen": "chosen:JUDGE",
        "complete": "complete:JUDGE",
        "error_mix": "error_mix:JUDGE",
        "even": "even:JUDGE",
        "expect": "expect:JUDGE",
        "has_all": "has_all:JUDGE",
        "has_text": "has_text:JUDGE",
        "likely_cause": "incident.likely_cause:JUDGE",
        "listed": "listed:JUDGE",
        "load": "load:JUDGE",
        "patterns": "patterns:JUDGE",
        "postman": "postman:JUDGE",
        "release_plan": "plans.release:JUDGE",  # a Helm release, promoted or rolled back
        "unpromoted": "plans.promoted:JUDGE",  # a Helm release whose canary is still one
        "scope": "incident.scope:JUDGE",
        "severity": "incident.severity:JUDGE",
        "signed": "signed:JUDGE",
        "split": "split:JUDGE",
        "summary": "summary:JUDGE",
        "thresholds": "thresholds:JUDGE",
        "timeline": "incident.timeline:JUDGE",
        "traffic_plan": "plans.traffic:JUDGE",
        "trend": "trend:JUDGE",
        "watched": "watched:JUDGE",
        "what_if": "incident.what_if:JUDGE",
    },
)

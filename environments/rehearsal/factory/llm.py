"""Calls of the LLM: what they answer, take and cost, counted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from factory import past
from factory.site import Site

TAKES_S = 0.05
_WORDS = {"alarm": "ALERT", "경보": "ALERT", "smoke": "ALERT", "연기": "ALERT"}


class LlmError(Exception):
    """The provider failed, or what it said could not be parsed."""


def judge(site: Site, service: str, readings: Mapping[str, Any]) -> tuple[str, float]:
    """(result, confidence) of readings in numbers and words."""
    wanted = call(site, service, past.JUDGMENT_USD)
    hot = isinstance(readings.get("temperature"), int | float) and float(readings["temperature"]) > 95
    said = " ".join(str(value) for value in readings.values()).casefold()
    return ("ALERT" if hot or any(word in said for word in _WORDS) else "NORMAL"), wanted


def call(site: Site, service: str, usd: float) -> float:
    """One call; how sure the LLM is. LlmError when it fails or does not make sense."""
    behaves = site.behaviour(service)
    began = time.monotonic()
    time.sleep(TAKES_S + behaves.llm_slower_by_s)
    labels = site.labels(service)
    site.metrics.observe(past.LLM_LATENCY, labels, time.monotonic() - began)
    site.metrics.count(past.LLM_CALLS, labels | {"outcome": "error" if behaves.llm_fails else "ok"})
    if behaves.llm_fails:
        raise LlmError("the provider answered 529 overloaded")
    site.metrics.count(past.LLM_COST, labels, usd)
    if behaves.llm_unreadable:
        site.metrics.count(past.LLM_UNREADABLE, labels)
        raise LlmError("the answer is not the JSON that was asked for")
    return 0.88

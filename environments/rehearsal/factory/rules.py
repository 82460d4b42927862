"""The rule sets of AI Factory: what a machine's readings come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """ALERT above either limit: degrees Celsius, and mm/s."""

    temperature: float
    vibration: float = float("inf")


# The past of the database is made by the first two: see data.
RULE_SETS = {
    "v1.3.8": RuleSet(temperature=97),
    "v1.3.9": RuleSet(temperature=95),
    "v1.4.0": RuleSet(temperature=95, vibration=9.5),
}


def judged(version: str, readings: Mapping[str, Any]) -> tuple[str, float] | None:
    """(result, confidence) by a rule set; None where the readings hold nothing that it knows."""
    rules = RULE_SETS[version]
    limits = (("temperature", rules.temperature), ("vibration", rules.vibration))
    known = [
        float(readings[name]) - limit
        for name, limit in limits
        if isinstance(readings.get(name), int | float) and not isinstance(readings.get(name), bool)
    ]
    if not known:
        return None
    return ("ALERT" if max(known) > 0 else "NORMAL"), 0.92

"""What a load run comes to: objectives held against its record, findings of properties, and the decision."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.model.capacity import Capacity
from gonogo.model.ratelimit import PropertyResult, Shown
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """One objective of one side, held against its record; `value` and `limit` are in `unit`."""

    name: str
    side: str
    value: float | None
    comparator: str
    limit: float
    unit: Unit
    samples: int
    verdict: Shown
    reason: str
    decides: bool = False  # the profile has to prove it
    against: str = ""  # the other side, of an objective that compares


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """`reasons` say why it is not GO, worst first; empty for GO. `beside` is what the run shows of properties that
    its profile does not have to prove.
    """

    decision: Decision
    reasons: tuple[str, ...]
    findings: tuple[PropertyResult, ...]
    slos: tuple[Slo, ...]
    beside: tuple[PropertyResult, ...] = ()
    capacities: tuple[Capacity, ...] = ()  # of a capacity run, one a side

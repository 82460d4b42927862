"""How a rate is raised step by step, what each step showed, and the highest rate that kept its objectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How a capacity profile searches: it grows until the objectives break, halves the bracket, repeats its edges.

    Rates are arrivals a second. `factor` or `by` says how the rate grows. `repeats` steps at each edge have to agree.
    """

    from_: float
    at_most: float
    factor: float | None = None  # of the rate before; 2 where neither is given
    by: float | None = None  # beside the rate before
    each: timedelta = timedelta(seconds=5)
    pause: timedelta = timedelta(seconds=1)  # between steps, for the service to drain
    within: float = 0.05  # the bracket is narrow enough at this share of its upper end
    repeats: int = 5
    count: int = 40  # steps a side, never exceeded


class StepVerdict(StrEnum):
    """What one step shows. UNSURE: the generator was the bottleneck, or nothing was seen."""

    KEPT = "kept"
    BROKEN = "broken"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many of `n` requests missed one objective."""

    bad: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityStep:
    """One step of one side, judged. Latencies are ms of accepted requests, None where there are none."""

    rate: float  # asked for, a second
    sent: int
    achieved: float  # a second
    p50: float | None
    p95: float | None
    p99: float | None
    error_ratio: float
    accepted_ratio: float
    verdict: StepVerdict
    reason: str
    broke: tuple[str, ...] = ()  # names of objectives
    counts: Mapping[str, Count] = field(default_factory=dict)  # by objective
    late_ratio: float = 0.0  # share of the step in which the generator itself was more than 10 ms late
    took: float = 0.0  # s, from the first request to the last answer
    refused: bool = False  # 401 or 403 to every request


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What one side bears. `rate` is the highest rate that was kept, `high` the lowest that was broken; the truth
    lies in `low`..`high` with `confidence`. `proven`: `rate` was kept in as many steps as the profile wants, on
    enough samples. `complete`: it is, and the search came to its own end.
    """

    side: str
    steps: tuple[CapacityStep, ...]
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.0
    limited_by: str | None = None  # an objective, `generator`, `connections`, or a bound of the profile
    said: str = ""  # the finding in a sentence
    proven: bool = False
    complete: bool = False

"""A watch: samples of two sides over time, how the rules stand, the evidence, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gonogo.model.rulebook import Rule
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision

CANARY, STABLE = "canary", "stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`count` requests that took more than `low` and at most `high` ms; one latency is a bucket with low == high.

    `high` is None where the backend does not know it.
    """

    low: float
    high: float | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SideSample:
    """What one side did in one interval. None, or a measure that is absent, is a measure that was not seen."""

    requests: int | None = None
    errors: int | None = None  # 5xx and lost answers
    successes: int | None = None  # 2xx
    latency: tuple[Bucket, ...] | None = None  # sorted by low, no two overlap
    gauges: Mapping[str, float] = field(default_factory=dict)  # memory, cpu: ratios 0-1; the mean of the interval
    counts: Mapping[str, int] = field(default_factory=dict)  # events of a kind; NAME_ratio is count over requests
    unseen: Mapping[str, str] = field(default_factory=dict)  # measure -> why it was not seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at both sides over the interval (since, until]. `seq` counts from 1 without holes."""

    seq: int
    since: datetime
    until: datetime
    sides: Mapping[str, SideSample]


class RuleStands(StrEnum):
    """How a rule stands at a sample. A GO limit is clean or broken; a rollback rule the others, too."""

    CLEAN = "clean"
    BROKEN = "broken"  # a GO limit that does not hold
    COUNTING = "counting"  # a rollback rule holds, and not yet for long enough
    FIRED = "fired"  # for long enough, now or before
    UNSEEN = "unseen"  # too little was seen to say


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """One rule at one sample. `value` is in the rule's unit; `streak` of `needed`; `missing` samples so far."""

    rule: Rule
    stands: RuleStands
    value: float | None
    streak: int = 0
    needed: int = 1
    requests: int = 0  # in the sample or the window
    missing: int = 0
    stable_too: bool = False  # the stable side breaks it as well
    fired_at: int | None = None  # seq of the sample at which it first fired; a rule that fired stays fired
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """Sequential evidence against one measure of the canary. `log_e` >= `threshold` is an alarm; both are natural
    logarithms of an e-value.
    """

    measure: str
    log_e: float
    threshold: float
    seen: float  # canary's count of events (or mean), as seen
    expected: float  # the same if it were no worse than the stable side times the margin
    dispersion: float = 1.0
    alarmed_at: int | None = None
    since: datetime | None = None  # when the evidence that counts most begins
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One part of the certificate: with the budgeted confidence, the true value is at most (at least) `bound`."""

    measure: str
    bound: float | None
    limit: float
    unit: Unit
    holds: bool
    seen: float | None = None
    samples: int = 0
    more: int | None = None  # requests (of gauges: samples) that are still needed if all goes on like this
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch that no sample covers, or in which a measure of a side was not seen."""

    since: datetime
    until: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryVerdict:
    """What all samples up to `seq` come to. `reasons` say why it is not GO, worst first."""

    seq: int
    at: datetime
    decision: Decision
    reasons: tuple[str, ...]
    rules: tuple[RuleState, ...]
    evidence: tuple[Strength, ...]
    bounds: tuple[Bound, ...]
    gaps: tuple[Gap, ...] = ()
    both_sides: bool = False  # the stable side breaks the same rules: a rollback would not help
    decidable_at: datetime | None = None  # when GO can be known at the present traffic

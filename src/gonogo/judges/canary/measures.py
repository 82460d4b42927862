"""Samples of one side into the value of a measure: ratios, nearest-rank latencies, gauges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gonogo.judges.percentile import rank
from gonogo.model.rulebook import Rule
from gonogo.model.units import Unit, convert
from gonogo.model.watch import SideSample

_LATENCY = re.compile(r"p(?P<p>\d{1,2}(\.\d{1,2})?)_latency\Z")
_WIDE = 2.5  # a bucket whose upper edge is more than so many times its lower one says too little of what is inside
_MOST = 1e6  # a gauge runs from 0 to 1; what is far beyond is no gauge
_IDLE = "without requests"  # among the measures that samples told
_UNIT = 2**60  # gauges are added up as whole multiples of 1 / _UNIT: what is taken away leaves nothing behind
Edges = tuple[float, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`value` is in the rule's unit, None where it was not seen; then `why` says so. `at_least`: the true value may
    be higher, since it lies in a bucket without an upper edge. `idle`: the side was seen, with too few requests.
    `between`: all that is known, of a value inside a bucket so wide that to divide it evenly would be a guess.
    """

    value: float | None
    requests: int = 0
    at_least: bool = False
    idle: bool = False
    between: tuple[float, float] | None = None
    why: str = ""


def gauge(side: SideSample, name: str) -> float | None:
    """A gauge of one side; None where it was not seen, or is no number that a share of something can be."""
    value = side.gauges.get(name)
    return value if value is not None and 0 <= value <= _MOST else None


def is_latency(measure: str) -> bool:
    """Whether the measure is a percentile of latencies."""
    return _LATENCY.match(measure) is not None


def tells(side: SideSample, measure: str) -> bool:
    """Whether one sample tells the measure; without requests there is nothing to tell, and maybe no instance."""
    if side.requests == 0:
        return True
    if is_latency(measure):
        return side.latency is not None
    if measure == "requests":
        return side.requests is not None
    event = measure.removesuffix("_ratio")
    found = {"error": side.errors, "success": side.successes, **side.counts}.get(event)
    return (found is not None and side.requests is not None) or gauge(side, measure) is not None


@dataclass(slots=True)
class Tally:
    """Samples of one side added up. A count is known only if every sample told it."""

    samples: int = 0
    requests: int = 0
    told: dict[str, int] = field(default_factory=dict)  # measure -> samples that told it
    events: dict[str, int] = field(default_factory=dict)  # errors, successes and counts
    asked: dict[str, int] = field(default_factory=dict)  # requests of the samples that told an event
    buckets: dict[Edges, int] = field(default_factory=dict)
    gauges: dict[str, int] = field(default_factory=dict)  # sums, in 1 / _UNIT
    unseen: dict[str, str] = field(default_factory=dict)  # measure -> the newest reason

    def add(self, one: SideSample | None) -> None:
        """A sample more; None is one in which the side was not seen at all."""
        if one is None:
            self.unseen["requests"] = "the side is missing from the sample"
        else:
            self.unseen.update(one.unseen)
        self._count(one, 1)

    def remove(self, one: SideSample | None) -> None:
        """A sample less, one that was added."""
        self._count(one, -1)

    def _count(self, one: SideSample | None, times: int) -> None:
        self.samples += times
        if one is None:
            return
        if one.requests is not None:
            self.requests += times * one.requests
            self._tell("requests", times)
            events = {"error": one.errors, "success": one.successes, **one.counts}
            for name, count in events.items():
                if count is not None:
                    self._tell(f"{name}_ratio", times)
                    self.events[name] = self.events.get(name, 0) + times * count
                    self.asked[name] = self.asked.get(name, 0) + times * one.requests
        if one.latency is not None or one.requests == 0:
            self._tell("latency", times)
            for bucket in one.latency or ():
                edges = (bucket.low, bucket.high)
                self.buckets[edges] = self.buckets.get(edges, 0) + times * bucket.count
        if one.requests == 0:
            self._tell(_IDLE, times)
        for name in one.gauges:
            value = gauge(one, name)
            if value is not None:
                self._tell(name, times)
                if one.requests == 0:
                    self._tell(f"{_IDLE} {name}", times)
                self.gauges[name] = self.gauges.get(name, 0) + times * round(value * _UNIT)

    def _tell(self, measure: str, times: int) -> None:
        self.told[measure] = self.told.get(measure, 0) + times

    def seen(self, rule: Rule) -> int:
        """Samples that told the rule's measure, or had no requests: there is nothing to tell, and maybe no instance."""
        name = "latency" if _LATENCY.match(rule.measure) else rule.measure
        asked = name in ("requests", "latency") or name.removesuffix("_ratio") in self.asked
        idle = 0 if asked else self._untold(name)
        return self.told.get(name, 0) + idle

    def _untold(self, gauge: str) -> int:
        """Samples without requests that do not tell a gauge."""
        return self.told.get(_IDLE, 0) - self.told.get(f"{_IDLE} {gauge}", 0)

    def measured(self, rule: Rule) -> Measured:
        """The rule's measure over all that was added."""
        name = rule.measure
        latency = _LATENCY.match(name)
        if latency is not None:
            return self._latency(float(latency["p"]), rule)
        if name == "requests":
            seen = self.told.get("requests", 0)
            return Measured(value=float(self.requests) if seen else None, requests=self.requests, why=self._why(name))
        event = name.removesuffix("_ratio")
        if self.told.get(f"{event}_ratio", 0) and event in self.asked:
            asked = self.asked[event]
            if asked < rule.min_requests:
                return _idle(asked, rule)
            return Measured(value=self.events[event] / asked, requests=asked)
        if self.told.get(name, 0) and name in self.gauges:
            return Measured(value=self.gauges[name] / (self.told[name] * _UNIT), requests=self.requests)
        idle = event not in self.asked and self._untold(name) > 0
        why = "without requests, and it tells no more" if idle else self._why(name)
        return Measured(value=None, requests=self.requests, idle=idle, why=why)

    def _latency(self, p: float, rule: Rule) -> Measured:
        total = sum(self.buckets.values())
        if total < rule.min_requests:
            return _idle(total, rule) if self.told.get("latency", 0) else Measured(value=None, why=self._why("latency"))
        wanted, before = rank(total, p), 0
        for (low, high), count in sorted(self.buckets.items(), key=lambda one: one[0][0]):
            if before + count >= wanted:
                at = low if high is None else low + (high - low) * (wanted - before) / count
                value = convert(at, Unit.MS, rule.unit)
                between = None
                if high is not None and high > _WIDE * low:
                    between = convert(low, Unit.MS, rule.unit), convert(high, Unit.MS, rule.unit)
                return Measured(value=value, requests=total, at_least=high is None, between=between)
            before += count
        raise AssertionError("a rank above the number of requests")

    def _why(self, measure: str) -> str:
        return self.unseen.get(measure) or self.unseen.get("requests") or "no sample tells it"


def _idle(requests: int, rule: Rule) -> Measured:
    why = f"{requests} requests, at least {rule.min_requests} are needed"
    return Measured(value=None, requests=requests, idle=True, why=why)


def holds(rule: Rule, found: Measured) -> bool | None:
    """Whether the rule's comparison is true; None where it cannot be said."""
    value, limit = found.value, rule.limit
    if value is None:
        return None
    if found.between is not None and found.between[0] < limit < found.between[1]:
        return None
    match rule.symbol:
        case ">":
            said = value > limit
        case ">=":
            said = value >= limit
        case "<":
            said = value < limit
        case _:
            said = value <= limit
    if found.at_least and said is not (rule.symbol in (">", ">=")):
        return None  # the true value is higher, and may be on the other side of the limit
    return said

"""The certificate of GO, a bound for each limit of the rulebook: proven inside it, or how much more that takes."""

from __future__ import annotations

import math
import operator

import numpy as np

from gonogo.judges.canary.certificate import Mean, share_bound, share_log_e, share_more
from gonogo.judges.canary.leak import BEGINNINGS
from gonogo.judges.canary.measures import gauge
from gonogo.judges.canary.trend import GO_ALPHA, LEAKS, PROVEN, Trend
from gonogo.model.rulebook import Rule
from gonogo.model.units import Unit, convert, show_duration, show_number
from gonogo.model.watch import Bound, SideSample

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Proof:
    """The bound of one limit for GO."""

    def __init__(self, rule: Rule) -> None:
        """Nothing was seen."""
        self.rule = rule
        self._events = self._asked = self._seen = 0  # _seen: samples that told it
        self._between = 0  # requests in buckets that the limit divides
        self._divided: tuple[float, float | None] | None = None  # the newest such bucket
        self._why = ""
        self._means = [(at, share, Mean()) for at, share in BEGINNINGS]  # a gauge that warms up is then another one
        self._told = 0  # samples of a gauge
        self._sign = -1.0 if rule.symbol in (">", ">=") else 1.0  # a bound from below is one from above of the negative

    def add(self, canary: SideSample) -> None:
        """One sample more."""
        rule = self.rule
        found = _events(rule, canary)
        if found is not None:
            self._events, self._asked, self._seen = self._events + found[0], self._asked + found[1], self._seen + 1
            self._divide(canary)
        elif (value := gauge(canary, rule.measure)) is not None:
            for at, _, mean in self._means:
                if self._told >= at:
                    mean.add(np.array([self._sign * value]))
            self._told += 1
        else:
            name = "latency" if rule.measure.endswith("_latency") else rule.measure
            why = canary.unseen.get(name) or canary.unseen.get("requests")
            self._why = f": {why}" if why else self._why

    def _divide(self, canary: SideSample) -> None:
        if self.rule.measure.endswith("_latency"):
            limit = convert(self.rule.limit, self.rule.unit, Unit.MS)
            for bucket in canary.latency or ():
                if bucket.count and bucket.low < limit and (bucket.high is None or bucket.high > limit):
                    self._between += bucket.count
                    self._divided = bucket.low, bucket.high

    def bound(self, spread: dict[str, float], trend: Trend) -> Bound:
        """The bound after all samples so far; `spread` is the dispersion of errors and of latencies."""
        return self._gauge(trend) if self._told else self._share(spread)

    def _share(self, spread: dict[str, float]) -> Bound:
        rule, n, k = self.rule, self._asked, self._events
        share = _share_limit(rule)
        dispersion = spread["latency" if rule.measure.endswith("_latency") else "error"]
        proven = n > 0 and (share >= 1 or (share > 0 and _log_e(k, n, share) / dispersion >= -math.log(GO_ALPHA)))
        more = share_more(k, n, share, GO_ALPHA, dispersion) if self._seen and not proven and 0 < share < 1 else None
        bound = share_bound(k, n, GO_ALPHA, dispersion) if n else None
        return Bound(
            measure=rule.measure,
            bound=bound,
            limit=share,
            unit=Unit.RATIO,
            holds=proven,
            seen=k / n if n else None,
            samples=n,
            more=more,
            reason=f"{rule.text}: {self._reason(share, bound, more, proven=proven)}",
        )

    def _reason(self, share: float, bound: float | None, more: int | None, *, proven: bool) -> str:
        """What was seen, of how many, and what is needed; in full sentences of an alert."""
        if not self._seen:
            return f"no sample told it of the canary{self._why}"
        at_most = f"so at most {bound:.3%}" if bound is not None and bound < 1 else "which bounds nothing yet"
        said = f"{self._events} of {self._asked} requests {_bad(self.rule)}, {at_most}, {share:.3%} allowed"
        if proven:
            return said
        if self._divided:
            low, high = self._divided[0], self._divided[1]
            edge = "no upper edge" if high is None else f"the edges {show_number(low)} and {show_number(high)} ms"
            said += f"; {self._between} of them lie in buckets that the limit divides (with {edge}) and count as slower"
        if share <= 0:
            return f"{said}; no number of requests proves a share of exactly 0"
        return said + _more(more, "requests")

    def _gauge(self, trend: Trend) -> Bound:
        rule, n = self.rule, self._told
        mean = self._sign * float(self._means[0][2].mean[0])
        top = 1.0 if self._sign > 0 else 0.0
        upper = min(float(one.upper(GO_ALPHA * share, top)[0]) for _, share, one in self._means)
        least = rule.symbol in (">", ">=")
        bounded = show_number(-upper if least else upper) if math.isfinite(upper) else "?"
        reason = f"{rule.text}: mean of {n} samples {show_number(mean)}, at {'least' if least else 'most'} {bounded}"
        if least:
            upper = -upper  # of the mean, from below
        elif rule.measure == LEAKS and trend.unseen:
            upper = math.inf
            reason += f"; its trend beside the stable side's is not known: {trend.unseen}"
        elif rule.measure == LEAKS:
            upper = max(upper, trend.upper(mean))
            shown = (
                f"at most {show_number(upper)} in {show_duration(PROVEN)}" if math.isfinite(upper) else "not known yet"
            )
            reason += f", with its trend beyond the stable side's {shown}"
        proven = math.isfinite(upper) and _COMPARE[rule.symbol](upper, rule.limit)
        hopeless = not _COMPARE[rule.symbol](mean, rule.limit) or (rule.measure == LEAKS and trend.hopeless)
        more = None if proven or hopeless else max(5, n // 2)
        return Bound(
            measure=rule.measure,
            bound=upper if math.isfinite(upper) else None,
            limit=rule.limit,
            unit=Unit.RATIO,
            holds=proven,
            seen=mean,
            samples=n,
            more=more,
            reason=reason if proven else f"{reason}{_more(more, 'samples')}",
        )


def _more(more: int | None, what: str) -> str:
    return (
        f"; about {more} more {what} like these would prove it" if more is not None else "; more of these prove nothing"
    )


def _events(rule: Rule, side: SideSample) -> tuple[int, int] | None:
    """Bad events and requests of one sample; None where the sample does not tell them."""
    n = side.requests
    name = rule.measure.removesuffix("_ratio")
    if rule.measure.endswith("_latency"):
        if side.latency is None:
            return None
        limit = convert(rule.limit, rule.unit, Unit.MS)
        total = sum(bucket.count for bucket in side.latency)
        # A bucket that the limit divides may be slower as a whole.
        within = sum(bucket.count for bucket in side.latency if bucket.high is not None and bucket.high <= limit)
        return total - within, total
    if n is None:
        return None
    if rule.measure == "error_ratio":
        return None if side.errors is None else (side.errors, n)
    if rule.measure == "success_ratio" and side.successes is not None:
        return (n - side.successes if rule.symbol in (">", ">=") else side.successes, n)
    if name not in side.counts:
        return None
    return (n - side.counts[name] if rule.symbol in (">", ">=") else side.counts[name], n)


def _bad(rule: Rule) -> str:
    """What the counted requests did."""
    if rule.measure.endswith("_latency"):
        return f"slower than {show_number(rule.limit)} {rule.unit}"
    name = rule.measure.removesuffix("_ratio")
    if rule.symbol in (">", ">="):
        return f"without {name}"
    return "failed" if name == "error" else f"with {name}"


def _share_limit(rule: Rule) -> float:
    """The share of bad events that the limit allows."""
    if rule.measure.endswith("_latency"):
        return 1 - float(rule.measure[1:].removesuffix("_latency")) / 100
    return 1 - rule.limit if rule.symbol in (">", ">=") else rule.limit


def _log_e(events: int, requests: int, limit: float) -> float:
    return float(share_log_e(np.array(float(events)), np.array(float(requests)), limit))

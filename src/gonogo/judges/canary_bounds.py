"""The certificate of GO, a bound for each limit of the rulebook: proven inside it, or how much more that takes."""

from __future__ import annotations

import math

import numpy as np

from gonogo.judges.canary_trend import GO_ALPHA, LEAKS, PROVEN, Trend
from gonogo.judges.certificate import Mean, share_bound, share_log_e, share_more
from gonogo.judges.leak import BEGINNINGS
from gonogo.judges.measures import gauge
from gonogo.model.rulebook import Rule
from gonogo.model.units import Unit, convert, show_duration, show_number
from gonogo.model.watch import Bound, SideSample


class Proof:
    """The bound of one limit for GO."""

    def __init__(self, rule: Rule) -> None:
        """Nothing was seen."""
        self.rule = rule
        self._events = self._asked = 0
        self._means = [(at, share, Mean()) for at, share in BEGINNINGS]  # a gauge that warms up is then another one
        self._told = 0  # samples of a gauge

    def add(self, canary: SideSample) -> None:
        """One sample more."""
        rule = self.rule
        found = _events(rule, canary)
        if found is not None:
            self._events, self._asked = self._events + found[0], self._asked + found[1]
        elif (value := gauge(canary, rule.measure)) is not None:
            for at, _, mean in self._means:
                if self._told >= at:
                    mean.add(np.array([value]))
            self._told += 1

    def bound(self, spread: dict[str, float], trend: Trend) -> Bound:
        """The bound after all samples so far; `spread` is the dispersion of errors and of latencies."""
        return self._gauge(trend) if self._told else self._share(spread)

    def _share(self, spread: dict[str, float]) -> Bound:
        rule, n, k = self.rule, self._asked, self._events
        share = _share_limit(rule)
        latency = rule.measure.endswith("_latency")
        dispersion = spread["latency" if latency else "error"]
        proven = n > 0 and share > 0 and _log_e(k, n, share) / dispersion >= -math.log(GO_ALPHA)
        more = None if proven or share <= 0 else share_more(k, n, share, GO_ALPHA, dispersion)
        bound = share_bound(k, n, GO_ALPHA, dispersion) if n else None
        what = f"slower than {show_number(rule.limit)} {rule.unit}" if latency else rule.measure.removesuffix("_ratio")
        at_most = f"at most {bound:.3%}" if bound is not None and bound < 1 else "not bounded yet"
        reason = f"{rule.text}: {k} of {n} {what}, {at_most}, {share:.3%} allowed"
        return Bound(
            measure=rule.measure,
            bound=bound,
            limit=share,
            unit=Unit.RATIO,
            holds=proven,
            seen=k / n if n else None,
            samples=n,
            more=more,
            reason=reason if proven else f"{reason}{_more(more, 'requests')}",
        )

    def _gauge(self, trend: Trend) -> Bound:
        rule, n = self.rule, self._told
        mean = float(self._means[0][2].mean[0])
        upper = min(float(one.upper(GO_ALPHA * share)[0]) for _, share, one in self._means)
        reason = f"{rule.text}: mean {show_number(mean)}, at most {show_number(upper) if n >= 5 else '?'}"
        if rule.measure == LEAKS and trend.unseen:
            upper = math.inf
            reason += f"; its trend beside the stable side's is not known: {trend.unseen}"
        elif rule.measure == LEAKS:
            upper = max(upper, trend.upper(mean))
            shown = show_number(upper) if math.isfinite(upper) else "?"
            reason += f", with its trend beyond the stable side's at most {shown} in {show_duration(PROVEN)}"
        proven = upper < rule.limit if rule.symbol == "<" else upper <= rule.limit
        more = None if proven or mean >= rule.limit else max(5, n // 2)
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
    if rule.measure == "success_ratio":
        return None if side.successes is None else (n - side.successes, n)
    return (side.counts[name], n) if name in side.counts else None


def _share_limit(rule: Rule) -> float:
    """The share of bad events that the limit allows."""
    if rule.measure.endswith("_latency"):
        return 1 - float(rule.measure[1:].removesuffix("_latency")) / 100
    return 1 - rule.limit if rule.symbol in (">", ">=") else rule.limit


def _log_e(events: int, requests: int, limit: float) -> float:
    return float(share_log_e(np.array(float(events)), np.array(float(requests)), limit))

"""One step of a capacity run into kept, broken or unsure, objective by objective."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gonogo.judges.loads.proportion import upper
from gonogo.model.capacity import CapacityStep, Count, StepVerdict
from gonogo.model.environment import Objective
from gonogo.model.load import LatencySummary, OutcomeClass, SideRecord
from gonogo.model.units import Unit, convert, show_number

KEPT_RATE = 0.9  # of the requested rate
LATE = 0.1  # of a step; a generator that was late for longer is what was measured
ALPHA = 0.05  # a share is shown to lie below its bound with 95 %
QUANTILES = {"p50": 0.5, "p95": 0.05, "p99": 0.01}  # the share that may lie above
RATIOS = ("error_ratio", "success", "accepted_ratio")
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a share of requests may miss: latencies above `limit_ms`, errors, or requests that were not accepted."""

    name: str
    measure: str
    allowed: float  # 0-1
    objective: Objective
    limit_ms: float | None = None

    def holds(self, count: Count) -> bool:
        """Whether the share that was seen is on the good side."""
        if count.n == 0:
            return False
        share = count.bad / count.n
        if self.limit_ms is not None:
            return share <= self.allowed
        value = share if self.measure == "error_ratio" else 1 - share
        return self.objective.comparator.holds(value, self.objective.limit)

    def shown(self, count: Count) -> bool:
        """Whether the upper confidence bound of the share is on the good side, too, on enough samples."""
        if not self.holds(count) or count.n < self.objective.min_samples:
            return False
        return self.allowed <= 0 or upper(count.bad, count.n, ALPHA) < self.allowed


def bars(names: str, objectives: Mapping[str, Objective]) -> tuple[Bar, ...]:
    """What a side has to keep at every rate. `<names>_capacity_<measure>` stands before `<names>_<measure>`.

    Where no objective says how many have to be accepted, a reject counts as an error: it was not served either.
    """
    made: list[Bar] = []
    for measure in (*QUANTILES, *RATIOS):
        name = next((one for one in (f"{names}_capacity_{measure}", f"{names}_{measure}") if one in objectives), None)
        if name is None:
            continue
        objective = objectives[name]
        if measure in QUANTILES:
            limit = convert(objective.limit, objective.unit, Unit.MS)
            made.append(
                Bar(name=name, measure=measure, allowed=QUANTILES[measure], objective=objective, limit_ms=limit)
            )
        else:
            allowed = objective.limit if measure == "error_ratio" else 1 - objective.limit
            made.append(Bar(name=name, measure=measure, allowed=allowed, objective=objective))
    return tuple(made)


def wanting(names: str, objectives: Mapping[str, Objective]) -> str | None:
    """Why these objectives are not enough to tell a kept rate from a broken one; None if they are."""
    found = {bar.measure for bar in bars(names, objectives)}
    for kind, measures in (("latency", tuple(QUANTILES)), ("errors", RATIOS)):
        if not found & set(measures):
            return f"no objective of {kind}: {' or '.join(f'{names}_{one}' for one in measures)}"
    return None


def judge_step(
    rate: float,
    record: SideRecord,
    over: Mapping[str, int],
    bars: Sequence[Bar],
    *,
    connections: int,
    late_ratio: float = 0.0,
    took: float = 0.0,
    stopped: str | None = None,
) -> CapacityStep:
    """`over`: by objective, accepted requests that took longer than its limit. `late_ratio` is the share of the step
    in which the generator itself was late: so many latencies may be its own, and blame nobody. `connections` carry
    a rate if they are as many as rate times limit (Little's law); a step that wants more blames nobody either.
    """
    accepted = _summary(record, OutcomeClass.ACCEPTED)
    sent, errors = record.requests, _summary(record, OutcomeClass.ERROR).count
    asked_for_ratio = {bar.measure for bar in bars} & {"success", "accepted_ratio"}
    counts: dict[str, Count] = {}
    for bar in bars:
        if bar.limit_ms is not None:
            counts[bar.name] = Count(bad=over.get(bar.name, 0), n=accepted.count)
        elif bar.measure == "error_ratio" and asked_for_ratio:
            counts[bar.name] = Count(bad=errors, n=sent)
        else:
            counts[bar.name] = Count(bad=sent - accepted.count, n=sent)
    seen = _Seen(rate=rate, record=record, counts=counts, late_ratio=late_ratio, connections=connections)
    verdict, reason, broke = _verdict(seen, bars)
    return CapacityStep(
        rate=rate,
        sent=sent,
        achieved=record.achieved_rate,
        p50=accepted.p50 if accepted.count else None,
        p95=accepted.p95 if accepted.count else None,
        p99=accepted.p99 if accepted.count else None,
        error_ratio=errors / sent if sent else 0.0,
        accepted_ratio=accepted.count / sent if sent else 0.0,
        verdict=verdict,
        reason=reason + (f"; stopped: {stopped}" if stopped else ""),
        broke=broke,
        counts=counts,
        late_ratio=late_ratio,
        took=took,
        refused=sent > 0 and bool(record.statuses) and set(record.statuses) <= _REFUSED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    rate: float
    record: SideRecord
    counts: Mapping[str, Count]
    late_ratio: float
    connections: int

    @property
    def short(self) -> bool:
        return self.record.achieved_rate < KEPT_RATE * self.rate

    def carries(self, limit_ms: float) -> bool:
        return self.connections >= self.rate * limit_ms / 1000

    def pool(self, limit_ms: float) -> str:
        needed = math.ceil(self.rate * limit_ms / 1000)
        rate = show_number(self.rate)
        return f"{self.connections} connections cannot carry {rate}/s within the limit; {needed} could"


def _verdict(seen: _Seen, bars: Sequence[Bar]) -> tuple[StepVerdict, str, tuple[str, ...]]:
    record, counts, late = seen.record, seen.counts, seen.late_ratio
    if record.requests == 0:
        return StepVerdict.UNSURE, "nothing was sent", ()
    failed, blameless = [], []
    for bar in bars:
        count = counts[bar.name]
        if count.n == 0 and bar.limit_ms is not None:
            continue  # nothing was accepted: the ratios say so
        if bar.holds(count):
            continue
        if bar.limit_ms is None:
            failed.append(bar)
        elif bar.holds(Count(bad=max(0, count.bad - math.ceil(late * count.n)), n=count.n)):
            blameless.append(f"{_said(bar, count, record)}, but the generator was late for {late:.0%} of the step")
        elif not seen.carries(bar.limit_ms):
            blameless.append(f"{_said(bar, count, record)}, but {seen.pool(bar.limit_ms)}")
        else:
            failed.append(bar)
    if failed:
        reason = "; ".join(_said(bar, counts[bar.name], record) for bar in failed)
        return StepVerdict.BROKEN, reason, tuple(bar.name for bar in failed)
    if blameless:
        return StepVerdict.UNSURE, "; ".join(blameless), ()
    if seen.short:
        kept = f"{show_number(round(record.achieved_rate, 1))} of {show_number(seen.rate)} requests a second were sent"
        longest = max((bar.limit_ms for bar in bars if bar.limit_ms is not None), default=0.0)
        if late > LATE:
            return StepVerdict.UNSURE, f"{kept}: the generator was the bottleneck, not the service", ()
        if not seen.carries(longest):
            return StepVerdict.UNSURE, f"{kept}: {seen.pool(longest)}", ()
        return StepVerdict.BROKEN, f"{kept}: every connection waited for the service", ("achieved_ratio",)
    return StepVerdict.KEPT, "every objective was kept", ()


def _said(bar: Bar, count: Count, record: SideRecord) -> str:
    objective = bar.objective
    if bar.limit_ms is not None:
        milliseconds: float = getattr(_summary(record, OutcomeClass.ACCEPTED), bar.measure)
        value = convert(milliseconds, Unit.MS, objective.unit)
    else:
        share = count.bad / count.n if count.n else 0.0
        value = share if bar.measure == "error_ratio" else 1 - share
    limit = f"{objective.comparator.symbol} {show_number(objective.limit)} {objective.unit}"
    kinds = [f"{n} x {status}" for status, n in sorted(record.statuses.items()) if status >= 400]
    kinds += [f"{n} x {reason}" for reason, n in sorted(record.errors.items())]
    why = f" ({', '.join(kinds)})" if kinds and bar.limit_ms is None else ""
    return f"{bar.name} {show_number(round(value, 4))} {objective.unit} is not {limit} (n={count.n}){why}"


def _summary(side: SideRecord, outcome: OutcomeClass) -> LatencySummary:
    return side.outcomes.get(outcome) or LatencySummary()

"""Cloud Monitoring's metrics of both sides' Cloud Run services into samples, each over exactly one interval."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gonogo.flows.collecting import import_clients
from gonogo.flows.watch.intervals import Intervals, whole_minute
from gonogo.flows.watch.sampler import Taken
from gonogo.model.errors import ConfigError, GonogoError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration
from gonogo.model.watch import CANARY, STABLE, Bucket, Sample, SideSample
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.probes.google.monitoring import CloudMonitoringOptions

MINUTE = timedelta(minutes=1)  # Cloud Monitoring tells Cloud Run's metrics minute by minute
_KIND = "cloud_monitoring"
_PREFIX = "run.googleapis.com/"
_CLASS = "response_code_class"
_GAUGES = {"memory": "container/memory/utilizations", "cpu": "container/cpu/utilizations"}
_METRICS = {"requests": "request_count", "latency": "request_latencies", **_GAUGES}


class CloudSampler:
    """Whole minutes up to `lag` before now, in intervals of `every`."""

    def __init__(self, vantage: Vantage, rulebook: Rulebook, began: datetime) -> None:
        """ConfigError for an interval that is not made of whole minutes, or a side without a service."""
        if rulebook.every % MINUTE:
            raise ConfigError(
                f"watch.every is {show_duration(rulebook.every)}: Cloud Monitoring tells whole minutes", rulebook.origin
            )
        for side in (CANARY, STABLE):
            if vantage.side(side).service is None:
                raise ConfigError(f"side {side} needs `service`, its Cloud Run name", vantage.environment.origin)
        vantage.back_end(_KIND)
        import_clients([_KIND])
        self._vantage = vantage
        self._every = rulebook.every
        self._intervals = Intervals(
            rulebook=rulebook, began=whole_minute(began), floor=whole_minute, sample=self._sample
        )

    def take(self, after: datetime | None, now: datetime) -> Taken:
        """One sample an interval that has ended `lag` ago."""
        return self._intervals.take(after, now)

    def due(self, after: datetime | None) -> datetime | None:
        """A moment after its interval has ended, and `lag` with it."""
        return self._intervals.due(after)

    def _sample(self, since: datetime, until: datetime) -> Sample:
        # A look that was given up may still be out: each sample has a vantage of its own, and the clients are shared.
        vantage = replace(self._vantage, now=until)
        looks = [_Look(side=side, measure=measure) for side in (CANARY, STABLE) for measure in _METRICS]
        threads = [threading.Thread(target=self._look, args=(look, vantage), daemon=True) for look in looks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {side: {x.measure: x.outcome for x in looks if x.side == side} for side in (CANARY, STABLE)}
        told = any(isinstance(outcomes["requests"], Seen) for outcomes in found.values())
        sides = {side: side_sample(idle(outcomes) if told else outcomes) for side, outcomes in found.items()}
        return Sample(seq=1, since=since, until=until, sides=sides)

    def _look(self, look: _Look, vantage: Vantage) -> None:
        options = CloudMonitoringOptions(
            metric=_PREFIX + _METRICS[look.measure],
            side=look.side,
            over=self._every,
            every=MINUTE,
            exact=True,
            group=(f"metric.labels.{_CLASS}",) if look.measure == "requests" else (),
        )
        try:
            look.outcome = PROBES[_KIND].look(options, vantage).outcome
        except GonogoError as error:
            look.outcome = Unseen(cause=Cause.REFUSED, detail=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was seen, and the watch goes on
            look.outcome = Unseen(cause=Cause.UNAVAILABLE, detail=f"{type(error).__name__}: {error}")


@dataclass(slots=True, kw_only=True)
class _Look:
    side: str
    measure: str
    outcome: Seen | Unseen = field(default=Unseen(cause=Cause.UNAVAILABLE, detail="not looked at"))


def idle(outcomes: Mapping[str, Seen | Unseen]) -> Mapping[str, Seen | Unseen]:
    """The looks at a side in an interval of which the back end has told the other side's requests: a complete answer
    without a point, neither of requests nor of latencies, from a side whose instances were seen, is one without
    requests. Cloud Monitoring writes no point for a minute in which nothing was asked.
    """
    silent = [outcomes[name] for name in ("requests", "latency")]
    alive = any(isinstance(outcomes[gauge], Seen) for gauge in _GAUGES)
    if not alive or not all(isinstance(one, Unseen) and one.cause is Cause.NO_DATA for one in silent):
        return outcomes
    return {**outcomes, "requests": Seen(data={"series": []}), "latency": Seen(data={"buckets": []})}


def side_sample(outcomes: Mapping[str, Seen | Unseen]) -> SideSample:
    """What one side did, of the four looks at it; what was not seen stands there with its reason in one line."""
    unseen = {
        measure: f"{outcome.cause}: {' '.join(outcome.detail.split())}"
        for measure, outcome in outcomes.items()
        if isinstance(outcome, Unseen)
    }
    seen = {measure: outcome.data for measure, outcome in outcomes.items() if isinstance(outcome, Seen)}
    by_class = _by_class(seen["requests"]) if "requests" in seen else None
    latency = None
    if "latency" in seen:
        try:
            latency = buckets(seen["latency"]["buckets"])
        except ValueError as error:
            unseen["latency"] = str(error)
    for gauge in _GAUGES:
        if gauge in seen and seen[gauge]["mean"] is None:
            unseen[gauge] = "points without a count"
    return SideSample(
        requests=None if by_class is None else sum(by_class.values()),
        errors=None if by_class is None else by_class.get("5xx", 0),
        successes=None if by_class is None else by_class.get("2xx", 0),
        latency=latency,
        gauges={
            gauge: float(seen[gauge]["mean"]) for gauge in _GAUGES if gauge in seen and seen[gauge]["mean"] is not None
        },
        unseen=unseen,
    )


def _by_class(data: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for series in data["series"]:
        name = str(series["labels"][_CLASS])
        found[name] = found.get(name, 0) + round(series["sum"])
    return found


def buckets(told: Sequence[Sequence[Any]]) -> tuple[Bucket, ...]:
    """[low, high, n] of all series of a service as buckets that do not overlap; ValueError where their edges differ.

    The last bucket of a series ends at the slowest request of that series: those of one lower edge are one bucket.
    """
    merged: dict[float, tuple[float | None, int]] = {}
    for low, high, n in told:
        at = 0.0 if low is None else float(low)
        if at in merged:
            other, count = merged[at]
            merged[at] = (None if high is None or other is None else max(float(high), other), count + n)
        else:
            merged[at] = (None if high is None else float(high), n)
    return tuple(_in_order(merged))


def _in_order(merged: Mapping[float, tuple[float | None, int]]) -> Iterator[Bucket]:
    end: float | None = 0.0
    for low, (high, count) in sorted(merged.items()):
        if end is None or low < end:
            raise ValueError("its series have buckets with different edges")
        yield Bucket(low=low, high=high, count=count)
        end = high

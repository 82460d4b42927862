"""What a canary is held against over time: rules on measures, alerts, and how often it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from gonogo.model.errors import Origin
from gonogo.model.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit on one measure: `MEASURE > LIMIT UNIT for N samples | over DURATION [with at least N requests]`.

    Measures: error_ratio, success_ratio, pNN_latency, requests, every gauge by its name, and NAME_ratio for every
    count. `limit` is in `unit`. A rollback rule fires when it holds; a GO limit is broken when it does not hold.
    """

    text: str
    measure: str
    symbol: str  # one of > >= < <=
    limit: float
    unit: Unit
    samples: int | None = None  # this many samples in a row, each of its own
    over: timedelta | None = None  # or all samples of this window together
    min_requests: int = 1  # fewer in a sample (or in the window): not seen
    origin: Origin = field(default=Origin(file="?"), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """One level of alerts: when any rule of `when` holds in the newest sample, to a channel of Slack, and of a state
    that lasts at most once a `cadence`. With `at` also a word every day, however things stand.
    """

    to: str
    when: tuple[Rule, ...] = ()
    cadence: timedelta = timedelta(0)  # zero: once, at the change
    at: str | None = None  # time of the day with its zone: 09:00+09:00


class SourceKind(StrEnum):
    """Where samples come from."""

    CLOUD_MONITORING = "cloud_monitoring"  # Cloud Run's metrics of both sides
    FILE = "file"  # a file of samples that something else appends to
    PROMETHEUS = "prometheus"  # counters, a histogram and gauges of both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """What Prometheus is asked for a sample. `{side}` in a text stands for the side's matchers under `sides`.

    `requests`, `errors`, `successes` and each of `counts` are selectors of counters, `latency` of a histogram's buckets
    (`le` in `latency_unit`): their growth is computed here, request by request. `gauges` are PromQL of one number.
    """

    sides: Mapping[str, str]  # canary and stable -> label matchers
    requests: str
    errors: str
    successes: str | None = None
    latency: str | None = None
    latency_unit: Unit = Unit.S
    counts: Mapping[str, str] = field(default_factory=dict)
    gauges: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the samples of a watch come from. A sample ends `lag` before it is asked for: the metrics of the last
    minutes are not told yet.
    """

    kind: SourceKind = SourceKind.CLOUD_MONITORING
    lag: timedelta = timedelta(minutes=3)
    path: str | None = None  # of kind file: JSON lines (`gonogo schema samples`), from the project's folder
    queries: Queries | None = None  # of kind prometheus


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """What a canary is held against. `false_alarms` is the chance of an alarm on a healthy canary in a day.

    A sample comes `every`, a watch ends after `for`. `alerts` by level, the gravest first: critical, warning, info.
    """

    every: timedelta = timedelta(minutes=1)
    for_: timedelta = timedelta(hours=24)
    go: tuple[Rule, ...] = ()
    rollback: tuple[Rule, ...] = ()
    alerts: Mapping[str, Alerting] = field(default_factory=dict)
    false_alarms: float = 0.01  # 0-1
    margin: float = 1.1  # the canary may be worse than the stable side by this factor
    source: Source = field(default_factory=Source)
    origin: Origin = field(default=Origin(file="?"), compare=False)

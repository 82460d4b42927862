"""The metrics of AI Factory: what was counted before the rehearsal began, and what is really counted while it runs.

`Metrics.series(world)` is what a Prometheus would have scraped: every series with its labels, and its value at any time
of the last 32 days and of now.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import clock

from factory import behaviour, past
from factory.past import KINDS
from factory.world import World

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series. `at(t)` is its value at epoch second t, None when there was none yet."""

    name: str  # of the sample: a histogram has NAME_bucket, NAME_sum and NAME_count
    family: str
    kind: str  # counter, gauge or histogram
    labels: Mapping[str, str]
    at: Callable[[float], float | None]


@dataclass(slots=True)
class _Counted:
    """What was really counted: times, and the total after each."""

    times: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)

    def add(self, at: float, amount: float) -> None:
        self.times.append(at)
        self.totals.append((self.totals[-1] if self.totals else 0.0) + amount)

    def at(self, moment: float) -> float:
        n = bisect_right(self.times, moment)
        return self.totals[n - 1] if n else 0.0


class Metrics:
    """Thread-safe. clear() forgets what was really counted: another world begins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, Labels], _Counted] = {}
        self._gauges: dict[tuple[str, Labels], float] = {}

    def clear(self) -> None:
        with self._lock:
            self._counted.clear()
            self._gauges.clear()

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1.0) -> None:
        """A counter of KINDS grows, or a sample of a histogram."""
        at = clock.now()
        with self._lock:
            self._counted.setdefault((name, _key(labels)), _Counted()).add(at, amount)

    def observe(self, name: str, labels: Mapping[str, str], seconds: float) -> None:
        """One observation of a histogram."""
        for bound in past.BOUNDS:
            if seconds <= float(bound):
                self.count(f"{name}_bucket", {**labels, "le": bound})
        self.count(f"{name}_count", labels)
        self.count(f"{name}_sum", labels, seconds)

    def set(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """A gauge, from now on."""
        with self._lock:
            self._gauges[name, _key(labels)] = value

    def series(self, world: World) -> list[Series]:
        """Every series of production and staging, with its past and with what faults made of that."""
        told: dict[tuple[str, Labels], list[Callable[[float], float | None]]] = {}
        for flow in behaviour.changed(past.flows(world), world):
            told.setdefault((flow.name, _key(flow.labels)), []).append(flow.at)
        states = {(name, _key(labels)): value for name, labels, value in behaviour.changed_gauges(past.gauges(), world)}
        with self._lock:
            for key, counted in self._counted.items():
                told.setdefault(key, []).append(counted.at)
            states |= self._gauges
        found = [_series(name, labels, _sum(parts)) for (name, labels), parts in told.items()]
        return found + [_series(name, labels, _always(value)) for (name, labels), value in states.items()]

    def text(self, world: World, service: str, namespace: str) -> str:
        """What one service exports now, in the text format of Prometheus."""
        now = clock.now()
        families: dict[str, list[str]] = {}
        for series in self.series(world):
            if (series.labels.get("service"), series.labels.get("namespace")) != (service, namespace):
                continue
            value = series.at(now)
            if value is None:
                continue
            # Who scrapes adds the namespace and the service.
            inside = ",".join(f'{k}="{v}"' for k, v in series.labels.items() if k not in ("namespace", "service"))
            families.setdefault(series.family, []).append(f"{series.name}{{{inside}}} {value:.10g}\n")
        return "".join(
            f"# HELP {family} {KINDS[family][1]}\n# TYPE {family} {KINDS[family][0]}\n{''.join(lines)}"
            for family, lines in sorted(families.items())
        )


def _series(name: str, labels: Labels, at: Callable[[float], float | None]) -> Series:
    family = name
    if name not in KINDS:
        family = name.rpartition("_")[0]
    return Series(name=name, family=family, kind=KINDS[family][0], labels=dict(labels), at=at)


def _sum(parts: list[Callable[[float], float | None]]) -> Callable[[float], float | None]:
    """The sum of those that are there yet."""

    def total(moment: float) -> float | None:
        values = [value for part in parts if (value := part(moment)) is not None]
        return sum(values) if values else None

    return total


def _always(value: float) -> Callable[[float], float | None]:
    return lambda _: value


def _key(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))

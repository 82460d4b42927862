"""What a Prometheus has scraped of AI Factory: the metrics of its services, the users of scene watch, its machines."""

from __future__ import annotations

import math
from collections.abc import Iterator

import clock

from factory import alerting, episodes, machines, past
from factory.flow import SCRAPE_S, Flow
from factory.metrics import Metrics
from factory.promql_eval import Wanted
from factory.world import World

Labels = dict[str, str]
_OF_USERS = (past.REQUESTS, past.LATENCY, past.LLM_CALLS, past.LLM_UNREADABLE)


class Scraped:
    """Samples of one world. What was counted between two scrapes is told by the second."""

    def __init__(self, world: World, metrics: Metrics, flow: Flow | None) -> None:
        self.world = world
        self._metrics = metrics
        self._flow = flow

    def read(
        self, name: str, start: float, end: float, wanted: Wanted = lambda _: True
    ) -> Iterator[tuple[Labels, list[tuple[float, float]]]]:
        """Every series of a name that is wanted, with its samples from `start` to `end`; nothing of the future."""
        end = min(end, clock.now())
        if name == "ALERTS":
            yield from alerting.samples(self.world, self.read, start, end)
            return
        times = _scrapes(start, end)
        drawn = self._drawn(name, end)
        for series in episodes.changed(self._metrics.series(self.world), self.world):
            if series.name == name and wanted(told := {**series.labels, **_target(series.labels)}):
                users = drawn.pop(_key(series.labels), {})
                # In scene watch, judgment's users are those of the flow.
                flows = self._is_of_flow(name) and series.labels.get("service") == "judgment"
                stops = self.world.now if flows else math.inf
                points = [(at, series.at(min(at, stops))) for at in times]
                yield told, [(at, value + users.get(at, 0.0)) for at, value in points if value is not None]
        for key, users in drawn.items():
            labels = dict(key)
            yield {**labels, **_target(labels)}, [(at, users[at]) for at in times if at in users]
        for labels, value in machines.machines(self.world, name):
            yield {**labels, "job": "kubernetes"}, [(at, value(at)) for at in times]

    def _drawn(self, name: str, end: float) -> dict[tuple[tuple[str, str], ...], dict[float, float]]:
        if self._flow is None:
            return {}
        return {_key(labels): dict(points) for labels, points in self._flow.samples(name, end)}

    def _is_of_flow(self, name: str) -> bool:
        return self._flow is not None and name.startswith(_OF_USERS)

    def kind(self, name: str) -> str | None:
        """counter, gauge or histogram; None of a metric that nobody exports."""
        return next((kind for known, (kind, _) in past.KINDS.items() if known == name), machines.KINDS.get(name))


def _scrapes(start: float, end: float) -> list[float]:
    first, last = math.ceil(start / SCRAPE_S), math.floor(end / SCRAPE_S)
    return [n * SCRAPE_S for n in range(first, last + 1)]


def _target(labels: Labels) -> Labels:
    return {"job": "factory", "instance": f"{labels.get('service', '')}-{labels.get('track', 'stable')}:9100"}


def _key(labels: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))

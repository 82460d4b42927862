"""Users of scene `watch`: requests drawn one by one from `now` on, split between the stable pods and the canary's.

Each is answered as the faults of its side say at that moment, and counted; Prometheus scrapes the counts. A split that
changes moves the next requests. The flow ends after MOST requests: longer watches are replayed from samples.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from factory.past import BOUNDS, LATENCY, LLM_CALLS, LLM_UNREADABLE, REQUESTS
from factory.world import PRODUCTION, World

SCRAPE_S = 30.0  # between two scrapes of Prometheus, for which the counts are told
MOST = 200_000
MEDIAN_S, SIGMA = 0.35, 0.75  # lognormal: P95 1.2 s, one in 200 above 2.5 s
ERRORS, UNREADABLE = 0.0008, 0.0006  # ratios of a healthy side
_PATH = "/api/v1/judgment/executions/{id}/explanation"
_EDGES = tuple((le, math.inf if le == "+Inf" else float(le)) for le in BOUNDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """How a side differs from a healthy one: ratios (0-1), and seconds that its slowest tenth takes longer."""

    sides: tuple[str, ...] = ("canary",)
    errors: float = ERRORS
    unreadable: float = UNREADABLE
    tail_s: float = 0.0


FAULTS = {
    "canary-flow-errors-5pct": Wrong(errors=0.05),
    "canary-flow-errors-2pct": Wrong(errors=0.02),
    "canary-flow-slow": Wrong(tail_s=3.0),
    "canary-flow-unreadable-3pct": Wrong(unreadable=0.03),
    "both-flow-errors-25pct": Wrong(sides=("canary", "stable"), errors=0.25),
}
_SLOWEST_TENTH_S = MEDIAN_S * math.exp(SIGMA * 1.2816)


@dataclass(slots=True)
class _Counts:
    """What one side has counted up to the end of a step."""

    good: int = 0
    failed: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    within: list[int] = field(default_factory=lambda: [0] * len(_EDGES))

    def copy(self) -> _Counts:
        return _Counts(self.good, self.failed, self.unreadable, self.seconds, list(self.within))


class Flow:
    """The users of one world, `rate` requests a second. Steps are drawn when somebody asks for their time, with the
    split of that moment: `percent` is the canary's.
    """

    def __init__(self, world: World, rate: float, percent: Callable[[], float]) -> None:
        self._world = world
        self._rate = rate
        self._percent = percent
        self._random = random.Random("factory flow")
        self._begin = math.ceil(world.now / SCRAPE_S) * SCRAPE_S
        self._steps = {"stable": [_Counts()], "canary": [_Counts()]}
        self._drawn = 0
        self._lock = threading.Lock()

    def samples(self, name: str, until: float) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Series of a name with their samples up to a time."""
        self._draw(until)
        for side, steps in self._steps.items():
            labels = {"service": "judgment", "namespace": PRODUCTION, "track": side}
            for more, value in _told(name):
                points = [(self._begin + n * SCRAPE_S, float(value(counts))) for n, counts in enumerate(steps)]
                yield labels | more, [point for point in points if point[0] <= until]

    def _draw(self, until: float) -> None:
        with self._lock:
            while self._begin + len(self._steps["stable"]) * SCRAPE_S <= until:
                end = self._begin + len(self._steps["stable"]) * SCRAPE_S
                share = self._percent() / 100
                for side, part in (("stable", 1 - share), ("canary", share)):
                    self._steps[side].append(self._step(side, part, end))

    def _step(self, side: str, part: float, end: float) -> _Counts:
        counts = self._steps[side][-1].copy()
        mean = self._rate * part * SCRAPE_S
        asked = max(0, round(self._random.gauss(mean, math.sqrt(mean)))) if self._drawn < MOST else 0
        self._drawn += asked
        wrong = [one for name, one in FAULTS.items() if side in one.sides and self._world.begun(name, end)]
        errors = max((one.errors for one in wrong), default=ERRORS)
        unreadable = max((one.unreadable for one in wrong), default=UNREADABLE)
        tail = max((one.tail_s for one in wrong), default=0.0)
        draw = self._random
        for _ in range(asked):
            takes = draw.lognormvariate(math.log(MEDIAN_S), SIGMA)
            takes += tail if takes > _SLOWEST_TENTH_S else 0.0
            counts.seconds += takes
            for place, (_, edge) in enumerate(_EDGES):
                counts.within[place] += takes <= edge
            if draw.random() < errors:
                counts.failed += 1
            else:
                counts.good += 1
            counts.unreadable += draw.random() < unreadable
        return counts


def _told(name: str) -> Iterator[tuple[dict[str, str], object]]:
    """Labels of each series of a name, and what of the counts it tells."""
    path = {"path": _PATH}
    match name:
        case _ if name == REQUESTS:
            yield {**path, "method": "GET", "status": "200"}, lambda counts: counts.good
            yield {**path, "method": "GET", "status": "503"}, lambda counts: counts.failed
        case _ if name == f"{LATENCY}_bucket":
            for place, (le, _) in enumerate(_EDGES):
                yield {**path, "le": le}, lambda counts, place=place: counts.within[place]
        case _ if name == f"{LATENCY}_count":
            yield path, lambda counts: counts.good + counts.failed
        case _ if name == f"{LATENCY}_sum":
            yield path, lambda counts: counts.seconds
        case _ if name == LLM_CALLS:
            yield {"outcome": "ok"}, lambda counts: counts.good + counts.failed
        case _ if name == LLM_UNREADABLE:
            yield {}, lambda counts: counts.unreadable
        case _:
            return

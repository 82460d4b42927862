"""Many watches of a canary at once: counts a minute of both sides, drawn for R runs together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_erfc = np.vectorize(math.erfc, otypes=[float])

MEDIAN, SIGMA = 80.0, 0.5  # lognormal latencies in ms: p95 182 ms
LIMIT = 200.0  # the p95 that GO allows
ERROR_LIMIT, MEMORY_LIMIT = 0.005, 0.85
QUANTILES = (0.0, 1.2816, 1.6449, 2.3263)  # normal quantiles of 50, 90, 95, 99 %
RACED = MEDIAN * np.exp(SIGMA * np.array(QUANTILES))
EDGES = np.sort(np.append(np.append(RACED, LIMIT), 500.0))
AT_RACED = [int(np.flatnonzero(edge == EDGES)[0]) for edge in RACED]
AT_LIMIT, AT_500 = int(np.flatnonzero(EDGES == LIMIT)[0]), int(np.flatnonzero(EDGES == 500.0)[0])


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of canary. `median` and `errors` of both sides; the canary's own after `onset` minutes."""

    minutes: int = 1440
    errors: float = 0.002
    median: float = MEDIAN
    canary_errors: float | None = None
    canary_median: float | None = None
    tail: float = 1.0  # the slowest tenth of the canary takes so many times as long
    onset: int = 0
    memory: float = 0.6
    leak: float = 0.0  # memory an hour
    restless: float = 0.0  # standard deviation of the logarithm of a host's speed in a minute
    hosts: tuple[int, int] = (2, 38)  # of the canary, of the stable side
    requests: tuple[int, int] = (120, 2280)  # a minute: 2 a second, 5 % of the traffic


@dataclass(frozen=True, kw_only=True)
class Minute:
    """One minute of R runs, (canary, stable) each: `above` counts requests above EDGES, (R, E); the others are (R,)."""

    requests: tuple[Array, Array]
    errors: tuple[Array, Array]
    above: tuple[Array, Array]
    memory: tuple[Array, Array]


@dataclass(kw_only=True)
class World:
    """R runs of one cell, by a seed."""

    cell: Cell
    runs: int
    seed: int
    _drift: list[Array] = field(init=False)

    def minutes(self) -> Iterator[Minute]:
        """Minute after minute."""
        rng = np.random.default_rng(self.seed)
        self._drift = [np.zeros(self.runs), np.zeros(self.runs)]
        for minute in range(self.cell.minutes):
            yield self._minute(rng, minute)

    def _minute(self, rng: np.random.Generator, minute: int) -> Minute:
        cell, on = self.cell, minute >= self.cell.onset
        requests, errors, above, memory = [], [], [], []
        for side in (0, 1):
            own = on and side == 0
            n = rng.poisson(cell.requests[side], self.runs)
            rate = cell.canary_errors if own and cell.canary_errors is not None else cell.errors
            median = cell.canary_median if own and cell.canary_median is not None else cell.median
            share = _above(median, cell.tail if own else 1.0)[None, :]
            rates = np.full(self.runs, rate)
            if cell.restless:
                speed = np.exp(cell.restless * rng.standard_normal((self.runs, cell.hosts[side], 1)))
                share = np.mean([_above(median, 1.0, speed[:, host]) for host in range(cell.hosts[side])], axis=0)
                rates = rate * rng.gamma(8.0, 1 / 8.0, (self.runs, cell.hosts[side])).mean(axis=1)
            requests.append(n.astype(float))
            errors.append(rng.binomial(n, rates).astype(float))
            above.append(_draw(rng, n, np.broadcast_to(share, (self.runs, len(EDGES)))))
            # AR(1), 0.5, of a standard deviation of 0.2 % of the memory
            self._drift[side] = 0.5 * self._drift[side] + 0.002 * 0.75**0.5 * rng.standard_normal(self.runs)
            grown = cell.leak * max(0, minute - cell.onset) / 60 if own else 0.0
            memory.append((cell.memory if own else 0.6) + grown + self._drift[side])
        return Minute(
            requests=(requests[0], requests[1]),
            errors=(errors[0], errors[1]),
            above=(above[0], above[1]),
            memory=(memory[0], memory[1]),
        )


def _above(median: float, tail: float, speed: Array | float = 1.0) -> Array:
    """The share of requests above each edge."""

    def beyond(edges: Array) -> Array:
        return np.asarray(0.5 * _erfc(np.log(edges / (median * speed)) / (SIGMA * math.sqrt(2))))

    if tail == 1.0:
        return beyond(EDGES)
    tenth = median * np.exp(SIGMA * 1.2816)  # what is above it takes `tail` times as long
    return np.where(tenth > EDGES, beyond(EDGES) - 0.1, 0.0) + beyond(np.maximum(EDGES / tail, tenth))


def _draw(rng: np.random.Generator, n: npt.NDArray[np.int64], share: Array) -> Array:
    """Counts above every edge: each edge's among those above the edge before it."""
    made, left, before = np.zeros(share.shape), n, np.ones(len(n))
    for place in range(share.shape[1]):
        left = rng.binomial(left, np.clip(share[:, place] / np.maximum(before, 1e-12), 0, 1))
        made[:, place], before = left, share[:, place]
    return made

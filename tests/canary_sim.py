"""Samples of a canary and its stable side, drawn by a seed: lognormal latencies, binomial errors, a memory gauge."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from gonogo.config.rules import read_rule
from gonogo.config.tree import from_plain
from gonogo.model.errors import Origin
from gonogo.model.rulebook import Rule, Rulebook
from gonogo.model.watch import CANARY, STABLE, Bucket, Sample, SideSample

START = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_EDGES = 10.0 * 1.1 ** np.arange(80)  # ms


def rule(text: str) -> Rule:
    """The rule that a text says."""
    return read_rule(from_plain(text, "e.yaml", Origin(file="e.yaml")), "watch")


RULEBOOK = Rulebook(
    go=tuple(map(rule, ("error_ratio <= 0.005", "p95_latency <= 200 ms", "memory <= 0.85", "cpu <= 0.8"))),
    rollback=tuple(
        map(
            rule,
            (
                "error_ratio > 0.01 for 3 samples with at least 100 requests",
                "p95_latency > 500 ms for 3 samples",
                "memory > 0.85 for 2 samples",
            ),
        )
    ),
)


@dataclass(frozen=True, kw_only=True)
class World:
    """One side. Latencies in ms; `tail` lengthens the slowest tenth; `leak` is memory an hour."""

    requests: int = 120  # a minute, on average
    errors: float = 0.002
    median: float = 80.0
    sigma: float = 0.5
    tail: float = 1.0
    memory: float = 0.6
    leak: float = 0.0
    cpu: float = 0.4


def side(rng: np.random.Generator, world: World, hours: float) -> SideSample:
    """One minute of it."""
    n = int(rng.poisson(world.requests))
    took = world.median * np.exp(world.sigma * rng.standard_normal(n))
    slow = took > world.median * math.exp(world.sigma * 1.2816)
    took = np.where(slow, took * world.tail, took)
    counts = np.bincount(np.searchsorted(_EDGES, took), minlength=len(_EDGES) + 1)
    lows = np.concatenate([[0.0], _EDGES])
    buckets = tuple(
        Bucket(low=float(lows[at]), high=float(_EDGES[at]) if at < len(_EDGES) else None, count=int(counts[at]))
        for at in np.flatnonzero(counts)
    )
    errors = int(rng.binomial(n, world.errors))
    memory = world.memory + world.leak * hours + 0.002 * rng.standard_normal()
    return SideSample(
        requests=n,
        errors=errors,
        successes=n - errors,
        latency=buckets,
        gauges={"memory": float(memory), "cpu": float(world.cpu + 0.02 * rng.standard_normal())},
    )


def watch(
    seed: int, minutes: int, canary: World, stable: World | None = None, *, onset: int = 0, healthy: World | None = None
) -> Iterator[Sample]:
    """Minutes of both sides; until `onset` the canary is `healthy`."""
    rng = np.random.default_rng(seed)
    stable = stable or World(requests=1200)
    healthy = healthy or World()
    for minute in range(minutes):
        mine = canary if minute >= onset else healthy
        yield Sample(
            seq=minute + 1,
            since=START + minute * MINUTE,
            until=START + (minute + 1) * MINUTE,
            sides={
                CANARY: side(rng, mine, max(0, minute - onset) / 60),
                STABLE: side(rng, stable, minute / 60),
            },
        )

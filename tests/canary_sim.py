"""Samples of a canary and its stable side, drawn by a seed: lognormal latencies, binomial errors, a memory gauge."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from gonogo.config.rules import read_rule
from gonogo.config.tree import from_plain
from gonogo.model.errors import Origin
from gonogo.model.rulebook import Rule, Rulebook
from gonogo.model.watch import CANARY, STABLE, Bucket, Sample, SideSample

sys.path.insert(0, str(Path(__file__).parents[1] / "environments" / "rehearsal"))

from samples import START  # type: ignore[import-not-found]
from samples import Side as World
from samples import side as drawn_side

__all__ = ["MINUTE", "RULEBOOK", "START", "World", "rule", "side", "watch"]
MINUTE = timedelta(minutes=1)


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


def side(rng: np.random.Generator, world: World, hours: float) -> SideSample:
    """One minute of it, as the rehearsal draws it."""
    drawn = drawn_side(rng, world, hours)
    return SideSample(
        requests=drawn["requests"],
        errors=drawn["errors"],
        successes=drawn["successes"],
        latency=tuple(Bucket(low=low, high=high, count=count) for low, high, count in drawn["latency_ms"]),
        gauges=drawn["gauges"],
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

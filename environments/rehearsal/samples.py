"""A day of a canary and its stable side as JSON lines, drawn by a seed: python environments/rehearsal/samples.py DAY.

One line a minute in the form that `gonogo schema samples` prints, for `gonogo watch replay`: lognormal latencies (P95
182 ms), binomial errors, memory and CPU. The canary serves 120 requests a minute, the stable side ten times as many.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import numpy as np

SCHEMA = "gonogo/sample/1"
START = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_EDGES = 10.0 * 1.1 ** np.arange(80)  # ms
_CONFIG_ERROR = 4


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side. Latencies in ms; `tail` lengthens the slowest tenth; `leak` is memory an hour."""

    requests: int = 120  # a minute, on average
    errors: float = 0.002
    median: float = 80.0
    sigma: float = 0.5
    tail: float = 1.0
    memory: float = 0.6
    leak: float = 0.0
    cpu: float = 0.4


STABLE = Side(requests=1200)


@dataclass(frozen=True, kw_only=True)
class Day:
    """What becomes of the canary. Until minute `onset` it is healthy."""

    what: str
    canary: Side
    stable: Side = STABLE
    onset: int = 0


DAYS = {
    "healthy": Day(what="the canary is as good as the stable side", canary=Side()),
    "errors-1pct": Day(what="one request in a hundred fails on the canary", canary=Side(errors=0.01)),
    "errors-5pct": Day(what="five requests in a hundred fail on the canary", canary=Side(errors=0.05)),
    "tail-doubled": Day(what="the slowest tenth takes twice as long on the canary", canary=Side(tail=2.0)),
    "leak": Day(what="the canary loses one percent of its memory an hour", canary=Side(leak=0.01)),
    "late": Day(what="after six good hours all takes twice as long", canary=Side(median=160.0), onset=360),
    "both": Day(
        what="five in a hundred fail on both sides", canary=Side(errors=0.05), stable=Side(errors=0.05, requests=1200)
    ),
}


def side(rng: np.random.Generator, world: Side, hours: float) -> dict[str, Any]:
    """One minute of it, as a line has it; `hours` since the leak began."""
    n = int(rng.poisson(world.requests))
    took = world.median * np.exp(world.sigma * rng.standard_normal(n))
    slow = took > world.median * math.exp(world.sigma * 1.2816)
    took = np.where(slow, took * world.tail, took)
    counts = np.bincount(np.searchsorted(_EDGES, took), minlength=len(_EDGES) + 1)
    lows = np.concatenate([[0.0], _EDGES])
    latency = [
        [float(lows[at]), float(_EDGES[at]) if at < len(_EDGES) else None, int(counts[at])]
        for at in np.flatnonzero(counts)
    ]
    errors = int(rng.binomial(n, world.errors))
    memory = world.memory + world.leak * hours + 0.002 * rng.standard_normal()
    return {
        "requests": n,
        "errors": errors,
        "successes": n - errors,
        "latency_ms": latency,
        "gauges": {"memory": float(memory), "cpu": float(world.cpu + 0.02 * rng.standard_normal())},
    }


def lines(day: Day, *, seed: int = 1, minutes: int = 1440, start: datetime = START) -> Iterator[dict[str, Any]]:
    """The minutes of a day from `start` on."""
    rng = np.random.default_rng(seed)
    for minute in range(minutes):
        canary = day.canary if minute >= day.onset else Side()
        yield {
            "schema": SCHEMA,
            "seq": minute + 1,
            "since": (start + minute * MINUTE).isoformat(),
            "until": (start + (minute + 1) * MINUTE).isoformat(),
            "sides": {
                "canary": side(rng, canary, max(0, minute - day.onset) / 60),
                "stable": side(rng, day.stable, minute / 60),
            },
        }


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2; a wrong command line is 4 in this project."""

    def error(self, message: str) -> NoReturn:
        self.exit(_CONFIG_ERROR, f"samples: {message}\n")


def main() -> int:
    """Print a day; the exit status."""
    told = "; ".join(f"{name}: {day.what}" for name, day in DAYS.items())
    parser = _Parser(prog="samples", description="A day of samples, one a minute.", epilog=told)
    parser.add_argument("day", choices=DAYS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=1440)
    asked = parser.parse_args()
    if not (asked.seed >= 0 and 1 <= asked.minutes <= 100_000):
        parser.error("--seed is 0 or more, --minutes is 1 to 100000")
    for line in lines(DAYS[asked.day], seed=asked.seed, minutes=asked.minutes):
        print(json.dumps(line, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())

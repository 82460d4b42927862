"""What goes wrong in traffic that flows: how each fault changes the answers and the memory of a side, from when on."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

PATH = "/flow"  # what the users ask for
MEDIAN_S, SIGMA = 0.08, 0.5  # lognormal: P95 182 ms
SLOWEST_TENTH_S = MEDIAN_S * math.exp(SIGMA * 1.2816)
ERROR_RATIO = 0.0005  # of a healthy side: three bad minutes in a row are no chance, also at a hundred requests a minute
_DELAY = re.compile(r"(?P<count>\d+)(?P<unit>[smh])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """How a side differs. `errors` is a ratio (0-1); `tail` lengthens the slowest tenth; `leak` is memory an hour,
    in parts of the limit.
    """

    sides: tuple[str, ...] = ("canary",)
    errors: float = ERROR_RATIO
    tail: float = 1.0
    leak: float = 0.0


FAULTS = {
    "canary-flow-errors-1pct": Wrong(errors=0.01),
    "canary-flow-errors-5pct": Wrong(errors=0.05),
    "canary-flow-errors-25pct": Wrong(errors=0.25),
    "canary-flow-tail-doubled": Wrong(tail=2.0),
    "canary-flow-leak": Wrong(leak=1.2),
    "both-flow-errors-25pct": Wrong(sides=("canary", "stable"), errors=0.25),
}


def split_name(asked: str) -> tuple[str, float | None]:
    """`NAME@2m` into the name and the seconds after which it begins; None where the delay is none of 30s, 2m, 1h."""
    name, at, delay = asked.partition("@")
    if not at:
        return name, 0.0
    found = _DELAY.fullmatch(delay)
    return name, int(found["count"]) * _SECONDS[found["unit"]] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How one request is answered."""

    failed: bool
    takes_s: float


class Flowing:
    """The answers of one world. `begins`: name of a fault -> epoch seconds."""

    def __init__(self, begins: Mapping[str, float]) -> None:
        self._begins = {name: at for name, at in begins.items() if name in FAULTS}
        self._random = random.Random("flow")

    def answer(self, side: str, now: float) -> Answered:
        """Drawn anew for each request."""
        wrong = [FAULTS[name] for name, at in self._begins.items() if now >= at and side in FAULTS[name].sides]
        takes = self._random.lognormvariate(math.log(MEDIAN_S), SIGMA)
        if takes > SLOWEST_TENTH_S:
            takes *= max((one.tail for one in wrong), default=1.0)
        errors = max((one.errors for one in wrong), default=ERROR_RATIO)
        return Answered(failed=self._random.random() < errors, takes_s=takes)

    def leaked(self, side: str, now: float) -> float:
        """Memory that is gone for good, in parts of the limit."""
        return sum(
            FAULTS[name].leak * (now - at) / 3600
            for name, at in self._begins.items()
            if now > at and side in FAULTS[name].sides
        )

"""What the steps of a capacity profile have to hold to."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import NoReturn, Protocol

from gonogo.model.capacity import Steps
from gonogo.model.load import Profile, Workload

CAPACITY = "capacity"
_ZERO = timedelta(0)
_MOST_REPEATS = 20


class Wrong(Protocol):
    """Raises ConfigError with what is wrong and the key."""

    def __call__(self, what: str, key: str = "") -> NoReturn:
        """`what` follows the name of the profile and the key."""
        ...


def check_steps(profile: Profile, steps: Steps, wrong: Wrong) -> None:
    """ConfigError, by `wrong`, for the first rule that is broken."""
    if profile.workload is not Workload.OPEN:
        wrong("has no meaning in a closed workload: answers and delay say when to send", "steps")
    if profile.rate != steps.from_:
        wrong("stands beside steps: their from says where it begins", "rate")
    if profile.requests is None or profile.duration is None:
        wrong("wants requests and duration beside it: a search without both bounds might not end", "steps")
    if profile.ramp > _ZERO:
        wrong("has no meaning beside steps: each has one rate", "ramp")
    if profile.proves != (CAPACITY,):
        wrong(f"is [{CAPACITY}] beside steps: a run that goes beyond the limit shows nothing else", "proves")
    for key, value in (("from", steps.from_), ("at_most", steps.at_most), ("factor", steps.factor), ("by", steps.by)):
        if value is not None and not (math.isfinite(value) and value > 0):
            wrong("is a finite number above 0", f"steps.{key}")
    if steps.at_most < steps.from_:
        wrong("is lower than from", "steps.at_most")
    if steps.factor is not None and steps.by is not None:
        wrong("stands beside factor; keep one", "steps.by")
    if steps.factor is not None and steps.factor <= 1:
        wrong("is a factor above 1", "steps.factor")
    if steps.each <= _ZERO:
        wrong("is a duration longer than 0", "steps.each")
    if not 0 < steps.within < 1:
        wrong("is a share above 0 and below 1", "steps.within")
    if not 1 <= steps.repeats <= _MOST_REPEATS:
        wrong(f"is a number from 1 to {_MOST_REPEATS}", "steps.repeats")
    if steps.count < 1:
        wrong("is a number from 1 up", "steps.count")

"""The rehearsal's own time: that of this machine, or so many times as fast."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class _Clock:
    """`zero` (epoch seconds) is the moment from which on time runs `pace` times as fast."""

    pace: float = 1.0
    zero: float = 0.0


_clock = _Clock()


def run(pace: float, zero: float | None = None) -> None:
    """Time runs at this pace from `zero` on, now if it is not given. Durations of answers stay what they are."""
    _clock.pace, _clock.zero = pace, time.time() if zero is None else zero


def now() -> float:
    """Epoch seconds, as every stand-in tells them."""
    if _clock.pace == 1:
        return time.time()
    return _clock.zero + (time.time() - _clock.zero) * _clock.pace


def pace() -> float:
    """How many seconds a second has."""
    return _clock.pace

"""A service that answers in 5 ms, and for the last second of every five not at all: a pause that closed loads hide."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

ANSWERS_S, EVERY_S, STALLED_S = 0.005, 5.0, 1.0
FAULTS = {"canary": "canary-stalls", "stable": "legacy-stalls"}


class Stalls:
    """The stalls of one world, counted from its first request on a side that stalls."""

    def __init__(self, faults: Iterable[str]) -> None:
        self._sides = {side for side, fault in FAULTS.items() if fault in faults}
        self._lock = threading.Lock()
        self._began: float | None = None

    def on(self, side: str) -> bool:
        """Whether a side stalls at all."""
        return side in self._sides

    def wait(self) -> None:
        """As long as the service takes now."""
        time.sleep(self.pause(time.monotonic()))

    def pause(self, at: float) -> float:
        """Seconds that a request takes which comes at a moment."""
        with self._lock:
            self._began = at if self._began is None else self._began
            place = (at - self._began) % EVERY_S
        return ANSWERS_S + (EVERY_S - place if place >= EVERY_S - STALLED_S else 0.0)

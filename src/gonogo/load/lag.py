"""How long the fleet's loop itself was late: the generator's own share of what it measures."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from gonogo.load.waiting import Poller, Wait

LATE = 0.01  # s; a loop that turns within this is on time


class Lag:
    """A `Wait` that notes for how long something was due and the loop did not look: the process was busy or halted.

    Every turn of the loop sends all that is due, so that what one turn takes is the most that an arrival in it was
    late. `late` is the sum of the turns that took longer than 10 ms beyond what they were meant to wait, in seconds.
    """

    def __init__(self, wait: Wait, *, clock: Callable[[], float] = monotonic) -> None:
        self._wait = wait
        self._clock = clock
        self._due: float | None = None
        self.late = 0.0

    def __call__(self, poller: Poller, timeout: float) -> list[tuple[int, int]]:
        """What the wait inside returns."""
        now = self._clock()
        if self._due is not None and now - self._due > LATE:
            self.late += now - self._due
        ready = self._wait(poller, timeout)
        back = self._clock()
        self._due = min(now + max(0.0, timeout), back)
        return ready

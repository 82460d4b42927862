"""How many sessions of one PostgreSQL a run holds at once: a gate never takes a server's last ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from gonogo.model.units import show_duration
from gonogo.probes.bounded import OutOfTime
from gonogo.probes.deadline import Deadline

AT_ONCE = 4


class Sessions:
    """The sessions of a run on one server, at most AT_ONCE; thread-safe."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self.answered = 0  # how often a session ended with an answer; only ever grows

    def turn(self, allowed: timedelta) -> Turn:
        """A look's turn, from now on."""
        return Turn(self, Deadline(allowed))

    @contextmanager
    def hold(self, deadline: Deadline) -> Iterator[None]:
        """One of them, waited for until the deadline; OutOfTime after it."""
        if not self._free.acquire(timeout=deadline.left):
            raise OutOfTime
        try:
            if not deadline.left:
                raise OutOfTime
            yield
            self.answered += 1
        finally:
            self._free.release()


class Turn:
    """One look's wait for a session, and its session."""

    def __init__(self, sessions: Sessions, deadline: Deadline) -> None:
        self.deadline = deadline
        self._sessions = sessions
        self._before = sessions.answered
        self._left: float | None = None  # of the deadline, when the session began

    @contextmanager
    def session(self) -> Iterator[float]:
        """Seconds left for it. It is held by the thread that asks, for as long as that thread asks."""
        with self._sessions.hold(self.deadline):
            self._left = self.deadline.left
            yield self._left

    @property
    def crowded_out(self) -> str | None:
        """Why a look that is out of time was not late by the server's fault: others of this run were answered while
        it waited for most of its time. None where that is not so.
        """
        waited = self.deadline.allowed - (self.deadline.left if self._left is None else self._left)
        if self._sessions.answered == self._before or waited * 2 < self.deadline.allowed:
            return None
        return f"waited {show_duration(timedelta(seconds=round(waited, 1)))} for one of this run's {AT_ONCE} sessions"

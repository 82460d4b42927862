"""A closed workload: users that wait for their answers."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

from gonogo.load.connection import Connection
from gonogo.load.lane import NEVER, Lane
from gonogo.load.opening import CLOSED
from gonogo.load.schedule import NS, Share, users
from gonogo.model.load import Profile, Target


class ClosedLane(Lane):
    """Users that wait for their answer, then for the delay, and ask again; never more than the cap."""

    def __init__(
        self, profile: Profile, targets: Sequence[Target], *, deadline: int, events: bool, share: Share
    ) -> None:
        super().__init__(profile, targets, deadline=deadline, events=events)
        self._users, self._cap = users(profile, share)
        self._delay = int(profile.delay.total_seconds() * NS)
        self._ramp = int(profile.ramp.total_seconds() * NS)
        self._share = share
        self._duration = NEVER if profile.duration is None else int(profile.duration.total_seconds() * NS)
        self._ends = NEVER
        self._waiting: list[tuple[int, int, Connection]] = []
        self._turns = itertools.count()

    def _begin(self) -> None:
        self._ends = min(NEVER, self._start + self._duration)
        everyone = max(1, self._users * self._share.of)
        for index in range(self._users):
            connection = Connection(self)
            self.connections.append(connection)
            due = self._start + self._ramp * (index * self._share.of + self._share.index) // everyone
            heapq.heappush(self._waiting, (due, next(self._turns), connection))

    def pump(self, now: int) -> int:
        """Send for every user whose delay is over; each of them in its turn, so that none is starved."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            due, _, connection = heapq.heappop(waiting)
            if not self._may(now):
                break
            self._send(connection, due, now)
        if waiting and not self._may(waiting[0][0]):
            waiting.clear()
        return waiting[0][0] if waiting else NEVER

    def halt(self) -> None:
        """Send nothing more."""
        self._cap = 0
        self._waiting.clear()

    def _pending(self) -> bool:
        return bool(self._waiting)

    def _may(self, now: int) -> bool:
        return now < self._ends and (self._cap is None or self.sent < self._cap)

    def _next(self, connection: Connection, now: int, *, lost: bool) -> None:
        due = now + self._delay
        if due >= self._ends or (self._cap is not None and self.sent >= self._cap):
            return
        if self._delay or lost or connection.state == CLOSED:
            heapq.heappush(self._waiting, (due, next(self._turns), connection))
        else:
            self._send(connection, now, now)

    def _rates(self) -> tuple[float | None, float]:
        took = self._last_answer - self._start
        return None, self.sent * NS / took if took > 0 else 0.0

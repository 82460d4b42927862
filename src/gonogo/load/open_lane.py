"""An open workload: arrivals at a rate, whatever the answers do."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from gonogo.load.connection import Connection
from gonogo.load.lane import NEVER, Lane
from gonogo.load.schedule import NS, Schedule, Share, schedule
from gonogo.model.load import Profile, Series, Target

LEAD = NS // 4  # for the first connections


class OpenLane(Lane):
    """Arrivals at a rate, whatever the answers do."""

    def __init__(
        self, profile: Profile, targets: Sequence[Target], *, deadline: int, events: bool, share: Share
    ) -> None:
        super().__init__(profile, targets, deadline=deadline, events=events)
        self._schedule: Schedule = schedule(profile, share)
        self._planned = self._left = self._schedule.mine
        self._dues = self._schedule.dues()
        self._free: list[Connection] = []
        self._queue: deque[int] = deque()
        self._due = NEVER
        self._halted = False

    def _begin(self) -> None:
        self._start = self._last_sent = self._last_answer = self._start + LEAD
        warm = min(self._limit, max(1, int(self._schedule.rate / self._schedule.share.of / 10)))
        for _ in range(warm):  # so that an arrival need not wait for a handshake
            self._free.append(self._add())
            self._free[-1].connect(self._start + self._deadline)
        self._due = self._following()

    def _following(self) -> int:
        """When the next arrival is due that was not taken yet."""
        offset = next(self._dues, NEVER)
        return NEVER if self._halted or offset == NEVER else self._start + offset

    def _add(self) -> Connection:
        connection = Connection(self)
        self.connections.append(connection)
        return connection

    def pump(self, now: int) -> int:
        """Send every arrival that is due; without a free connection it waits, and the wait is counted."""
        due = self._due
        while due <= now:
            self._left -= 1
            if self._free:
                self._send(self._free.pop(), due, now)
            elif len(self.connections) < self._limit:
                self._send(self._add(), due, now)
            else:
                self._queue.append(due)
            due = self._following()
        self._due = due
        while self._queue and self._free:
            self._send(self._free.pop(), self._queue.popleft(), now)
        return self._due

    def halt(self) -> None:
        """Send nothing more; rates count until now."""
        self._halted = True
        self._left, self._due = 0, NEVER
        self._queue.clear()

    def _pending(self) -> bool:
        return self._left > 0 or bool(self._queue)

    def _next(self, connection: Connection, now: int, *, lost: bool) -> None:
        if self._queue and not lost:
            self._send(connection, self._queue.popleft(), now)
        else:
            self._free.append(connection)

    def _expire(self, now: int) -> None:
        while self._queue and self._queue[0] + self._deadline < now:
            self._samples[0][0].append(now - self._queue.popleft())
            self.book.errors["not sent: no free connection within the deadline"] += 1

    def _series(self) -> Series:
        start = self._start - self._origin
        span = self._last_sent - self._start if self._halted else self._schedule.span
        ends = max(start + span, self._last_answer - self._origin)

        def due(moment: int) -> int:
            """Arrivals before that moment."""
            return bisect_left(range(self._planned), min(moment - start, span), key=self._schedule.due)

        return self.book.over_time.close(start, ends, due)

    def _rates(self) -> tuple[float | None, float]:
        span = self._schedule.span
        if not self._planned or not span:
            return self._schedule.rate / self._schedule.share.of, 0.0
        late = self._last_sent - self._start + span / self._schedule.count
        return self._planned * NS / span, self.sent * NS / (late if self._halted else max(span, late))

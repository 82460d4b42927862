"""One event loop that drives all connections of a load run, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gonogo.load.closed_lane import ClosedLane
from gonogo.load.connection import Connection
from gonogo.load.lane import NEVER, Batch, Lane
from gonogo.load.open_lane import OpenLane
from gonogo.load.opening import clock
from gonogo.load.schedule import NS, Share
from gonogo.load.waiting import Poller, Wait, poller, socket_class, wait
from gonogo.model.errors import ConfigError
from gonogo.model.load import Event, Profile, SideRecord, Target, Workload

TICK = NS // 10
GAP = NS // 2000  # before the next arrival, for the work of a tick: it must not make one late
GRACE = NS // 2  # for answers that are under way when a run is stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one worker's fleet saw. Times of events count from the start of the run."""

    started: datetime
    ended: datetime
    sides: tuple[SideRecord, ...]
    events: tuple[Event, ...]
    aborted: str | None
    burned: tuple[str, ...] = ()  # sides whose errors ended the run


def never_begun(reason: str) -> Found:
    """What is seen of a run that could not be: nothing, and why."""
    now = datetime.now(UTC)
    return Found(started=now, ended=now, sides=(), events=(), aborted=reason)


class Fleet:
    """Sends a profile, or a worker's share of it, to its targets; targets of one side take turns.

    `deadline` is all that a request has, from its intended time: waiting for a connection, connecting, sending,
    reading. No request is sent twice. `wait` is where the loop waits, `listener` is told of answers ten times a
    second. ConfigError, NoAddressError and SafetyRefusal come before anything is sent.
    """

    def __init__(
        self,
        profile: Profile,
        targets: Sequence[Target],
        *,
        deadline: timedelta = timedelta(seconds=10),
        events: bool = False,
        share: Share | None = None,
        wait: Wait = wait,
        listener: Callable[[Batch], None] | None = None,
    ) -> None:
        if not targets:
            raise ConfigError(f"profile {profile.name!r} has nothing to be sent to", profile.origin)
        sides: dict[str, list[Target]] = {}
        for target in targets:
            sides.setdefault(target.side, []).append(target)
        whole = int(deadline.total_seconds() * NS)
        lane = OpenLane if profile.workload is Workload.OPEN else ClosedLane
        self._lanes: list[Lane] = [
            lane(profile, side, deadline=whole, events=events, share=share or Share()) for side in sides.values()
        ]
        self._together = profile.sides_together
        self._tick = min(TICK, max(whole // 20, NS // 1000))
        self._wait = wait
        self._listener = listener
        self._by_fd: dict[int, Connection] = {}
        self._stop: str | None = None

    def stop(self, reason: str) -> None:
        """Send nothing more; answers that are under way get half a second. May be called from another greenlet."""
        self._stop = self._stop or reason

    def run(self) -> Found:
        """Send until the profile is over or there is a reason to stop."""
        started = datetime.now(UTC)
        origin = clock()
        polling = poller()
        try:
            for group in [self._lanes] if self._together else [[each] for each in self._lanes]:
                for each in group:
                    each.open(polling, socket_class(), self._by_fd, origin)
                self._drive(group, polling, origin)
                if self._stop:
                    break
            sides = tuple(each.record() for each in self._lanes)
        finally:
            for connection in tuple(self._by_fd.values()):
                connection.close()
            polling.close()
        events = sorted((event for each in self._lanes for event in each.events), key=lambda event: event.sent)
        return Found(
            started=started,
            ended=datetime.now(UTC),
            sides=sides,
            events=tuple(events),
            aborted=self._stop,
            burned=tuple(each.book.side for each in self._lanes if each.burned),
        )

    def _drive(self, group: Sequence[Lane], polling: Poller, origin: int) -> None:
        by_fd, wait = self._by_fd, self._wait
        tick, halted = self._next_tick(clock(), origin), 0
        while True:
            now = clock()
            due = NEVER
            for each in group:
                due = min(due, each.pump(now))
            if due == NEVER and all(each.done for each in group):
                break
            for fd, mask in wait(polling, max(0, min(due, tick) - now) / NS):
                connection = by_fd.get(fd)
                if connection is not None:
                    connection.ready(mask)
            if now >= tick and (due > now + GAP or now >= tick + self._tick // 10):
                tick = self._next_tick(now, origin)
                halted = self._look(group, now, halted)
        for each in group:
            each.flush(clock(), self._listener)
            self._stop = self._stop or each.stopped

    def _next_tick(self, now: int, origin: int) -> int:
        """Ticks keep to a grid from the start of the run, as the intervals of the series do."""
        return now + self._tick - (now - origin) % self._tick

    def _look(self, group: Sequence[Lane], now: int, halted: int) -> int:
        """Deadlines, samples, reasons to stop; when the run was halted, or 0."""
        for each in group:
            each.tick(now, self._listener)
            self._stop = self._stop or each.stopped
        if not self._stop:
            return 0
        for each in group:
            each.halt()
            if halted and now > halted + GRACE:
                each.cut(now)
        return halted or now

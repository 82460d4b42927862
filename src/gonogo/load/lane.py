"""One side of a run: what is due over its connections, what came back into its book."""

from __future__ import annotations

import heapq
import itertools
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gonogo.load.burn import Burn
from gonogo.load.connection import CLOSED, CONNECTING, HANDSHAKING, Connection, clock
from gonogo.load.record import Book, classify
from gonogo.load.request import encode, locate
from gonogo.load.schedule import NS, Schedule, Share, schedule, users
from gonogo.load.waiting import Poller
from gonogo.model.errors import ConfigError
from gonogo.model.load import Event, OutcomeClass, Profile, SideRecord, Target, Workload

NEVER = 1 << 62
LEAD = NS // 4  # for the first connections of an open workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Answers of one endpoint with one status since the last batch; a status of 0 is no answer."""

    side: str
    endpoint: str
    method: str
    status: int
    outcome: OutcomeClass
    latencies: Sequence[int]  # ns


class Lane:
    """What both workloads share. `pump` sends what is due and says when it wants to be called again."""

    def __init__(self, profile: Profile, targets: Sequence[Target], *, deadline: int, events: bool) -> None:
        if len({target.url for target in targets}) != 1:
            raise ConfigError("the endpoints of one side have one address")
        self.targets = tuple(targets)
        self.place = locate(targets[0])
        self.encoded = [encode(target) for target in targets]
        self.keep_headers = events
        self.headless = targets[0].method == "HEAD"
        if any((target.method == "HEAD") != self.headless for target in targets):
            raise ConfigError("HEAD does not go together with other methods on one side")
        self.poller: Poller
        self.sockets: type[socket.socket]
        self.by_fd: dict[int, Connection]
        self.connections: list[Connection] = []
        self.sent = 0
        self.events: list[Event] = []
        self.book = Book(targets[0].side)
        self.stopped: str | None = None  # a reason to stop the whole run
        self._burn = Burn(self.book.side, profile.abort_error_ratio)
        self._samples: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in targets]
        self._deadline = deadline
        self._origin = self._start = self._last_sent = self._last_answer = self._busy = 0
        self._limit = max(1, profile.connections)

    def open(self, poller: Poller, sockets: type[socket.socket], by_fd: dict[int, Connection], origin: int) -> None:
        """Start the side's clock now; `origin` is when the run started."""
        self.poller, self.sockets, self.by_fd = poller, sockets, by_fd
        start = clock()
        self._origin = origin
        self._start = self._last_sent = self._last_answer = start
        self._begin()

    def pump(self, now: int) -> int:
        """Send what is due; when to call again, or NEVER when everything was sent."""
        raise NotImplementedError

    def halt(self) -> None:
        """Send nothing more."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        """Everything was sent and answered."""
        return not self._busy and not self._pending()

    def ended(self, connection: Connection, now: int, reason: str) -> None:
        """The request of `connection` has an answer, or none because of `reason`."""
        status = connection.status
        self._busy -= 1
        self._samples[connection.endpoint][status].append(now - connection.intended)
        self._last_answer = now
        if reason:
            self.book.errors[reason] += 1
        if self._burn.early:
            self.stopped = self._burn.denied(status)
            if self.stopped:
                self.halt()
        if self.keep_headers:
            self._note(connection, now, reason)
        self._next(connection, now, lost=bool(reason))

    def tick(self, now: int, listener: Callable[[Batch], None] | None) -> None:
        """Enforce deadlines, enter samples into the book, look for a burn."""
        words = f"no answer within the deadline of {self._deadline / NS:g} s"
        for connection in self.connections:
            if connection.expires < now and (connection.busy or connection.state in (CONNECTING, HANDSHAKING)):
                connection.lose(words, now)
        self._expire(now)
        self.stopped = self.stopped or self.flush(now, listener)

    def flush(self, now: int, listener: Callable[[Batch], None] | None) -> str | None:
        """Samples since the last time into the book; the reason to stop if they burn."""
        answers = errors = 0
        for index, target in enumerate(self.targets):
            if not self._samples[index]:
                continue
            taken, self._samples[index] = self._samples[index], defaultdict(list)
            for status, latencies in taken.items():
                self.book.add(target.endpoint, status, latencies)
                outcome = classify(status)
                answers += len(latencies)
                errors += len(latencies) if outcome is OutcomeClass.ERROR else 0
                if listener is not None:
                    listener(
                        Batch(
                            side=target.side,
                            endpoint=target.endpoint,
                            method=target.method,
                            status=status,
                            outcome=outcome,
                            latencies=latencies,
                        )
                    )
        return self._burn.tick(now, answers, errors)

    def cut(self, now: int) -> None:
        """The run is stopped: what is under way ends now."""
        for connection in self.connections:
            connection.lose("the run was stopped", now)

    def record(self) -> SideRecord:
        """All of the side, once `done` or cut."""
        for connection in self.connections:
            connection.close()
        requested, achieved = self._rates()
        return self.book.close(requests=self.sent, requested_rate=requested, achieved_rate=achieved)

    def _pending(self) -> bool:
        raise NotImplementedError

    def _begin(self) -> None:
        raise NotImplementedError

    def _next(self, connection: Connection, now: int, *, lost: bool) -> None:
        raise NotImplementedError

    def _rates(self) -> tuple[float | None, float]:
        raise NotImplementedError

    def _expire(self, now: int) -> None:
        """Drop what waited for a connection beyond its deadline."""

    def _send(self, connection: Connection, intended: int, now: int) -> None:
        number = self.sent
        self.sent = number + 1
        self._last_sent = now
        self._busy += 1
        connection.send(number % len(self.encoded), intended, now, intended + self._deadline)

    def _note(self, connection: Connection, now: int, reason: str) -> None:
        self.events.append(
            Event(
                side=self.book.side,
                endpoint=self.targets[connection.endpoint].endpoint,
                intended=(connection.intended - self._origin) / NS,
                sent=(connection.sent - self._origin) / NS,
                received=(now - self._origin) / NS,
                status=connection.status,
                outcome=classify(connection.status),
                headers=tuple(connection.headers),
                error=reason,
            )
        )


class OpenLane(Lane):
    """Arrivals at a rate, whatever the answers do."""

    def __init__(
        self, profile: Profile, targets: Sequence[Target], *, deadline: int, events: bool, share: Share
    ) -> None:
        super().__init__(profile, targets, deadline=deadline, events=events)
        self._schedule: Schedule = schedule(profile, share)
        self._planned = self._left = self._schedule.mine
        self._free: list[Connection] = []
        self._queue: deque[int] = deque()
        self._due = NEVER

    def _begin(self) -> None:
        self._start = self._last_sent = self._last_answer = self._start + LEAD
        warm = min(self._limit, max(1, int(self._schedule.rate / self._schedule.share.of / 10)))
        for _ in range(warm):  # so that an arrival need not wait for a handshake
            self._free.append(self._add())
            self._free[-1].connect(self._start + self._deadline)
        self._due = self._start + self._schedule.due(0) if self._left else NEVER

    def _add(self) -> Connection:
        connection = Connection(self)
        self.connections.append(connection)
        return connection

    def pump(self, now: int) -> int:
        """Send every arrival that is due; without a free connection it waits, and the wait is counted."""
        while self._due <= now:
            intended = self._due
            self._left -= 1
            done = self._planned - self._left
            self._due = self._start + self._schedule.due(done) if self._left > 0 else NEVER
            if self._free:
                self._send(self._free.pop(), intended, now)
            elif len(self.connections) < self._limit:
                self._send(self._add(), intended, now)
            else:
                self._queue.append(intended)
        while self._queue and self._free:
            self._send(self._free.pop(), self._queue.popleft(), now)
        return self._due

    def halt(self) -> None:
        """Send nothing more."""
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

    def _rates(self) -> tuple[float | None, float]:
        span = self._schedule.span
        if not self._planned or not span:
            return self._schedule.rate / self._schedule.share.of, 0.0
        late = self._last_sent - self._start + span / self._schedule.count
        return self._planned * NS / span, self.sent * NS / max(span, late)


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
        if not self._may(now + self._delay):
            return
        if self._delay or lost or connection.state == CLOSED:
            heapq.heappush(self._waiting, (now + self._delay, next(self._turns), connection))
        else:
            self._send(connection, now, now)

    def _rates(self) -> tuple[float | None, float]:
        took = self._last_answer - self._start
        return None, self.sent * NS / took if took > 0 else 0.0


def lane(profile: Profile, targets: Sequence[Target], *, deadline: int, events: bool, share: Share) -> Lane:
    """The side's lane for the profile's workload."""
    made = OpenLane if profile.workload is Workload.OPEN else ClosedLane
    return made(profile, targets, deadline=deadline, events=events, share=share)

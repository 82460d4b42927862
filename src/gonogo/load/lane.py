"""One side of a run: what is due over its connections, what came back into its book."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gonogo.load.burn import Burn
from gonogo.load.connection import Connection
from gonogo.load.opening import CONNECTING, HANDSHAKING, clock
from gonogo.load.record import Book, classify
from gonogo.load.request import encode, locate
from gonogo.load.schedule import NS
from gonogo.load.waiting import Poller
from gonogo.model.errors import ConfigError
from gonogo.model.load import Event, OutcomeClass, Profile, Series, SideRecord, Target

NEVER = 1 << 62
CUT = "the run was stopped"


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
        self.burned = False  # that reason is the errors of this side
        self._burn = Burn(self.book.side, profile.abort_error_ratio)
        self._early = True  # the first answers are looked at one by one
        self._samples: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in targets]
        self._deadline = deadline
        self._origin = self._start = self._last_sent = self._last_answer = self._busy = 0
        self._flushed, self._told = 0, 0  # when samples were last entered, and how many requests were sent by then
        self._limit = max(1, profile.connections)

    def open(self, poller: Poller, sockets: type[socket.socket], by_fd: dict[int, Connection], origin: int) -> None:
        """Start the side's clock now; `origin` is when the run started."""
        self.poller, self.sockets, self.by_fd = poller, sockets, by_fd
        start = clock()
        self._origin = origin
        self._start = self._last_sent = self._last_answer = self._flushed = start
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
        if reason != CUT:  # an answer that nobody waited for is no error of the service
            self._samples[connection.endpoint][status].append(now - connection.intended)
        self._last_answer = now
        if reason:
            self.book.errors[reason] += 1
        if self._early:
            self._look_early(status)
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
        burning = self.flush(now, listener)
        self.burned = self.burned or burning is not None
        self.stopped = self.stopped or burning

    def flush(self, now: int, listener: Callable[[Batch], None] | None) -> str | None:
        """Samples since the last time into the book; the reason to stop if they burn."""
        answers = errors = 0
        at = max(0, (self._flushed + now) // 2 - self._origin)  # a batch stands in the interval that holds its middle
        self.book.over_time.sent(at, self.sent - self._told)
        self._flushed, self._told = now, self.sent
        for index, target in enumerate(self.targets):
            if not self._samples[index]:
                continue
            taken, self._samples[index] = self._samples[index], defaultdict(list)
            for status, latencies in taken.items():
                self.book.add(target.endpoint, status, latencies, at, limited=target.reject_status)
                outcome = classify(status, target.reject_status)
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
            connection.lose(CUT, now)

    def record(self) -> SideRecord:
        """All of the side, once `done` or cut."""
        for connection in self.connections:
            connection.close()
        requested, achieved = self._rates()
        return self.book.close(
            requests=self.sent,
            requested_rate=requested,
            achieved_rate=achieved,
            series=self._series(),
        )

    def _pending(self) -> bool:
        raise NotImplementedError

    def _begin(self) -> None:
        raise NotImplementedError

    def _next(self, connection: Connection, now: int, *, lost: bool) -> None:
        raise NotImplementedError

    def _rates(self) -> tuple[float | None, float]:
        raise NotImplementedError

    def _series(self) -> Series:
        return self.book.over_time.close(self._start - self._origin, self._last_answer - self._origin, None)

    def _expire(self, now: int) -> None:
        """Drop what waited for a connection beyond its deadline."""

    def _send(self, connection: Connection, intended: int, now: int) -> None:
        number = self.sent
        self.sent = number + 1
        self._last_sent = now
        self._busy += 1
        connection.send(number % len(self.encoded), intended, now, intended + self._deadline)

    def _look_early(self, status: int) -> None:
        self.stopped = self._burn.denied(status)
        self._early = self._burn.early
        if self.stopped:
            self.halt()

    def _note(self, connection: Connection, now: int, reason: str) -> None:
        target = self.targets[connection.endpoint]
        self.events.append(
            Event(
                side=self.book.side,
                endpoint=target.endpoint,
                intended=(connection.intended - self._origin) / NS,
                sent=(connection.sent - self._origin) / NS,
                received=(now - self._origin) / NS,
                status=connection.status,
                outcome=classify(connection.status, target.reject_status),
                headers=tuple(connection.headers),
                error=reason,
            )
        )

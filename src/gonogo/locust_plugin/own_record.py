"""Requests of somebody's own Locust users into the record of one side."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic_ns

from gonogo.load.burn import Burn
from gonogo.load.record import Book, classify, in_us
from gonogo.load.schedule import NS
from gonogo.model.load import Event, OutcomeClass, SideRecord

_ENDPOINTS = 100  # histograms a side; an address with an id in it would make one each
_REASONS = 20
_LOOKED_AT = NS // 2  # a with-block that raised tells nothing
_OTHERS = "others"
_KEPT = frozenset({"retry-after", "date", "age"})
_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)

Listener = Callable[[str, int, OutcomeClass, Sequence[int]], None]  # side, status, outcome, latencies in ns


@dataclass(slots=True, kw_only=True)
class Hop:
    """One request as it left: a followed redirect makes several of one call. Times in ns of the monotonic clock."""

    method: str
    path: str
    sent: int
    received: int = 0
    status: int = 0
    left: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """One call of a client, from the leave to send until Locust's `request` event says how it ended."""

    method: str
    path: str
    sent: int
    hops: list[Hop] = field(default_factory=list)
    back: int = 0  # when the call returned
    told: bool = False


class _OwnBook(Book):
    """A book whose outcome class is not the status's alone: a task may say that an answer was wrong."""

    __slots__ = ()

    def enter(self, endpoint: str, status: int, outcome: OutcomeClass, latency: int, at: int) -> None:
        """One answer; `latency` and `at` in ns."""
        self.statuses[status] += 1
        counted = in_us([latency])
        self._of(endpoint, outcome).add_us(counted)
        self.over_time.add(at, outcome, counted)

    def knows(self, endpoint: str) -> bool:
        """Whether it has a histogram."""
        return any(known == endpoint for known, _ in self._histograms)

    @property
    def full(self) -> bool:
        """Whether a further endpoint would be one too many."""
        return len({endpoint for endpoint, _ in self._histograms}) >= _ENDPOINTS


class OwnSide:
    """One side of a run that began at `origin` (ns, monotonic).

    `rejects` are the statuses with which declared policies reject, by path. `listener` hears every answer.
    """

    def __init__(
        self,
        side: str,
        *,
        origin: int,
        ratio: float | None,
        rejects: Mapping[str, int],
        events: bool,
        listener: Listener | None = None,
    ) -> None:
        self.side = side
        self.sent = 0
        self._calls: set[Ticket] = set()
        self.events: list[Event] = []
        self.stopped: str | None = None
        self._start = self._last = origin
        self._book = _OwnBook(side)
        self._burn = Burn(side, ratio)
        self._answers = self._errors = 0
        self._rejects = rejects
        self._keep = events
        self._listener = listener

    def leaves(self, method: str, path: str) -> Ticket:
        """A call that may be sent; its first request leaves now."""
        ticket = Ticket(method=method, path=path, sent=monotonic_ns())
        self._calls.add(ticket)
        self.hop(ticket, method, path)
        return ticket

    def hop(self, ticket: Ticket, method: str, path: str) -> Hop:
        """One more request of a call."""
        now = monotonic_ns()
        self.sent += 1
        self._book.over_time.sent(now - self._start, 1)
        made = Hop(method=method, path=path, sent=now)
        ticket.hops.append(made)
        return made

    def returned(
        self,
        ticket: Ticket,
        *,
        name: str,
        status: int,
        milliseconds: float | None,
        failure: Exception | str | None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> OutcomeClass:
        """The call has ended, its event says how; redirects before its last request are answers of their own."""
        ticket.told = True
        self._calls.discard(ticket)
        now = monotonic_ns()
        *before, last = ticket.hops
        for each, after in pairwise(ticket.hops):
            each.received = each.received or after.sent  # a retry of FastHttpUser: the one before was lost
            self._answer(each, each.path, classify(each.status))
        whole = now - ticket.sent if milliseconds is None else int(milliseconds * 1e6)
        last.status, last.received = status, last.sent + max(0, whole - sum(one.received - one.sent for one in before))
        outcome = self._outcome(last.path, status, failure)
        reason = _reason(failure) if outcome is OutcomeClass.ERROR and status < 400 else ""
        self._answer(last, name, outcome, reason=reason, headers=headers)
        return outcome

    def tick(self) -> str | None:
        """The reason to stop, if the answers since the last tick burn."""
        answers, errors, self._answers, self._errors = self._answers, self._errors, 0, 0
        self.stopped = self.stopped or self._burn.tick(monotonic_ns(), answers, errors)
        return self.stopped

    def oldest(self) -> float:
        """For how many seconds the oldest open call has had no answer."""
        return max(((monotonic_ns() - each.sent) / NS for each in self._calls if not each.back), default=0.0)

    @property
    def under_way(self) -> bool:
        """Whether a call has not returned, or a task is still looking at what it returned."""
        now = monotonic_ns()
        return any(not each.back or now - each.back < _LOOKED_AT for each in self._calls)

    def settle(self, reason: str) -> None:
        """What is still open ends now: as answered where the call returned, as lost otherwise."""
        for ticket in tuple(self._calls):
            self.broke(ticket, reason)

    def broke(self, ticket: Ticket, reason: str) -> None:
        """No event will tell of the call: each of its requests ended as it was answered, or not at all."""
        if ticket.told:
            return
        ticket.told = True
        self._calls.discard(ticket)
        for hop in ticket.hops:
            hop.received = hop.received or monotonic_ns()
            outcome = self._outcome(hop.path, hop.status, None if 0 < hop.status < 400 else reason)
            self._answer(hop, hop.path, outcome, reason="" if hop.status else reason)

    def record(self) -> SideRecord:
        """All of the side."""
        took = max(self._last - self._start, 1)
        return self._book.close(
            requests=self.sent,
            requested_rate=None,
            achieved_rate=self.sent * NS / took if self.sent else 0.0,
            series=self._book.over_time.close(0, took, None),
        )

    def _outcome(self, path: str, status: int, failure: Exception | str | None) -> OutcomeClass:
        if status == 429 or (status and self._rejects.get(path) == status):
            return OutcomeClass.LIMITED
        return OutcomeClass.ACCEPTED if failure is None and status else OutcomeClass.ERROR

    def _answer(
        self, hop: Hop, name: str, outcome: OutcomeClass, *, reason: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Enter one answer under its name."""
        method, status, latency = hop.method, hop.status, hop.received - hop.sent
        endpoint = f"{method} {name.partition('?')[0]}"
        if self._book.full and not self._book.knows(endpoint):
            endpoint = f"{method} {_OTHERS}"
        self._last = monotonic_ns()
        self._book.enter(endpoint, status, outcome, latency, self._last - self._start)
        self._answers += 1
        self._errors += outcome is OutcomeClass.ERROR
        if reason:
            known = reason in self._book.errors or len(self._book.errors) < _REASONS
            self._book.errors[reason if known else "other reasons"] += 1
        if self._burn.early:
            self.stopped = self.stopped or self._burn.denied(status)
        if self._keep:
            self.events.append(
                Event(
                    side=self.side,
                    endpoint=f"{method} {hop.path}",
                    intended=(hop.sent - self._start) / NS,
                    sent=(hop.sent - self._start) / NS,
                    received=(hop.received - self._start) / NS,
                    status=status,
                    outcome=outcome,
                    headers=tuple(headers),
                    error=reason,
                )
            )
        if self._listener is not None:
            self._listener(self.side, status, outcome, (latency,))


def kept(headers: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Those of rate limits, names in lower case."""
    lower = ((str(name).lower(), str(value)) for name, value in (headers or {}).items())
    return [(name, value) for name, value in lower if name in _KEPT or "ratelimit" in name or "rate-limit" in name]


def _reason(failure: Exception | str | None) -> str:
    if isinstance(failure, Exception):
        said = _ADDRESS.sub("", str(failure))
        failure = f"{type(failure).__name__}: {said}" if said else type(failure).__name__
    return " ".join((failure or "no reason known").split())[:200]

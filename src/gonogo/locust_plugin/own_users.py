"""Somebody's own HttpUser and FastHttpUser classes, held to one side of the environment and to its profile."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic, monotonic_ns
from typing import Any, Protocol
from urllib.parse import urlsplit

import gevent
from gevent.lock import BoundedSemaphore
from gevent.ssl import create_default_context
from locust import FastHttpUser, HttpUser, User
from locust.dispatch import UsersDispatcher
from locust.exception import StopUser
from locust.runners import WorkerNode

from gonogo.locust_plugin.own_record import Hop, OwnSide, Ticket, kept
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.load import OutcomeClass, Target

_TICKET = "gonogo-ticket"  # in the context of a call, until its event comes
_TIMEOUT_S = 10.0  # of a class that names none: what hangs must not hold up the end of a run
_LOCUSTS_TIMEOUT_S = 60.0
_SIDES = ("canary", "legacy")


class Gate(Protocol):
    """What a user has to pass before each request."""

    delay: float  # s between an answer and the next request of one user

    def enter(self, side: str) -> OwnSide:
        """Its side, once one more request may be sent to it. StopUser when none may."""

    def refuse(self, reason: str) -> StopUser:
        """End the run, which was about to do what is forbidden."""


def sides_of(classes: Iterable[type[User]], offered: Sequence[str]) -> dict[type[User], str]:
    """Which side each class loads. ConfigError for one that does not say so, or that cannot be held to it."""
    found: dict[type[User], str] = {}
    for each in classes:
        name = each.__name__
        if not issubclass(each, (HttpUser, FastHttpUser)):
            raise ConfigError(
                f"{name} is neither an HttpUser nor a FastHttpUser: what it sends cannot be held to a side"
            )
        side = getattr(each, "side", None)
        if side is None:
            raise ConfigError(f'{name} does not say whom it loads: give the class side = "canary" or side = "legacy"')
        if side not in _SIDES:
            raise ConfigError(f"{name}: side {side!r} is not one of {', '.join(_SIDES)}")
        if side not in offered:
            raise ConfigError(f"{name}: the environment has no side for {side!r}")
        found[each] = side
    return found


def spread(sides: Mapping[type[User], str], users: int) -> dict[type[User], int]:
    """How Locust spreads that many users over the classes, by their weights and fixed counts."""
    dispatcher = UsersDispatcher([WorkerNode("this")], list(sides))
    dispatcher.new_dispatch(target_user_count=users, spawn_rate=users)
    counts: Mapping[str, int] = {}
    for dispatched in dispatcher:
        counts = dispatched["this"]
    return {each: counts.get(each.__name__, 0) for each in sides}


def aim(sides: Mapping[type[User], str], targets: Sequence[Target]) -> None:
    """The classes send to their side and nowhere else, with TLS verified, and wait for no answer for ever."""
    by_side = {target.side: target for target in targets}
    for each, side in sides.items():
        target = by_side[side]
        named = each.__dict__.get("host")
        if named is not None and _origin(named) != _origin(target.url):
            raise SafetyRefusal(f"{each.__name__} names the host {named!r}, which is not {side} of the environment")
        each.host = target.url + target.path.rstrip("/")
        if issubclass(each, FastHttpUser):
            each.insecure = False
            if each.ssl_context_factory is None:
                each.ssl_context_factory = functools.partial(create_default_context, cafile=target.ca)
            for timeout in ("network_timeout", "connection_timeout"):
                if getattr(each, timeout) == _LOCUSTS_TIMEOUT_S:
                    setattr(each, timeout, _TIMEOUT_S)


def seat_all(sides: Mapping[type[User], str], seat: Callable[[Any], None]) -> None:
    """Every new user of these classes takes its seat before its first task."""
    for each in sides:
        original = each.__init__

        @functools.wraps(original)
        def seated(user: Any, *arguments: Any, _original: Any = original, **named: Any) -> None:
            _original(user, *arguments, **named)
            if type(user) in sides and not hasattr(user.client, "gonogo_seat"):
                seat(user)

        each.__init__ = seated  # type: ignore[assignment, method-assign]


class Seat:
    """One user's way to its side: its client asks here before it sends, and tells here how that ended."""

    def __init__(self, user: Any, target: Target, gate: Gate) -> None:
        self._name = type(user).__name__
        self._side, self._gate = target.side, gate
        self._origin = _origin(target.url)
        self._one = BoundedSemaphore(1)  # a user of a profile sends one request at a time
        self._free = 0.0
        self._ticket: Ticket | None = None
        self._record: OwnSide | None = None
        client = user.client
        self._client = client
        client.gonogo_seat = self
        user.host = client.base_url = target.url + target.path.rstrip("/")
        self._event, client.request_event = client.request_event, self
        self._call, client.request = client.request, self.request
        if isinstance(user, HttpUser):
            client.headers.update(dict(target.headers))
            client.verify = target.ca or True
            self._adapter, client.get_adapter = client.get_adapter, self._door
        else:
            client.client.default_headers.update(dict(target.headers))
            agent = client.client
            self._send, agent._urlopen = agent._urlopen, self._open_url  # noqa: SLF001 - Locust overrides it, too
        self._fast = not isinstance(user, HttpUser)

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        """What the client's `request` does, once it may."""
        names = ("name", "data", "catch_response", "stream", "headers", "auth", "json", "allow_redirects", "context")
        named.update(zip(names if self._fast else ("name", "catch_response", "context"), arguments, strict=False))
        if not self._fast:
            named.setdefault("timeout", _TIMEOUT_S)
        whole = self._client._build_url(url)  # noqa: SLF001 - what its own request does first
        with self._one:
            wait = self._free - monotonic()
            if wait > 0:
                gevent.sleep(wait)
            self._hold(whole)
            self._record = self._gate.enter(self._side)
            ticket = self._ticket = self._record.leaves(str(method), _path(whole))
            named["context"] = {**named.get("context", {}), _TICKET: ticket}
            try:
                return self._call(method, url, **named)
            except BaseException:
                self._record.broke(ticket, "the call was broken off")
                raise
            finally:
                ticket.back = monotonic_ns()
                self._ticket = None
                self._free = monotonic() + self._gate.delay

    def fire(self, *, reverse: bool = False, **meta: Any) -> None:
        """Locust's request event. A reject of a rate limit goes on as no failure, under a name of its own."""
        ticket = (meta.get("context") or {}).pop(_TICKET, None)
        if ticket is not None and not ticket.told and self._record is not None:
            response = meta.get("response")
            status = int(getattr(response, "status_code", 0) or 0)
            outcome = self._record.returned(
                ticket,
                name=_path(str(meta["name"])) if "://" in str(meta["name"]) else str(meta["name"]),
                status=status,
                milliseconds=meta.get("response_time"),
                failure=meta.get("exception"),
                headers=kept(getattr(response, "headers", None)),
            )
            if outcome is OutcomeClass.LIMITED:
                meta["exception"] = None
                meta["name"] = f"{meta['name']} ({status})"
        self._event.fire(reverse=reverse, **meta)

    def _door(self, url: str) -> Any:
        """The adapter of requests, behind which each request leaves, redirects one by one."""
        return _Door(self._adapter(url), self)

    def pass_through(self, adapter: Any, request: Any, **named: Any) -> Any:
        """Send one prepared request."""
        hop = self._leaves(request.method, request.url)
        response = adapter.send(request, **named)
        _came(hop, response.status_code)
        return response

    def _open_url(self, request: Any) -> Any:
        hop = self._leaves(request.method, request.url)
        response = self._send(request)
        _came(hop, response.status_code)
        return response

    def _leaves(self, method: str, url: str) -> Hop:
        """The first request of a call was let through with it; each redirect asks again."""
        ticket = self._ticket
        if ticket is not None and not ticket.hops[-1].left:
            ticket.hops[-1].left = True
            return ticket.hops[-1]
        self._hold(url)
        self._record = self._gate.enter(self._side)
        if ticket is None:  # a prepared request of the task's own; no event will tell of it
            hop = self._record.leaves(method, _path(url)).hops[0]
        else:
            hop = self._record.hop(ticket, method, _path(url))
        hop.left = True
        return hop

    def _hold(self, url: str) -> None:
        asked = _origin(url)
        if asked != self._origin:
            where = f"{asked[0]}://{asked[1]}:{asked[2]}"
            raise self._gate.refuse(f"{self._name} asked for {where}, which is not {self._side}; it was not sent")


class _Door:
    """An adapter of requests that asks the seat first."""

    def __init__(self, adapter: Any, seat: Seat) -> None:
        self._adapter, self._seat = adapter, seat

    def send(self, request: Any, **named: Any) -> Any:
        """As the adapter's."""
        return self._seat.pass_through(self._adapter, request, **named)


def _came(hop: Hop, status: int) -> None:
    hop.status = status
    hop.received = monotonic_ns()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:  # no number for a port
        return parts.scheme, None, None


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path or "/"

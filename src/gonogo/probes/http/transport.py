"""One HTTP request into its answer, or into the Failure that says why there is none: the way of every HTTP probe.

Secrets are revealed here and nowhere else among the HTTP probes; no failure, note or answer holds one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gonogo.model.environment import Auth, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.authorization import authorization
from gonogo.probes.http.urls import next_hop, port, where

if TYPE_CHECKING:
    import httpx

    from gonogo.probes.http.budget import Budget
    from gonogo.probes.tls import Identity

BODY_CAP = 1024 * 1024
HEADERS_CAP, HEADER_BYTES_CAP = 200, 64 * 1024
HOPS = 5
LONGEST_WAIT = 5.0  # seconds that a Retry-After may ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `ca` is a file relative to the environment's folder; `body` goes out as it is.

    `target` stands in the first line instead of the URL's path, letter by letter. `identity` holds what an
    environment file does not: a client certificate, or a CA as a text.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    auth: Auth = field(default_factory=Auth)
    ca: str | None = None
    follow: bool = False
    body_cap: int = BODY_CAP
    target: str | None = None
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One complete answer; `headers` have lower-case names, `body` is decoded and within its cap."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: timedelta
    address: str
    notes: tuple[str, ...] = ()
    certificate: Mapping[str, Any] | None = None

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the server says that the body is JSON."""
        return self.content_type == "application/json" or self.content_type.endswith("+json")


def fetch(vantage: Vantage, ask: Ask, deadline: Deadline, *, patient: bool = True) -> Answer:
    """Send `ask` and read the whole answer. A 429, or a 503 with Retry-After, is waited for once if `patient`;
    a second one is Failure(LIMITED).
    """
    answer = _through_hops(vantage, ask, deadline)
    if not patient or not _limited(answer):
        return answer
    wanted = _retry_after(answer.headers.get("retry-after"))
    if wanted is not None and wanted <= min(LONGEST_WAIT, deadline.left):
        time.sleep(wanted)
        answer = _through_hops(vantage, ask, deadline)
        if not _limited(answer):
            return answer
    said = answer.headers.get("retry-after", "none")
    raise Failure(Cause.LIMITED, f"{where(ask.url)} answered {answer.status}, rate limited (Retry-After: {said[:40]})")


def prepare(vantage: Vantage, ask: Ask) -> None:
    """Make the client now, so that the time of the first request is not its. Sends nothing."""
    _client(vantage, ca_file(vantage, ask.ca))


def allowed_hosts(environment: Environment) -> frozenset[str]:
    """Every host that may be contacted at all: those of the sides, the back ends and guards.hosts."""
    urls = [side.url for side in environment.sides.values()]
    urls += [back_end.address for back_end in environment.back_ends.values() if back_end.address]
    hosts = {(urlsplit(url if "//" in url else f"//{url}").hostname or "").lower() for url in urls}
    return frozenset(hosts | {host.lower() for host in environment.guards.hosts}) - {""}


def ca_file(vantage: Vantage, ca: str | None) -> str | None:
    """The CA bundle as a path from here."""
    return str(Path(vantage.base, ca)) if ca else None


def _through_hops(vantage: Vantage, ask: Ask, deadline: Deadline) -> Answer:
    url, hops = ask.url, [ask.url]
    headers = {**ask.headers, **authorization(vantage, ask.auth, ask.url)}
    while True:
        answer = _send(vantage, ask, url, headers, deadline)
        target = answer.headers.get("location")
        if not ask.follow or answer.status not in (301, 302, 303, 307, 308) or target is None:
            return answer
        if ask.method not in ("GET", "HEAD"):
            raise Failure(Cause.BROKEN, f"{ask.method} {where(url)} is redirected; only GET and HEAD are followed")
        url = next_hop(url, target)
        if url in hops or len(hops) > HOPS:
            why = "in a circle" if url in hops else f"more than {HOPS} times"
            raise Failure(Cause.BROKEN, f"redirected {why}: {' -> '.join(hop[:120] for hop in [*hops, url])}")
        hops.append(url)


def _send(vantage: Vantage, ask: Ask, url: str, headers: Mapping[str, str], deadline: Deadline) -> Answer:
    parts = urlsplit(url)
    _guard(vantage, url)
    shared = _client(vantage, ca_file(vantage, ask.ca), ask.identity)
    from gonogo.probes.http.budget import BUDGET, SPARE, Budget  # noqa: PLC0415

    for attempt in (1, 2):
        budget = Budget(
            where=f"{parts.hostname}:{port(parts)}",
            ends=deadline.ends,
            allowed=deadline.allowed,
            wire_bytes=ask.body_cap + SPARE,
        )
        token = BUDGET.set(budget)
        started = time.perf_counter()
        try:
            request = shared.build_request(ask.method, url, headers=dict(headers), content=ask.body)
            if ask.target is not None:
                request.extensions = {**request.extensions, "target": ask.target.encode("ascii")}
            response = shared.send(request, stream=True)
            try:
                return _read(response, budget, url, ask, started)
            finally:
                response.close()
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - a look ends in evidence, whatever the client raises
            failure = _failure(error, budget)
            # A kept connection that dies before the first byte was closed while idle: no attempt of the server's.
            idle_closed = failure.lost and not budget.dialled and budget.received == 0
            if attempt == 2 or not idle_closed or ask.method not in ("GET", "HEAD"):
                raise failure from None
        finally:
            BUDGET.reset(token)
    raise AssertionError("unreachable")


def _read(response: httpx.Response, budget: Budget, url: str, ask: Ask, started: float) -> Answer:
    from gonogo.probes.http.body import read_body  # noqa: PLC0415 - zlib, at the first answer

    raw = response.headers.raw
    size = sum(len(name) + len(value) + 4 for name, value in raw)
    if len(raw) > HEADERS_CAP or size > HEADER_BYTES_CAP:
        raise Failure(
            Cause.BROKEN,
            f"{budget.where} sent {len(raw)} headers of {size} bytes; "
            f"the caps are {HEADERS_CAP} headers and {HEADER_BYTES_CAP} bytes",
        )
    if response.status_code == 101:
        raise Failure(Cause.BROKEN, f"{budget.where} answered 101 and switched protocols unasked")
    headers = {name.lower(): value for name, value in response.headers.items()}
    budget.stage = "reading the body from"
    redirect = 300 <= response.status_code < 400
    body = b"" if redirect else read_body(response.stream, headers, budget.where, ask.body_cap, ask.method)
    stream = response.extensions["network_stream"]
    address = stream.get_extra_info("server_addr")
    return Answer(
        url=url,
        status=response.status_code,
        headers=headers,
        body=body,
        elapsed=timedelta(seconds=time.perf_counter() - started),
        address=f"{address[0]}:{address[1]}" if ":" not in address[0] else f"[{address[0]}]:{address[1]}",
        notes=tuple(budget.notes),
        certificate=stream.get_extra_info("certificate"),
    )


def _failure(error: Exception, budget: Budget) -> Failure:
    import httpcore  # noqa: PLC0415 - imported long since
    import httpx  # noqa: PLC0415

    match error:
        case Failure():
            return error
        case httpcore.RemoteProtocolError() if "disconnected without" in str(error) or "peer closed" in str(error):
            return Failure(
                Cause.UNREACHABLE,
                f"{budget.where} closed the connection {budget.stage} it, {budget.received} bytes received",
                lost=True,
            )
        case httpcore.RemoteProtocolError():
            return Failure(Cause.BROKEN, f"{budget.where} does not speak HTTP/1.1: {str(error)[:120]}")
        case httpcore.WriteError() | httpcore.NetworkError():
            return Failure(Cause.UNREACHABLE, f"{budget.where}: connection lost {budget.stage} it", lost=True)
        case httpx.InvalidURL() | UnicodeError():
            return Failure(Cause.REFUSED, f"{budget.where}: not a URL that can be asked for")
        case _:
            # The message may hold what was sent, so only the kind is told.
            return Failure(Cause.UNAVAILABLE, f"{budget.where}: {type(error).__name__} in the HTTP client")


def _guard(vantage: Vantage, url: str) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise Failure(Cause.REFUSED, f"{parts.scheme}://{host} is no http or https address; nothing was sent")
    if host not in vantage.shared("hosts", lambda: allowed_hosts(vantage.environment)):
        raise Failure(Cause.REFUSED, f"{host} is not a host of {vantage.environment.name}; nothing was sent")


def _client(vantage: Vantage, ca: str | None, identity: Identity | None = None) -> httpx.Client:
    named = frozenset(host.lower() for host in vantage.environment.guards.hosts)

    def private(host: str) -> bool:
        from gonogo.probes.addresses import is_literal  # noqa: PLC0415

        return is_literal(host) or host in named

    def make() -> httpx.Client:
        # httpx's command line imports rich, click and pygments where they are installed; httpx does without it.
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
        from gonogo.probes.http import wire  # noqa: PLC0415 - imports httpx, once a run

        return wire.client(ca, private, identity)

    return vantage.shared(f"http {ca or ''} {hash(identity) if identity else ''}", make)


def _limited(answer: Answer) -> bool:
    return answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers)


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait; None if the header is missing or says nothing usable."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:6])
    when = http_date(text)
    return None if when is None else max(0.0, (when - datetime.now(tz=UTC)).total_seconds())


def http_date(text: str) -> datetime | None:
    """An HTTP date as a time in UTC; None if it is none."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)

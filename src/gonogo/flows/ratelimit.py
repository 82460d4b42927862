"""One URL into what is known of its rate limiter: guarded, asked step by step as the plan says, judged."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from gonogo.config.addresses import is_loopback
from gonogo.config.environment import load_environment
from gonogo.config.policy import load_policy
from gonogo.config.secrets import Secrets
from gonogo.judges.rate_inference import infer
from gonogo.judges.rate_limit import validate
from gonogo.judges.rate_plan import AT_MOST, Done, Send, Wait, next_step
from gonogo.model.environment import Auth, Environment, Guards, Side
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.examination import Examination
from gonogo.model.load import Event, OutcomeClass
from gonogo.model.ratelimit import Policy, PropertyResult, Shown
from gonogo.probes.authorization import authorization
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.transport import Ask, allowed_hosts, fetch, prepare

SIDE = "url"
HEAVY = ("aggressive", "heavy", "stress")  # a live system takes this command only where it takes one of these
POOL = 64  # a limiter that makes requests wait is filled by as many as wait in it
DEADLINE = timedelta(seconds=10)
BODY_CAP = 64 * 1024
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)\Z")
_OWN = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_KEPT = ("ratelimit", "retry-after", "date", "x-rate", "age", "x-cache", "cache-control", "server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    url: str
    root: Path
    environment: str | None = None
    headers: tuple[str, ...] = field(default=(), repr=False)
    policy: Path | None = None
    at_most: int = 200
    patience: float = 900.0


def examine(asked: Asked, watch: Callable[[int, float], None] | None = None) -> Examination:
    """What the limiter shows. SafetyRefusal and ConfigError before anything is sent."""
    parts = _address(asked.url)
    environment = _environment(asked, parts)
    if not 1 <= asked.at_most <= AT_MOST:
        raise ConfigError(f"--max-requests is a number from 1 to {AT_MOST}, not {asked.at_most}")
    headers = _headers(asked.headers)
    policy = None if asked.policy is None else load_policy(asked.policy, parts.path or "/")
    side = _side(environment, parts)
    vantage = Vantage(
        environment=environment,
        release=None,
        now=datetime.now(UTC),
        t0=None,
        reveal=Secrets(environment).reveal,
        base=str(asked.root / "environments"),
    )
    try:
        headers = {**authorization(vantage, side.auth, asked.url), **headers}
        ask = Ask(url=asked.url, headers=headers, ca=side.ca, body_cap=BODY_CAP)
        prepare(vantage, ask)
        sender = _Sender(vantage=vantage, ask=ask)
        events, ended = _play(sender, asked, policy, watch or (lambda _sent, _wait: None))
    finally:
        vantage.close()
    return _judged(asked, events, ended, policy, vantage.now.timestamp())


def _judged(asked: Asked, events: tuple[Event, ...], ended: str, policy: Policy | None, started: float) -> Examination:
    seen = Examination(
        url=asked.url,
        environment=asked.environment,
        events=events,
        ended=ended,
        policy=policy,
        cautions=tuple(_cautions(events)),
    )
    if policy is None:
        return replace(seen, inferred=infer(events))
    return replace(seen, results=tuple(map(_without_latency, validate(events, [policy], started=started))))


def _without_latency(result: PropertyResult) -> PropertyResult:
    """A burst of threads queues in this process: its latencies are not the server's."""
    if result.id not in ("P23", "P24"):
        return result
    return replace(result, verdict=Shown.NOT_VISIBLE, reason="latencies are judged in load profiles, not here")


def _cautions(events: tuple[Event, ...]) -> list[str]:
    """What makes any verdict doubtful."""
    lost = [event.error for event in events if event.status == 0]
    return [f"{len(lost)} of {len(events)} requests had no answer: {lost[0]}"] if lost else []


@dataclass(slots=True, kw_only=True)
class _Sender:
    """Sends one request and keeps when it went and what came."""

    vantage: Vantage
    ask: Ask
    start: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return time.monotonic() - self.start

    def once(self, intended: float) -> Event:
        delay = intended - self.now()
        if delay > 0:
            time.sleep(delay)
        path = urlsplit(self.ask.url).path or "/"
        sent, status, error = self.now(), 0, ""
        headers: tuple[tuple[str, str], ...] = ()
        try:
            answer = fetch(self.vantage, self.ask, Deadline(DEADLINE), patient=False)
            status, headers = answer.status, tuple(_rate_limit_ones(answer.headers))
        except Failure as failure:
            error = failure.detail
        if 0 < status < 400:
            outcome = OutcomeClass.ACCEPTED
        else:
            outcome = OutcomeClass.LIMITED if status == 429 else OutcomeClass.ERROR
        return Event(
            side=SIDE,
            endpoint=f"GET {path}",
            intended=intended,
            sent=sent,
            received=self.now(),
            status=status,
            outcome=outcome,
            headers=headers,
            error=error,
        )


def _play(
    sender: _Sender, asked: Asked, policy: Policy | None, watch: Callable[[int, float], None]
) -> tuple[tuple[Event, ...], str]:
    """Do as the plan says until it is done."""
    events: list[Event] = []
    with ThreadPoolExecutor(max_workers=POOL, thread_name_prefix="gonogo-send") as pool:
        while True:
            step = next_step(events, sender.now(), policy=policy, at_most=asked.at_most, patience=asked.patience)
            match step:
                case Done(reason=reason):
                    return tuple(events), reason
                case Wait(seconds=seconds):
                    watch(len(events), seconds)
                    time.sleep(seconds)
                case Send(n=n, spacing=spacing):
                    begin = sender.now()
                    if n == 1:
                        events.append(sender.once(begin))
                        continue
                    moments = [begin + number * spacing for number in range(n)]
                    events += sorted(pool.map(sender.once, moments), key=lambda event: event.sent)


def _rate_limit_ones(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value[:500]) for name, value in headers.items() if any(part in name for part in _KEPT)]


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"wants a URL like https://host/path, not {url!r}")
    if parts.username is not None or parts.password is not None:
        raise SafetyRefusal("the URL holds user information (before the @); give it with --header instead")
    if not url.isascii() or not url.isprintable() or " " in url or parts.fragment:
        raise ConfigError("the URL holds white space, a fragment or characters that are not ASCII")
    return parts


def _environment(asked: Asked, parts: SplitResult) -> Environment:
    """The environment that allows the host; a loopback host needs none."""
    host = (parts.hostname or "").lower()
    if asked.environment is None:
        if not is_loopback(host):
            raise SafetyRefusal(f"{host} is not this machine: name the environment that lists it with --env")
        return Environment(
            name="loopback",
            system="loopback",
            describe="this machine",
            sides={SIDE: Side(url=f"{parts.scheme}://{parts.netloc}")},
            guards=Guards(live=False, max_requests=AT_MOST),
        )
    environment = load_environment(asked.environment, asked.root / "environments", root=asked.root)
    guards = environment.guards
    if host not in allowed_hosts(environment) and not is_loopback(host):
        raise SafetyRefusal(f"{host} is not a host of {environment.name}", environment.origin)
    if guards.live and parts.scheme != "https" and not is_loopback(host):
        raise SafetyRefusal(f"{asked.url} is http, and {environment.name} is a live environment: use https")
    if not is_loopback(host) and not set(HEAVY) & set(guards.profiles):
        allowed = ", ".join(guards.profiles) or "none"
        raise SafetyRefusal(
            f"{environment.name} allows no profile that exhausts a limit: {', '.join(HEAVY)} "
            f"(guards.profiles: {allowed})",
            environment.origin,
        )
    if asked.at_most > guards.max_requests and not is_loopback(host):
        raise SafetyRefusal(
            f"{environment.name} takes {guards.max_requests} requests at most (guards.max_requests), "
            f"--max-requests is {asked.at_most}",
            environment.origin,
        )
    if host not in allowed_hosts(environment):  # loopback beside the hosts of the file
        environment = replace(environment, guards=replace(guards, hosts=(*guards.hosts, host)))
    return environment


def _side(environment: Environment, parts: SplitResult) -> Side:
    """The side whose origin the URL has: its credentials and CA go with the requests, to nowhere else."""
    for side in environment.sides.values():
        own = urlsplit(side.url)
        if (own.scheme, own.netloc.lower()) == (parts.scheme, parts.netloc.lower()):
            return side
    return Side(url=f"{parts.scheme}://{parts.netloc}", auth=Auth())


def _headers(lines: tuple[str, ...]) -> dict[str, str]:
    """`Name: value` lines. They may hold a secret: no message repeats a value."""
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.match(line)
        if match is None:
            raise ConfigError("--header wants 'Name: value' in printable ASCII (the value is not repeated here)")
        if match[1].lower() in _OWN:
            raise ConfigError(f"--header cannot set {match[1]}: the connection does")
        headers[match[1]] = match[2]
    return headers

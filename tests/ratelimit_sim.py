"""Limiters on a virtual clock, right ones and broken ones, and a client whose network shakes by up to 20 ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil, floor
from random import Random

from gonogo.model.load import Event, OutcomeClass
from gonogo.model.ratelimit import Algorithm, Dialect, Policy

EPOCH = 1_790_000_000.0
PATH = "/api/v2/recommend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a limiter decides; seconds are exact."""

    admitted: bool
    remaining: int
    reset: float
    wait: float


class Limiter:
    """One key's counter. `at` is the server's clock, never earlier than before."""

    def __init__(self, policy: Policy, phase: float = 0.0) -> None:
        self.policy = policy
        self.limit, self.width = policy.limit, policy.window.total_seconds()
        self.phase = phase
        self.log: deque[float] = deque()
        self.window, self.count, self.before = float("-inf"), 0, 0
        self.tokens, self.last = float(policy.at_once), float("-inf")

    def hit(self, at: float) -> Answer:
        """Count one request."""
        match self.policy.algorithm:
            case Algorithm.NONE:
                return Answer(admitted=True, remaining=0, reset=0, wait=0)
            case Algorithm.FIXED_WINDOW:
                return self._fixed(at)
            case Algorithm.SLIDING_LOG:
                return self._log(at)
            case Algorithm.SLIDING_COUNTER:
                return self._weighted(at)
            case _:
                return self._bucket(at)

    def _fixed(self, at: float) -> Answer:
        if self.policy.aligned is False:
            if at >= self.window + self.width:
                self.window, self.count = at, 0
        else:
            start = floor((at - self.phase) / self.width) * self.width + self.phase
            if start != self.window:
                self.window, self.count = start, 0
        ends = self.window + self.width - at
        admitted = self.count < self.limit
        self.count += admitted or self.policy.counts_rejected
        return Answer(admitted=admitted, remaining=max(0, self.limit - self.count), reset=ends, wait=ends)

    def _log(self, at: float) -> Answer:
        while self.log and self.log[0] <= at - self.width:
            self.log.popleft()
        admitted = len(self.log) < self.limit
        if admitted or self.policy.counts_rejected:
            self.log.append(at)
        oldest = self.log[max(0, len(self.log) - self.limit)] + self.width - at
        return Answer(admitted=admitted, remaining=max(0, self.limit - len(self.log)), reset=oldest, wait=oldest)

    def _weighted(self, at: float) -> Answer:
        start = floor((at - self.phase) / self.width) * self.width + self.phase
        if start != self.window:
            self.before = self.count if start - self.window < 1.5 * self.width else 0
            self.window, self.count = start, 0
        gone = (at - start) / self.width
        admitted = self.count + self.before * (1 - gone) < self.limit
        self.count += admitted or self.policy.counts_rejected
        counted = self.count + self.before * (1 - gone)
        if self.count < self.limit:  # the window before fades until one fits
            wait = self.width * (1 - (self.limit - self.count) / self.before) if self.before else 0.0
            wait = max(0.0, start + wait - at)
        else:
            wait = start + self.width + self.width * max(0.0, 1 - self.limit / self.count) - at
        left = max(0, floor(self.limit - counted))
        return Answer(admitted=admitted, remaining=left, reset=start + self.width - at, wait=wait)

    def _bucket(self, at: float) -> Answer:
        most, refill = float(self.policy.at_once), self.limit / self.width
        self.tokens = min(most, self.tokens + refill * (at - self.last)) if self.last > float("-inf") else most
        self.last = at
        admitted = self.tokens >= 1
        if admitted or self.policy.counts_rejected:
            self.tokens -= 1
        wait = max(0.0, (1 - self.tokens) / refill)
        return Answer(
            admitted=admitted, remaining=max(0, floor(self.tokens)), reset=(most - self.tokens) / refill, wait=wait
        )


Headers = dict[str, str]
Twist = Callable[["Server", Answer, float, int, Headers], int]


@dataclass(slots=True, kw_only=True)
class Server:
    """A limiter behind HTTP. `twist` may change headers and status: that is how a mutant lies."""

    policy: Policy
    limiters: list[Limiter]
    dialect: Dialect = Dialect.DRAFT
    says_wait: bool = True
    twist: Twist | None = None
    slow: float = 0.0  # seconds added to what is admitted once something was rejected
    turn: int = 0
    rejected: int = 0
    hits: int = 0

    def answer(self, at: float) -> tuple[int, Headers, float]:
        """Status, headers and service time."""
        self.hits += 1
        limiter = self.limiters[self.turn % len(self.limiters)]
        self.turn += 1
        found = limiter.hit(at)
        self.rejected += not found.admitted
        status = 200 if found.admitted else self.policy.reject_status
        fields = self._headers(found, at)
        if self.twist is not None:
            status = self.twist(self, found, at, status, fields)
        return status, fields, self.slow if found.admitted and self.rejected else 0.0

    def _headers(self, found: Answer, at: float) -> Headers:
        fields = {"date": format_datetime(datetime.fromtimestamp(floor(EPOCH + at), UTC), usegmt=True)}
        if not found.admitted and self.says_wait:
            fields["retry-after"] = str(ceil(found.wait))
        if self.policy.algorithm is Algorithm.NONE:
            return fields
        limit, left, ends = str(self.policy.at_once), str(found.remaining), found.reset
        match self.dialect:
            case Dialect.DRAFT:
                fields["ratelimit-policy"] = f'"default";q={limit};w={round(self.policy.window.total_seconds())}'
                fields["ratelimit"] = f'"default";r={left};t={ceil(ends)}'
            case Dialect.DRAFT_OLD:
                fields |= {"ratelimit-limit": limit, "ratelimit-remaining": left, "ratelimit-reset": str(ceil(ends))}
            case Dialect.NONE | Dialect.ANY:
                pass
            case _:
                text = {
                    Dialect.LEGACY_EPOCH: str(ceil(EPOCH + at + ends)),
                    Dialect.LEGACY_EPOCH_MS: str(ceil((EPOCH + at + ends) * 1000)),
                    Dialect.LEGACY_DATE: format_datetime(
                        datetime.fromtimestamp(ceil(EPOCH + at + ends), UTC), usegmt=True
                    ),
                }.get(self.dialect, str(ceil(ends)))
                fields |= {"x-ratelimit-limit": limit, "x-ratelimit-remaining": left, "x-ratelimit-reset": text}
        return fields


@dataclass(slots=True, kw_only=True)
class Client:
    """Sends in sequence or at given times, with one way of the network taking 1 to 20 ms."""

    server: Server
    random: Random
    side: str = "canary"
    path: str = PATH
    at: float = 0.0
    shake: float = 0.02
    events: list[Event] = field(default_factory=list)

    def send(self) -> int:
        """One request in sequence."""
        there, back = (self.random.uniform(0.001, self.shake) for _ in range(2))
        arrives = self.at + there
        status, fields, took = self.server.answer(arrives)
        self._keep(self.at, arrives + took + back, status, fields)
        self.at = arrives + took + back + 0.0002
        return status

    def burst(self, n: int) -> None:
        """Some requests one after the other."""
        for _ in range(n):
            self.send()

    def arrivals(self, times: Sequence[float]) -> None:
        """Requests at given times that do not wait for each other."""
        planned = sorted((at + self.random.uniform(0.001, self.shake), at) for at in times)
        for arrives, sent in planned:
            status, fields, took = self.server.answer(arrives)
            self._keep(sent, arrives + took + self.random.uniform(0.001, self.shake), status, fields)
        self.at = max((event.received for event in self.events), default=self.at) + 0.001

    def rest(self, seconds: float) -> None:
        """Send nothing for a while."""
        self.at += seconds

    def _keep(self, sent: float, received: float, status: int, fields: Headers) -> None:
        outcome = OutcomeClass.LIMITED if status == 429 else OutcomeClass.ERROR
        outcome = OutcomeClass.ACCEPTED if status < 400 else outcome
        self.events.append(
            Event(
                side=self.side,
                endpoint=f"GET {self.path}",
                intended=sent,
                sent=sent,
                received=received,
                status=status,
                outcome=outcome,
                headers=tuple(fields.items()),
            )
        )


def chance(seed: int | str) -> Random:
    """The same every time."""
    return Random(seed)  # noqa: S311 - a simulation


def explore(client: Client, policy: Policy, *, polls: int = 12) -> list[Event]:
    """A burst to rejection, polls until the quota comes back, a second burst, a rest, a split burst."""
    width, most = policy.window.total_seconds(), policy.at_once
    client.burst(most + 6)
    for _ in range(polls):
        client.rest(width / polls * 1.3)
        client.send()
    client.burst(most + 2)
    client.rest(1.5)
    client.send()
    client.rest(2.2 * width * max(1.0, most / policy.limit))
    client.burst(most // 2)
    client.rest(0.6 * width)
    client.burst(most + 3)
    client.rest(0.5 * width)
    client.burst(most // 2 + 2)
    client.rest(2.2 * width * max(1.0, most / policy.limit))
    for _ in range(4):
        client.burst(most + 3)
        client.rest(0.55 * width)
    return client.events


FAMILIES = (
    Algorithm.FIXED_WINDOW,
    Algorithm.SLIDING_LOG,
    Algorithm.SLIDING_COUNTER,
    Algorithm.TOKEN_BUCKET,
    Algorithm.GCRA,
)
DIALECTS = (
    Dialect.DRAFT,
    Dialect.DRAFT_OLD,
    Dialect.LEGACY_EPOCH,
    Dialect.LEGACY_EPOCH_MS,
    Dialect.LEGACY_DELTA,
    Dialect.LEGACY_DATE,
)


def declare(algorithm: Algorithm, limit: int = 10, window: float = 10.0, **more: object) -> Policy:
    """A policy of the usual path."""
    made = Policy(
        path=PATH,
        algorithm=algorithm,
        limit=limit,
        window=timedelta(seconds=window),
        retry_after=True,
        headers=Dialect.DRAFT,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def serve(policy: Policy, random: Random, **more: object) -> Server:
    """A server that keeps a policy."""
    limiter = Limiter(policy, random.uniform(0, policy.window.total_seconds()))
    dialect = policy.headers if policy.headers is not Dialect.ANY else Dialect.DRAFT
    return replace(Server(policy=policy, limiters=[limiter], dialect=dialect), **more)  # type: ignore[arg-type]


def conforming(seed: int) -> tuple[Policy, list[Event]]:
    """A drawn policy, and the timeline of one who asks a limiter that keeps it."""
    random = chance(seed)
    algorithm = FAMILIES[seed % len(FAMILIES)]
    policy = declare(
        algorithm,
        random.randint(3, 40),
        random.choice([1.0, 2.0, 5.0, 10.0, 30.0, 60.0]),
        headers=random.choice(DIALECTS),
        aligned=random.choice([True, False, None]),
        burst=random.choice([None, random.randint(1, 20)]) if algorithm.bucket else None,
        counts_rejected=algorithm is Algorithm.SLIDING_LOG and random.random() < 0.2,
    )
    client = Client(server=serve(policy, random), random=random, at=random.uniform(0, 5))
    width = policy.window.total_seconds()
    if random.random() < 0.3:  # without waiting for answers
        client.arrivals([random.uniform(0, 3 * width) for _ in range(5 * policy.limit)])
    else:
        explore(client, policy, polls=random.choice([5, 12, 20]))
    return policy, client.events


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A way to be wrong: of these families, from a policy and chance to the server that breaks it."""

    name: str
    build: Callable[[Policy, Random], Server]
    families: tuple[Algorithm, ...] = FAMILIES
    declared: Callable[[Policy], Policy] = lambda policy: policy


def _other(**change: object) -> Callable[[Policy, Random], Server]:
    """A server of another policy than the declared one that says it keeps the declared one."""

    def build(policy: Policy, random: Random) -> Server:
        wrong = replace(policy, **{k: v(policy) if callable(v) else v for k, v in change.items()})  # type: ignore[arg-type]
        return replace(serve(wrong, random), policy=policy)

    return build


def _twisted(twist: Twist, **more: object) -> Callable[[Policy, Random], Server]:
    return lambda policy, random: serve(policy, random, twist=twist, **more)


def _retry(change: Callable[[float, Policy], str | None]) -> Callable[[Policy, Random], Server]:
    def twist(server: Server, found: Answer, at: float, status: int, fields: Headers) -> int:
        if not found.admitted:
            text = change(found.wait, server.policy)
            fields.pop("retry-after", None)
            if text is not None:
                fields["retry-after"] = text
        return status

    return _twisted(twist)


def _remaining(change: Callable[[int, Server], str]) -> Callable[[Policy, Random], Server]:
    def twist(server: Server, found: Answer, at: float, status: int, fields: Headers) -> int:
        head = f'"default";r={change(found.remaining, server)}'
        fields["ratelimit"] = f"{head};t={ceil(found.reset)}"
        return status

    return _twisted(twist)


def _status(status_of: Callable[[Server, Answer, float, int], int]) -> Callable[[Policy, Random], Server]:
    return _twisted(lambda server, found, at, status, _fields: status_of(server, found, at, status))


def _field(name: str, value: str, *, on_reject: bool = False) -> Callable[[Policy, Random], Server]:
    def twist(server: Server, found: Answer, at: float, status: int, fields: Headers) -> int:
        if not (on_reject and found.admitted):
            fields[name] = value
        return status

    return _twisted(twist)


def _replicas(policy: Policy, random: Random) -> Server:
    made = serve(policy, random)
    return replace(made, limiters=[Limiter(policy, made.limiters[0].phase) for _ in range(3)])


def _late(policy: Policy, random: Random) -> Server:
    def twist(server: Server, found: Answer, at: float, status: int, fields: Headers) -> int:
        return 200 if at < 2 else status

    return serve(policy, random, twist=twist)


def _restarting(policy: Policy, random: Random) -> Server:
    def twist(server: Server, found: Answer, at: float, status: int, fields: Headers) -> int:
        if server.hits % (policy.at_once // 2 + 1) == 0:
            server.limiters[0] = Limiter(policy, server.limiters[0].phase)
        return status

    return serve(policy, random, twist=twist)


def _banning(policy: Policy, random: Random) -> Server:
    until = [0.0]

    def twist(server: Server, found: Answer, at: float, status: int, fields: Headers) -> int:
        if status == 429 and at >= until[0]:
            until[0] = at + 10 * policy.window.total_seconds()
        return 429 if at < until[0] else status

    return serve(policy, random, twist=twist)


def _slow(policy: Policy, random: Random) -> Server:
    return serve(policy, random, slow=0.2)


def _speaking(dialect: Dialect) -> Callable[[Policy, Random], Server]:
    return lambda policy, random: serve(policy, random, dialect=dialect)


WINDOWS = (Algorithm.FIXED_WINDOW, Algorithm.SLIDING_LOG)
SLIDING = (Algorithm.SLIDING_LOG, Algorithm.SLIDING_COUNTER)
BUCKETS = (Algorithm.TOKEN_BUCKET, Algorithm.GCRA)


def _http_date(wait: float, policy: Policy) -> str:
    return format_datetime(datetime.fromtimestamp(EPOCH - 86400, UTC), usegmt=True)


def mutants() -> Iterator[Mutant]:
    """All of them."""
    yield Mutant(name="one more", build=_other(limit=lambda p: p.limit + 1))
    yield Mutant(name="one less", build=_other(limit=lambda p: p.limit - 1))
    yield Mutant(name="twice the limit", build=_other(limit=lambda p: p.limit * 2))
    yield Mutant(name="half the limit", build=_other(limit=lambda p: p.limit // 2))
    yield Mutant(name="no limit", build=_other(algorithm=Algorithm.NONE))
    yield Mutant(name="half the window", build=_other(window=lambda p: p.window / 2))
    yield Mutant(name="twice the window", build=_other(window=lambda p: p.window * 2))
    yield Mutant(name="rejects with 503", build=_status(lambda _s, _a, _at, st: 503 if st == 429 else st))
    yield Mutant(name="rejects with 403", build=_status(lambda _s, _a, _at, st: 403 if st == 429 else st))
    yield Mutant(name="rejects with 200 and an error in the body", build=_status(lambda _s, _a, _at, _st: 200))
    yield Mutant(name="no Retry-After", build=_retry(lambda _w, _p: None))
    yield Mutant(name="Retry-After always 0", build=_retry(lambda _w, _p: "0"))
    yield Mutant(
        name="Retry-After always the window", build=_retry(lambda _w, p: f"{p.window.seconds}"), families=BUCKETS
    )
    yield Mutant(name="Retry-After negative", build=_retry(lambda w, _p: str(-ceil(w) - 1)))
    yield Mutant(name="Retry-After in ms", build=_retry(lambda w, _p: str(ceil(w * 1000))))
    yield Mutant(name="Retry-After half of the truth", build=_retry(lambda w, _p: str(floor(w / 2))), families=WINDOWS)
    yield Mutant(name="Retry-After of words", build=_retry(lambda _w, _p: "soon"))
    yield Mutant(name="Retry-After with a unit", build=_retry(lambda w, _p: f"{ceil(w)}s"))
    yield Mutant(name="Retry-After static and too short", build=_retry(lambda _w, _p: "1"), families=WINDOWS)
    yield Mutant(name="instant where seconds are declared", build=_speaking(Dialect.LEGACY_EPOCH), declared=_delta)
    yield Mutant(name="seconds where an instant is declared", build=_speaking(Dialect.LEGACY_DELTA), declared=_epoch)
    yield Mutant(
        name="ms where seconds since 1970 are declared", build=_speaking(Dialect.LEGACY_EPOCH_MS), declared=_epoch
    )
    yield Mutant(name="no headers", build=_speaking(Dialect.NONE))
    yield Mutant(name="remaining stuck", build=_remaining(lambda _r, _s: "3"))
    yield Mutant(name="remaining always 0", build=_remaining(lambda _r, _s: "0"))
    yield Mutant(name="remaining negative", build=_remaining(lambda r, _s: str(r - 5)))
    yield Mutant(name="remaining one too many", build=_remaining(lambda r, _s: str(r + 1)), families=WINDOWS)
    yield Mutant(name="remaining one too few", build=_remaining(lambda r, _s: str(max(0, r - 1))), families=WINDOWS)
    yield Mutant(name="remaining rises", build=_remaining(lambda r, s: str(s.policy.at_once - r)))
    yield Mutant(name="remaining with a fraction", build=_remaining(lambda r, _s: f"{r}.5"))
    yield Mutant(name="rejected requests count", build=_other(counts_rejected=True), families=(*SLIDING, *BUCKETS))
    yield Mutant(name="three replicas that count alone", build=_replicas)
    yield Mutant(
        name="fixed where sliding is declared", build=_other(algorithm=Algorithm.FIXED_WINDOW), families=SLIDING
    )
    yield Mutant(
        name="fixed where a bucket is declared", build=_other(algorithm=Algorithm.FIXED_WINDOW), families=BUCKETS
    )
    yield Mutant(
        name="bucket where a log is declared", build=_other(algorithm=Algorithm.GCRA), families=(Algorithm.SLIDING_LOG,)
    )
    yield Mutant(name="500 at 80 % of the limit", build=_status(_failing))
    yield Mutant(name="admitted ones slow while others are rejected", build=_slow)
    yield Mutant(name="public rejections", build=_field("cache-control", "public, max-age=60", on_reject=True))
    yield Mutant(name="rejections from a cache", build=_field("age", "12", on_reject=True))
    yield Mutant(name="off for the first 2 s", build=_late)
    yield Mutant(name="ban of ten windows", build=_banning)
    yield Mutant(name="counter lost at restarts", build=_restarting)
    yield Mutant(name="another limit in the header", build=_field("ratelimit-policy", '"default";q=99;w=10'))
    yield Mutant(name="another window in the header", build=_field("ratelimit-policy", '"default";q=10;w=60'))
    yield Mutant(name="reset beyond the window", build=_field("ratelimit", '"default";r=3;t=86400'))
    yield Mutant(name="Retry-After of yesterday", build=_retry(_http_date))


def _delta(policy: Policy) -> Policy:
    return replace(policy, headers=Dialect.LEGACY_DELTA)


def _epoch(policy: Policy) -> Policy:
    return replace(policy, headers=Dialect.LEGACY_EPOCH)


def _failing(server: Server, found: Answer, at: float, status: int) -> int:
    return 500 if found.admitted and found.remaining < 0.2 * server.policy.at_once else status

"""A whole service on a virtual clock, with keys, routes and connections, and an examination played on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from urllib.parse import unquote

from tests.ratelimit_sim import PATH, Server, serve

from gonogo.judges.rate.plan import Done, Send, Wait, next_step
from gonogo.judges.rate.scenes import judge_examination
from gonogo.model.load import OutcomeClass
from gonogo.model.rate_scenes import Key, Scenario, Tried, Variant
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Scope

OTHER, HEALTH = "/api/v2/other", "/health"
ALL = Scenario(
    target=PATH, key_header="X-API-Key", other_key=True, other_target=OTHER, exempt=(HEALTH,)
)  # everything is at hand
PLAIN = Variant(name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the service sees. `key` is None for somebody unknown."""

    key: str | None
    route: str  # the path that a router makes of it
    raw: str  # the path as it was sent
    forged: str = ""  # the value of a forwarding header
    connection: int = 0  # 0: a kept one
    method: str = "GET"


Counter = Callable[[Request], object]  # whose counter a request is of


def by_key_and_route(request: Request) -> object:
    """The right one of a policy per key and route."""
    return request.key, request.route


@dataclass(slots=True, kw_only=True)
class Service:
    """Routes, keys and one limiter a counter. `open_`: who has no key is served too."""

    policy: Policy
    random: Random
    counter: Counter = by_key_and_route
    build: Callable[[Policy, Random], Server] = serve
    open_: bool = False
    strict_case: bool = False  # a header in another case is no key
    limited: tuple[str, ...] = (PATH, OTHER)
    shell: bool = False  # unknown paths are answered with a page
    at_once: int = 10**9  # requests under way that are taken
    servers: dict[object, Server] = field(default_factory=dict)
    asked: int = 0
    connections: int = 0

    def read(self, variant: Variant, fresh: bool) -> Request:
        """What arrives of a variant."""
        target = PATH if variant.target is None else variant.target
        raw = target.partition("?")[0]
        route = re.sub(r"/(\./)+", "/", re.sub(r"/{2,}", "/", unquote(raw))).partition(";")[0]
        key: str | None = {Key.OWN: "own", Key.OTHER: "other", Key.MISSPELT: "own"}.get(variant.key)
        if variant.key is Key.MISSPELT and self.strict_case:
            key = None
        if fresh:
            self.connections += 1
        forged = variant.headers[0][1] if variant.headers else ""
        return Request(
            key=key, route=route, raw=target, forged=forged, method=variant.method or "GET",
            connection=self.connections if fresh else 0,
        )  # fmt: skip

    def answer(self, request: Request, at: float, busy: int) -> tuple[int, dict[str, str], str]:
        """Status, headers, and what the body is."""
        self.asked += 1
        if request.route.endswith("/"):
            return 301, {}, "text/html"
        if request.route not in (PATH, OTHER, HEALTH):
            return (200, {}, "text/html #shell") if self.shell else (404, {}, "text/html")
        if request.key is None and not self.open_:
            return 401, {}, "application/json {detail}"
        if busy > self.at_once:
            return self.policy.reject_status, {"retry-after": "1"}, "application/json {detail}"
        kind = "application/json" if request.method == "HEAD" else f"application/json {{{request.route}}}"
        if request.route not in self.limited:
            return 200, {}, kind
        name = self.counter(request)
        if name not in self.servers:
            self.servers[name] = self.build(self.policy, self.random)
        status, fields, _ = self.servers[name].answer(at)
        return status, fields, kind if status < 400 else "application/json {detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """An examination on its end."""

    events: tuple[Tried, ...]
    done: Done
    results: dict[str, PropertyResult]

    def failed(self) -> set[str]:
        """The ids of what failed."""
        return {id_ for id_, result in self.results.items() if result.verdict == "fail"}


def examine(
    service: Service,
    policy: Policy,
    scenario: Scenario = ALL,
    *,
    at_most: int = 400,
    patience: float = 3600.0,
    shake: float = 0.02,
) -> Played:
    """Play the plan to its end: each way of the network takes 1 ms to `shake`, 16 are under way at most."""
    draw = service.random
    now, events = draw.uniform(0, 3), list[Tried]()
    while True:
        step = next_step(events, now, policy=policy, scenario=scenario, at_most=at_most, patience=patience)
        match step:
            case Done():
                break
            case Wait(seconds=seconds):
                now += seconds
            case Send():
                events += _sent(service, step, now, shake)
                now = max(event.received for event in events) + 0.0005
    results = judge_examination(events, policy, scenario, step.skipped)
    return Played(events=tuple(events), done=step, results={result.id: result for result in results})


def _sent(service: Service, step: Send, now: float, shake: float) -> list[Tried]:
    draw, variant = service.random, step.variant or PLAIN
    if step.serial:
        found = list[Tried]()
        for _ in range(step.n):
            found += _sent(service, replace(step, n=1, serial=False), now, shake)
            now = found[-1].received + 0.0005
        return found
    sent = [now + number * max(step.spacing, 0.0005) for number in range(step.n)]
    arrives = [moment + draw.uniform(0.001, shake) for moment in sent]
    back = [draw.uniform(0.001, shake) for _ in sent]
    answers = {}
    for number in sorted(range(step.n), key=arrives.__getitem__):
        busy = sum(arrives[number] - 0.05 < other <= arrives[number] for other in arrives)  # each takes 50 ms
        answers[number] = service.answer(service.read(variant, step.fresh), arrives[number], busy)
    return [
        Tried(
            side="url",
            endpoint=f"GET {PATH}",
            intended=moment,
            sent=moment,
            received=arrives[number] + back[number],
            status=answers[number][0],
            outcome=OutcomeClass.ACCEPTED if answers[number][0] < 400 else OutcomeClass.LIMITED,
            headers=tuple(answers[number][1].items()),
            scene=step.scene,
            variant=variant.name,
            kind=answers[number][2],
        )
        for number, moment in enumerate(sent)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A service that breaks one property, of these families."""

    name: str
    breaks: str
    make: Callable[[Policy, Random], Service]
    families: tuple[Algorithm, ...] = (
        Algorithm.FIXED_WINDOW,
        Algorithm.SLIDING_LOG,
        Algorithm.SLIDING_COUNTER,
        Algorithm.TOKEN_BUCKET,
        Algorithm.GCRA,
    )
    per: tuple[Scope, ...] = (Scope.KEY, Scope.ROUTE)


def _counting(counter: Counter, **more: object) -> Callable[[Policy, Random], Service]:
    return lambda policy, random: replace(
        Service(policy=policy, random=random, counter=counter), **more  # type: ignore[arg-type]
    )  # fmt: skip


def _with(**more: object) -> Callable[[Policy, Random], Service]:
    return _counting(by_key_and_route, **more)


SLIDING = (Algorithm.SLIDING_LOG, Algorithm.SLIDING_COUNTER)
WRONG = (
    Wrong(name="one counter for all keys", breaks="P15", make=_counting(lambda r: r.route)),
    Wrong(name="one counter for all routes", breaks="P16", make=_counting(lambda r: r.key)),
    Wrong(name="a counter a route", breaks="P16", make=_counting(lambda r: (r.key, r.route)), per=(Scope.KEY,)),
    Wrong(name="the leftmost forwarded address", breaks="P17", make=_counting(lambda r: (r.key, r.route, r.forged))),
    Wrong(name="the raw path", breaks="P18", make=_counting(lambda r: (r.key, r.route, r.raw))),
    Wrong(name="the method", breaks="P18", make=_counting(lambda r: (r.key, r.route, r.method))),
    Wrong(name="a header that has to be spelt right", breaks="P19", make=_with(strict_case=True, open_=True)),
    Wrong(name="nobody has a quota too", breaks="P19", make=_with(open_=True)),
    Wrong(name="a limited health path", breaks="P21", make=_counting(lambda r: r.key, limited=(PATH, OTHER, HEALTH))),
    Wrong(name="a counter a replica", breaks="P20", make=_counting(lambda r: (r.key, r.route, r.connection % 3))),
    Wrong(name="four under way at most", breaks="P28", make=_with(at_once=4)),
)

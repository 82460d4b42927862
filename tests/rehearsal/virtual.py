"""The rehearsal's limiters on a clock that does not run: profiles and plans are played against them in no time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.config.environment import load_environment
from gonogo.config.profiles import load_profiles
from gonogo.judges.loads.run import PROPERTIES, judge_load
from gonogo.judges.loads.slos import Standard
from gonogo.judges.rate.limit import validate
from gonogo.judges.rate.plan import Done, Send, Wait, next_step
from gonogo.judges.rate.scenes import judge_examination
from gonogo.load.record import Book, classify
from gonogo.model.load import Event, LoadRecord, Profile
from gonogo.model.load_verdict import Judged
from gonogo.model.rate_scenes import Key, Scenario, Tried, Variant
from gonogo.model.ratelimit import Policy, PropertyResult

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from http_server import Call  # noqa: E402 - the rehearsal's own folder
from limited_paths import LimitedPaths  # noqa: E402

EPOCH = 1_790_000_000.0
SERVES = {"canary": "canary", "legacy": "stable"}  # side of a load run -> side of the environment
MAIN = {"canary": "/api/v2/recommend/personalized", "legacy": "/chat"}
HEALTH = {"canary": "/api/v2/health", "legacy": "/health"}
ENVIRONMENT = load_environment("local", ROOT / "environments", root=ROOT)
POLICIES = {policy.path: policy for policy in ENVIRONMENT.policies}
PROFILES = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES, root=ROOT)
ANSWERED_S, REJECTED_S, WAY_S, NEXT_S = 0.08, 0.0005, 0.0003, 0.0001
EXAMINED_S = 0.006


class _From:
    """A connection as far as limiters look at it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def getpeername(self) -> tuple[str, int]:
        return self.address, 50000


def call(path: str, *, query: str = "", address: str = "127.0.0.1", **headers: str) -> Call:
    """A request; header names as given, with - for _."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(
        method="GET",
        path=path,
        query={},
        headers={name.lower(): value for name, value in named.items()},
        body=b"",
        connection=_From(address),  # type: ignore[arg-type]
        names=frozenset(named),
        target=path + query,
    )


def varied(path: str, variant: Variant | None) -> Call:
    """A request of an examination that has two API keys; one that the variant wants to differ, differs."""
    target = path if variant is None or variant.target is None else variant.target
    where, _, query = target.partition("?")
    key = Key.OWN if variant is None else variant.key
    named = {
        Key.OWN: {"X-API-Key": "a"},
        Key.OTHER: {"X-API-Key": "b"},
        Key.MISSING: {},
        Key.EMPTY: {"X-API-Key": ""},
        Key.MISSPELT: {"x-aPi-kEy": "a"},
    }[key]
    named |= dict(variant.headers if variant is not None else ())
    return call(where, query=f"?{query}" if query else "", **named)


@dataclass(slots=True, kw_only=True)
class Play:
    """A client of the limiters of one world, in sequence."""

    faults: Iterable[str] = ()
    at: float = 100.0  # s; any moment
    events: list[Event] = field(default_factory=list)
    limits: Any = None
    began: float = 0.0

    def __post_init__(self) -> None:
        self.limits = LimitedPaths(frozenset(self.faults), clock=lambda: self.at, wall=lambda: EPOCH + self.at)
        self.began = self.at

    def send(
        self,
        side: str,
        path: str,
        verb: str = "POST",
        service: float = ANSWERED_S,
        asked: Send | None = None,
    ) -> Event:
        """One request, answered by the limiter or by a service that takes so long."""
        intended = self.at
        self.at += WAY_S
        variant = asked.variant if asked is not None else None
        made = call(path) if asked is None else varied(path, variant)
        passed = self.limits.ask(SERVES[side], made)
        status = 200 if passed.reply is None else passed.reply.status
        if made.path not in POLICIES:
            status = 404  # no route
        headers = passed.headers if passed.reply is None else passed.reply.headers
        self.at += WAY_S + (REJECTED_S if passed.reply is not None else service * passed.slows)
        event = Tried(
            scene=asked.scene if asked is not None else "",
            variant=variant.name if variant is not None else "",
            kind="application/json" if status < 400 else "",
            side=side,
            endpoint=f"{verb} {path}",
            intended=intended - self.began,
            sent=intended - self.began,
            received=self.at - self.began,
            status=status,
            outcome=classify(status),
            headers=tuple((name.lower(), value) for name, value in headers.items()),
        )
        self.events.append(event)
        self.at += NEXT_S
        return event


def profile_run(
    name: str, paths: dict[str, str], faults: Iterable[str] = (), service: float = ANSWERED_S
) -> tuple[Judged, list[Event]]:
    """A closed profile on both sides, one after the other; its decision."""
    profile, events = PROFILES[name], list[Event]()
    for side, path in paths.items():
        play = Play(faults=faults)
        for _ in range(profile.requests or 0):
            play.send(side, path, service=service)
            play.at += profile.delay.total_seconds()
        events += play.events
    return judged(profile, paths, sorted(events, key=lambda event: event.sent)), events


def judged(profile: Profile, paths: dict[str, str], events: Sequence[Event]) -> Judged:
    """The decision over these events."""
    sides = []
    for side in paths:
        book, mine = Book(side), [event for event in events if event.side == side]
        for event in mine:
            book.add(event.endpoint, event.status, [round((event.received - event.sent) * 1e9)])
        sides.append(book.close(requests=len(mine), requested_rate=None, achieved_rate=1.0))
    start = datetime.fromtimestamp(EPOCH + 100, UTC)
    record = LoadRecord(
        run_id="r",
        profile=profile,
        environment="local",
        started=start,
        ended=start + timedelta(seconds=events[-1].received),
        sides=tuple(sides),
        events=tuple(events),
    )
    standards = {
        side: Standard(path=path, names=SERVES[side], objectives=ENVIRONMENT.objectives, policy=POLICIES.get(path))
        for side, path in paths.items()
    }
    declared = {path: POLICIES[path] for path in paths.values()}
    return judge_load(record, standards, validate(events, declared.values(), started=EPOCH + 100))


def examined(
    side: str, policy: Policy, faults: Iterable[str] = (), at_most: int = 400, at: float = 100.0
) -> tuple[PropertyResult, ...]:
    """What an examination with two keys finds there; latencies are not its own to judge."""
    play = Play(faults=faults, at=at)
    scenario = Scenario(target=policy.path, key_header="X-API-Key", other_key=True)
    while True:
        match next_step(play.events, play.at - play.began, policy=policy, scenario=scenario, at_most=at_most):
            case Done(skipped=skipped):
                found = judge_examination(play.events, policy, scenario, skipped)
                return tuple(one for one in found if one.id not in ("P23", "P24"))
            case Wait(seconds=seconds):
                play.at += seconds + 1e-6
            case Send(n=n, spacing=spacing) as asked:
                for _ in range(n):
                    play.send(side, policy.path, "GET", EXAMINED_S, asked)
                    play.at += spacing

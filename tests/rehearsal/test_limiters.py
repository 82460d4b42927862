"""The rehearsal's limiters: right ones are never blamed, and each wrong one is caught by what faults.yaml names."""

from __future__ import annotations

import math
import threading
import time
from functools import cache

import pytest
import yaml
from tests.rehearsal.virtual import HEALTH, MAIN, POLICIES, PROFILES, ROOT, Play, call, examined, judged, profile_run

from gonogo.load.fleet import Fleet
from gonogo.model.load import Event, Profile, Target, Workload
from gonogo.model.ratelimit import Shown
from gonogo.model.verdict import Decision

import ion_http  # isort: skip - the rehearsal's own folder, which tests.rehearsal.virtual opens
from history import seed  # isort: skip
from limit_faults import WRONG  # isort: skip
from limiters import FIXED, MOVING, Answer, Rule, limiter  # isort: skip
from world import World, WorldRef  # isort: skip

FAULTS = yaml.safe_load((ROOT / "environments/rehearsal/faults.yaml").read_text(encoding="utf-8"))
EXAMINED = tuple(path for path in POLICIES if path.startswith("/limits/"))
CHAT = {"canary": "/chat", "legacy": "/chat"}
BUCKET = {"canary": "/limits/bucket", "legacy": "/limits/bucket"}
RUNS = {"aggressive": ("aggressive", MAIN), "chat": ("aggressive", CHAT), "health": ("aggressive", HEALTH)}
RELEASE = yaml.safe_load((ROOT / "environments/rehearsal/release.yaml").read_text(encoding="utf-8"))


def admitted(rule: Rule, times: list[float]) -> list[bool]:
    counter = limiter(rule)
    return [counter.hit(at).admitted for at in times]


@pytest.mark.parametrize(
    ("family", "times", "wanted"),
    [
        ("aligned", [9, 9.1, 9.2, 10, 10.1, 10.2], "YY-YY-"),  # windows of the clock: twice the limit around an edge
        ("fixed", [9, 9.1, 9.2, 10, 18.9, 19], "YY---Y"),  # ten seconds from the first request on
        ("moving", [9, 12, 13, 19, 19.1, 22], "YY-Y-Y"),  # each place comes back ten seconds after it was taken
        ("sliding", [9, 9.1, 9.2, 11, 11.1, 15.1], "YY-Y-Y"),  # of the two before 10, 1.8 count at 11 and 0.98 at 15.1
        ("bucket", [9, 9, 9, 14, 14, 19], "YY-Y-Y"),  # one every five seconds
        ("gcra", [9, 9, 9, 14, 14, 19], "YY-Y-Y"),
        ("free", [1, 1, 1, 1, 1, 1], "YYYYYY"),
    ],
)
def test_each_family_counts_in_its_own_way(family: str, times: list[float], wanted: str) -> None:
    """Two in ten seconds."""
    found = admitted(Rule(family=family, limit=2, window=10.0), times)
    assert "".join("Y" if one else "-" for one in found) == wanted


def test_a_limiter_says_when_one_more_fits() -> None:
    """Who waits as told is admitted; a moment earlier is not."""
    for family in ("aligned", "fixed", "moving", "sliding", "bucket", "gcra"):
        for early in (0.01, -0.0001):
            counter = limiter(Rule(family=family, limit=3, window=10.0))
            answer = Answer(admitted=True, remaining=0, reset=0, wait=0)
            at = 101.0
            while answer.admitted:
                answer, at = counter.hit(at), at + 0.5
            assert counter.hit(at - 0.5 + answer.wait - early).admitted is (early < 0), family


@cache
def seen_by_examination(mutant: str) -> bool:
    """Whether an examination of some path finds it."""
    paths = ("/limits/moving", *EXAMINED)
    found = (examined("canary", POLICIES[path], [f"canary-limit-{mutant}"]) for path in paths)
    return any(one.verdict is Shown.FAIL for results in found for one in results)


@pytest.mark.parametrize("mutant", WRONG)
def test_every_mutant_is_caught_by_what_is_named(mutant: str) -> None:
    """On either side; a run that is not named ends in GO or HOLD, never by accident in NO-GO."""
    heavy = profile_run("heavy", BUCKET, [f"canary-limit-{mutant}"], 0.006)[0].decision is Decision.NO_GO
    for side in ("canary", "legacy"):
        name = f"{side}-limit-{mutant}"
        found = {run for run, (profile, paths) in RUNS.items() if _no_go(profile, paths, name)}
        found |= {"heavy"} if heavy else set()
        found |= {"ratelimit"} if seen_by_examination(mutant) else set()
        assert found == set(FAULTS[name]["load"])
        assert found


def _no_go(profile: str, paths: dict[str, str], fault: str) -> bool:
    return profile_run(profile, paths, [fault])[0].decision is Decision.NO_GO


@pytest.mark.parametrize("name", ["gentle", "light", "normal", "medium", "aggressive", "heavy", "stress"])
def test_a_right_limiter_is_go_or_hold_with_what_would_show_it(name: str) -> None:
    """Health is GO under every profile of the runbooks, and a limited path too; a run that is too short is HOLD."""
    assert profile_run(name, HEALTH)[0].decision is Decision.GO
    for paths in (MAIN, CHAT):
        assert profile_run(name, paths)[0].decision is Decision.GO
    short = [event for event in profile_run(name, MAIN)[1] if event.sent < 0.5 * PROFILES[name].delay.total_seconds()]
    if "P3" in PROFILES[name].proves and len(short) == len(MAIN):
        found = judged(PROFILES[name], MAIN, short)
        assert found.decision is Decision.HOLD
        assert any("P1, P3, P4, P5" in reason and "more than 20 requests" in reason for reason in found.reasons)


@pytest.mark.parametrize("path", EXAMINED)
def test_a_right_limiter_is_never_blamed(path: str) -> None:
    """Whatever the clock's phase, an examination finds nothing wrong, and sees that the limit is enforced."""
    for at in (100.0, 103.3, 107.9):
        found = {one.id: one.verdict for one in examined("canary", POLICIES[path], at=at)}
        assert Shown.FAIL not in found.values()
        assert found["P3"] is Shown.PASS
        assert {found[one] for one in ("P15", "P17", "P18", "P19")} == {Shown.PASS}


def test_a_world_forgets_with_its_end() -> None:
    """Another world has other counters, and each side its own."""
    play = Play()
    for _ in range(20):
        assert play.send("legacy", "/chat").status == 200
    assert play.send("legacy", "/chat").status == 429
    assert play.send("canary", "/chat").status == 200
    assert play.limits.ask("staging", call("/chat")).reply is None
    assert Play().send("legacy", "/chat").status == 200


def serving(*faults: str) -> tuple[WorldRef, ion_http.IonServers]:
    """ION's four servers, without the rest of the rehearsal."""
    world = World("stage-5", frozenset(faults), time.time(), RELEASE)
    seed(world)
    ref = WorldRef(world=world)
    return ref, ion_http.start(ref)


def fleet(url: str, path: str, requests: int, rate: float) -> tuple[Event, ...]:
    """An open run over sockets."""
    profile = Profile(
        name="p", use="u", workload=Workload.OPEN, requests=requests, rate=rate, connections=30, proves=("P2",)
    )
    target = Target(side="canary", url=url, path=path)
    return Fleet(profile, [target], events=True).run().events


def test_limits_over_sockets_are_those_that_are_declared() -> None:
    """The fleet at the servers: 10 of 14 requests are admitted on each path, on both sides at the same time."""
    _, servers = serving()
    seen: dict[tuple[str, str], tuple[Event, ...]] = {}

    def ask(side: str, path: str) -> None:
        seen[side, path] = fleet(servers.addresses[f"ion-{side}"], path, 14, 200)

    paths = [path for path in EXAMINED if path != "/limits/aligned"]  # its edge may fall into the run
    threads = [threading.Thread(target=ask, args=(side, path)) for side in ("canary", "stable") for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 2 * len(paths)
    for (_, path), events in seen.items():
        statuses, policy = [event.status for event in events], POLICIES[path]
        took = max(event.received for event in events) - min(event.sent for event in events)
        back = math.ceil(took * policy.limit / policy.window.total_seconds()) if path == "/limits/bucket" else 0
        assert 4 - back <= statuses.count(429) <= 4, (path, statuses, took)  # a bucket refills while it is asked
        assert set(statuses) <= {200, 429}
        assert 429 in statuses or back >= 4, (path, statuses, took)


def test_a_stall_is_a_pause_of_one_second() -> None:
    """Four seconds of 5 ms, then nobody is answered until the fifth is over; the other side never waits."""
    ref, _ = serving("canary-stalls")
    stalls = ref.world.stalls
    assert stalls.on("canary")
    assert not stalls.on("stable")
    assert [round(stalls.pause(at), 3) for at in (7.0, 10.9, 11.0, 11.25, 11.999, 12.0)] == [
        0.005, 0.005, 1.005, 0.755, 0.006, 0.005,
    ]  # fmt: skip


def test_rules_of_the_rehearsal_are_those_of_its_environment() -> None:
    """What local.yaml declares is what the limiters keep."""
    from limited_paths import RULES

    assert set(RULES) == {path for path, policy in POLICIES.items() if policy.limit}
    for path, rule in RULES.items():
        policy = POLICIES[path]
        assert (rule.limit, rule.window, rule.at_once) == (policy.limit, policy.window.total_seconds(), policy.at_once)
    assert RULES["/chat"].family == FIXED
    assert RULES["/api/v2/recommend/personalized"].family == MOVING

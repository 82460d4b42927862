"""A timeline against a declared limit: every mutant is caught, nothing that keeps its policy is blamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ratelimit_sim import (
    FAMILIES,
    Client,
    Limiter,
    Mutant,
    Server,
    chance,
    conforming,
    declare,
    explore,
    mutants,
    serve,
)

from gonogo.judges.rate.limit import failed, validate
from gonogo.model.load import Event, OutcomeClass
from gonogo.model.ratelimit import Algorithm, Dialect, Policy, PropertyResult, Shown

MUTANTS = list(mutants())


def of(results: Sequence[PropertyResult], id_: str, side: str = "canary") -> PropertyResult:
    """The one result of a property."""
    (found,) = [result for result in results if result.id == id_ and result.side == side]
    return found


def _usual(algorithm: Algorithm) -> Policy:
    return declare(algorithm, 10, 40.0 if algorithm.bucket else 10.0)


def _run(server: Server, random: Random, side: str = "canary", at: float = 0.0) -> list[Event]:
    client = Client(server=server, random=random, side=side, at=at)
    return explore(client, server.policy)


def test_there_are_enough_mutants() -> None:
    assert len({mutant.name for mutant in MUTANTS}) >= 30


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_are_caught_on_either_side(mutant: Mutant) -> None:
    for algorithm in mutant.families:
        policy = mutant.declared(_usual(algorithm))
        for broken, right in (("canary", "legacy"), ("legacy", "canary")):
            random = chance(f"{mutant.name} {algorithm} {broken}")
            events = _run(mutant.build(policy, random), random, broken) + _run(serve(policy, random), random, right)
            found = failed(validate(events, [policy]))
            assert {result.side for result in found} - {"canary, legacy"} == {broken}, algorithm
            assert all(result.reason for result in found)


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_who_keeps_the_policy_is_not_blamed(start: int) -> None:
    for seed in range(start, start + 50):
        policy, events = conforming(seed)
        assert failed(validate(events, [policy])) == (), seed


def test_what_a_full_run_shows() -> None:
    for algorithm in FAMILIES:
        random = chance(1)
        policy = _usual(algorithm)
        results = validate(_run(serve(policy, random), random), [policy])
        seen = {result.id for result in results if result.verdict is Shown.PASS}
        assert {"P1", "P2", "P3", "P4", "P5", "P6", "P8", "P9", "P10", "P11", "P12", "P13", "P22"} <= seen, algorithm
        assert all(result.would_fail for result in results)


def test_a_gentle_run_shows_no_early_429_and_no_more() -> None:
    policy = declare(Algorithm.FIXED_WINDOW, 100, 60.0)
    client = Client(server=serve(policy, chance(1)), random=chance(1))
    for _ in range(3):
        client.send()
        client.rest(2)
    results = validate(client.events, [policy])
    assert of(results, "P2").verdict is Shown.PASS
    assert of(results, "P22").verdict is Shown.PASS
    for id_ in ("P1", "P3"):
        result = of(results, id_)
        assert result.verdict is Shown.NOT_VISIBLE
        assert "3 requests at" in result.reason
        assert "do not exceed 100 in 60 s" in result.reason
    assert of(results, "P4").verdict is Shown.NOT_VISIBLE


def test_no_429_beyond_the_limit_is_a_failure() -> None:
    policy = declare(Algorithm.FIXED_WINDOW, 5, 60.0)
    free = replace(serve(policy, chance(1)), limiters=[Limiter(Policy(path="/", algorithm=Algorithm.NONE))])
    client = Client(server=free, random=chance(1))
    client.burst(25)
    results = validate(client.events, [policy])
    assert of(results, "P1").verdict is Shown.FAIL
    assert of(results, "P3").verdict is Shown.FAIL


def test_a_path_without_limit_never_rejects() -> None:
    promised = Policy(path="/api/health", algorithm=Algorithm.NONE)
    limited = _usual(Algorithm.FIXED_WINDOW)
    for health in (promised, replace(limited, path="/api/health")):
        random = chance(3)
        server = serve(limited, random)
        client = Client(server=server, random=random)
        beside = Client(server=serve(health, random), random=random, path="/api/health")
        client.burst(12)
        beside.at = client.at
        beside.burst(11)
        client.at = beside.at
        client.send()
        client.send()
        results = [r for r in validate(client.events + beside.events, [limited, promised]) if r.path == "/api/health"]
        wanted = Shown.PASS if health is promised else Shown.FAIL
        assert {r.id: r.verdict for r in results if r.id in {"P2", "P21"}} == {"P2": wanted, "P21": wanted}


def test_a_key_in_use_before_is_not_held_against_the_limiter() -> None:
    for algorithm in FAMILIES:
        policy, random = _usual(algorithm), chance(4)
        server = serve(policy, random, dialect=Dialect.NONE)
        server.policy = policy = replace(policy, headers=Dialect.ANY)
        client = Client(server=server, random=random)
        client.burst(6)
        client.events.clear()
        client.burst(8)
        assert of(validate(client.events, [policy], idle=False), "P2").verdict is Shown.NOT_VISIBLE
        assert of(validate(client.events, [policy]), "P2").verdict is Shown.FAIL


def test_what_remains_tells_of_use_before() -> None:
    policy, random = _usual(Algorithm.SLIDING_LOG), chance(4)
    client = Client(server=serve(policy, random), random=random)
    client.burst(6)
    client.events.clear()
    client.burst(8)
    assert of(validate(client.events, [policy]), "P2").verdict is Shown.NOT_VISIBLE


def test_rejected_requests_that_count_are_named() -> None:
    policy, random = _usual(Algorithm.SLIDING_LOG), chance(5)
    server = replace(serve(replace(policy, counts_rejected=True), random), policy=policy)
    results = validate(_run(server, random), [policy])
    assert of(results, "P14").verdict is Shown.FAIL
    assert of(results, "P2").verdict is Shown.NOT_VISIBLE


def test_one_counter_for_both_sides_has_to_be_declared() -> None:
    policy = _usual(Algorithm.FIXED_WINDOW)
    random = chance(6)
    server = serve(policy, random, dialect=Dialect.NONE)
    one, two = (Client(server=server, random=random, side=side) for side in ("canary", "legacy"))
    for _ in range(8):
        one.at = two.at = max(one.at, two.at)
        one.send()
        two.at = one.at
        two.send()
    alone, shared = (replace(policy, headers=Dialect.ANY, shared=shared) for shared in (False, True))
    assert {result.id for result in failed(validate(one.events + two.events, [alone]))} >= {"P2"}
    assert failed(validate(one.events + two.events, [shared])) == ()


def test_parity() -> None:
    policy = replace(_usual(Algorithm.FIXED_WINDOW), headers=Dialect.ANY, retry_after=False)
    random = chance(7)
    right = _run(serve(policy, random), random, "legacy")
    same = validate(right + _run(serve(policy, random), random), [policy])
    assert of(same, "P26", "canary, legacy").verdict is Shown.PASS
    for other, text in (
        (serve(policy, random, dialect=Dialect.LEGACY_DELTA), "header dialect is legacy_delta on canary"),
        (serve(policy, random, says_wait=False), "Retry-After is missing on canary, sent on legacy"),
        (replace(serve(replace(policy, reject_status=503), random)), "reject status is"),
    ):
        found = of(validate(right + _run(other, random), [policy]), "P26", "canary, legacy")
        assert found.verdict is Shown.FAIL, text
        if "503" not in str(other.policy.reject_status):
            assert text in found.reason


def test_tolerance_is_of_the_policy() -> None:
    policy = _usual(Algorithm.SLIDING_LOG)
    random = chance(8)
    more = replace(serve(replace(policy, limit=11), random), policy=policy)
    events = _run(more, random)
    assert of(validate(events, [policy]), "P1").verdict is Shown.FAIL
    assert of(validate(events, [replace(policy, tolerance=0.1)]), "P1").verdict is Shown.PASS


def test_nothing_sent_shows_nothing() -> None:
    assert validate([], [_usual(Algorithm.GCRA)]) == ()
    lost = Client(server=serve(_usual(Algorithm.GCRA), chance(1)), random=chance(1))
    lost.burst(5)
    gone = [replace(event, status=0, outcome="error", headers=()) for event in lost.events]
    results = validate(gone, [_usual(Algorithm.GCRA)])
    assert {result.verdict for result in results} == {Shown.NOT_VISIBLE}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 30),
            st.floats(0, 3),
            st.sampled_from([0, 200, 301, 403, 429, 429, 500, 503]),
            st.sampled_from(["", "0", "3", "-1", "x", "99999999999"]),
        ),
        max_size=30,
    ),
    st.sampled_from([*FAMILIES, Algorithm.NONE]),
    st.booleans(),
)
def test_any_timeline_is_judged(
    asked: list[tuple[float, float, int, str]], algorithm: Algorithm, sides_share: bool
) -> None:
    policy = declare(algorithm, 4, 5.0, shared=sides_share)
    events = [
        Event(
            side="canary" if place % 2 else "legacy",
            endpoint="GET /api/v2/recommend",
            intended=sent,
            sent=sent,
            received=sent + took,
            status=status,
            outcome=OutcomeClass.ACCEPTED if 200 <= status < 400 else OutcomeClass.ERROR,
            headers=(("retry-after", text), ("ratelimit", f'"d";r={text};t=1')),
        )
        for place, (sent, took, status, text) in enumerate(asked)
    ]
    for idle in (True, False):
        results = validate(events, [policy], idle=idle)
        assert bool(results) is bool(events)
        assert len({(result.id, result.side) for result in results}) == len(results)


@pytest.mark.parametrize("change", [{"limit": 0}, {"burst": 0}, {"tolerance": 1.0}])
def test_a_policy_that_cannot_be(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a policy"):
        replace(_usual(Algorithm.GCRA), **change)

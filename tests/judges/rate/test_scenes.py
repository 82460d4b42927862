"""An examination within its budget: each property red by a service that breaks it, none red by one that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ratelimit_sim import DIALECTS, FAMILIES, Answer, Mutant, Server, chance, declare, mutants, serve
from tests.scenario_sim import ALL, WRONG, Played, Request, Service, Wrong, examine

from gonogo.judges.rate.plan import next_step
from gonogo.judges.rate.scenes import in_use, judge_examination
from gonogo.model.rate_scenes import NOTHING
from gonogo.model.ratelimit import Algorithm, Policy, Scope, Shown

UNSEEN = {
    "admitted ones slow while others are rejected",  # seen in load profiles, where nothing queues
    "off for the first 2 s",  # an examination rests first
}
# Where its edge is not known, a counter that fades and one that counts more answer alike at the first recovery.
UNTOLD = {("rejected requests count", Algorithm.SLIDING_COUNTER)}


def usual(algorithm: Algorithm, **more: object) -> Policy:
    return declare(algorithm, 10, 40.0 if algorithm.bucket else 20.0, **{"per": (Scope.KEY, Scope.ROUTE), **more})


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_what_breaks_one_property_is_caught_there(wrong: Wrong) -> None:
    for algorithm in wrong.families:
        for seed in range(2):
            policy = usual(algorithm, per=wrong.per)
            played = examine(wrong.make(policy, chance(f"{wrong.name} {algorithm} {seed}")), policy)
            result = played.results[wrong.breaks]
            assert result.verdict is Shown.FAIL, (algorithm, seed, result)
            assert result.reason


@pytest.mark.parametrize("mutant", [one for one in mutants() if one.name not in UNSEEN], ids=lambda mutant: mutant.name)
def test_mutants_of_the_counter_are_caught_within_400_requests(mutant: Mutant) -> None:
    for algorithm in mutant.families:
        if (mutant.name, algorithm) in UNTOLD:
            continue
        policy = mutant.declared(usual(algorithm))
        random = chance(f"{mutant.name} {algorithm}")
        played = examine(Service(policy=policy, random=random, build=mutant.build), policy)
        assert played.failed(), algorithm


def conforming(seed: int) -> tuple[Policy, Played]:
    random: Random = chance(seed)
    algorithm = FAMILIES[seed % len(FAMILIES)]
    per = random.choice([(), (Scope.KEY,), (Scope.KEY, Scope.ROUTE), (Scope.ROUTE,)])
    policy = declare(
        algorithm,
        random.randint(3, 40),
        random.choice([1.0, 2.0, 5.0, 10.0, 30.0, 60.0]),
        headers=random.choice(DIALECTS),
        aligned=random.choice([True, False, None]),
        burst=random.choice([None, random.randint(1, 20)]) if algorithm.bucket else None,
        counts_rejected=algorithm is Algorithm.SLIDING_LOG and random.random() < 0.2,
        tolerance=random.choice([0.0, 0.0, 0.1]),
        per=per,
    )
    scope = per or (Scope.KEY,)
    service = Service(
        policy=policy,
        random=random,
        counter=lambda r: (Scope.KEY in scope and r.key, Scope.ROUTE in scope and r.route),
        shell=random.random() < 0.3,
    )
    at_most = random.choice([60, 200, 500])
    played = examine(service, policy, random.choice([ALL, NOTHING]), at_most=at_most)
    assert service.asked == len(played.events) <= at_most
    return policy, played


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_who_keeps_the_policy_is_not_blamed(start: int) -> None:
    for seed in range(start, start + 50):
        _, played = conforming(seed)
        assert played.failed() == set(), (seed, [r for r in played.results.values() if r.verdict is Shown.FAIL])


def test_what_a_full_examination_shows() -> None:
    """All that can be shown at all, for each family."""
    for algorithm in FAMILIES:
        policy = usual(algorithm)
        played = examine(Service(policy=policy, random=chance(1)), policy)
        seen = {id_ for id_, result in played.results.items() if result.verdict is Shown.PASS}
        wanted = {
            f"P{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 27, 28)
        }
        wanted -= {"P27"} if algorithm is Algorithm.FIXED_WINDOW else set()
        assert wanted - seen == set(), (algorithm, [played.results[id_] for id_ in wanted - seen])
        assert {id_ for id_ in ("P29", "P30") if played.results[id_].verdict is Shown.NOT_VISIBLE} == {"P29", "P30"}
        assert all(result.would_fail for result in played.results.values())
        assert played.results["P17"].spent >= 12


def test_row108_a_key_in_use_blames_nobody_for_early_rejections() -> None:
    """The first answer says that others were counted too."""

    def used(policy: Policy, random: Random) -> Server:
        server = serve(policy, random)
        answer, others = server.limiters[0].hit, [4]

        def hit(at: float) -> Answer:
            while others[0]:
                others[0] -= 1
                answer(at)
            return answer(at)

        server.limiters[0].hit = hit  # type: ignore[method-assign]
        return server

    for algorithm in FAMILIES:
        policy = usual(algorithm)
        played = examine(Service(policy=policy, random=chance(f"108 {algorithm}"), build=used), policy, NOTHING)
        assert played.failed() == set(), algorithm
        assert in_use(played.events, policy) == "the key was in use: the first answer says that 5 of 10 remain"
        assert in_use(examine(Service(policy=policy, random=chance(8)), policy).events, policy) == ""


def test_controls_that_are_not_rejected_prove_nothing() -> None:
    """A bucket that fills up within one trip rejects no control: not visible, and never a pass."""
    policy = declare(Algorithm.TOKEN_BUCKET, 20, 1.0, burst=3, per=(Scope.KEY, Scope.ROUTE))
    played = examine(Service(policy=policy, random=chance(4)), policy, shake=0.2)
    for id_ in ("P17", "P18"):
        assert played.results[id_].verdict is Shown.NOT_VISIBLE
    assert played.failed() == set()


def test_a_lost_answer_is_no_pass() -> None:
    policy = usual(Algorithm.FIXED_WINDOW)
    played = examine(Service(policy=policy, random=chance(5)), policy)
    events = [replace(one, status=0, error="lost") if one.variant == "Forwarded" else one for one in played.events]
    (forged,) = [one for one in judge_examination(events, policy, ALL) if one.id == "P17"]
    assert forged.verdict is Shown.NOT_VISIBLE
    assert "Forwarded: no answer (lost)" in forged.reason


@dataclass(slots=True, kw_only=True)
class Odd(Service):
    """Answers what it is told to, then rejects."""

    statuses: Iterator[int]

    def answer(self, request: Request, at: float, busy: int) -> tuple[int, dict[str, str], str]:  # noqa: ARG002
        return next(self.statuses, 429), {"retry-after": "2"}, ""


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([200, 301, 401, 404, 429, 503, 0]), max_size=60), st.integers(1, 60), st.data())
def test_the_plan_ends_within_its_budget_whatever_answers(
    statuses: list[int], at_most: int, data: st.DataObject
) -> None:
    """Any sequence of statuses: never more than the budget, an end, and a result for every property."""
    policy = usual(data.draw(st.sampled_from(FAMILIES)))
    service = Odd(policy=policy, random=chance(len(statuses)), statuses=iter(statuses))
    played = examine(service, policy, at_most=at_most, patience=200)
    assert len(played.events) <= at_most
    assert max((one.sent for one in played.events), default=0) <= 200 + 1
    assert {f"P{n}" for n in range(1, 31)} - {"P26"} <= set(played.results) or not played.events
    for one in played.results.values():
        assert one.spent <= len(played.events)


def test_the_same_timeline_leads_to_the_same_step() -> None:
    policy = usual(Algorithm.GCRA)
    events = examine(Service(policy=policy, random=chance(6)), policy).events
    for n in (0, 3, 13, 20, len(events)):
        one, two = (next_step(events[:n], 30.0, policy=policy, scenario=ALL, at_most=400) for _ in range(2))
        assert one == two


def test_dear_scenes_go_first_when_the_budget_is_small() -> None:
    """Forged headers and a second key are worth more a request than spellings; what is skipped says what it needs."""
    policy = usual(Algorithm.FIXED_WINDOW)
    played = examine(Service(policy=policy, random=chance(7)), policy, at_most=70)
    assert played.results["P17"].verdict is Shown.PASS
    assert played.results["P18"].verdict is Shown.NOT_VISIBLE
    (skipped,) = [one for one in played.done.skipped if one.id == "P18"]
    assert skipped.more > 0
    more = examine(Service(policy=policy, random=chance(7)), policy, at_most=70 + played.done.more)
    assert [one.id for one in more.done.skipped if one.more] == []


@pytest.mark.parametrize(
    ("name", "id_", "families"),
    [
        ("Retry-After always 0", "P6", (Algorithm.FIXED_WINDOW, Algorithm.SLIDING_LOG, Algorithm.GCRA)),
        ("Retry-After half of the truth", "P6", (Algorithm.FIXED_WINDOW, Algorithm.SLIDING_LOG)),
        ("Retry-After of yesterday", "P6", (Algorithm.FIXED_WINDOW, Algorithm.SLIDING_LOG, Algorithm.GCRA)),
        ("Retry-After in ms", "P5", (Algorithm.FIXED_WINDOW, Algorithm.SLIDING_LOG, Algorithm.SLIDING_COUNTER)),
        ("Retry-After always the window", "P7", (Algorithm.TOKEN_BUCKET, Algorithm.GCRA)),
        ("rejected requests count", "P14", (Algorithm.SLIDING_LOG, Algorithm.TOKEN_BUCKET)),
        ("fixed where sliding is declared", "P27", (Algorithm.SLIDING_LOG,)),
    ],
)
def test_a_broken_promise_is_blamed_where_it_stands(name: str, id_: str, families: tuple[Algorithm, ...]) -> None:
    """The reason holds what was promised or allowed, and what came."""
    (mutant,) = [one for one in mutants() if one.name == name]
    for algorithm in families:
        policy = usual(algorithm)
        played = examine(
            Service(policy=policy, random=chance(f"{name} {algorithm}"), build=mutant.build), policy, NOTHING
        )
        result = played.results[id_]
        assert result.verdict is Shown.FAIL, (algorithm, result, played.failed())
        assert result.reason
        if id_ in ("P6", "P7"):
            assert "with Retry-After" in result.reason

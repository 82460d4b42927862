"""An examination within its budget: each property red by a service that breaks it, none red by one that keeps it."""

from __future__ import annotations

from random import Random

import pytest
from tests.ratelimit_sim import DIALECTS, FAMILIES, Mutant, chance, declare, mutants
from tests.scenario_sim import ALL, WRONG, Played, Service, Wrong, examine

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
        for seed in range(4):
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


@pytest.mark.parametrize("start", range(0, 300, 50))
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

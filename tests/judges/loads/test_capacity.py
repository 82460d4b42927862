"""The search for a capacity against queues whose capacity is known, in simulated time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import comb
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.capacity_sim import Latencies, arrivals_at_random, queue, search, true_capacity

from gonogo.judges.loads.capacity import Plan
from gonogo.judges.loads.capacity_step import bars, judge_step, wanting
from gonogo.judges.loads.proportion import at_most, lower, upper
from gonogo.model.capacity import Count, Steps, StepVerdict
from gonogo.model.environment import Objective
from gonogo.model.load import LatencySummary, OutcomeClass, SideRecord
from gonogo.model.units import Unit

STEPS = Steps(from_=20, at_most=2000)
OBJECTIVES = {
    "canary_p95": Objective(below=200, unit=Unit.MS, min_samples=20),
    "canary_error_ratio": Objective(below=0.01, unit=Unit.RATIO),
}
BARS = bars("canary", OBJECTIVES)


def steady(workers: int, service: float) -> Latencies:
    return queue(workers, lambda: service)


def test_the_edge_of_a_steady_service_is_found() -> None:
    """Three workers of 20 ms bear 150/s: the answer is within 5 % of it, and its interval holds it."""
    found = search(STEPS, steady(3, 0.02), BARS)
    assert found.complete
    assert found.rate is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 150 <= found.high
    assert found.rate == pytest.approx(150, rel=0.05)
    assert found.confidence == 1 - 2 * 0.5**5
    assert found.limited_by == "canary_p95"


def test_it_doubles_then_halves_then_repeats() -> None:
    """The order of the steps: growth, the middle of the bracket, five at each edge."""
    rates = [step.rate for step in search(STEPS, steady(3, 0.02), BARS).steps]
    assert rates[:5] == [20, 40, 80, 160, 113]
    kept, broken = rates[-9:-4], rates[-4:]
    assert len(set(broken)) == 1
    assert len(set(kept[1:])) == 1
    assert rates.count(broken[0]) == rates.count(kept[-1]) == 5


def test_it_grows_by_a_sum_where_the_profile_says_so() -> None:
    """`by` adds; the last rate is at_most."""
    plan = Plan(steps=Steps(from_=10, at_most=45, by=15))
    assert [plan.grown(10), plan.grown(25), plan.grown(40)] == [25, 40, 45]


@pytest.mark.parametrize(
    ("workers", "service", "within"), [(3, 0.02, 0.2), (1, 0.01, 0.1), (8, 0.05, 0.3), (2, 0.01, 0.1)]
)
def test_the_interval_covers_the_truth_as_often_as_it_says(workers: int, service: float, within: float) -> None:
    """Of M/M/c with random arrivals, 12 searches a server: at most two miss what Erlang's formula says."""
    truth = true_capacity(workers, service, within)
    objectives = OBJECTIVES | {"canary_p95": Objective(below=within * 1000, unit=Unit.MS, min_samples=20)}
    covered = 0
    for seed in range(12):
        found = search(
            replace(STEPS, each=timedelta(seconds=4)),
            arrivals_at_random(workers, service, Random(seed)),  # noqa: S311 - a simulation
            bars("canary", objectives),
        )
        assert found.confidence <= 1 - 2 * 0.5**5
        covered += found.low is not None and found.low <= truth <= (found.high or truth)
    assert covered >= 10


@settings(max_examples=30, deadline=None)
@given(
    service=st.tuples(st.integers(1, 6), st.floats(4, 60), st.integers(0, 1000)),
    factor=st.sampled_from([1.5, 2.0, 3.0]),
    repeats=st.integers(1, 6),
    requests=st.integers(50, 20_000),
)
def test_no_search_claims_a_broken_rate_or_breaks_a_bound(
    service: tuple[int, float, int], factor: float, repeats: int, requests: int
) -> None:
    """Whatever the service: a claimed rate was never broken, requests and steps stay in bounds, low <= rate < high."""
    workers, service_ms, seed = service
    random = Random(seed)  # noqa: S311 - a simulation
    steps = Steps(from_=15, at_most=900, factor=factor, repeats=repeats, each=timedelta(seconds=2), count=60)
    found = search(
        steps, queue(workers, lambda: random.expovariate(1000 / service_ms)), BARS, requests=requests, seconds=300
    )
    assert sum(step.sent for step in found.steps) <= requests
    assert len(found.steps) <= 60
    if found.rate is not None:
        there = [step.verdict for step in found.steps if step.rate == found.rate]
        assert StepVerdict.BROKEN not in there
        assert found.low is not None
        assert found.low <= found.rate < (found.high or float("inf"))
    if found.complete and found.rate is not None:
        assert there.count(StepVerdict.KEPT) >= repeats


def test_what_is_not_reached_is_an_answer() -> None:
    """A service that bears more than at_most: at least that much, with the confidence of five steps."""
    found = search(replace(STEPS, at_most=100), steady(3, 0.02), BARS)
    assert (found.rate, found.high, found.complete) == (100, None, True)
    assert found.confidence == 1 - 0.5**5
    assert found.said == "not reached within the bounds: at least 100/s (the highest rate of the profile)"


def test_the_bound_on_requests_leaves_enough_to_repeat_the_edge() -> None:
    """Growth stops while there are still requests for five steps at the rate that was kept."""
    found = search(STEPS, steady(30, 0.02), BARS, requests=2500)
    assert found.rate == 80
    assert found.complete
    assert [step.rate for step in found.steps] == [20, 40, 80, 80, 80, 80, 80]
    assert "the number of requests of the profile was reached" in found.said


def test_a_search_that_a_bound_cuts_off_is_not_complete() -> None:
    """Without requests for the second edge the search says what it knows, and that it is not the whole answer."""
    found = search(STEPS, steady(3, 0.02), BARS, requests=4000)
    assert not found.complete
    assert found.rate is not None
    assert found.low is not None
    assert found.low <= 150


def test_a_service_that_breaks_at_the_first_rate_is_searched_downwards() -> None:
    """One worker of 100 ms bears 10/s; the search begins at 20."""
    found = search(STEPS, steady(1, 0.1), BARS)
    assert found.rate == pytest.approx(10, rel=0.06)
    broken = search(STEPS, steady(1, 0.5), BARS)
    assert broken.rate is None
    assert broken.said.startswith("not even 1.25/s was kept: canary_p95")


def test_one_stall_does_not_end_a_search() -> None:
    """A step that breaks once, far below the capacity, is repeated as an edge, outvoted, and left behind."""
    answers, calls = steady(3, 0.02), [0]

    def stalls_once(rate: float, seconds: float) -> list[float]:
        calls[0] += rate == 40
        return [1.0] * 200 if rate == 40 and calls[0] == 1 else answers(rate, seconds)

    found = search(STEPS, stalls_once, BARS)
    assert found.rate == pytest.approx(150, rel=0.05)
    assert [step.verdict.value for step in found.steps if step.rate == 40] == ["broken", "kept", "kept"]


def test_errors_limit_too() -> None:
    """Errors above 120/s, with latencies that stay: the error ratio is what stands in the way."""
    found = search(STEPS, steady(30, 0.01), BARS, errors=lambda rate: 0.05 if rate > 120 else 0.0)
    assert found.limited_by == "canary_error_ratio"
    assert found.rate == pytest.approx(120, rel=0.05)
    assert "503" in found.said


def test_a_late_generator_blames_nobody() -> None:
    """Where the generator itself was late, a broken objective is no answer, and the search is not complete."""
    found = search(STEPS, steady(3, 0.02), BARS, late=lambda rate: 0.9 if rate > 100 else 0.0)
    assert found.rate == 80
    assert found.high is None
    assert found.limited_by == "generator"
    assert not found.complete
    assert found.proven


def test_connections_that_cannot_carry_the_rate_blame_nobody() -> None:
    """160/s within 200 ms need 32 connections; with ten, what is broken is the profile."""
    found = search(STEPS, steady(3, 0.02), BARS, connections=10)
    assert found.limited_by == "connections"
    assert not found.complete
    assert any("; 32 could" in step.reason for step in found.steps)


def _record(
    accepted: int, limited: int = 0, errors: int = 0, *, achieved: float = 100.0, **given: object
) -> SideRecord:
    counts = {OutcomeClass.ACCEPTED: accepted, OutcomeClass.LIMITED: limited, OutcomeClass.ERROR: errors}
    made = SideRecord(
        side="canary",
        requested_rate=100.0,
        achieved_rate=achieved,
        requests=accepted + limited + errors,
        outcomes={each: LatencySummary(count=n) for each, n in counts.items()},
    )
    return replace(made, **given)  # type: ignore[arg-type]


def test_rejects_count_as_errors_where_no_objective_says_how_many_are_accepted() -> None:
    """A limiter that answers 429 in no time does not raise the capacity."""
    assert judge_step(100, _record(97, 3), {}, BARS, connections=99).verdict is StepVerdict.BROKEN
    lenient = bars("canary", OBJECTIVES | {"canary_success": Objective(above=0.95, unit=Unit.RATIO)})
    assert judge_step(100, _record(97, 3), {}, lenient, connections=99).verdict is StepVerdict.KEPT
    assert judge_step(100, _record(94, 6), {}, lenient, connections=99).broke == ("canary_success",)


def test_a_step_that_was_not_sent_in_full_is_the_services_or_the_generators() -> None:
    """85 of 100/s: the service held all connections, unless the generator was late or the connections too few."""
    slow = _record(400, achieved=85.0)
    assert judge_step(100, slow, {}, BARS, connections=50).broke == ("achieved_ratio",)
    late = judge_step(100, slow, {}, BARS, connections=50, late_ratio=0.2)
    assert (late.verdict, late.reason) == (
        StepVerdict.UNSURE,
        "85 of 100 requests a second were sent: the generator was the bottleneck, not the service",
    )
    assert judge_step(100, slow, {}, BARS, connections=5).verdict is StepVerdict.UNSURE


def test_nothing_sent_and_refused_credentials_prove_nothing() -> None:
    """No request is UNSURE; 401 to all of them ends the search at once."""
    assert judge_step(100, _record(0), {}, BARS, connections=9).verdict is StepVerdict.UNSURE
    refused = judge_step(100, _record(0, 0, 5, statuses={401: 5}), {}, BARS, connections=9)
    assert refused.refused


def test_an_objective_of_the_capacity_run_stands_before_the_ordinary_one() -> None:
    """canary_capacity_p95 takes the place of canary_p95, and of no other side's."""
    both = OBJECTIVES | {"canary_capacity_p95": Objective(below=50, unit=Unit.MS)}
    assert [bar.name for bar in bars("canary", both)] == ["canary_capacity_p95", "canary_error_ratio"]
    assert wanting("canary", both) is None
    assert wanting("stable", both) == "no objective of latency: stable_p50 or stable_p95 or stable_p99"


def test_few_samples_do_not_show_a_share() -> None:
    """58 fast answers of 58 do not show p95 with 95 %; 59 do, as for order statistics."""
    (bar, _) = BARS
    assert not bar.shown(Count(bad=0, n=58))
    assert bar.shown(Count(bad=0, n=59))
    assert bar.holds(Count(bad=5, n=100))
    assert not bar.shown(Count(bad=5, n=100))


@given(n=st.integers(1, 60), share=st.floats(0.001, 0.999), data=st.data())
def test_the_binomial_tail_is_the_sum_of_its_terms(n: int, share: float, data: st.DataObject) -> None:
    """The incomplete beta function against the sum, and bounds that contain the share that was seen."""
    bad = data.draw(st.integers(0, n))
    terms = sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(bad + 1))
    assert at_most(bad, n, share) == pytest.approx(terms, abs=1e-9)
    assert lower(bad, n, 0.05) <= bad / n <= upper(bad, n, 0.05)


def test_bounds_are_those_of_clopper_and_pearson() -> None:
    """Ten of a hundred: 5.53 % to 16.37 % one-sided at 95 % each."""
    assert upper(10, 100, 0.05) == pytest.approx(0.16372, abs=1e-4)
    assert lower(10, 100, 0.05) == pytest.approx(0.05526, abs=1e-4)
    assert (lower(0, 10, 0.05), upper(10, 10, 0.05), upper(0, 0, 0.05)) == (0.0, 1.0, 1.0)

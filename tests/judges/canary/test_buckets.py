"""Latencies in buckets: coarse ones, two layouts, one bucket for all, and a rule that cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from tests.canary_sim import MINUTE, RULEBOOK, START

from gonogo.judges.canary.judge import CanaryJudge
from gonogo.judges.canary.sequential import Sequential
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, Bucket, RuleStands, Sample, SideSample

pytestmark = pytest.mark.filterwarnings("error")


def buckets(rng: np.random.Generator, n: int, median: float, growth: float) -> tuple[Bucket, ...]:
    """Exponential ones, the last one up to the slowest request, as Cloud Monitoring tells them."""
    took = median * np.exp(0.5 * rng.standard_normal(n))
    places, counts = np.unique(np.ceil(np.log(took) / np.log(growth)), return_counts=True)
    made = [
        Bucket(low=growth ** (place - 1), high=growth**place, count=int(count))
        for place, count in zip(places.tolist(), counts, strict=True)
    ]
    last = made.pop()
    return (*made, Bucket(low=last.low, high=float(took.max()), count=last.count))


def latency_alarm(seed: int, minutes: int, median: float, growths: tuple[float, float]) -> int | None:
    """The sample of the alarm, of a canary with this median beside a stable side of 80 ms."""
    rng, sequential = np.random.default_rng(seed), Sequential(RULEBOOK)
    for minute in range(minutes):
        sides = {
            name: SideSample(requests=n, errors=0, latency=buckets(rng, n, middle, growth))
            for name, n, middle, growth in ((CANARY, 120, median, growths[0]), (STABLE, 1200, 80.0, growths[1]))
        }
        since = START + minute * MINUTE
        found, _ = sequential.feed(Sample(seq=minute + 1, since=since, until=since + MINUTE, sides=sides))
    return found[1].alarmed_at


@pytest.mark.parametrize("growths", [(1.1, 2.0), (2.0, 1.1), (1.1, 1.4), (1.4, 2.0), (2.0, 2.0)])
def test_two_layouts_of_buckets_are_no_difference(growths: tuple[float, float]) -> None:
    assert [latency_alarm(seed, 200, 80.0, growths) for seed in range(3)] == [None] * 3


@pytest.mark.parametrize("growths", [(1.1, 2.0), (2.0, 1.1), (1.4, 1.4), (2.0, 2.0)])
def test_twice_as_slow_is_seen_through_any_layout(growths: tuple[float, float]) -> None:
    alarms = [latency_alarm(seed, 10, 160.0, growths) for seed in range(3)]
    assert all(at is not None and at <= 5 for at in alarms), alarms


def test_all_requests_in_one_wide_bucket_fire_no_rule_and_prove_nothing() -> None:
    """From 0 to 10 s: evenly divided, P95 would be 9.5 s."""
    judge = CanaryJudge(RULEBOOK)
    for minute in range(10):
        since = START + minute * MINUTE
        sides = {
            name: SideSample(requests=n, errors=0, successes=n, latency=(Bucket(low=0, high=10_000, count=n),))
            for name, n in ((CANARY, 120), (STABLE, 1200))
        }
        found = judge.feed(Sample(seq=minute + 1, since=since, until=since + MINUTE, sides=sides))
    assert found.decision is Decision.HOLD
    rule = next(one for one in found.rules if one.rule.text.startswith("p95_latency >"))
    assert rule.stands is RuleStands.UNSEEN
    assert rule.reason.endswith("p95_latency somewhere from 0 to 10000 ms, one bucket (n=120)")

"""The judge of a canary: early on faults, GO for health, HOLD for what was not seen, and the same again on replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.canary_sim import MINUTE, RULEBOOK, World, side, watch

from gonogo.judges.canary.certificate import Mean, share_bound, share_log_e, share_more
from gonogo.judges.canary.evidence import Dispersion, Race
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.judges.canary.leak import Leak
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, CanaryVerdict, Sample


def judged(samples: list[Sample]) -> list[CanaryVerdict]:
    judge = CanaryJudge(RULEBOOK)
    return [judge.feed(sample) for sample in samples]


def first(found: list[CanaryVerdict], decision: Decision) -> int | None:
    return next((one.seq for one in found if one.decision is decision), None)


def test_a_healthy_canary_is_go_within_two_hours_and_says_before_what_is_missing() -> None:
    found = judged(list(watch(1, 150, World())))
    at = first(found, Decision.GO)
    assert at is not None
    assert at <= 120
    assert first(found, Decision.NO_GO) is None
    assert found[9].decision is Decision.HOLD
    assert any("more requests like these would prove it" in reason for reason in found[9].reasons)
    waited = found[29].decidable_at
    assert waited is not None
    assert found[29].at < waited < found[29].at + timedelta(hours=6)


@pytest.mark.parametrize(
    ("canary", "within", "said"),
    [
        (World(errors=0.05), 3, "error_ratio"),
        (World(errors=0.01), 60, "error_ratio"),
        (World(tail=2.0), 6, "latency"),
        (World(tail=1.5), 12, "latency"),
        (World(leak=0.02), 180, "memory"),
    ],
    ids=["errors-5", "errors-1", "tail-x2", "tail-50", "leak-2"],
)
def test_a_fault_is_no_go_in_time_and_named(canary: World, within: int, said: str) -> None:
    found = judged(list(watch(2, within, canary)))
    assert found[-1].decision is Decision.NO_GO
    assert said in found[-1].reasons[0]
    assert first(found, Decision.GO) is None


def test_a_late_onset_is_seen_within_minutes() -> None:
    """After two healthy hours a canary of twice the latency."""
    found = judged(list(watch(3, 140, World(median=160.0), onset=125)))
    at = first(found, Decision.NO_GO)
    assert at is not None
    assert 125 < at <= 131


def test_what_both_sides_suffer_is_no_alarm_of_the_evidence() -> None:
    """The stable side is as slow: the certificate fails, the comparison does not."""
    slow = World(median=160.0)
    found = judged(list(watch(4, 60, slow, replace(slow, requests=1200))))
    assert all(one.alarmed_at is None for one in found[-1].evidence)
    assert found[-1].decision is Decision.HOLD
    assert any("p95_latency" in reason for reason in found[-1].reasons)


def test_stages_of_traffic_common_swings_and_common_bursts_are_no_alarm() -> None:
    """5, 25, 50 % of the traffic; latencies that swing by half in hours; a burst of errors on both sides."""
    rng, samples = np.random.default_rng(15), []
    for one in watch(15, 150, World(requests=1), World(requests=1)):
        share = (0.05, 0.25, 0.5)[one.seq // 51]
        common = World(median=80 * (1 + 0.5 * np.sin(one.seq / 30)), errors=0.2 if one.seq % 37 == 5 else 0.002)
        parts = {CANARY: round(1200 * share), STABLE: round(1200 * (1 - share))}
        sides = {name: side(rng, replace(common, requests=n), 0) for name, n in parts.items()}
        samples.append(replace(one, sides=sides))
    found = judged(samples)
    assert first(found, Decision.NO_GO) is None
    assert all(one.alarmed_at is None for one in found[-1].evidence)


def test_a_rule_that_both_sides_break_is_no_go_and_says_so() -> None:
    down = World(errors=0.3)
    found = judged(list(watch(5, 5, down, replace(down, requests=1200))))
    assert found[-1].decision is Decision.NO_GO
    assert found[-1].both_sides
    assert found[-1].reasons[0].startswith("both sides break the rules")


def test_without_the_stable_side_there_is_no_go() -> None:
    alone = [replace(one, sides={CANARY: one.sides[CANARY]}) for one in watch(6, 150, World())]
    found = judged(alone)
    assert first(found, Decision.GO) is None
    assert any("were not seen on both sides" in reason for reason in found[-1].reasons)
    assert found[-1].gaps[0].why == "stable: missing from the sample"


def test_a_gap_of_hours_is_listed_and_counts_toward_hold() -> None:
    samples = list(watch(7, 130, World()))
    later = [replace(one, since=one.since + 60 * MINUTE, until=one.until + 60 * MINUTE) for one in samples[60:]]
    found = judged([*samples[:60], *later])
    assert found[-1].decision is Decision.HOLD
    assert found[-1].gaps[0].until - found[-1].gaps[0].since == 60 * MINUTE
    assert any(reason.startswith("1h of 190m were not seen") for reason in found[-1].reasons)


def test_the_same_samples_give_the_same_verdicts() -> None:
    samples = list(watch(8, 40, World(errors=0.006)))
    assert judged(samples) == judged(samples)


def test_a_sample_out_of_order_is_refused() -> None:
    one, two = islice(watch(9, 2, World()), 2)
    judge = CanaryJudge(RULEBOOK)
    judge.feed(two)
    with pytest.raises(ValueError, match="before the one before it ends"):
        judge.feed(one)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.booleans(), st.booleans()), min_size=1, max_size=40)
)
def test_nothing_short_of_proof_is_go(shape: list[tuple[int, int, bool, bool]]) -> None:
    """Whatever little comes, forty sparse minutes never prove an error ratio of 0.5 %."""
    samples = []
    for minute, ((requests, errors, has_canary, has_stable), drawn) in enumerate(
        zip(shape, watch(10, len(shape), World()), strict=True)
    ):
        mine = replace(drawn.sides[CANARY], requests=requests, errors=min(errors, requests), successes=requests)
        sides = {CANARY: mine} if has_canary else {}
        sides |= {STABLE: drawn.sides[STABLE]} if has_stable else {}
        samples.append(replace(drawn, seq=minute + 1, sides=sides))
    asked = sum(one[0] for one in shape if one[2])
    found = judged(samples)
    assert asked >= 1000 or first(found, Decision.GO) is None


def test_the_race_is_no_alarm_at_the_margin_in_a_hundred_days() -> None:
    """Both sides alike but for the margin: the chance to reach 1/0.01 ever is at most 0.01; none of 300 runs here."""
    rng = np.random.default_rng(11)
    race = Race((1.0,), margin=1.1, restarts=16, runs=300)
    crossed = np.zeros(300, dtype=bool)
    for minute in range(480):
        if minute and minute % 30 == 0:
            race.restart()
        requests = (np.full(300, 120.0), np.full(300, 1200.0))
        canary, stable = rng.binomial(120, 0.022, 300), rng.binomial(1200, 0.02, 300)
        race.add(canary[:, None, None].astype(float), stable[:, None, None].astype(float), requests)
        crossed |= race.log_e() >= np.log(100)
    assert crossed.mean() <= 0.01


def test_a_canary_that_is_steadily_worse_does_not_look_dispersed_and_restless_hosts_do() -> None:
    rng = np.random.default_rng(12)
    steady, restless = Dispersion(1, 50), Dispersion(1, 50)
    for _ in range(120):
        requests = (np.full(50, 120.0), np.full(50, 2400.0))
        stable = rng.binomial(2400, 0.05, (50, 1)).astype(float)
        steady.add(rng.binomial(120, 0.15, (50, 1)).astype(float), stable, requests)
        share = np.clip(0.05 * np.exp(0.8 * rng.standard_normal((50, 1))), 0, 0.9)
        restless.add(rng.binomial(120, share).astype(float), stable, requests)
    assert np.median(steady.ratio()) < 1.4
    assert np.median(restless.ratio()) > 2


def test_the_floor_of_clean_requests_is_about_1100_for_half_a_percent() -> None:
    clean = next(n for n in range(1, 3000) if share_log_e(np.array(0.0), np.array(float(n)), 0.005) >= np.log(100))
    assert 1060 <= clean <= 1120
    assert share_more(0, clean - 100, 0.005, 0.01) == pytest.approx(100, abs=40)
    assert share_bound(0, clean, 0.01) == pytest.approx(0.005, rel=0.01)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 200), st.integers(1, 20_000))
def test_a_bound_lies_above_what_was_seen_and_agrees_with_the_test(events: int, requests: int) -> None:
    events = min(events, requests)
    bound = share_bound(events, requests, 0.01)
    assert bound >= events / requests or bound == 1.0
    if bound < 1.0:
        assert share_log_e(np.array(float(events)), np.array(float(requests)), min(bound * 1.01, 1 - 1e-9)) >= 4.6


def test_the_bound_of_a_mean_covers_it_in_ninety_nine_runs_of_a_hundred() -> None:
    """Also of a gauge whose neighbours are alike (AR(1), 0.7), at every minute of eight hours."""
    rng = np.random.default_rng(13)
    mean, runs = Mean(400), np.zeros(400)
    missed = np.zeros(400, dtype=bool)
    for _ in range(480):
        runs = 0.7 * runs + 0.02 * rng.standard_normal(400)
        mean.add(0.6 + runs)
        missed |= mean.upper(0.01) < 0.6
    assert missed.mean() <= 0.02
    assert np.median(mean.upper(0.01)) < 0.63


def test_a_leak_is_found_and_none_is_seen_in_noise() -> None:
    rng = np.random.default_rng(14)
    flat, leaking = Leak(300), Leak(300)
    crossed = np.zeros(300, dtype=bool)
    for minute in range(600):
        stable = 0.6 + 0.002 * rng.standard_normal(300)
        canary = 0.6 + 0.002 * rng.standard_normal(300)
        flat.add(canary, stable)
        leaking.add(canary + 0.006 * minute / 60, stable)
        crossed |= flat.log_e() >= np.log(500)
    assert crossed.mean() <= 0.01
    assert (leaking.log_e() >= np.log(500)).all()
    assert np.median(leaking.slope()) == pytest.approx(0.001, rel=0.1)
    assert (leaking.upper_slope(0.01) > 0.001).mean() >= 0.97


def test_one_breach_of_three_does_not_keep_a_proven_canary_from_go_and_two_do() -> None:
    samples = list(watch(1, 152, World()))
    bad = [
        replace(one, sides={**one.sides, CANARY: replace(one.sides[CANARY], requests=200, errors=3, successes=197)})
        for one in samples[150:]
    ]
    found = judged([*samples[:150], *bad])
    assert [one.decision for one in found[149:]] == [Decision.GO, Decision.GO, Decision.HOLD]
    assert any("2 of 3 in a row" in reason for reason in found[-1].reasons)

"""Memory that is no leak and looks like one, leaks that hide, and gauges of which too little is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.canary_sim import RULEBOOK, World, watch

from gonogo.judges.canary.certificate import Mean
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.judges.canary.leak import Leak
from gonogo.judges.canary.trend import Trend
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, CanaryVerdict, Sample

RUNS = 100


def with_memory(sample: Sample, side: str, memory: float | None) -> Sample:
    one = sample.sides[side]
    gauges = {name: value for name, value in one.gauges.items() if name != "memory"}
    if memory is not None:
        gauges["memory"] = memory
    return replace(sample, sides={**sample.sides, side: replace(one, gauges=gauges)})


def last(samples: Iterable[Sample]) -> tuple[list[Decision], CanaryVerdict]:
    judge = CanaryJudge(RULEBOOK)
    found = [judge.feed(sample) for sample in samples]
    return [one.decision for one in found], found[-1]


def alarmed(canary: Callable[[int], float], stable: Callable[[int], float], minutes: int = 480) -> float:
    """The share of the runs that are alarmed: strong evidence, and the limit of 0.85 within 72 h."""
    rng = np.random.default_rng(21)
    leak, crossed = Leak(RUNS), np.zeros(RUNS, dtype=bool)
    for minute in range(minutes):
        mine, other = (level(minute) + 0.002 * rng.standard_normal(RUNS) for level in (canary, stable))
        leak.add(mine, other)
        if minute % 10 == 9:
            strong = leak.log_e() >= np.log(500)
            crossed |= strong & (leak.recent_slope() > 0) & (mine + leak.recent_slope() * 432 >= 0.85)
    return float(crossed.mean())


def settled(_: int) -> float:
    return 0.6


@pytest.mark.parametrize(
    ("canary", "stable"),
    [
        (lambda minute: 0.4 + 0.2 * min(1, minute / 60), settled),
        (lambda minute: 0.6 - 0.2 * np.exp(-minute / 30), settled),
        (lambda minute: 0.6 + 0.03 * (minute >= 125), settled),
        (settled, lambda minute: 0.7 - (0.4 * np.exp(-(minute - 125) / 60) if minute >= 125 else 0)),
        (lambda minute: 0.5 + 0.1 * np.sin(minute / 120), lambda minute: 0.5 + 0.1 * np.sin(minute / 120)),
    ],
    ids=["warms-up-an-hour", "warms-up-slower-and-slower", "one-step", "the-stable-side-restarts", "common-swing"],
)
def test_growth_that_ends_is_no_leak(canary: Callable[[int], float], stable: Callable[[int], float]) -> None:
    assert alarmed(canary, stable) <= 0.01


def test_a_leak_after_a_warm_up_is_a_leak() -> None:
    assert alarmed(lambda minute: 0.4 + 0.2 * min(1, minute / 60) + 0.01 * minute / 60, settled, 240) >= 0.99


def test_a_leak_in_coarse_steps_is_a_leak() -> None:
    assert alarmed(lambda minute: round(0.602 + 0.02 * minute / 60, 2), settled, 200) >= 0.99


def test_memory_that_warms_up_is_go_within_four_hours() -> None:
    samples = (with_memory(one, CANARY, 0.6 - 0.2 * np.exp(-one.seq / 15)) for one in watch(1, 240, World()))
    decisions, verdict = last(samples)
    assert Decision.NO_GO not in decisions
    assert verdict.decision is Decision.GO, verdict.reasons


def test_a_trend_that_no_stable_side_was_seen_beside_is_not_proven() -> None:
    """A leak of 2 % an hour: the trend is that of canary minus stable, and there is no such difference."""
    samples = (with_memory(one, STABLE, None) for one in watch(1, 90, World(leak=0.02)))
    decisions, verdict = last(samples)
    assert Decision.GO not in decisions
    bound = next(one for one in verdict.bounds if one.measure == "memory")
    assert "the stable side's memory was seen in 0 of 90 samples" in bound.reason
    strength = next(one for one in verdict.evidence if one.measure == "memory")
    assert strength.reason == "memory: not seen on both sides, no trend is known"


def test_a_bound_begins_at_the_level_of_now() -> None:
    """After 22 h at 0.6 % an hour the mean of all is far below what a day more begins with."""
    trend = Trend(RULEBOOK, 0.002)
    samples = list(watch(3, 1320, World(leak=0.006)))
    for one in samples:
        trend.add(one.sides[CANARY], one.sides[STABLE], one)
    assert trend.upper(0.66) > 0.6 + 0.006 * (22 + 24)


def test_a_slope_is_of_the_time_that_the_samples_last() -> None:
    """Samples of ten seconds under a rulebook of one a minute: six times as steep."""
    every: list[float] = []
    slow: list[float] = []
    for factor, found in ((1, every), (6, slow)):
        trend = Trend(RULEBOOK, 0.002)
        for one in watch(4, 120, World(leak=0.01)):
            since = one.since.replace(hour=0, minute=0) + (one.seq - 1) * timedelta(seconds=60 / factor)
            until = since + timedelta(seconds=60 / factor)
            trend.add(one.sides[CANARY], one.sides[STABLE], replace(one, since=since, until=until))
        found.append(trend.strength().seen)
    assert slow[0] == pytest.approx(6 * every[0])


def test_a_gauge_that_never_moved_proves_little_at_first() -> None:
    """It may be rounded: five values alike say nothing about the hundredth beside them."""
    mean, leak = Mean(), Leak(block=5)
    for _ in range(5):
        mean.add(np.array([0.6]))
    assert mean.upper(0.01)[0] > 0.61
    for minute in range(240):
        leak.add(np.array([0.6]), np.array([0.6]))
        if minute == 29:
            assert leak.upper_slope(0.01)[0] * 288 > 0.25
        mean.add(np.array([0.6]))
    assert mean.upper(0.01)[0] < 0.61
    assert leak.upper_slope(0.01)[0] * 288 < 0.25
    assert leak.log_e()[0] <= 0


def test_a_bound_needs_blocks_that_were_seen() -> None:
    leak, rng = Leak(block=5), np.random.default_rng(5)
    for minute in range(300):
        seen = minute < 40
        leak.add(np.array([0.6 + 0.002 * rng.standard_normal() if seen else np.nan]), np.array([0.6]))
    assert leak.upper_slope(0.01)[0] == np.inf


@pytest.mark.parametrize("kind", ["spikes", "coarse", "alike"])
def test_the_bound_of_a_mean_covers_it_whatever_the_gauge_is_like(kind: str) -> None:
    """One minute in twenty at 100 %, steps of 5 %, or neighbours that are alike (AR(1), 0.9)."""
    rng = np.random.default_rng(31)
    mean, drift, missed = Mean(400), np.zeros(400), np.zeros(400, dtype=bool)
    for _ in range(400):
        drift = 0.9 * drift + 0.01 * rng.standard_normal(400)
        values, truth = {
            "spikes": (np.where(rng.random(400) < 0.05, 1.0, 0.3), 0.335),
            "coarse": (np.where(rng.random(400) < 0.25, 0.65, 0.6), 0.6125),
            "alike": (0.6 + drift, 0.6),
        }[kind]
        mean.add(values)
        missed |= mean.upper(0.01) < truth
    assert missed.mean() <= 0.01
    assert np.median(mean.upper(0.01)) < truth + 0.1

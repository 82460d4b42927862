"""The written rules of a canary: each way in which the runbooks leave them open is settled by a test here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.config.rules import read_rule
from gonogo.config.tree import from_plain
from gonogo.judges.canary.rules import RulesState
from gonogo.model.errors import Origin
from gonogo.model.rulebook import Rule, Rulebook
from gonogo.model.watch import CANARY, STABLE, Bucket, RuleStands, RuleState, Sample, SideSample

MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
CLEAN, COUNTING, FIRED, UNSEEN, BROKEN = (
    RuleStands.CLEAN,
    RuleStands.COUNTING,
    RuleStands.FIRED,
    RuleStands.UNSEEN,
    RuleStands.BROKEN,
)


def rule(text: str) -> Rule:
    return read_rule(from_plain(text, "e.yaml", Origin(file="e.yaml")), "watch.rollback[0]")


def errors(count: int | None, requests: int = 1000) -> SideSample:
    if count is None:
        return SideSample(unseen={"requests": "Cloud Monitoring: timeout"})
    return SideSample(requests=requests, errors=count, successes=requests - count)


def took(*latencies: float) -> SideSample:
    buckets = tuple(Bucket(low=one, high=one, count=1) for one in sorted(latencies))
    return SideSample(requests=len(buckets), errors=0, successes=len(buckets), latency=buckets)


def samples(canary: Sequence[SideSample | None], stable: SideSample | None = None) -> list[Sample]:
    return [
        Sample(
            seq=n + 1,
            since=START + n * MINUTE,
            until=START + (n + 1) * MINUTE,
            sides={side: one for side, one in ((CANARY, mine), (STABLE, stable)) if one is not None},
        )
        for n, mine in enumerate(canary)
    ]


def states(text: str, given: Sequence[Sample], *, go: bool = False) -> list[RuleState]:
    """One rule after each sample."""
    made = rule(text)
    judge = RulesState(Rulebook(go=(made,) if go else (), rollback=() if go else (made,)))
    return [judge.feed(sample)[0] for sample in given]


def stands(text: str, given: Sequence[Sample], *, go: bool = False) -> list[RuleStands]:
    return [state.stands for state in states(text, given, go=go)]


def test_three_in_a_row_fires_at_the_third_and_stays_fired() -> None:
    given = samples([errors(n) for n in (11, 11, 11, 0)])
    found = states("error_ratio > 0.01 for 3 samples", given)
    assert [state.stands for state in found] == [COUNTING, COUNTING, FIRED, FIRED]
    assert [state.streak for state in found] == [1, 2, 3, 0]
    assert found[-1].fired_at == 3
    assert "fired at sample 3, now error_ratio 0 (n=1000)" in found[-1].reason


def test_three_that_are_not_in_a_row_do_not_fire() -> None:
    assert FIRED not in stands("error_ratio > 0.01 for 3 samples", samples([errors(n) for n in (11, 11, 0, 11, 11)]))


@pytest.mark.parametrize(("sign", "expected"), [(">", CLEAN), (">=", FIRED)])
def test_a_value_that_equals_the_limit_reaches_it_and_is_not_above_it(sign: str, expected: RuleStands) -> None:
    assert stands(f"error_ratio {sign} 0.01 for 1 sample", samples([errors(10)])) == [expected]


def test_nothing_is_rounded_before_it_is_compared() -> None:
    assert stands("error_ratio > 0.01", samples([errors(10_001, 1_000_000)])) == [FIRED]


def test_a_missing_sample_neither_breaks_a_streak_nor_counts_in_it() -> None:
    found = states("error_ratio > 0.01 for 3 samples", samples([errors(n) for n in (11, 11, None, 11)]))
    assert [state.stands for state in found] == [COUNTING, COUNTING, UNSEEN, FIRED]
    assert [state.missing for state in found] == [0, 0, 1, 1]
    assert "Cloud Monitoring: timeout" in found[2].reason


def test_a_missing_sample_is_not_good() -> None:
    assert stands("error_ratio > 0.01 for 3 samples", samples([errors(0), errors(None)])) == [CLEAN, UNSEEN]


def test_a_side_that_is_missing_from_the_sample_is_missing() -> None:
    assert stands("error_ratio > 0.01", samples([None])) == [UNSEEN]


def test_a_minute_without_requests_is_not_missing_and_says_nothing() -> None:
    found = states("error_ratio > 0.01 for 2 samples", samples([errors(11), errors(0, 0), errors(11), errors(0, 0)]))
    assert [state.stands for state in found] == [COUNTING, COUNTING, FIRED, FIRED]
    assert found[-1].missing == 0
    assert stands("p95_latency > 1 s", samples([took()])) == [CLEAN]


def test_too_few_requests_say_nothing() -> None:
    text = "error_ratio > 0.01 for 1 sample with at least 20 requests"
    assert stands(text, samples([errors(19, 19)])) == [CLEAN]
    assert stands(text, samples([errors(20, 20)])) == [FIRED]


def test_a_window_is_looked_at_once_it_is_full() -> None:
    found = states("error_ratio > 0.05 over 5m", samples([errors(500)] * 5))
    assert [state.stands for state in found] == [UNSEEN] * 4 + [FIRED]
    assert "3 of 5 samples of its window" in found[2].reason


def test_a_window_adds_its_samples_up() -> None:
    """One minute at 100 % of little traffic is not five minutes at 20 %."""
    given = samples([errors(10, 10), *[errors(0, 1000)] * 4])
    found = states("error_ratio > 0.05 over 5m", given)
    assert found[-1].stands is CLEAN
    assert found[-1].value == pytest.approx(10 / 4010)


def test_a_window_with_a_hole_can_fire_and_is_not_clean() -> None:
    bad, good = errors(500), errors(0)
    assert stands("error_ratio > 0.05 over 5m", samples([bad, bad, errors(None), bad, bad]))[-1] is FIRED
    assert stands("error_ratio > 0.05 over 5m", samples([good, good, errors(None), good, good]))[-1] is UNSEEN
    mostly = samples([bad, errors(None), errors(None), errors(None), bad])
    assert stands("error_ratio > 0.05 over 5m", mostly)[-1] is UNSEEN


def test_a_stretch_without_samples_fills_the_window_with_missing_ones() -> None:
    given = samples([errors(500)] * 4)
    late = replace(given[-1], seq=5, since=START + 60 * MINUTE, until=START + 61 * MINUTE)
    found = states("error_ratio > 0.05 over 5m", [*given, late])
    assert found[-1].stands is UNSEEN
    assert found[-1].missing == 56


def test_percentiles_are_nearest_rank() -> None:
    """Of 20 latencies the 19th is the p95; an interpolating percentile would lie above it."""
    found = states("p95_latency > 500 ms", samples([took(*[100.0] * 18, 400.0, 9000.0)]))
    assert found[0].value == 400.0
    assert found[0].stands is CLEAN


def test_a_latency_is_compared_in_the_unit_of_its_rule() -> None:
    assert stands("p95_latency > 20 s over 2m", samples([took(20_001.0), took(20_001.0)]))[-1] is FIRED
    assert stands("p95_latency > 20 s over 2m", samples([took(19_999.0), took(19_999.0)]))[-1] is CLEAN


@pytest.mark.parametrize(("low", "text", "expected"), [(600.0, "> 500 ms", FIRED), (400.0, "> 500 ms", UNSEEN)])
def test_a_latency_in_a_bucket_without_an_upper_edge_is_a_lower_bound(
    low: float, text: str, expected: RuleStands
) -> None:
    open_ended = SideSample(requests=9, errors=0, latency=(Bucket(low=low, high=None, count=9),))
    assert stands(f"p95_latency {text}", samples([open_ended])) == [expected]


def test_a_rule_that_both_sides_break_fires_and_says_so() -> None:
    found = states("error_ratio > 0.01 for 2 samples", samples([errors(50)] * 2, stable=errors(50)))
    assert found[-1].stands is FIRED
    assert found[-1].stable_too
    assert "the stable side breaks it too" in found[-1].reason
    assert not states("error_ratio > 0.01 for 2 samples", samples([errors(50)] * 2, stable=errors(0)))[-1].stable_too


def test_between_the_limit_for_go_and_the_rollback_rule_neither_is_met() -> None:
    given = samples([took(*[300.0] * 20)] * 3)
    assert stands("p95_latency <= 200 ms", given, go=True)[-1] is BROKEN
    assert stands("p95_latency > 500 ms for 3 samples", given)[-1] is CLEAN


def test_a_limit_for_go_has_to_hold_over_the_last_hour_too() -> None:
    """Twenty good hours do not outweigh a bad one."""
    given = samples([errors(0)] * 600 + [errors(20)] * 60)
    found = states("error_ratio <= 0.005", given, go=True)
    assert found[599].stands is CLEAN
    assert found[-1].stands is BROKEN
    assert "over the last 1h" in found[-1].reason


def test_gauges_are_means_and_a_count_is_a_ratio_of_requests() -> None:
    one = SideSample(requests=200, errors=0, gauges={"memory": 0.9}, counts={"llm_parsing_failure": 3})
    assert stands("memory > 0.85 for 2 samples", samples([one, one]))[-1] is FIRED
    assert states("llm_parsing_failure_ratio > 0.005", samples([one]))[0].value == 0.015
    assert stands("cpu > 0.8", samples([one])) == [UNSEEN]


BOUND = st.integers(0, 30) | st.none()


@given(st.lists(BOUND, max_size=40), st.integers(1, 4))
def test_a_streak_is_that_of_the_samples_that_were_seen(counts: list[int | None], needed: int) -> None:
    """Against the plainest reading: leave the missing ones out and look for N breaches side by side."""
    found = states(f"error_ratio > 0.01 for {needed} samples", samples([errors(n) for n in counts]))
    seen = [n > 10 for n in counts if n is not None]
    fires = any(all(seen[at : at + needed]) for at in range(len(seen) - needed + 1))
    assert (bool(found) and found[-1].stands is FIRED) == fires


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(60, 90)), min_size=5, max_size=30))
def test_a_window_is_the_sum_of_its_samples(counts: list[tuple[int, int]]) -> None:
    found = states("error_ratio > 0.3 over 5m", samples([errors(bad, all_) for bad, all_ in counts]))
    fired = [
        sum(bad for bad, _ in counts[at - 4 : at + 1]) / sum(all_ for _, all_ in counts[at - 4 : at + 1]) > 0.3
        for at in range(4, len(counts))
    ]
    assert [state.fired_at is not None for state in found[4:]] == [any(fired[: n + 1]) for n in range(len(fired))]

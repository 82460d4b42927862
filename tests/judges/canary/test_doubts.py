"""What is no proof: a canary without requests, measures that are seldom told, rules that say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.canary_sim import RULEBOOK, World, rule, watch

from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.rulebook import Rulebook
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, Bucket, CanaryVerdict, RuleStands, Sample, SideSample

Change = Callable[[int, SideSample], SideSample]
pytestmark = pytest.mark.filterwarnings("error")


def changed(change: Change, samples: Iterable[Sample], side: str = CANARY) -> list[Sample]:
    return [replace(one, sides={**one.sides, side: change(one.seq, one.sides[side])}) for one in samples]


def judged(samples: Iterable[Sample], rules: Rulebook = RULEBOOK) -> list[CanaryVerdict]:
    judge = CanaryJudge(rules)
    return [judge.feed(sample) for sample in samples]


def go(found: Iterable[CanaryVerdict]) -> list[int]:
    return [one.seq for one in found if one.decision is Decision.GO]


def silent(_: int, side: SideSample) -> SideSample:
    return replace(side, requests=0, errors=0, successes=0, latency=())


def test_a_canary_that_never_had_a_request_is_hold_and_says_since_when() -> None:
    found = judged(changed(silent, watch(1, 30, World())))
    assert not go(found)
    assert (
        found[-1]
        .reasons[0]
        .startswith("the canary has had no request since 2026-11-20 00:00 UTC (30m); the stable side had 3")
    )


def test_a_canary_that_dies_after_go_is_go_no_more() -> None:
    found = judged(changed(lambda n, one: silent(n, one) if n > 120 else one, watch(1, 200, World())))
    assert go(found)
    assert max(go(found)) <= 121
    assert "since 2026-11-20 02:00 UTC" in found[-1].reasons[0]
    assert "is it alive" in found[-1].reasons[0]


def test_minutes_without_requests_are_no_silence_where_few_are_to_be_expected() -> None:
    """One request a minute, 60 an hour: the longest pause is some minutes."""
    found = judged(watch(2, 400, World(requests=1), World(requests=20)))
    assert not any("no request since" in reason for one in found for reason in one.reasons)
    assert not any(one.decision is Decision.NO_GO for one in found)


@pytest.mark.parametrize(
    ("side", "drop", "said"),
    [
        (CANARY, {"latency": None}, "p95_latency of the canary side was not seen in 81m of 90m: no points"),
        (CANARY, {"errors": None}, "error_ratio of the canary side was not seen in 81m of 90m"),
        (CANARY, {"gauges": {"cpu": 0.4}}, "memory of the canary side was not seen in 81m of 90m"),
        (STABLE, {"latency": None}, "p95_latency of the stable side was not seen in 81m of 90m: no points"),
        (STABLE, {"errors": None}, "error_ratio of the stable side was not seen in 81m of 90m"),
    ],
)
def test_a_measure_that_is_told_in_every_tenth_minute_is_no_proof(
    side: str, drop: dict[str, object], said: str
) -> None:
    """Busy enough that every tenth minute would do for the bounds."""
    unseen = {"latency": "no points"}

    def seldom(seq: int, one: SideSample) -> SideSample:
        return one if seq % 10 == 0 else replace(one, unseen=unseen, **drop)  # type: ignore[arg-type]

    found = judged(changed(seldom, watch(3, 90, World(requests=1500)), side))
    assert not go(found)
    assert said in found[-1].reasons


def test_without_requests_a_gauge_need_not_be_told() -> None:
    """An instance that is not there has no memory: neither a gap, nor HOLD for this minute."""

    def scaled_to_nothing(seq: int, one: SideSample) -> SideSample:
        return replace(silent(seq, one), gauges={}) if seq % 4 == 0 else one

    found = judged(changed(scaled_to_nothing, watch(1, 160, World(requests=8))))
    stands = {one.rules[2].stands for one in found[3:]}
    assert found[0].rules[2].rule.measure == "memory"
    assert stands == {RuleStands.CLEAN}
    assert not [reason for reason in found[-1].reasons if "not seen" in reason]


def test_a_rulebook_that_proves_nothing_is_never_go() -> None:
    found = judged(watch(4, 20, World()), replace(RULEBOOK, go=(rule("requests >= 100"),)))
    assert not go(found)
    assert found[-1].reasons == (
        "the rules have no limit for GO on a ratio, a latency or a gauge: nothing could be proven",
    )


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("error_ratio <= 1", 1, "requests failed"),
        ("success_ratio >= 0.9", 5, "requests without success"),
        ("success_ratio >= 1", None, "no number of requests proves a share of exactly 0"),
        ("hit_ratio >= 0.9", 8, "requests without hit"),
        ("hit_ratio <= 1", 1, "requests with hit"),
        ("hit_ratio >= 0.98", None, "without hit"),
        ("miss_ratio <= 0.1", None, "no sample told it of the canary: the log is late"),
        ("cpu >= 0.05", 10, "at least 0."),
        ("cpu >= 0.5", None, "more of these prove nothing"),
        ("error_ratio <= 0.000000001", None, "0.000% allowed"),
    ],
)
def test_limits_of_either_direction_and_of_the_ends(text: str, at: int | None, said: str) -> None:
    def hits(_: int, one: SideSample) -> SideSample:
        return replace(one, counts={"hit": int(0.97 * (one.requests or 0))}, unseen={"miss_ratio": "the log is late"})

    found = judged(changed(hits, watch(5, 60, World())), replace(RULEBOOK, go=(rule(text),)))
    assert said in found[-1].bounds[0].reason
    assert (min(go(found), default=None) or 99) <= (at or 99)
    assert bool(go(found)) == (at is not None)


def test_what_would_take_ages_has_no_moment() -> None:
    one = replace(RULEBOOK, go=(rule("error_ratio <= 0.000000001"),), rollback=())
    found = judged(changed(lambda _, side: replace(side, requests=1, errors=0), watch(6, 2, World())), one)
    assert found[-1].decision is Decision.HOLD
    assert found[-1].decidable_at is None


def test_samples_of_another_length_are_no_proof() -> None:
    samples = list(watch(7, 120, World(requests=1500)))
    ten = timedelta(seconds=10)
    start = samples[0].since
    found = judged(replace(one, since=start + (one.seq - 1) * ten, until=start + one.seq * ten) for one in samples)
    assert not go(found)
    assert any("120 of 120 samples do not last 1m (the newest lasts 10s)" in one for one in found[-1].reasons)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 1e308])
def test_a_gauge_that_is_no_share_was_not_seen_and_leaves_nothing_behind(bad: float) -> None:
    def broken(seq: int, one: SideSample) -> SideSample:
        return replace(one, gauges={**one.gauges, "memory": bad}) if seq in (20, 21) else one

    found = judged(changed(broken, watch(1, 120, World())))
    memory = [next(rule for rule in one.rules if rule.rule.text.startswith("memory >")) for one in found]
    assert memory[20].value is None
    assert "memory: not seen" in memory[20].reason or "not seen" in memory[20].reason
    assert memory[21].value is not None
    assert go(found)


def test_a_window_of_a_gauge_at_its_limit_is_not_above_it() -> None:
    """Rounding of sums must not fire a rule: ten times 0.85 is 8.5."""
    rules = replace(RULEBOOK, rollback=(rule("memory > 0.85 over 10m"),))
    still = changed(lambda _, one: replace(one, gauges={"memory": 0.85, "cpu": 0.4}), watch(8, 40, World()))
    assert all(one.rules[0].fired_at is None for one in judged(still, rules))


def test_counts_of_any_size_are_judged() -> None:
    huge = 2**53 - 1

    def much(_: int, one: SideSample) -> SideSample:
        return replace(one, requests=huge, errors=0, successes=huge, latency=(Bucket(low=10, high=20, count=huge),))

    def one_only(_: int, one: SideSample) -> SideSample:
        return replace(one, requests=1, errors=0, successes=1, latency=(Bucket(low=10, high=20, count=1),))

    for mine, other in ((much, one_only), (one_only, much)):
        found = judged(changed(other, changed(mine, watch(9, 60, World())), STABLE))
        assert all(np.isfinite(one.log_e) for one in found[-1].evidence[:2])
        assert not [one for one in found if one.decision is Decision.NO_GO]


def test_a_limit_inside_a_bucket_says_so() -> None:
    """95 of 100 requests are faster than 163 ms; the others may be above or below 200 ms."""

    def coarse(_: int, one: SideSample) -> SideSample:
        buckets = (Bucket(low=0, high=163, count=90), Bucket(low=163, high=229, count=10))
        return replace(one, requests=100, latency=buckets)

    found = judged(changed(coarse, watch(10, 30, World())))
    reason = next(one.reason for one in found[-1].bounds if one.measure == "p95_latency")
    assert "300 of them lie in buckets that the limit divides (with the edges 163 and 229 ms)" in reason

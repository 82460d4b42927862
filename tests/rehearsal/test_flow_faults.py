"""The faults of what flows, without the time it takes: a watch finds each by what faults.yaml names, health never."""

from __future__ import annotations

import math
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from gonogo.config.environment import load_environment
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.watch import CANARY, STABLE, Bucket, CanaryVerdict, RuleStands, Sample, SideSample

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from flow import RATE  # noqa: E402 - the rehearsal's own folder
from flow_faults import FAULTS, Flowing  # noqa: E402

NAMED = yaml.safe_load((ROOT / "environments/rehearsal/faults.yaml").read_text(encoding="utf-8"))
ENVIRONMENT = load_environment("local", ROOT / "environments", root=ROOT)
BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
ONSET, MINUTES = 3, 45
CANARY_SHARE = 0.05
GROWTH = 1.4  # of Cloud Monitoring's buckets


def _side(flowing: Flowing, side: str, requests: int, until: float) -> SideSample:
    """A minute of a side, counted as Cloud Monitoring counts it."""
    answers = [flowing.answer(side, until - 1) for _ in range(requests)]
    failed = sum(answer.failed for answer in answers)
    slow = Counter(math.ceil(math.log(answer.takes_s * 1000, GROWTH)) for answer in answers)
    return SideSample(
        requests=requests,
        errors=failed,
        successes=requests - failed,
        latency=tuple(Bucket(low=GROWTH ** (at - 1), high=GROWTH**at, count=n) for at, n in sorted(slow.items())),
        gauges={"memory": min(1.0, 0.29 + flowing.leaked(side, until)), "cpu": 0.35},
    )


def _watched(*faults: str) -> CanaryVerdict:
    assert ENVIRONMENT.watch is not None
    judge, zero = CanaryJudge(ENVIRONMENT.watch), BEGAN.timestamp()
    flowing = Flowing(dict.fromkeys(faults, zero + ONSET * 60))
    canary = round(60 * RATE * CANARY_SHARE)
    for minute in range(MINUTES):
        until = BEGAN + timedelta(minutes=minute + 1)
        sides = {
            CANARY: _side(flowing, "canary", canary, until.timestamp()),
            STABLE: _side(flowing, "stable", round(60 * RATE) - canary, until.timestamp()),
        }
        verdict = judge.feed(Sample(seq=minute + 1, since=until - timedelta(minutes=1), until=until, sides=sides))
    return verdict


def _found(verdict: CanaryVerdict) -> set[str]:
    fired = {one.rule.measure for one in verdict.rules if one.stands is RuleStands.FIRED}
    return fired | {one.measure for one in verdict.evidence if one.alarmed_at is not None}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_watch_finds_a_fault_by_what_is_named(name: str) -> None:
    """Within 45 minutes, by these measures and no others, and not before it begins."""
    verdict = _watched(name)
    assert _found(verdict) == set(NAMED[name]["watch"])
    assert all(one.fired_at is None or one.fired_at > ONSET for one in verdict.rules)
    assert verdict.both_sides == name.startswith("both-")


def test_a_watch_finds_nothing_against_what_is_healthy() -> None:
    """No rule and no evidence; all faults of the flow have a name."""
    assert _found(_watched()) == set()
    assert set(FAULTS) == {name for name, entry in NAMED.items() if entry.get("watch")}

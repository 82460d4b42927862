"""What a profile proves, watches and cannot see of a limiter, as a decision with reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.config.profiles import check_profile
from gonogo.judges.loads.run import PROPERTIES, Standard, judge_load
from gonogo.load.record import classify
from gonogo.model.environment import Objective
from gonogo.model.errors import ConfigError
from gonogo.model.load import LatencySummary, LoadRecord, OutcomeClass, Profile, SideRecord, Workload
from gonogo.model.load_verdict import Judged
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision

T = datetime(2026, 11, 20, 9, tzinfo=UTC)
PROFILE = Profile(
    name="p", use="u", workload=Workload.CLOSED, requests=100, proves=("P1", "P2", "P3", "P5", "P22"), watches=("P9",)
)
POLICY = Policy(path="/a", algorithm=Algorithm.FIXED_WINDOW, limit=20, window=timedelta(minutes=1))
SUCCESS = {
    "canary_success": Objective(above=0.95, unit=Unit.RATIO),
    "canary_error_ratio": Objective(below=0.1, unit=Unit.RATIO),
}


def found(verdict: Shown, *ids: str) -> list[PropertyResult]:
    return [PropertyResult(id=one, side="canary", path="/a", verdict=verdict, reason=f"{one} seen") for one in ids]


def judge(
    *results: PropertyResult,
    accepted: int = 100,
    limited: int = 0,
    policy: Policy | None = POLICY,
    profile: Profile = PROFILE,
    status: int = 429,
) -> Judged:
    counts = {OutcomeClass.ACCEPTED: accepted, OutcomeClass.LIMITED: limited, OutcomeClass.ERROR: 0}
    side = SideRecord(
        side="canary",
        requested_rate=None,
        achieved_rate=50.0,
        requests=accepted + limited,
        outcomes={each: LatencySummary(count=n) for each, n in counts.items()},
        statuses={200: accepted, status: limited} if limited else {200: accepted},
    )
    record = LoadRecord(run_id="r", profile=profile, environment="e", started=T, ended=T, sides=(side,))
    standards = {"canary": Standard(path="/a", names="canary", objectives=SUCCESS, policy=policy)}
    return judge_load(record, standards, results)


def test_what_only_a_run_beyond_the_limit_shows_is_one_reason() -> None:
    """It says what would show it; what passed is no reason."""
    judged = judge(*found(Shown.NOT_VISIBLE, "P1", "P3", "P5"), *found(Shown.PASS, "P2"))
    assert judged.decision is Decision.HOLD
    (reason,) = judged.reasons
    assert reason.startswith("canary /a: P1, P3, P5: P3 seen; more than 20 requests, faster than 20 in 60 s, would")


def test_a_limiter_that_rejects_nobody_is_told_once() -> None:
    """Beyond the limit, P4 and P5 want no more requests: there is no rejection to be seen."""
    judged = judge(*found(Shown.FAIL, "P3"), *found(Shown.NOT_VISIBLE, "P5"), *found(Shown.PASS, "P1", "P2"))
    assert judged.decision is Decision.NO_GO
    assert [reason.partition(":")[2][:4] for reason in judged.reasons] == [" P3:"]


def test_what_is_watched_fails_a_run_and_never_holds_it() -> None:
    """A watched property need not be seen."""
    good = found(Shown.PASS, "P1", "P2", "P3", "P5")
    for verdict, decision in (
        (Shown.PASS, Decision.GO),
        (Shown.NOT_VISIBLE, Decision.GO),
        (Shown.FAIL, Decision.NO_GO),
    ):
        assert judge(*good, *found(verdict, "P9"), limited=5, accepted=95).decision is decision
    assert judge(*good, *found(Shown.FAIL, "P10"), limited=5, accepted=95).decision is Decision.GO


def test_a_limiter_of_a_path_that_nobody_declared_is_not_proven() -> None:
    """No rejection there shows neither that a limit is kept nor that there is one."""
    judged = judge(policy=None)
    assert judged.decision is Decision.HOLD
    assert [reason.partition(":")[2][:4] for reason in judged.reasons] == [" P1:", " P3:"]
    assert "declares no policy for /a" in judged.reasons[0]


def test_a_policy_without_retry_after_is_kept_without_it() -> None:
    """What was not promised is not missing; what was, is."""
    seen = [*found(Shown.PASS, "P1", "P2", "P3"), *found(Shown.NOT_VISIBLE, "P5")]
    assert judge(*seen, accepted=20, limited=80).decision is Decision.GO
    assert judge(*seen, accepted=20, limited=80, policy=replace(POLICY, retry_after=True)).decision is Decision.HOLD


def test_rightful_rejections_are_no_want_of_success() -> None:
    """Only where the profile proves that none came too early."""
    good = found(Shown.PASS, "P1", "P2", "P3", "P5")
    errors = replace(PROFILE, proves=("P2", "errors"), watches=())
    assert judge(*good, accepted=20, limited=80, profile=errors).decision is Decision.GO
    alone = replace(errors, proves=("errors",))
    assert judge(*good, accepted=20, limited=80, profile=alone).decision is Decision.NO_GO


def test_a_declared_reject_status_is_limited() -> None:
    """429 always is; a policy's 503 is, and no success ever."""
    assert classify(429) is classify(429, 503) is classify(503, 503) is OutcomeClass.LIMITED
    assert classify(503) is OutcomeClass.ERROR
    assert classify(200, 200) is OutcomeClass.ACCEPTED


@pytest.mark.parametrize(
    ("watches", "said"), [(("P99",), "names no property"), (("P1",), "names P1, which the profile proves already")]
)
def test_what_a_profile_cannot_watch(watches: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_profile(replace(PROFILE, watches=watches), PROPERTIES)

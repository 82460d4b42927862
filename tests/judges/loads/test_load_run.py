"""Load records into decisions: what is no proof, what is harm, and what only other profiles would have to prove."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.judges.loads.run import judge_load
from gonogo.judges.loads.slos import Standard
from gonogo.model.environment import Objective
from gonogo.model.load import LatencySummary, LoadRecord, OutcomeClass, Profile, SideRecord, Workload
from gonogo.model.ratelimit import PropertyResult, Shown
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision

T = datetime(2026, 11, 20, 9, tzinfo=UTC)
PROFILE = Profile(name="p", use="u", workload=Workload.CLOSED, requests=100, proves=("P2", "P22"))
OBJECTIVES = {
    f"{name}_{measure}": objective
    for name in ("canary", "stable")
    for measure, objective in {
        "p95": Objective(below=0.3, unit=Unit.S, min_samples=20),
        "error_ratio": Objective(below=0.05, unit=Unit.RATIO),
    }.items()
}
STANDARDS = {
    "canary": Standard(path="/a", names="canary", objectives=OBJECTIVES),
    "legacy": Standard(path="/b", names="stable", objectives=OBJECTIVES),
}


def side(name: str, accepted: int = 100, limited: int = 0, errors: int = 0, *, p95: float = 10.0) -> SideRecord:
    counts = {OutcomeClass.ACCEPTED: accepted, OutcomeClass.LIMITED: limited, OutcomeClass.ERROR: errors}
    return SideRecord(
        side=name,
        requested_rate=None,
        achieved_rate=50.0,
        requests=accepted + limited + errors,
        outcomes={each: LatencySummary(count=n, p95=p95 if n else 0.0) for each, n in counts.items()},
        statuses={status: n for status, n in ((200, accepted), (429, limited), (500, errors)) if n},
    )


def record(*sides: SideRecord, profile: Profile = PROFILE, **changes: object) -> LoadRecord:
    made = LoadRecord(
        run_id="r", profile=profile, environment="e", started=T, ended=T + timedelta(seconds=2), sides=sides
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_healthy_sides_are_go() -> None:
    """All accepted on both sides proves gentle's properties; objectives are shown."""
    judged = judge_load(record(side("canary"), side("legacy")), STANDARDS)
    assert judged.decision is Decision.GO
    assert judged.reasons == ()
    assert {slo.verdict for slo in judged.slos} == {Shown.PASS}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (record(), "canary: nothing was sent"),
        (record(side("canary")), "legacy: nothing was sent"),
        (record(side("canary"), side("legacy", 0)), "legacy: nothing was sent"),
        (record(side("canary"), side("legacy", 99)), "99 of 100 requests were sent"),
        (record(side("canary"), side("legacy"), workers_expected=2), "1 of 2 workers are missing"),
        (record(side("canary"), side("legacy"), aborted="it was interrupted"), "ended early: it was interrupted"),
        (
            record(*(replace(side(name), requested_rate=100.0, achieved_rate=89.9) for name in STANDARDS)),
            "89.9 of 100.0 requests a second",
        ),
        (
            record(*(replace(side(name, 0, 0, 100), statuses={401: 100}) for name in STANDARDS)),
            "canary: 401 to every request",
        ),
        (
            record(side("canary"), replace(side("legacy", 0, 0, 100), statuses={401: 100})),
            "legacy: 401 to every request",
        ),
    ],
)
def test_no_proof_is_hold(made: LoadRecord, said: str) -> None:
    """What was not seen in full is HOLD with its reason."""
    judged = judge_load(made, STANDARDS)
    assert judged.decision is Decision.HOLD
    assert any(said in reason for reason in judged.reasons)


def test_no_side_at_all_is_hold() -> None:
    """An empty manifest proves nothing."""
    assert judge_load(record(), {}).decision is Decision.HOLD


def test_one_side_failing_is_its_own_fault_and_both_the_environments() -> None:
    """Errors of the canary alone are NO-GO, errors of every side HOLD."""
    assert judge_load(record(side("canary", 99, 0, 1), side("legacy")), STANDARDS).decision is Decision.NO_GO
    both = judge_load(record(side("canary", 99, 0, 1), side("legacy", 99, 0, 1)), STANDARDS)
    assert both.decision is Decision.HOLD
    assert both.reasons[0].startswith("every side fails")


SPIKE = replace(PROFILE, workload=Workload.OPEN, rate=100.0, proves=("latency", "errors"), abort_error_ratio=0.5)
BURNT = {"profile": SPIKE, "aborted": "canary: 6 of 6 answers were errors", "burned": ("canary",)}


def test_errors_that_end_a_run_are_a_failure_however_few() -> None:
    """The worse the canary, the sooner the run ends: too few samples for an objective are no excuse."""
    judged = judge_load(record(side("canary", 0, 0, 6), side("legacy", 6), **BURNT), STANDARDS)
    assert judged.decision is Decision.NO_GO
    assert (
        judged.reasons[0]
        == "canary /a: errors: 6 of 6 requests ended in an error (6 x 500); abort_error_ratio ended the run"
    )
    late = judge_load(record(side("canary", 3000, 0, 6), side("legacy", 3006), **BURNT), STANDARDS)
    assert late.decision is Decision.NO_GO


def test_errors_that_end_a_run_on_every_side_are_hold() -> None:
    """The other side had no time to reach its own bound, and is as bad."""
    judged = judge_load(record(side("canary", 0, 0, 6), side("legacy", 0, 0, 4), **BURNT), STANDARDS)
    assert judged.decision is Decision.HOLD
    assert judged.reasons[0].startswith("every side fails")


def test_a_reject_is_early_where_no_policy_allows_it() -> None:
    """429 fails P2 of a profile that proves it."""
    judged = judge_load(record(side("canary", 99, 1), side("legacy")), STANDARDS)
    assert judged.decision is Decision.NO_GO
    assert judged.reasons[0].startswith("canary /a: P2")


def test_only_the_profiles_own_properties_decide() -> None:
    """A missed objective decides a run whose profile proves latency, and no other."""
    slow = record(side("canary", p95=400.0), side("legacy"))
    assert judge_load(slow, STANDARDS).decision is Decision.GO
    proving = replace(slow, profile=replace(PROFILE, proves=("latency",)))
    judged = judge_load(proving, STANDARDS)
    assert judged.decision is Decision.NO_GO
    assert "not canary_p95 0.4 s < 0.3 s (n=100)" in judged.reasons[0]


def test_too_few_samples_or_no_objective_prove_no_latency() -> None:
    """Fewer samples than the objective wants, or no objective, is HOLD."""
    profile = replace(PROFILE, requests=19, proves=("latency",))
    few = judge_load(record(side("canary", 19), side("legacy", 19), profile=profile), STANDARDS)
    assert few.decision is Decision.HOLD
    bare = {name: replace(standard, objectives={}) for name, standard in STANDARDS.items()}
    none = judge_load(record(side("canary", 19), side("legacy", 19), profile=profile), bare)
    assert none.decision is Decision.HOLD
    assert "no objective canary_p50" in none.reasons[0]


def test_the_rate_limit_judges_word_stands_but_for_lost_answers() -> None:
    """A finding on the timeline replaces the one made of counts; an error stays an error."""
    told = [
        PropertyResult(id=each, side="canary", path="/a", verdict=Shown.PASS, reason="as the policy says")
        for each in ("P2", "P22")
    ]
    assert judge_load(record(side("canary", 50, 50), side("legacy")), STANDARDS, told).decision is Decision.GO
    lost = record(side("canary", 99, 0, 1), side("legacy"))
    assert judge_load(lost, STANDARDS, told).decision is Decision.NO_GO

"""Objectives of one side, and of one against the other: values, units, samples, and what they decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gonogo.judges.loads.run import judge_load
from gonogo.judges.loads.slos import Standard, misfit
from gonogo.model.environment import Objective
from gonogo.model.load import LatencySummary, LoadRecord, OutcomeClass, Profile, SideRecord, Workload
from gonogo.model.load_verdict import Judged, Slo
from gonogo.model.ratelimit import PropertyResult, Shown
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision

T = datetime(2026, 11, 20, 9, tzinfo=UTC)
PROFILE = Profile(name="p", use="u", workload=Workload.CLOSED, requests=100, proves=("latency", "errors", "rate"))
PLAIN = {
    f"{side}_{measure}": Objective(at_least=0.9, unit=Unit.RATIO)
    for side in ("canary", "stable")
    for measure in ("accepted_ratio", "achieved_ratio")
} | {f"{side}_p95": Objective(below=1, unit=Unit.S) for side in ("canary", "stable")}


def side(name: str, accepted: int = 100, limited: int = 0, errors: int = 0, *, p95: float = 10.0) -> SideRecord:
    counts = {OutcomeClass.ACCEPTED: accepted, OutcomeClass.LIMITED: limited, OutcomeClass.ERROR: errors}
    return SideRecord(
        side=name,
        requested_rate=50.0,
        achieved_rate=49.0,
        requests=accepted + limited + errors,
        outcomes={each: LatencySummary(count=n, p95=p95 if n else 0.0) for each, n in counts.items()},
        statuses={200: accepted},
    )


def judged(
    canary: SideRecord, legacy: SideRecord, *others: PropertyResult, profile: Profile = PROFILE, **more: Objective
) -> Judged:
    standards = {
        "canary": Standard(path="/a", names="canary", objectives=PLAIN | more),
        "legacy": Standard(path="/b", names="stable", objectives=PLAIN | more),
    }
    record = LoadRecord(run_id="r", profile=profile, environment="e", started=T, ended=T, sides=(canary, legacy))
    return judge_load(record, standards, others)


def named(made: Judged, name: str) -> Slo:
    (slo,) = (slo for slo in made.slos if slo.name == name)
    return slo


def test_accepted_and_achieved_are_objectives() -> None:
    """accepted_ratio counts rejects against a side, achieved_ratio is what was sent over what was asked for."""
    made = judged(side("canary", 90, 10), side("legacy"))
    assert named(made, "canary_accepted_ratio").value == 0.9
    assert named(made, "canary_achieved_ratio").value == 0.98
    assert made.decision is Decision.GO
    worse = judged(side("canary", 89, 11), side("legacy"))
    assert worse.decision is Decision.NO_GO
    assert "not canary_accepted_ratio 0.89 ratio >= 0.9 ratio (n=100)" in worse.reasons[0]


def test_a_closed_run_asked_for_no_rate() -> None:
    """Without a requested rate the achieved ratio is not seen, and does not pass."""
    made = judged(replace(side("canary"), requested_rate=None), side("legacy"))
    assert named(made, "canary_achieved_ratio").verdict is Shown.NOT_VISIBLE
    assert made.decision is Decision.HOLD


@pytest.mark.parametrize(
    ("p95", "decision", "said"),
    [
        (12.0, Decision.GO, "canary_p95_over_stable 1.2 times <= 1.2 times (n=100)"),
        (12.1, Decision.NO_GO, "not canary_p95_over_stable 1.21 times <= 1.2 times (n=100)"),
    ],
)
def test_a_canary_slower_than_stable_is_no_go(p95: float, decision: Decision, said: str) -> None:
    """Both sides keep their own limit; the canary's p95 over stable's decides."""
    limit = Objective(at_most=1.2, unit=Unit.TIMES, min_samples=20)
    made = judged(side("canary", p95=p95), side("legacy"), canary_p95_over_stable=limit)
    slo = named(made, "canary_p95_over_stable")
    assert (made.decision, slo.reason, slo.side, slo.against) == (decision, said, "canary", "legacy")


def test_the_fewer_samples_of_both_sides_count() -> None:
    """A comparison wants enough samples on each side, not on one."""
    limit = Objective(at_most=1.2, unit=Unit.TIMES, min_samples=20)
    made = judged(side("canary"), side("legacy", 19), canary_p95_over_stable=limit)
    assert named(made, "canary_p95_over_stable").verdict is Shown.NOT_VISIBLE
    assert made.decision is Decision.HOLD
    assert any("20 samples are needed on both sides" in reason for reason in made.reasons)


def test_a_difference_stands_in_the_units_of_its_measure() -> None:
    """More errors than the other side, as a difference of ratios; a quotient over no errors is not seen."""
    minus = Objective(at_most=0.01, unit=Unit.RATIO)
    over = Objective(at_most=2, unit=Unit.TIMES)
    more = {"canary_error_ratio_minus_stable": minus, "canary_error_ratio_over_stable": over}
    made = judged(side("canary", 98, 0, 2), side("legacy"), **more)
    assert named(made, "canary_error_ratio_minus_stable").value == pytest.approx(0.02)
    assert named(made, "canary_error_ratio_minus_stable").verdict is Shown.FAIL
    assert named(made, "canary_error_ratio_over_stable").verdict is Shown.NOT_VISIBLE
    alike = judged(side("canary"), side("legacy"), **more)
    assert named(alike, "canary_error_ratio_over_stable").value == 1.0


def test_units_that_do_not_fit_are_named() -> None:
    """A latency in ratio and a quotient in ms are found before anything is sent."""
    assert misfit(["canary"], {"canary_p95": Objective(below=1, unit=Unit.MB)}) is not None
    assert misfit(["canary", "stable"], {"canary_p95_over_stable": Objective(below=1, unit=Unit.MS)}) is not None
    assert misfit(["canary"], {"canary_capacity": Objective(at_least=1, unit=Unit.PER_HOUR)}) is None
    assert misfit(["canary", "stable"], PLAIN) is None
    assert misfit(["canary"], {"canary_memory": Objective(below=1, unit=Unit.MB)}) is None


def test_the_parity_of_both_sides_is_kept() -> None:
    """P26 belongs to no single side: it is shown, and decides where the profile proves it."""
    apart = PropertyResult(id="P26", side="canary, legacy", path="/a", verdict=Shown.FAIL, reason="limit is 5 and 6")
    shown = judged(side("canary"), side("legacy"), apart)
    assert shown.decision is Decision.GO
    assert apart in shown.beside
    proving = replace(PROFILE, proves=(*PROFILE.proves, "P26"))
    decided = judged(side("canary"), side("legacy"), apart, profile=proving)
    assert decided.decision is Decision.NO_GO
    assert decided.reasons == ("canary, legacy /a: P26: limit is 5 and 6",)
    unseen = judged(side("canary"), side("legacy"), profile=proving)
    assert unseen.decision is Decision.HOLD
    assert "the sides were asked at different paths, /a and /b" in unseen.reasons[0]

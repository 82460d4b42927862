"""What two sides bear, into the decision of a capacity run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.judges.loads.capacity_run import judge_capacity
from gonogo.judges.loads.slos import Standard
from gonogo.model.capacity import Capacity, CapacityStep, Steps, StepVerdict
from gonogo.model.environment import Objective
from gonogo.model.load import LoadRecord, Profile, Workload
from gonogo.model.ratelimit import Shown
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision
from gonogo.reporting.load.capacity import capacity_document, found_line, step_line

T = datetime(2026, 11, 20, 9, tzinfo=UTC)
PROFILE = Profile(
    name="capacity",
    use="u",
    workload=Workload.OPEN,
    requests=9000,
    duration=timedelta(minutes=5),
    steps=Steps(from_=10, at_most=400),
    proves=("capacity",),
)
RECORD = LoadRecord(run_id="r", profile=PROFILE, environment="e", started=T, ended=T + timedelta(minutes=2), sides=())


def step(rate: float, verdict: StepVerdict = StepVerdict.KEPT, **given: Any) -> CapacityStep:
    return CapacityStep(
        **{
            "rate": rate, "sent": 500, "achieved": rate, "p50": 20.0, "p95": 30.0, "p99": 40.0, "error_ratio": 0.0,
            "accepted_ratio": 1.0, "verdict": verdict, "reason": "every objective was kept", **given,
        }
    )  # fmt: skip


def bears(side: str, rate: float | None = 100.0, high: float | None = 110.0, **given: Any) -> Capacity:
    made = Capacity(
        side=side,
        steps=tuple(step(rate or 10) for _ in range(5)),
        rate=rate,
        low=None if rate is None else rate * 0.98,
        high=high,
        confidence=0.9375,
        limited_by="canary_p95",
        said="100/s kept, 110/s broken: canary_p95",
        proven=rate is not None,
        complete=rate is not None,
    )
    return replace(made, **given)


def judged(canary: Capacity, legacy: Capacity, record: LoadRecord = RECORD, **objectives: Objective) -> Any:
    standards = {
        "canary": Standard(path="/a", names="canary", objectives=objectives),
        "legacy": Standard(path="/b", names="stable", objectives=objectives),
    }
    return judge_capacity(record, standards, [canary, legacy])


def at_least(rate: float) -> Objective:
    return Objective(at_least=rate, unit=Unit.PER_SECOND)


def test_an_answer_on_both_sides_is_go() -> None:
    """Without an objective the run is GO when each search came to its own end."""
    made = judged(bears("canary"), bears("legacy"))
    assert (made.decision, made.reasons) == (Decision.GO, ())
    assert [one.side for one in made.capacities] == ["canary", "legacy"]


def test_what_is_not_reached_is_go_too() -> None:
    """At least so much, shown in steps enough, is an answer."""
    assert judged(bears("canary", high=None), bears("legacy")).decision is Decision.GO


@pytest.mark.parametrize(
    ("canary", "limit", "decision", "said"),
    [
        (bears("canary"), 100, Decision.GO, ""),
        (bears("canary"), 105, Decision.HOLD, "the truth may lie above it"),
        (bears("canary"), 110, Decision.NO_GO, "110/s is broken"),
        (bears("canary", complete=False), 100, Decision.GO, ""),
        (bears("canary", complete=False), 120, Decision.HOLD, "the truth may lie above it"),
        (bears("canary", proven=False, complete=False), 50, Decision.HOLD, "not in steps enough"),
        (bears("canary", None, 10, complete=True), 50, Decision.NO_GO, "10/s is broken"),
        (bears("canary", None, None), 50, Decision.HOLD, "capacity"),
    ],
)
def test_a_declared_capacity_decides(canary: Capacity, limit: float, decision: Decision, said: str) -> None:
    """It passes when a rate at or above it is shown kept, fails when one at or below it is shown broken, else HOLD."""
    made = judged(canary, bears("legacy"), canary_capacity=at_least(limit))
    assert made.decision is decision, made.reasons
    assert said in " ".join(made.reasons)


def test_a_canary_that_bears_less_than_stable_is_no_go() -> None:
    """canary_capacity_over_stable holds the sides against each other."""
    limit = Objective(at_least=0.9, unit=Unit.TIMES)
    made = judged(bears("canary", 85.0), bears("legacy", 100.0), canary_capacity_over_stable=limit)
    assert made.decision is Decision.NO_GO
    assert "canary_capacity_over_stable 0.85 times >= 0.9 times" in made.reasons[0]
    assert judged(bears("canary", 95.0), bears("legacy"), canary_capacity_over_stable=limit).decision is Decision.GO
    short = bears("legacy", complete=False, proven=False)
    unsure = judged(bears("canary", 95.0), short, canary_capacity_over_stable=limit)
    assert unsure.decision is Decision.HOLD
    assert unsure.slos[0].verdict is Shown.NOT_VISIBLE


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            judged(bears("canary", complete=False, said="the generator"), bears("legacy")),
            "canary /a: capacity: the gen",
        ),
        (judged(bears("canary", None), bears("legacy")), "canary /a: capacity"),
        (judged(bears("canary", steps=()), bears("legacy")), "canary: nothing was sent"),
        (judged(bears("canary"), bears("legacy"), replace(RECORD, aborted="Ctrl-C")), "ended early: Ctrl-C"),
        (judged(bears("canary"), bears("legacy"), replace(RECORD, workers_expected=2)), "1 of 2 workers"),
        (judged(bears("canary", steps=(step(10, refused=True),)), bears("legacy")), "401 or 403 to every request"),
        (judge_capacity(RECORD, {}, []), "no side was to be loaded"),
    ],
)
def test_no_proof_is_hold(made: Any, said: str) -> None:
    """A search that was cut off, refused, stopped or never begun is HOLD with its reason."""
    assert made.decision is Decision.HOLD
    assert said in " ".join(made.reasons)


def test_both_sides_below_is_hold() -> None:
    """What every side fails is the environment's or the observer's."""
    low = {"canary_capacity": at_least(200), "stable_capacity": at_least(200)}
    made = judged(bears("canary"), bears("legacy"), **low)
    assert made.decision is Decision.HOLD
    assert made.reasons[0].startswith("every side fails")


def test_the_document_and_the_lines_say_what_was_found() -> None:
    """load.json has the steps and the find; a line a step and one at the end are for people."""
    found = bears("canary", steps=(step(100), step(110, StepVerdict.BROKEN, reason="canary_p95 was missed")))
    document = capacity_document(found)
    assert [one["verdict"] for one in document["steps"]] == ["kept", "broken"]
    assert document["found"]["rate"] == 100.0
    assert document["found"]["limited_by"] == "canary_p95"
    assert step_line("canary", found.steps[1]).endswith("broken: canary_p95 was missed")
    assert "100/s (98.0 to 110/s with 94% confidence)" in found_line(found)
    assert "(98.0/s or more with 94% confidence)" in found_line(bears("canary", high=None))
    assert found_line(bears("canary", None, said="no rate was judged")).endswith("capacity: no rate was judged")

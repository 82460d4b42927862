"""Rollback thresholds against objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gonogo.model.environment import Environment, Objective, Rollout
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
S, MS, RATIO = Unit.S, Unit.MS, Unit.RATIO


@pytest.mark.parametrize(
    ("threshold", "objective", "verdict", "text"),
    [
        ((S, {"below": 20}), (S, {"below": 15}), PASS, "1 thresholds, none stricter"),
        ((S, {"below": 15}), (S, {"below": 15}), PASS, "none stricter"),
        ((S, {"below": 14.9}), (S, {"below": 15}), FAIL, "x is stricter than its objective"),
        ((S, {"at_most": 15}), (S, {"below": 15}), PASS, "none stricter"),
        ((S, {"below": 15}), (S, {"at_most": 15}), FAIL, "rollback unless x < 15 s; objective <= 15 s"),
        ((MS, {"below": 20_000}), (S, {"below": 15}), PASS, "none stricter"),
        ((MS, {"below": 14_000}), (S, {"below": 15}), FAIL, "x < 14 s"),
        ((RATIO, {"at_least": 0.9}), (RATIO, {"above": 0.95}), PASS, "none stricter"),
        ((RATIO, {"at_least": 0.95}), (RATIO, {"above": 0.95}), PASS, "none stricter"),
        ((RATIO, {"above": 0.95}), (RATIO, {"at_least": 0.95}), FAIL, "stricter"),
        ((RATIO, {"at_least": 0.96}), (RATIO, {"above": 0.95}), FAIL, "stricter"),
        ((RATIO, {"at_least": 0.9}), (RATIO, {"below": 0.95}), FAIL, "limited on the other side"),
        ((RATIO, {"below": 0.9}), (S, {"below": 15}), HOLD, "not convertible"),
    ],
)
def test_strictness(
    *, judge: Ask, environment: Environment, threshold: Any, objective: Any, verdict: Verdict, text: str
) -> None:
    """What keeps its objective is never rolled back, at the same figure too."""
    changed = replace(
        environment,
        objectives={"x": Objective(unit=objective[0], **objective[1])},
        rollout=Rollout(rollback={"x": Objective(unit=threshold[0], **threshold[1])}),
    )
    finding = judge("thresholds", {}, case={"environment": changed})
    assert finding.verdict is verdict
    assert text in finding.reason


def test_what_is_not_set(judge: Ask, environment: Environment) -> None:
    """Required thresholds are named when they are not there; none at all fails in any case."""
    assert judge("thresholds", {}).reason.startswith("no rollback threshold is set")
    lone = replace(environment, rollout=Rollout(rollback={"y": Objective(unit=S, below=1)}))
    finding = judge("thresholds", {}, case={"environment": lone}, required=("p95", "y"))
    assert finding.verdict is FAIL
    assert "p95 is not set; y has no objective" in finding.reason


def test_unseen(judge: Ask) -> None:
    """A declaration that could not be read is not decidable."""
    assert judge("thresholds", Unseen(cause=Cause.UNAVAILABLE, detail="no file")).verdict is HOLD

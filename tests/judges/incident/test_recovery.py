"""chosen and timeline: a limit that the evidence itself chooses, and a recovery's phases against its RTO."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gonogo.model.environment import Environment, Objective
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
RTO = {"region_loss": "rto_region_loss", "data_pollution": "rto_data_pollution"}


@pytest.fixture
def place(environment: Environment) -> Environment:
    limits = {
        "rto_region_loss": Objective(unit=Unit.S, at_most=14400),
        "rto_data_pollution": Objective(unit=Unit.S, at_most=3600),
    }
    return replace(environment, objectives={**environment.objectives, **limits})


def incident(**changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": "restore",
        "words": {"en": "Restore the data"},
        "ended": "x",
        "took_s": 4800,
        "budget_s": 7200,
        "over_s": 0,
    }
    usual = {"class": "region_loss", "elapsed_s": 11400, "restored": "x", "doubts": [], "open": [], "not_begun": []}
    return {**usual, "phases": [{**row, **changed.pop("row", {})}], **changed}


@pytest.mark.parametrize(
    ("document", "verdict", "text"),
    [
        ({"class": "region_loss", "elapsed_s": 14400}, PASS, "14400 s"),
        ({"class": "region_loss", "elapsed_s": 14401}, FAIL, "> 14400 s"),
        ({"class": "data_pollution", "elapsed_s": 14400}, FAIL, "> 3600 s"),
        ({"class": "meteor", "elapsed_s": 1}, HOLD, "which has no objective"),
        ({"class": 7, "elapsed_s": 1}, HOLD, "which has no objective"),
        ({"elapsed_s": 1}, HOLD, "missing"),
        ({"class": "region_loss"}, HOLD, "missing"),
        ({"class": "region_loss", "elapsed_s": "1"}, HOLD, "not a number"),
        ({"class": "region_loss", "elapsed_s": -1}, HOLD, "no negative"),
    ],
)
def test_the_evidence_chooses_its_objective(
    *, judge: Ask, place: Environment, document: Any, verdict: Verdict, text: str
) -> None:
    """Each class has a limit of its own; a class without one, or a value that is none, is not decidable."""
    finding = judge("chosen", document, case={"environment": place}, value="elapsed_s", by='"class"', objectives=RTO)
    assert (finding.verdict, text in finding.reason) == (verdict, True), finding.reason


@pytest.mark.parametrize(
    ("document", "verdict", "text"),
    [
        (incident(), PASS, "time to restore 11400 s"),
        (incident(row={"took_s": 9000, "over_s": 1800}), PASS, "time to restore"),
        (incident(elapsed_s=14401), FAIL, "14401 s"),
        (incident(elapsed_s=14401, restored=None, open=["switch"]), FAIL, "time since the incident began"),
        (incident(elapsed_s=14401, doubts=["a started before b"]), FAIL, "14401 s"),
        (incident(restored=None, open=["switch"]), HOLD, "switch has no end"),
        (incident(restored=None, not_begun=["verify", "switch"]), HOLD, "verify has not begun; switch has not begun"),
        (incident(doubts=["services started before restore ended"]), HOLD, "services started before restore ended"),
        ({"phases": "six"}, HOLD, "not an incident"),
    ],
)
def test_a_timeline(*, judge: Ask, place: Environment, document: Any, verdict: Verdict, text: str) -> None:
    """Beyond the RTO it fails, over or not; inside it passes once all six phases are told without contradiction."""
    finding = judge("timeline", document, case={"environment": place}, objectives=RTO)
    assert (finding.verdict, text in finding.reason) == (verdict, True), finding.reason


def test_a_phase_over_its_budget_is_shown(judge: Ask, place: Environment) -> None:
    """The RTO was promised; the budgets say where the time went."""
    document = incident(row={"took_s": 9000, "over_s": 1800})
    found = judge("timeline", document, case={"environment": place}, objectives=RTO)
    assert found.details == ("Restore the data: 150 min of 120 min, over its budget by 30 min",)


def test_nothing_recorded_is_not_decidable(judge: Ask, place: Environment) -> None:
    """No incident file: HOLD, never a pass."""
    unseen = Unseen(cause=Cause.NO_DATA, detail="no incident is recorded")
    assert judge("timeline", unseen, case={"environment": place}, objectives=RTO).verdict is HOLD

"""Dry runs of a Helm release: what a canary's criteria ask for, and when nothing is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def revision(number: int, tag: str, canary: str | None = None, weight: int = 0, status: str = "superseded") -> Any:
    values = {"tag": tag, "canary_enabled": canary is not None, "canary_weight": weight, "canary_tag": canary}
    return {"revision": number, "status": status, "tag": tag, "values": values}


def history(*rows: Any) -> dict[str, Any]:
    """Newest first."""
    return {"release": "shop", "namespace": "production", "revisions": list(rows), "current": rows[0]}


CANARY = history(revision(7, "v1.3.9", "v1.4.0", 10, "deployed"), revision(6, "v1.3.9"), revision(5, "v1.3.8"))


@pytest.mark.parametrize(
    ("to", "document", "verdict", "text"),
    [
        ("promotion", CANARY, PASS, "promotion possible: v1.4.0 100 % (canary at 10 % now), instead of v1.3.9"),
        ("previous", CANARY, PASS, "rollback possible: v1.3.9 100 % (revision 6)"),
        (
            "previous",
            history(revision(8, "v1.4.0", "v1.4.0", 0, "deployed"), *CANARY["revisions"]),
            PASS,
            "rollback possible: v1.3.9 100 % (revision 6)",
        ),
        ("promotion", history(revision(6, "v1.3.9", status="deployed")), FAIL, "revision 6 has no canary"),
        ("promotion", history(revision(7, "v1.4.0", "v1.4.0", 10, "deployed")), FAIL, "canary and stable are both"),
        ("promotion", history(revision(7, "v1.3.9", "v1.4.0", 10, "failed")), FAIL, "revision 7 is failed"),
        ("previous", history(revision(7, "v1.3.9", status="deployed")), FAIL, "(there are none)"),
        (
            "previous",
            history(revision(7, "v1.4.0", status="deployed"), revision(6, "v1.3.9", status="failed")),
            FAIL,
            "no revision before 7 was good and without a canary (6 failed)",
        ),
        (
            "previous",
            history(revision(7, "v1.4.0", status="pending-upgrade"), revision(6, "v1.3.9")),
            FAIL,
            "under way",
        ),
        (
            "previous",
            history(
                {**revision(9, "v1.3.9", "v1.4.0", 0, "deployed"), "description": "Rollback to 6 (gonogo)"},
                revision(8, "v1.4.0", "v1.4.0", 0),
                *CANARY["revisions"],
            ),
            PASS,
            "rolled back already: v1.3.9 100 % (revision 9: Rollback to 6 (gonogo))",
        ),
        ("previous", {"release": "shop"}, HOLD, "this is no history of a Helm release"),
        ("previous", {**CANARY, "revisions": [{"revision": 1}]}, HOLD, "malformed"),
        ("previous", {**CANARY, "current": None}, HOLD, "malformed"),
    ],
)
def test_plans(judge: Ask, to: str, document: dict[str, Any], verdict: Verdict, text: str) -> None:
    """The change that would be made, or why there is none."""
    finding = judge("release_plan", document, to=to)
    assert finding.verdict is verdict
    assert text in finding.reason


@pytest.mark.parametrize(
    ("decided", "verdict", "told"),
    [
        (True, PASS, ("promotion is decided: v1.4.0 100 %", "gonogo rollout apply --env")),
        (False, FAIL, ("rollback is decided: v1.3.9 100 %", "gonogo rollout rollback --env")),
        (None, HOLD, ("run.good is missing", "")),
        ("yes", HOLD, ("not true or false", "")),
    ],
)
def test_decided_by_the_criteria(
    judge: Ask, see: Callable[..., Evidence], decided: Any, verdict: Verdict, told: tuple[str, str]
) -> None:
    """One way or the other is named with its command line; without a decision there is none."""
    evidence = {"run": see({"good": decided}), "history": see(CANARY)}
    finding = judge("release_plan", evidence, value="history", decided="run.good")
    text, command = told
    assert finding.verdict is verdict
    assert text in finding.reason
    by_hand = "shop CHART --namespace production --reuse-values" if decided is True else "shop 6 --namespace production"
    assert any(f"{by_hand}" in line for line in finding.details) is bool(command)
    assert any(line.startswith(f"command: {command}") for line in finding.details) is bool(command)


PROMOTED = revision(8, "v1.4.0", "v1.4.0", 0, "deployed")
AFTER = (revision(7, "v1.3.9", "v1.4.0", 10), revision(6, "v1.3.9"))


@pytest.mark.parametrize(
    ("document", "verdict", "text"),
    [
        (CANARY, PASS, "revision 7 is no promotion"),
        (
            history(PROMOTED, *AFTER),
            HOLD,
            "v1.4.0, the canary of revision 7, was promoted, and has 100 % by revision 8",
        ),
        (history(revision(8, "v1.4.0", status="deployed"), *AFTER), HOLD, "was promoted"),  # without its objects
        (history(revision(8, "v1.4.0", "v1.4.0", 0, "failed"), *AFTER), PASS, "no promotion"),
        (history(revision(8, "v1.4.0", "v1.5.0", 10, "deployed"), *AFTER), PASS, "no promotion"),  # the next canary
        (history({**revision(8, "v1.3.9", "v1.4.0", 0, "deployed")}, *AFTER), PASS, "no promotion"),  # taken back
        (history(revision(8, "v1.4.0", status="deployed"), revision(7, "v1.3.9")), PASS, "no promotion"),  # no canary
        ({"release": "shop"}, HOLD, "no history"),
        (Unseen(cause=Cause.DENIED, detail="403"), HOLD, "access denied"),
    ],
)
def test_a_promotion_is_told_from_what_is_none(judge: Ask, document: Any, verdict: Verdict, text: str) -> None:
    """Only what is known to be promoted stands alone: where it cannot be seen, other rules decide, too."""
    finding = judge("unpromoted", document)
    assert finding.verdict is verdict
    assert text in finding.reason
    assert finding.alone is ("promoted, " in finding.reason)

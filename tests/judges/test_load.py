"""What a load run means for the item that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.judges.load import JUDGE, Load
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.verdict import Case, Verdict

MakeCase = Callable[..., Case]
SHOWN = ("P1", "P2", "P3", "P4", "P5")


def side(**verdicts: str) -> dict[str, Any]:
    """Properties of a limited side, all of which pass but for those given."""
    properties = {one: {"verdict": verdicts.get(one, "pass"), "reason": f"{one} seen"} for one in SHOWN}
    return {"requests": 30, "accepted": 20, "limited": 10, "error": 0, "properties": properties}


def run(**more: Any) -> dict[str, Any]:
    """The document of a run that is GO."""
    sides = {"canary": side(), "legacy": side()}
    limits = {"canary": "20 in 1m (sliding_log)", "legacy": "20 in 1m (fixed_window)"}
    made = {"run": "abc", "profile": "burst", "decision": "GO", "reasons": [], "limits": limits, "sides": sides}
    return {**made, **more}


KEEPS = "canary keeps 20 in 1m (sliding_log)"


@pytest.mark.parametrize(
    ("document", "enforced", "verdict", "words"),
    [
        (run(), True, Verdict.PASS, KEEPS),
        (run(), False, Verdict.PASS, "burst is GO: canary 30 requests, 20 accepted, 10 limited"),
        (run(run=None, limits={}, sides={}), True, Verdict.PASS, "no limit is declared"),
        (
            run(decision="NO-GO", reasons=["canary: P2: early"]),
            False,
            Verdict.FAIL,
            "burst is NO-GO: canary: P2: early",
        ),
        (run(decision="NO-GO", reasons=["canary: P3: none"]), True, Verdict.FAIL, "P3: none"),
        (run(decision="HOLD", reasons=["1 of 2 workers"]), True, Verdict.INCONCLUSIVE, "HOLD: 1 of 2 workers"),
        (run(decision="perhaps"), False, Verdict.INCONCLUSIVE, "is no load run"),
        ({"status": 200}, False, Verdict.INCONCLUSIVE, "is no load run"),
        (run(sides={"canary": side(P3="fail"), "legacy": side()}), True, Verdict.FAIL, "canary: P3: P3 seen"),
        (run(sides={"canary": side(P3="fail"), "legacy": side()}), False, Verdict.PASS, "burst is GO"),
        (run(sides={"canary": side(P3="fail"), "legacy": side(P1="fail")}), True, Verdict.INCONCLUSIVE, "every side"),
        (
            run(sides={"canary": side(P1="not_visible"), "legacy": side()}),
            True,
            Verdict.INCONCLUSIVE,
            "not shown at work",
        ),
        (run(sides={"canary": side(P5="not_visible"), "legacy": side()}), True, Verdict.PASS, KEEPS),
        (
            run(sides={"canary": {**side(), "properties": {}}, "legacy": side()}),
            True,
            Verdict.INCONCLUSIVE,
            "P1 does not",
        ),
        (run(limits={"canary": "x"}, sides={"canary": side(P1="fail")}), True, Verdict.FAIL, "P1 seen"),
    ],
)
def test_a_run(make_case: MakeCase, document: dict[str, Any], verdict: Verdict, words: str, *, enforced: bool) -> None:
    """GO passes, NO-GO fails, anything else waits; a limit that is to be enforced has to be seen at work."""
    options = Load(enforced=enforced)
    finding = JUDGE.judge(options, make_case(document, options=options, kind="load", side=None))
    assert (finding.verdict, words in finding.reason) == (verdict, True), finding.reason


@pytest.mark.parametrize("cause", list(Cause))
def test_no_run(make_case: MakeCase, cause: Cause) -> None:
    """A run that is not there, or not to be believed, is never a failure of the system."""
    options = Load()
    unseen = Unseen(cause=cause, detail="no run is recorded; run: locust")
    finding = JUDGE.judge(options, make_case(unseen, options=options, kind="load", side=None))
    assert finding.verdict is Verdict.INCONCLUSIVE

"""A recorded watch as a finding: what is asked of it has to be in its rules, and HOLD says when it can be known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.judges.watched import JUDGE, Watched
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.verdict import Case, Verdict

FAIL, HOLD, PASS = Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS


def document(stands: str = "clean", *, alarmed_at: int | None = None, holds: bool = True) -> dict[str, Any]:
    """A watch of one rule, one piece of evidence and one bound, all on errors; its newest sample is of this moment."""
    decision = "NO-GO" if stands == "fired" or alarmed_at else "GO" if stands == "clean" and holds else "HOLD"
    about = {"measure": "error_ratio"}
    return {
        "watch": "20261120T080000Z-abc", "why": "", "started": "2026-11-20T08:00:00+00:00",
        "until": "2026-11-20T09:00:00+00:00", "samples": 60, "every_s": 60.0, "for_s": 86400.0, "lag_s": 180.0,
        "covered_s": 3600.0, "notes": [], "other_rules": False, "ended": None, "final": None,
        "verdict": {
            "seq": 60, "at": "2026-11-20T09:00:00+00:00", "decision": decision, "both_sides": False,
            "decidable_at": "2026-11-20T10:30:00+00:00", "reasons": [] if decision == "GO" else ["errors"], "gaps": [],
            "rules": [{**about, "stands": stands, "reason": "error_ratio > 0.01 for 3 samples: 2 of 3"}],
            "evidence": [{**about, "alarmed_at": alarmed_at, "reason": "9 errors, 1 expected"}],
            "certificate": [{**about, "holds": holds, "reason": "at most 0.9 %"}],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("made", "proven", "verdict", "said"),
    [
        (document(), True, PASS, "all is proven"),
        (document(holds=False), True, HOLD, "not proven: at most 0.9 %"),
        (document(holds=False), False, PASS, "no rule fired, no evidence against it"),
        (document("counting"), True, HOLD, "counting: error_ratio > 0.01 for 3 samples: 2 of 3"),
        (document("unseen"), True, HOLD, "unseen: "),
        (document("fired"), False, FAIL, "rule error_ratio > 0.01"),
        (document(alarmed_at=7), False, FAIL, "evidence: 9 errors, 1 expected"),
        (document() | {"other_rules": True}, False, HOLD, "other rules than those declared now"),
        (document() | {"until": "2026-11-20T08:51:00+00:00"}, False, HOLD, "9m old: it does not run"),
        (document() | {"until": "2026-11-20T08:53:00+00:00"}, False, PASS, "60 samples"),
        ({"watch": None, "why": "no watch of shop is recorded"}, True, PASS, "no watch of shop is recorded"),
    ],
)
def test_what_a_watch_says(
    make_case: Callable[..., Case], made: dict[str, Any], proven: bool, verdict: Verdict, said: str
) -> None:
    """Of the measure, and of the watch as a whole."""
    for measures in (("error_ratio",), ()):
        options = Watched(run="it", measures=measures, proven=proven)
        finding = JUDGE.judge(options, make_case(made, options=options, kind="watched"))
        assert finding.verdict is verdict
        assert said in finding.reason or not measures


def test_hold_says_when_it_can_be_known(make_case: Callable[..., Case]) -> None:
    """At the present traffic; where nothing says so, when there is more."""
    options = Watched(run="it", measures=("error_ratio",))
    made = document(holds=False)
    finding = JUDGE.judge(options, make_case(made, options=options, kind="watched"))
    assert finding.decidable == "about 2026-11-20 10:30 UTC at the present traffic"
    made["verdict"]["decidable_at"] = None
    finding = JUDGE.judge(options, make_case(made, options=options, kind="watched"))
    assert finding.decidable == "when the watch has seen more"


def test_a_measure_without_a_rule_is_no_pass(make_case: Callable[..., Case]) -> None:
    """A name that no rule of the watch has proves nothing of it."""
    options = Watched(run="it", measures=("eror_ratio",))
    finding = JUDGE.judge(options, make_case(document(), options=options, kind="watched"))
    assert finding.verdict is HOLD
    assert "say nothing of eror_ratio" in finding.reason


def test_a_watch_that_does_not_read_is_held(make_case: Callable[..., Case], see: Callable[..., Any]) -> None:
    """Nobody is at fault for it, and it is no GO."""
    options = Watched(run="it")
    unseen = see(Unseen(cause=Cause.BROKEN, detail="samples.jsonl:3: is not JSON"))
    finding = JUDGE.judge(options, make_case(unseen, options=options, kind="watched"))
    assert finding.verdict is HOLD
    assert "samples.jsonl:3: is not JSON" in finding.reason

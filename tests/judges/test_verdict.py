"""One check: its rules' findings into an outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gonogo.judges.base import Judge
from gonogo.judges.expectation import Expect
from gonogo.judges.verdict import judge_check
from gonogo.model.check import ProbeSpec, Rule
from gonogo.model.errors import Origin
from gonogo.model.evidence import Attempt, Evidence
from gonogo.model.verdict import Case, Finding, Verdict

PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def rules(*expectations: dict[str, Any]) -> tuple[Rule, ...]:
    """Expectations as rules of a file."""
    return tuple(
        Rule(kind="expect", options=Expect(**{"value": "s", **given}), origin=Origin(file="f.yaml", line=n + 1))
        for n, given in enumerate(expectations)
    )


@pytest.mark.parametrize(
    ("given", "verdict", "reason"),
    [
        (rules({"equals": 1}), PASS, "s is 1 (f.yaml:1; http look)"),
        (rules({"equals": 1}, {"below": 2}), PASS, "s is 1 (f.yaml:1; http look); s 1 < 2 (f.yaml:2; http look)"),
        (rules({"equals": 1}, {"below": 1}), FAIL, "s 1 >= 1 (f.yaml:2; http look)"),
        (
            rules({"value": "t", "below": 1}, {"equals": 1}),
            HOLD,
            "t is missing: the document has no t; it has s (f.yaml:1; http look)",
        ),
        (rules({"value": "t", "below": 1}, {"equals": 2}), FAIL, "s is 1, expected: equals 2 (f.yaml:2; http look)"),
        ((), HOLD, "nothing was checked: ion-can-health has no rule (canary.yaml:12)"),
    ],
)
def test_worst_finding(make_case: Callable[..., Case], given: tuple[Rule, ...], verdict: Verdict, reason: str) -> None:
    """FAIL before INCONCLUSIVE before PASS; the worst finding's reason is the outcome's."""
    outcome = judge_check(make_case({"s": 1}, rules=given))
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert len(outcome.findings) == max(len(given), 1)
    assert outcome.evidence == ("0123456789ab",)


def test_a_finding_that_stands_alone(make_case: Callable[..., Case]) -> None:
    """What the item asks for cannot be there: that others fail for it, or that a look is missing, decides nothing."""
    alone = Finding(verdict=HOLD, reason="past", rule="r", observed="o", alone=True)
    bad = Finding(verdict=FAIL, reason="not there", rule="r", observed="o")
    judges = {name: Judge(options=object, judge=lambda *_, one=one: one) for name, one in (("a", bad), ("b", alone))}
    case = make_case({"s": 1}, rules=tuple(Rule(kind=name, options=None, origin=Origin(file="f")) for name in judges))
    outcome = judge_check(case, judges)
    assert (outcome.verdict, outcome.reason, outcome.findings) == (HOLD, "past", (alone,))


def test_a_missing_look(make_case: Callable[..., Case]) -> None:
    """Evidence of a declared probe that is not there holds, though the rules do not name it."""
    probes = {"it": ProbeSpec(kind="http", options=None), "logs": ProbeSpec(kind="cloud_logging", options=None)}
    outcome = judge_check(make_case({"s": 1}, rules=rules({"equals": 1}), probes=probes))
    assert outcome.verdict is HOLD
    assert outcome.reason == "evidence 'logs' is missing"


def _leave(_: Any, __: Any) -> Finding:
    raise SystemExit(0)


def _raise(_: Any, __: Any) -> Finding:
    raise ZeroDivisionError("division\nby zero")


BROKEN = [
    pytest.param(_leave, "judge odd raised SystemExit: 0", id="row79"),
    pytest.param(_raise, "judge odd raised ZeroDivisionError: division (f.yaml:3)", id="row93-raises"),
    pytest.param(lambda *_: None, "returned NoneType, not a finding", id="row93-none"),
    pytest.param(lambda *_: "pass", "returned str, not a finding", id="row93-text"),
    pytest.param(lambda *_: True, "returned bool, not a finding", id="row93-true"),
    pytest.param(lambda *_: PASS, "returned Verdict, not a finding", id="row93-verdict"),
    pytest.param(
        lambda *_: Finding(verdict="pass", reason="", rule="", observed=""), "returned Finding", id="row93-text-verdict"
    ),
]


@pytest.mark.parametrize(("function", "text"), BROKEN)
def test_a_broken_judge(make_case: Callable[..., Case], function: Any, text: str) -> None:
    """Row 93: a judge that raises, leaves or answers with anything but a finding has not judged."""
    rule = Rule(kind="odd", options=None, origin=Origin(file="f.yaml", line=3))
    outcome = judge_check(make_case({"s": 1}, rules=(rule,)), {"odd": Judge(options=object, judge=function)})
    assert outcome.verdict is HOLD
    assert text in outcome.reason
    assert "f.yaml:3" in outcome.reason


def test_an_unknown_judge(make_case: Callable[..., Case]) -> None:
    """A kind that the registry lacks is named."""
    outcome = judge_check(make_case({}, rules=(Rule(kind="expct", options=None),)))
    assert outcome.verdict is HOLD
    assert "there is no judge 'expct'" in outcome.reason


def test_an_interrupt_is_not_swallowed(make_case: Callable[..., Case]) -> None:
    """Row 82: who presses Ctrl-C ends the run."""

    def interrupt(_: Any, __: Any) -> Finding:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge_check(
            make_case({}, rules=(Rule(kind="odd", options=None),)), {"odd": Judge(options=object, judge=interrupt)}
        )


@pytest.mark.parametrize(("tries", "said"), [(1, False), (2, True)])
def test_attempts_are_told(
    make_case: Callable[..., Case], see: Callable[..., Evidence], now: datetime, tries: int, said: bool
) -> None:
    """Row 94: what passed at a later attempt says so."""
    attempt = Attempt(started=now, took=timedelta(seconds=1), ended="200")
    outcome = judge_check(make_case(see({"s": 1}, attempts=(attempt,) * tries), rules=rules({"equals": 1})))
    assert outcome.verdict is PASS
    assert outcome.attempts == tries
    assert outcome.reason.endswith("; passed at attempt 2") is said
    assert ("attempt" in outcome.reason) is said


def test_each_look_is_told_once(make_case: Callable[..., Case], see: Callable[..., Evidence]) -> None:
    """Two names of one look are one key."""
    looks = {"a": see({}, look="aaa"), "b": see({}, look="aaa"), "c": see({}, look="ccc")}
    assert judge_check(make_case(looks, rules=rules({"present": False}))).evidence == ("aaa", "ccc")


def test_judging_is_pure(make_case: Callable[..., Case]) -> None:
    """Row 95: judged twice and in any order, a case comes to the same."""
    cases = [make_case({"s": n}, rules=rules({"below": 5}), id=f"c{n}") for n in range(10)]
    forth = [judge_check(case) for case in cases]
    back = [judge_check(replace(case)) for case in reversed(cases)]
    assert forth == back[::-1]


def test_two_hundred_checks_are_judged_at_once(make_case: Callable[..., Case]) -> None:
    """Two hundred simple checks take milliseconds; the limit is hundreds of times that, for any machine at work."""
    cases = [make_case({"s": "ok", "n": n}, rules=rules({"equals": "ok"}), side="canary") for n in range(200)]
    judge_check(cases[0])
    began = time.process_time()
    outcomes = [judge_check(case) for case in cases]
    took = time.process_time() - began
    assert all(outcome.verdict is PASS for outcome in outcomes)
    assert took < 4

"""An expectation that does not hold names who is behind its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.judges import JUDGES
from gonogo.judges.expectation import Expect
from gonogo.judges.verdict import judge_check
from gonogo.model.check import Rule
from gonogo.model.errors import Origin
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Case, Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
DAY = 86400
KEYS = [{"name": "db", "age_s": 97.5 * DAY}, {"name": "llm", "age_s": 91 * DAY}, {"name": "slack", "age_s": 3 * DAY}]
AGES = {"value": "max(keys[].age_s)", "unit": Unit.S, "at_most": 90 * DAY, "name": "age of the oldest"}
WHO = {"who": "keys", "each": "age_s", "show": "{name} {duration(age_s)}"}


def test_those_that_break_the_limit(judge: Ask) -> None:
    """The worst first, in the reason and in the details; those that keep it are not named."""
    finding = judge("expect", {"keys": [KEYS[2], KEYS[1], KEYS[0]]}, **AGES, **WHO)
    assert finding.verdict is FAIL
    told = "age of the oldest 97.5 days > 90 days: db 97.5 days; llm 91 days (canary.yaml:12; http look)"
    assert finding.reason == told
    assert finding.details == ("db 97.5 days", "llm 91 days")
    fine = judge("expect", {"keys": KEYS[2:]}, **AGES, **WHO)
    assert (fine.verdict, fine.details) == (PASS, ())
    assert "slack" not in fine.reason


def test_the_smallest_break_a_lower_limit(judge: Ask) -> None:
    """Where too little is wrong, the least comes first."""
    tables = [{"t": "a", "ratio": 0.9}, {"t": "b", "ratio": 0.2}, {"t": "c", "ratio": 1}]
    options = {"value": "min(tables[].ratio)", "at_least": 0.99, "who": "tables", "each": "ratio", "show": "{t}"}
    assert judge("expect", {"tables": tables}, **options).details == ("b", "a")


def test_a_unit_of_each(judge: Ask) -> None:
    """Each number is in the unit of the value, and is held against the objective in its own."""
    looks = [{"n": "fast", "took_ms": 900}, {"n": "slow", "took_ms": 2500}]
    options = {"value": "max(looks[].took_ms)", "objective": "p95", "unit": Unit.MS, "samples": "n", "who": "looks"}
    finding = judge("expect", {"n": 99, "looks": looks}, **options, each="took_ms", show="n")
    assert finding.details == ("slow",)


def test_a_sum_names_all_of_it(judge: Ask) -> None:
    """Where none breaks the limit by itself, all are named, the largest first."""
    tools = [{"tool": "erp", "value": 2}, {"tool": "mes", "value": 4}]
    options = {"value": "sum(tools[].value)", "at_most": 5, "who": "tools", "each": "value"}
    assert judge("expect", {"tools": tools}, **options).details == ("tool mes, value 4", "tool erp, value 2")


def test_one_that_has_no_number_is_named_where_the_value_is_missing(judge: Ask) -> None:
    """Undecided for want of one number: whose."""
    options = {**AGES, "value": "(length(keys[?age_s == `null`]) == `0` || `null`) && max(keys[].age_s)", **WHO}
    finding = judge("expect", {"keys": [*KEYS, {"name": "new", "age_s": None}]}, **options)
    assert finding.verdict is HOLD
    assert finding.reason.endswith(": new -")
    assert finding.details == ("new -",)


@pytest.mark.parametrize(
    ("rule", "document", "told"),
    [
        (
            {"value": "ok", "equals": True, "who": "why"},
            {"ok": False, "why": "1 of 2 new"},
            "equals true: 1 of 2 new (",
        ),
        ({"value": "ok", "equals": True, "who": "why"}, {"ok": True, "why": "x"}, "ok is true ("),
        ({"value": "ok", "equals": True, "who": "why"}, {"ok": False, "why": None}, "equals true ("),
        ({"value": "length(l)", "equals": 1, "who": "l", "show": "v{it}"}, {"l": [1, 2]}, "equals 1: v1; v2 ("),
        ({"value": "l", "empty": True, "who": "l[].n"}, {"l": [{"n": "a", "x": 1}]}, "l: 1, none expected: a ("),
        (
            {"value": "a", "same_as": "b", "who": "c"},
            {"a": 1, "b": 2, "c": {"k": "dump", "n": 1.5}},
            ": k dump, n 1.5 (",
        ),
        ({"value": "a", "at_most": 1, "who": "x.y"}, {"a": 2}, "a 2 > 1 ("),
        ({"value": "a", "at_most": 1, "who": "join(', ', x)"}, {"a": 2, "x": 3}, "a 2 > 1 ("),
        ({"value": "a", "at_most": 1, "who": "x", "show": "{abs(n)}"}, {"a": 2, "x": [{"n": "z"}]}, "a 2 > 1 ("),
    ],
)
def test_in_the_reason(judge: Ask, rule: dict[str, Any], document: dict[str, Any], told: str) -> None:
    """Of any expectation; where it is not known who it is, the finding stays what it was."""
    assert told in judge("expect", document, **rule).reason


def test_it_is_bounded(judge: Ask) -> None:
    """Neither many objects nor long names make a long reason."""
    words = [{"name": "name of it " * 100, "n": n} for n in range(500)]
    finding = judge("expect", {"l": words}, value="length(l)", equals=0, who="l", show="{n} {name}")
    assert len(finding.details) == 8
    assert finding.details[-1] == "and 493 more"
    assert all(len(line) <= 240 for line in finding.details)
    assert len(finding.reason) < 500
    assert "it…; and" in finding.reason or "of…; and" in finding.reason or "name…; and" in finding.reason


def test_it_is_one_line(judge: Ask) -> None:
    """Whatever a name holds."""
    finding = judge("expect", {"l": [{"name": "a\nb\u2028c\t d"}]}, value="l", empty=True)
    assert finding.details == ("name a b c d",)
    assert "1, none expected: name a b c d (" in finding.reason


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"equals": 1, "show": "{name}"}, "show is about `who`"),
        ({"below": 1, "each": "n"}, "each is about `who`"),
        ({"equals": 1, "who": "l", "each": "n"}, "each needs a limit"),
        ({"equals": 1, "who": "l", "show": "{nobody(@)}"}, "there is no function nobody()"),
    ],
)
def test_options_that_name_nobody(options: dict[str, Any], said: str) -> None:
    """Are refused where the checklist is read."""
    with pytest.raises(ValueError, match=r".") as error:
        Expect(value="a", **options)
    assert said in str(error.value)


def test_chosen_names_it_too(judge: Ask) -> None:
    """The objective that the evidence chooses."""
    options = {"value": "age", "by": "kind", "objectives": {"x": "p95"}, "who": "newest.key"}
    looks = {"kind": "x", "age": 5, "count": 99, "newest": {"key": "wal/0001"}}
    assert judge("chosen", looks, **options).details == ("wal/0001",)


def test_lists_stand_beside_what_does_not_hold(make_case: Callable[..., Case]) -> None:
    """They decide nothing, and are told only where something else is wrong."""

    def rule(kind: str, **options: Any) -> Rule:
        return Rule(kind=kind, options=JUDGES[kind].options(**options), origin=Origin(file="f.yaml", line=1))

    listed = rule("listed", value="pods", name="pods that ended", show="{name} {why}")
    rules = (rule("expect", value="n", at_most=4), listed, rule("listed", value="none"))
    document = {"n": 21, "pods": [{"name": "chat-1", "why": "OOMKilled"}], "none": []}
    outcome = judge_check(make_case(document, rules=rules))
    assert outcome.verdict is FAIL
    assert outcome.findings[0].details == ("pods that ended, 1 found:", "chat-1 OOMKilled")
    assert judge_check(make_case({**document, "n": 2}, rules=rules)).findings[0].details == ()
    unseen = judge_check(make_case(Unseen(cause=Cause.NO_DATA, detail="gone"), rules=rules))
    assert all(finding.details == () for finding in unseen.findings)


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, "-"), (5, "5 s"), (200, "3.3 min"), (90000, "25 h"), (8424012, "97.5 days")]
)
def test_duration(judge: Ask, seconds: float | None, told: str) -> None:
    """A time in the unit that people say it in."""
    assert judge("listed", {"s": [{"t": seconds}]}, value="s", show="{duration(t)}").details == (told,)

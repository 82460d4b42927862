"""Expectations: document, rule, verdict, text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.judges.expect import judge
from gonogo.judges.expectation import Expect
from gonogo.model.environment import Environment, Objective
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Case, Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
SLOW = {"p95_ms": 2412, "count": 1840}


@pytest.mark.parametrize(
    ("document", "rule", "verdict", "text"),
    [
        ({"s": "ok"}, {"equals": "ok"}, PASS, 's is "ok" (canary.yaml:12; http look)'),
        ({"s": "bad"}, {"equals": "ok"}, FAIL, 's is "bad", expected: equals "ok" (canary.yaml:12; http look)'),
        ({"s": 200}, {"equals": 200}, PASS, "s is 200"),
        ({"s": 200.0}, {"equals": 200}, PASS, "s is 200.0"),
        ({"s": True}, {"equals": True}, PASS, "s is true"),
        ({"s": False}, {"equals": True}, FAIL, "s is false"),
        pytest.param({"s": "200"}, {"equals": 200}, FAIL, 's is a string ("200"), not a number', id="row27-string"),
        pytest.param({"s": True}, {"equals": 1}, FAIL, "s is a boolean (true), not a number", id="row27-bool"),
        pytest.param({"s": None}, {"equals": 1}, FAIL, "s is missing", id="row27-null"),
        pytest.param({}, {"equals": "ok"}, FAIL, "s is missing", id="row28"),
        ({"s": "a"}, {"not_equals": "b"}, PASS, 's is "a"'),
        ({"s": "a"}, {"not_equals": "a"}, FAIL, 'expected: not equals "a"'),
        ({"s": 1}, {"not_equals": "a"}, FAIL, "not a string"),
        ({"s": "a"}, {"one_of": ("a", "b")}, PASS, 's is "a"'),
        ({"s": "c"}, {"one_of": ("a", "b")}, FAIL, 'one of "a", "b"'),
        ({"s": True}, {"one_of": ("a", 1)}, FAIL, "s is a boolean"),
        ({"s": 1}, {"one_of": ("a", 1)}, PASS, "s is 1"),
        ({"s": "a and b"}, {"contains": "and"}, PASS, "a and b"),
        ({"s": "a or b"}, {"contains": "and"}, FAIL, 'expected: contains "and"'),
        ({"s": [1, 2]}, {"contains": 2}, PASS, "[1, 2]"),
        ({"s": [1, True]}, {"contains": True}, PASS, "[1, true]"),
        ({"s": [1]}, {"contains": True}, FAIL, "contains true"),
        ({"s": 3}, {"contains": "a"}, FAIL, "not a list or a string"),
        ({"s": "text"}, {"contains": 3}, FAIL, "not a list"),
        ({"s": "https://x"}, {"matches": "^https://"}, PASS, "https://x"),
        ({"s": "http://x"}, {"matches": "^https://"}, FAIL, "matches"),
        ({"s": 3}, {"matches": "3"}, FAIL, "not a string"),
        ({"s": 0}, {"present": True}, PASS, "s is present"),
        ({}, {"present": True}, FAIL, "s is missing, expected: present"),
        ({}, {"present": False}, PASS, "s is missing"),
        ({"s": "boom"}, {"present": False}, FAIL, "s is present, expected: absent"),
        ({"s": []}, {"empty": True}, PASS, "s: none ("),
        ({"s": ""}, {"empty": True}, PASS, 's is ""'),
        ({"s": ["x"]}, {"empty": True}, FAIL, "s: 1, none expected: x ("),
        ({"s": ["x"]}, {"empty": False}, PASS, "s: 1 ("),
        ({"s": ""}, {"empty": False}, FAIL, "expected: not empty"),
        ({"s": 0}, {"empty": True}, FAIL, "not a list, an object or a string"),
        ({}, {"empty": True}, FAIL, "s is missing"),
        ({"s": 2}, {"below": 2}, FAIL, "s 2 >= 2"),
        ({"s": 1.999}, {"below": 2}, PASS, "s 1.999 < 2"),
        ({"s": 2}, {"at_most": 2}, PASS, "s 2 <= 2"),
        ({"s": 2.001}, {"at_most": 2}, FAIL, "s 2.001 > 2"),
        ({"s": 2}, {"above": 2}, FAIL, "s 2 <= 2"),
        ({"s": 2.001}, {"above": 2}, PASS, "s 2.001 > 2"),
        ({"s": 2}, {"at_least": 2}, PASS, "s 2 >= 2"),
        ({"s": 1.999}, {"at_least": 2}, FAIL, "s 1.999 < 2"),
        ({"s": 2.00000001}, {"at_most": 2}, FAIL, "s 2.00000001 > 2"),
        pytest.param({"s": "1"}, {"below": 2}, FAIL, 's is a string ("1"), not a number', id="row27-number-as-string"),
        pytest.param(
            {"s": False}, {"below": 2}, FAIL, "s is a boolean (false), not a number", id="row27-bool-as-number"
        ),
        pytest.param({"s": None}, {"below": 2}, FAIL, "s is missing", id="row27-null-as-number"),
        pytest.param({"s": float("nan")}, {"below": 2}, FAIL, "s is nan", id="row25"),
        pytest.param({"s": 10**400}, {"below": 2}, FAIL, "not finite", id="row26"),
        ({"s": [1, 2]}, {"same_as": "t"}, FAIL, "t is missing"),
        ({"s": [1, 2], "t": [1, 2.0]}, {"same_as": "t"}, PASS, "s is [1, 2]"),
        ({"s": [1], "t": [True]}, {"same_as": "t"}, FAIL, "s is [1], t is [true]"),
        ({"s": {"a": 1}, "t": {"a": 1}}, {"same_as": "t"}, PASS, "same as"),
        ({"s": {"a": 1}, "t": {"b": 1}}, {"same_as": "t"}, FAIL, "same as"),
        ({"s": [1], "t": [1, 1]}, {"same_as": "t"}, FAIL, "same as"),
        pytest.param({"s": 1, "t": "1"}, {"same_as": "t"}, FAIL, "not a string like t", id="row27-same-as"),
        pytest.param({"s": "v1", "t": "v2"}, {"same_as": "t"}, FAIL, 's is "v1", t is "v2"', id="row32"),
    ],
)
def test_on_a_side(judge: Ask, document: dict[str, Any], rule: dict[str, Any], verdict: Verdict, text: str) -> None:
    """A document of the side under test that does not hold what is expected fails."""
    finding = judge("expect", document, case={"side": "canary"}, value="s", **rule)
    assert finding.verdict is verdict
    assert text in finding.reason or text in finding.rule


@pytest.mark.parametrize(
    ("document", "rule", "text"),
    [
        pytest.param({}, {"equals": "ok"}, "s is missing", id="row35"),
        pytest.param({"s": "200"}, {"equals": 200}, "not a number", id="row42"),
        pytest.param({"s": float("nan")}, {"below": 2}, "s is nan", id="row36"),
        pytest.param({"s": True}, {"below": 2}, "s is a boolean", id="row27-observer"),
        pytest.param({"s": 0.5}, {"same_as": "t"}, "t is missing", id="row37"),
        pytest.param({"s": -1}, {"below": 5, "unit": Unit.COUNT}, "no negative count", id="row41"),
        pytest.param({"s": 1.8}, {"below": 5, "unit": Unit.RATIO}, "is it in percent", id="row45"),
        pytest.param({"s": -0.1}, {"below": 5, "unit": Unit.RATIO}, "between 0 and 1", id="row45-negative"),
        pytest.param({"a": 0, "b": 0}, {"below": 5, "value": "divide(a, b)"}, "is missing", id="row37-divide"),
    ],
)
def test_on_an_observer(judge: Ask, document: dict[str, Any], rule: dict[str, Any], text: str) -> None:
    """What an observer does not show, or shows malformed, is not decidable."""
    finding = judge("expect", document, **{"value": "s", **rule})
    assert finding.verdict is HOLD
    assert text in finding.reason
    assert finding.decidable


@pytest.mark.parametrize(("value", "verdict"), [(0, PASS), (1, PASS), (0.005, PASS)])
def test_edges_of_a_ratio(judge: Ask, value: float, verdict: Verdict) -> None:
    """Row 45: 0 and 1 are ratios."""
    assert judge("expect", {"s": value}, value="s", at_most=1, unit=Unit.RATIO).verdict is verdict


@pytest.mark.parametrize(
    ("document", "options", "verdict", "text"),
    [
        (SLOW, {"objective": "p95"}, FAIL, "p95 2.412 s >= 2 s (n=1840, ion-canary.yaml:7; http look)"),
        ({**SLOW, "p95_ms": 2000}, {"objective": "p95"}, FAIL, "p95 2 s >= 2 s"),
        ({**SLOW, "p95_ms": 1999}, {"objective": "p95"}, PASS, "p95 1.999 s < 2 s (n=1840"),
        ({**SLOW, "p95_ms": 2000.00001}, {"objective": "p95"}, FAIL, "2.00000001 s >= 2 s"),
        ({**SLOW, "count": 20, "p95_ms": 1}, {"objective": "p95"}, PASS, "n=20"),
        pytest.param({**SLOW, "count": 19}, {"objective": "p95"}, HOLD, "n=19/20", id="row40"),
        pytest.param({**SLOW, "count": 0}, {"objective": "p95"}, HOLD, "n=0/20", id="row40-none"),
        pytest.param({"p95_ms": 1}, {"objective": "p95"}, HOLD, "count is missing", id="row40-not-counted"),
        pytest.param({**SLOW, "count": "40"}, {"objective": "p95"}, HOLD, "not a number", id="row40-text"),
        pytest.param({**SLOW, "count": 40.5}, {"objective": "p95"}, HOLD, "not a number of samples", id="row40-half"),
        pytest.param({**SLOW, "count": -40}, {"objective": "p95"}, HOLD, "not a number of samples", id="row40-less"),
        ({**SLOW, "n": 30}, {"objective": "p95", "samples": "n"}, FAIL, "n=30"),
        ({**SLOW, "count": 5}, {"objective": "p95", "min_samples": 5}, FAIL, "n=5"),
        ({"p95_ms": 3000}, {"objective": "p95", "min_samples": 1}, FAIL, "p95 3 s >= 2 s (ion-canary.yaml:7"),
        ({"s": 0.01}, {"value": "s", "objective": "errors"}, PASS, "errors 0.01 <= 0.01"),
        ({"s": 0.0101}, {"value": "s", "objective": "errors"}, FAIL, "errors 0.0101 > 0.01"),
        (
            {"s": 0.95},
            {"value": "s", "objective": "success", "name": "success rate"},
            PASS,
            "success rate 0.95 >= 0.95",
        ),
        ({"s": 0.949}, {"value": "s", "objective": "success"}, FAIL, "success 0.949 < 0.95"),
        pytest.param({"s": 95}, {"value": "s", "objective": "success"}, HOLD, "is it in percent", id="row45-objective"),
        pytest.param({"s_ms": 1}, {"value": "s_ms", "objective": "errors"}, HOLD, "not convertible", id="row45-family"),
        ({"s": 1}, {"value": "s", "objective": "nothing"}, HOLD, "sets no objective 'nothing' (ion-canary.yaml:1)"),
        ({"s": 3}, {"value": "s", "objective": "p95", "min_samples": 1}, FAIL, "p95 3 s >= 2 s"),
        ({"s": 3}, {"value": "s", "objective": "p95", "min_samples": 1, "unit": Unit.MS}, PASS, "p95 0.003 s < 2 s"),
    ],
)
def test_objective(judge: Ask, document: dict[str, Any], options: dict[str, Any], verdict: Verdict, text: str) -> None:
    """The observation stands in the objective's unit inside the rule, with sample size, place and source."""
    finding = judge("expect", document, **{"value": "p95_ms", **options})
    assert finding.verdict is verdict
    assert text in finding.reason


def test_when_it_becomes_decidable(judge: Ask) -> None:
    """Row 40: too few samples say when there will be enough, at the rate of the look."""
    finding = judge("expect", {"p95_ms": 1, "count": 5, "over_s": 3600}, value="p95_ms", objective="p95")
    assert finding.samples == 5
    assert finding.decidable == "decidable when n reaches 20, in about 3h at the present 5.0 an hour"
    unknown = judge("expect", {"p95_ms": 1, "count": 0, "over_s": 3600}, value="p95_ms", objective="p95")
    assert unknown.decidable == "decidable when n reaches 20"
    for odd in (0, -1, "60", None):
        no_rate = judge("expect", {"p95_ms": 1, "count": 5, "over_s": odd}, value="p95_ms", objective="p95")
        assert (no_rate.decidable or "").startswith("decidable when n reaches 20")
        assert "hour" not in (no_rate.decidable or "")


def test_rule_and_observation(judge: Ask) -> None:
    """Rule and observation are told apart for the reports."""
    finding = judge("expect", SLOW, value="p95_ms", objective="p95")
    assert (finding.rule, finding.observed, finding.samples) == ("p95 < 2 s", "2.412 s", 1840)


def test_what_is_not_empty_is_listed(judge: Ask) -> None:
    """Open alerts stand in the reason, the first of them, and in the details, at most eight lines."""
    finding = judge("expect", {"s": [{"name": f"alert {n}"} for n in range(30)]}, value="s", empty=True)
    assert finding.verdict is FAIL
    assert finding.reason.startswith("s: 30, none expected: name alert 0; name alert 1; name alert 2; and 27 more (")
    assert finding.details == (*(f"name alert {n}" for n in range(7)), "and 23 more")
    few = judge("expect", {"s": [{"name": "x", "at": None}, "y", 3]}, value="s", empty=True)
    assert few.details == ("name x, at -", "y", "3")


def test_two_looks(see: Callable[..., Evidence], judge: Ask) -> None:
    """With several looks the names stand first, and the samples have to be said."""
    looks = {"memory": see({"mean": 0.5, "count": 9}), "service": see({"mb": 1024})}
    finding = judge("expect", looks, value="multiply(memory.mean, service.mb)", below=500, unit=Unit.MB, name="memory")
    assert finding.reason.startswith("memory 512 MB >= 500 MB (canary.yaml:12")
    silent = judge("expect", looks, value="memory.mean", below=1, min_samples=3)
    assert silent.verdict is HOLD
    assert "say `samples`" in silent.reason
    assert judge("expect", looks, value="memory.mean", below=1, min_samples=3, samples="memory.count").verdict is PASS


def test_a_mixed_expression_is_an_observers(see: Callable[..., Evidence], judge: Ask) -> None:
    """A missing value fails only if all of its documents are the side's own."""
    looks = {"canary": see({}, side="canary"), "service": see({"v": "1"})}
    assert judge("expect", looks, value="canary.v", same_as="service.v").verdict is FAIL
    assert judge("expect", looks, value="canary.v || service.x", equals="1").verdict is HOLD
    typed = {"canary": see({"v": 1}, side="canary"), "service": see({"v": "1"}), "stable": see({"v": "1"}, side="s")}
    assert judge("expect", typed, value="canary.v", same_as="service.v").verdict is HOLD
    assert judge("expect", typed, value="service.v", same_as="canary.v").verdict is HOLD
    assert judge("expect", typed, value="canary.v", same_as="stable.v").verdict is FAIL


def test_an_unseen_side(see: Callable[..., Evidence], judge: Ask) -> None:
    """Row 1: the control rule decides before the value is asked for."""
    evidence = see(Unseen(cause=Cause.UNREACHABLE, detail="refused"), side="canary")
    case = {"reached": frozenset({"stable", "lumen"})}
    for rule in ({"equals": 1}, {"below": 1}, {"objective": "p95"}, {"present": False}, {"same_as": "b"}):
        assert judge("expect", evidence, case=case, value="a", **rule).verdict is FAIL


def test_both_sides_of_same_as_are_read(see: Callable[..., Evidence], judge: Ask) -> None:
    """The second observation is as trustworthy as the first."""
    looks = {"a": see({"v": 1}), "b": see(Unseen(cause=Cause.DENIED, detail="403"))}
    finding = judge("expect", looks, value="a.v", same_as="b.v")
    assert finding.verdict is HOLD
    assert "403" in finding.reason


def test_names_of_rollback_thresholds(environment: Environment, judge: Ask) -> None:
    """`rollback.NAME` is the rollback threshold of that name."""
    threshold = Objective(unit=Unit.RATIO, below=0.05)
    changed = replace(environment, rollout=replace(environment.rollout, rollback={"errors": threshold}))
    case = {"environment": changed}
    assert judge("expect", {"s": 0.02}, case=case, value="s", objective="rollback.errors").verdict is PASS
    assert judge("expect", {"s": 0.05}, case=case, value="s", objective="rollback.errors").verdict is FAIL


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "it has none"),
        ({"equals": 1, "below": 2}, "it has equals and below"),
        ({"matches": "("}, "not a regular expression"),
    ],
)
def test_refuses_options(options: dict[str, Any], said: str) -> None:
    """Exactly one expectation."""
    with pytest.raises(ValueError, match=r"expect needs|matches") as caught:
        Expect(value="a", **options)
    assert said in str(caught.value)


@given(
    st.sampled_from(["below", "at_most", "above", "at_least"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
    st.sampled_from(["canary", None]),
)
def test_not_finite_never_passes(
    make_case: Callable[..., Case], way: str, limit: float, value: float, side: str | None
) -> None:
    """Rows 25, 36: NaN and infinity pass no limit in either direction."""
    options = Expect(value="s", **{way: limit})
    finding = judge_expect(options, make_case({"s": value}, options=options, side=side))
    assert finding.verdict is (FAIL if side else HOLD)


@given(
    st.sampled_from(["below", "at_most", "above", "at_least"]),
    st.floats(-1e9, 1e9),
    st.floats(-1e9, 1e9),
)
def test_limits_are_plain_comparisons(make_case: Callable[..., Case], way: str, limit: float, value: float) -> None:
    """A limit passes exactly the good side of it."""
    good = {"below": value < limit, "at_most": value <= limit, "above": value > limit, "at_least": value >= limit}
    options = Expect(value="s", **{way: limit})
    assert judge_expect(options, make_case({"s": value}, options=options)).verdict is (PASS if good[way] else FAIL)


judge_expect = judge

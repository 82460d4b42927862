"""No group markedly slower than the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.judges.even import Even
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def entries(**medians: float) -> list[dict[str, Any]]:
    """Five entries around a median for each persona."""
    return [
        {"persona_used": name, "process_time_ms": value + off}
        for name, value in medians.items()
        for off in range(-2, 3)
    ]


@pytest.mark.parametrize(
    ("given", "options", "verdict", "text"),
    [
        (entries(Lua=400, Elro=420, Riri=380), {}, PASS, "3 groups are even (n=15, canary.yaml:12"),
        (entries(Lua=800, Elro=400, Riri=400), {}, PASS, "even"),
        (entries(Lua=803, Elro=400, Riri=400), {}, FAIL, "Lua: median process_time_ms 803 > 2 x 400 of the others"),
        (entries(Lua=802, Elro=400, Riri=400), {}, HOLD, "to be sure: Lua: median process_time_ms 802 > 2 x 400"),
        (entries(Lua=620, Elro=400), {"factor": 1.5}, FAIL, "Lua: median process_time_ms 620 > 1.5 x 400"),
        (entries(Lua=400, Elro=400), {"expected": "personas"}, PASS, "even"),
        (entries(Lua=400, Riri=400), {"expected": "personas"}, FAIL, "Elro has no entry"),
        (entries(Lua=400, Elro=1), {"expected": "planets"}, HOLD, "names no list 'planets'"),
        (entries(Lua=400, Elro=400)[:-1], {}, HOLD, "Elro n=4/5"),
        (entries(Lua=400), {}, HOLD, "1 groups, 2 are needed"),
        ([], {}, HOLD, "0 groups"),
        ([{"process_time_ms": 9}, "text"], {}, HOLD, "0 groups"),
        ([{"persona_used": "Lua", "process_time_ms": "9"}], {}, HOLD, 'of an entry of Lua is "9", not a number'),
        (entries(Lua=1), {"measure": None}, PASS, "1 groups have entries"),
        ([], {"measure": None}, HOLD, "0 groups"),
    ],
)
def test_even(judge: Ask, given: list[Any], options: dict[str, Any], verdict: Verdict, text: str) -> None:
    """Markedly is beyond the factor, and only groups with enough entries are held against each other."""
    finding = judge("even", {"e": given}, value="e", **options)
    assert finding.verdict is verdict
    assert text in finding.reason


def test_rules(judge: Ask) -> None:
    """The rule says what was judged: presence, or evenness."""
    assert judge("even", {"e": []}, value="e", measure=None).rule == "every persona_used has entries"
    assert judge("even", {"e": []}, value="e").rule.startswith("median process_time_ms of no persona_used > 2 x")


def test_details(judge: Ask) -> None:
    """A line a group."""
    finding = judge("even", {"e": entries(Lua=400, Elro=420)}, value="e")
    assert finding.details == (
        "Elro: n=5, median process_time_ms 420",
        "Lua: n=5, median process_time_ms 400",
    )


@pytest.mark.parametrize("options", [{"factor": 1}, {"min_samples": 0}])
def test_refuses_options(options: dict[str, Any]) -> None:
    """A factor of one would fail every service."""
    with pytest.raises(ValueError, match="even needs"):
        Even(value="e", **options)

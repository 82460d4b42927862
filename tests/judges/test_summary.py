"""Readiness, sheet and decision: summed up from the other outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.judges import JUDGES
from gonogo.judges.summary import Summary, judge
from gonogo.model.check import Area, Severity
from gonogo.model.verdict import Case, Outcome, Verdict

PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
WORST_FIRST = (FAIL, HOLD, PASS)


@pytest.fixture(scope="session")
def others(make_case: Callable[..., Case]) -> Callable[..., tuple[Outcome, ...]]:
    """Outcomes of items c0, c1 ... with these verdicts."""

    def make(verdicts: Sequence[Verdict], **changed: Any) -> tuple[Outcome, ...]:
        check = replace(make_case({}).check, **changed)
        return tuple(
            Outcome(check=replace(check, id=f"c{n}"), verdict=verdict, reason=f"why {n}")
            for n, verdict in enumerate(verdicts)
        )

    return make


@pytest.mark.parametrize("style", ["readiness", "sheet", "decision"])
@pytest.mark.parametrize(
    ("verdicts", "verdict", "text"),
    [
        ([PASS, PASS], PASS, "GO: 2 of 2 (100 %) passed"),
        ([PASS, HOLD], HOLD, "HOLD: 1 of 2 (50 %) passed; c1"),
        ([HOLD, FAIL, PASS], FAIL, "NO-GO: 1 of 3 (33 %) passed; c1, c0"),
        ([], HOLD, "nothing was checked"),
        ([PASS] * 199 + [FAIL], FAIL, "NO-GO: 199 of 200 (99 %) passed; c199"),
        ([FAIL] * 7, FAIL, "c0, c1, c2, c3, c4 and 2 more"),
        ([FAIL] * 5, FAIL, "passed; c0, c1, c2, c3, c4"),
    ],
)
def test_worst(
    *, make_case: Callable[..., Case], others: Any, style: str, verdicts: list[Verdict], verdict: Verdict, text: str
) -> None:
    """The verdict is the worst of the blocking items; nothing to sum up is not decidable."""
    finding = judge(Summary(style=style), make_case(None, others=others(verdicts)))
    assert finding.verdict is verdict
    assert text in finding.reason
    assert "and 0 more" not in finding.reason
    assert bool(finding.decidable) is (verdict is HOLD)


def test_styles(make_case: Callable[..., Case], others: Any) -> None:
    """A line an area; the sheet adds a line an item, the decision those against."""
    outcomes = (*others([PASS, FAIL]), *others([PASS], area=Area.TEAM))
    areas = ("technical: 1 of 2 (50 %)", "team: 1 of 1 (100 %)", "overall: 2 of 3 (66 %)")
    case = make_case(None, others=outcomes)
    assert judge(Summary(style="readiness"), case).details == (*areas, "fail: c1")
    sheet = ("fail: c1: why 1", "pass: c0: why 0", "pass: c0: why 0")
    assert judge(Summary(style="sheet"), case).details == (*areas, *sheet)
    assert judge(Summary(style="decision"), case).details == (*areas, "fail: c1: why 1")


def test_advisory_items(make_case: Callable[..., Case], others: Any) -> None:
    """Advisory items are counted and do not decide; alone they prove nothing."""
    advisory = others([FAIL], severity=Severity.ADVISORY)
    assert judge(Summary(), make_case(None, others=(*others([PASS]), *advisory))).verdict is PASS
    assert judge(Summary(), make_case(None, others=advisory)).verdict is HOLD


def test_waived_failures(make_case: Callable[..., Case], others: Any) -> None:
    """A failure under a valid waiver is shown and does not decide; what is not decidable is never waived."""
    case = make_case(None, others=others([PASS, FAIL]), waived=frozenset({"c1"}))
    finding = judge(Summary(), case)
    assert finding.verdict is PASS
    assert "waived: c1: why 1" in finding.details
    assert judge(Summary(), replace(case, waived=frozenset({"c0"}))).verdict is FAIL
    assert judge(Summary(), make_case(None, others=others([PASS, HOLD]), waived=frozenset({"c1"}))).verdict is HOLD
    assert judge(Summary(), make_case(None, others=others([FAIL]), waived=frozenset({"c0"}))).verdict is HOLD


def test_only_summaries_sum_up() -> None:
    """The registry says who is judged last."""
    assert [name for name, entry in JUDGES.items() if entry.sums_up] == ["summary"]


@given(
    st.lists(st.tuples(st.sampled_from(WORST_FIRST), st.sampled_from(Severity))), st.sampled_from(["sheet", "decision"])
)
def test_equals_the_worst(
    make_case: Callable[..., Case], others: Any, items: list[tuple[Verdict, Severity]], style: str
) -> None:
    """Row 92: one failure among any number decides."""
    outcomes = tuple(outcome for verdict, severity in items for outcome in others([verdict], severity=severity))
    blocking = [verdict for verdict, severity in items if severity is Severity.BLOCKING]
    worst = min(blocking, key=WORST_FIRST.index, default=HOLD)
    assert judge(Summary(style=style), make_case(None, others=outcomes)).verdict is worst

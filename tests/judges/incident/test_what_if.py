"""Evidence for a rollback: the disputed executions change, and the others do not change as much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def rows(down: int, changed: int, up: int = 0, also: int = 0) -> list[dict[str, Any]]:
    """So many disputed executions, of which some change, and so many others."""
    votes = ["thumbs_down"] * down + ["thumbs_up"] * up
    differs = [n < changed for n in range(down)] + [n < also for n in range(up)]
    return [
        {"id": n, "vote": vote, "old": "reject", "new": "approve" if change else "reject", "changed": change}
        for n, (vote, change) in enumerate(zip(votes, differs, strict=True))
    ]


@pytest.mark.parametrize(
    ("entries", "verdict", "text"),
    [
        ([], PASS, "nothing is disputed"),
        (rows(0, 0, up=20, also=20), PASS, "nothing is disputed"),
        (rows(10, 10), FAIL, "for a rollback: 10 of 10 disputed"),
        (rows(10, 6, up=10, also=1), FAIL, "for a rollback: 6 of 10 disputed"),
        (rows(10, 5, up=10), PASS, "against a rollback: 5 of 10 disputed"),
        (rows(10, 9, up=10, also=8), PASS, "it would change what nobody disputes as well"),
        (rows(2, 0), PASS, "against a rollback: 0 of 2"),
        (rows(2, 2), HOLD, "n=2/5"),
        (rows(5, 3), FAIL, "for a rollback: 3 of 5"),
    ],
)
def test_for_or_against(judge: Ask, entries: list[Any], verdict: Verdict, text: str) -> None:
    """More than half of the disputed, of enough of them, and at least twice as many as of the others."""
    finding = judge("what_if", {"rows": entries}, value="rows")
    assert finding.verdict is verdict
    assert text in finding.reason


def test_the_executions_are_told(judge: Ask) -> None:
    """The details show what would change."""
    finding = judge("what_if", {"rows": rows(6, 6)}, value="rows", name="v1.3.9")
    assert finding.details[0] == 'execution 0 (thumbs_down): "reject" -> "approve"'
    assert "differently by v1.3.9" in finding.reason


@pytest.mark.parametrize("entries", [[{}], ["x"], [{"changed": 1, "vote": "x"}], [{"changed": True}], None, {}])
def test_what_is_no_execution(judge: Ask, entries: Any) -> None:
    """A list of something else decides nothing."""
    assert judge("what_if", {"rows": entries}, value="rows").verdict is HOLD


@pytest.mark.parametrize(
    ("cause", "side"), [("unreachable", "postgres"), ("timeout", "stable"), ("broken", "stable"), ("partial", None)]
)
def test_what_was_not_compared_speaks_for_nothing(
    judge: Ask, see: Callable[..., Evidence], cause: str, side: str | None
) -> None:
    """A database or a service that alone does not answer fails items of its own, and never asks for a rollback."""
    evidence = see(Unseen(cause=Cause(cause), detail="10.0.0.9 is silent"), side=side)
    finding = judge("what_if", evidence, case={"reached": frozenset({"redis"})}, value="rows")
    assert finding.verdict is HOLD
    assert finding.reason.startswith("nothing was compared: ")
    assert "10.0.0.9 is silent" in finding.reason


def test_a_broken_answer_of_a_side_speaks_for_nothing(judge: Ask, see: Callable[..., Evidence]) -> None:
    """A list without votes is no comparison, whoever gave it."""
    assert judge("what_if", see({"rows": [{"changed": True}]}, side="stable"), value="rows").verdict is HOLD
    assert judge("what_if", see({"rows": 3}, side="stable"), value="rows").verdict is HOLD


@pytest.mark.parametrize("options", [{"at_most": 1}, {"min_samples": 0}])
def test_options_that_cannot_be(judge: Ask, options: dict[str, Any]) -> None:
    """A limit that nothing can pass is refused."""
    with pytest.raises(ValueError, match="what_if needs"):
        judge("what_if", {"rows": []}, value="rows", **options)

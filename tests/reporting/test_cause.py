"""The likely cause of an incident in every report: first, once, with its evidence and what to do."""

from __future__ import annotations

from dataclasses import replace

from tests.reporting.conftest import evidence_of

from gonogo.model.run import Run
from gonogo.model.verdict import Blame, Finding, Verdict
from gonogo.reporting.html import html
from gonogo.reporting.markdown import report
from gonogo.reporting.slack import slack
from gonogo.reporting.terminal import board
from gonogo.reporting.verdict_json import verdict_json

BLAME = Blame(
    name="pool-exhausted",
    says="The pool is <b>exhausted</b>",
    evidence=("8 of 8 connections are in use",),
    next_step="Raise pool_size.",
)


def blamed(run: Run, *blames: Blame) -> Run:
    """The run with its first outcomes blaming something."""
    first = []
    for outcome, blame in zip(run.outcomes, blames, strict=False):
        finding = Finding(
            verdict=Verdict.FAIL, reason="likely", rule="x", observed="y", details=blame.evidence, blame=blame
        )
        first.append(replace(outcome, verdict=Verdict.FAIL, findings=(finding,)))
    return replace(run, outcomes=(*first, *run.outcomes[len(first) :]))


def test_the_likely_cause_comes_first(red: Run) -> None:
    """Right above the decision on a terminal, before the areas on a page: the cause, its evidence once, what to do."""
    run = blamed(red, BLAME)
    text = board(run)
    assert text.index("LIKELY CAUSE  pool-exhausted") > text.rindex("  FAIL  ")
    assert text.count("8 of 8 connections are in use") == 1
    assert text.count("Raise pool_size.") == 1
    page = report(run)
    assert page.index("## Likely cause: pool-exhausted") < page.index("| Area |")
    assert page.count("8 of 8 connections are in use") == 1
    assert "추정 원인" in report(run, "ko")
    shown = html(run)
    assert "The pool is &lt;b&gt;exhausted&lt;/b&gt;" in shown
    assert shown.index("Raise pool_size.") < shown.index("Readiness by area")
    assert verdict_json(run)["checks"][0]["cause"]["name"] == "pool-exhausted"
    assert "*pool-exhausted*" in slack(run)


def test_evidence_that_is_left_out_is_counted(red: Run) -> None:
    """A terminal shows the first lines; the rest is not lost without a word."""
    many = replace(BLAME, evidence=tuple(f"line {number}" for number in range(11)))
    text = board(blamed(red, many))
    assert ("line 7" in text, "line 8" in text) == (True, False)
    assert "and 3 more in verdict.json" in text


def test_a_cause_that_is_not_named(red: Run) -> None:
    """Two items that say the same are told once, below the one that names a cause; a run without blames none."""
    unnamed = replace(BLAME, name=None, says="no cause fits: x")
    text = board(blamed(red, unnamed, BLAME, unnamed))
    assert text.index("LIKELY CAUSE") < text.index("NO CAUSE NAMED")
    assert text.count("NO CAUSE NAMED") == 1
    assert "CAUSE" not in board(red)


def test_many_looks_are_counted(red: Run) -> None:
    """Of an item with many looks the first few are told, and how many more there are."""
    looks = {f"k{n}": evidence_of(f"k{n}", source=f"look {n}") for n in range(9)}
    first = replace(red.outcomes[0], verdict=Verdict.FAIL, evidence=tuple(looks))
    run = replace(red, outcomes=(first, *red.outcomes[1:]), evidence={**red.evidence, **looks})
    assert "look 2 at 09:30:00Z and 6 more in verdict.json" in board(run)
    assert "look 8" not in board(run)
    assert "look 8" in html(run)

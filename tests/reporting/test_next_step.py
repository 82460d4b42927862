"""What to do next: a remedy is for a failure that was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reporting.conftest import a_check, an_outcome, evidence_of

from gonogo.model.environment import Environment, Side
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Finding, Outcome, Verdict
from gonogo.reporting.next_step import is_blind, next_step, silent_back_end

PLACE = Environment(name="local", system="ion", describe="a test", sides={"stable": Side(url="http://s")})


def silence(side: str, cause: Cause = Cause.UNREACHABLE) -> Evidence:
    return evidence_of(outcome=Unseen(cause=cause, detail="no route"), side=side)


def failed(*rules: str) -> Outcome:
    found = tuple(Finding(verdict=Verdict.FAIL, reason="r", rule=rule, observed="o") for rule in rules)
    return replace(an_outcome(a_check("ion-a"), Verdict.FAIL), findings=found)


@pytest.mark.parametrize(
    ("outcome", "look", "silent"),
    [
        (failed("an answer from postgres"), silence("postgres"), "postgres"),
        (failed("an answer from postgres"), silence("postgres", Cause.TIMEOUT), "postgres"),
        (failed("an answer from postgres", "rows <= 1"), silence("postgres"), ""),  # it fails for something else, too
        (failed("an answer from postgres"), silence("postgres", Cause.BROKEN), ""),  # it answered
        (failed("an answer from stable"), silence("stable"), ""),  # what is under test is what the remedy is for
        (an_outcome(a_check("ion-a"), Verdict.PASS), silence("postgres"), ""),
    ],
)
def test_a_back_end_that_is_silent_is_no_failure_of_what_it_was_asked(
    outcome: Outcome, look: Evidence, silent: str
) -> None:
    """Nobody locks an account, or rolls rules back, since the database is down."""
    assert silent_back_end(outcome, [evidence_of(), look], PLACE) == silent
    assert not is_blind(outcome, [look])
    step = next_step("lock the account", silent, blind=False)
    assert step.startswith("Get postgres to answer and run again: ") is bool(silent)
    assert step.endswith("If it still fails then: lock the account" if silent else "lock the account")

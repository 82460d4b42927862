"""An outcome and its looks into what to do next: a remedy is for a failure that was seen."""

from __future__ import annotations

from collections.abc import Iterable

from gonogo.model.environment import Environment
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Outcome, Verdict


def next_step(remedy: str, silent: str, *, blind: bool) -> str:
    """The remedy of a failure, as far as one was seen."""
    if silent:
        return f"Get {silent} to answer and run again: nothing else was seen. If it still fails then: {remedy}"
    return f"Nothing failed yet: get it seen and run again. If it fails then: {remedy}" if blind else remedy


def is_blind(outcome: Outcome, looks: Iterable[Evidence]) -> bool:
    """Undecided, and a look showed nothing."""
    return outcome.verdict is Verdict.INCONCLUSIVE and any(isinstance(one.outcome, Unseen) for one in looks)


def silent_back_end(outcome: Outcome, looks: Iterable[Evidence], environment: Environment) -> str:
    """The back end that did not answer, where an item fails for nothing else; "" where it does."""
    failed = {finding.rule for finding in outcome.findings if finding.verdict is Verdict.FAIL}
    silent = (
        one.side
        for one in looks
        if one.side is not None and one.side not in environment.sides and isinstance(one.outcome, Unseen)
        if one.outcome.cause in (Cause.UNREACHABLE, Cause.TIMEOUT)
    )
    return next((side for side in silent if failed == {f"an answer from {side}"}), "")

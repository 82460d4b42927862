"""Evidence into "trustworthy", or into the finding that says why not: the control rule, freshness, completeness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from gonogo.judges.expression import not_finite
from gonogo.model.commands import with_known
from gonogo.model.environment import BackEnd
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.units import show_duration
from gonogo.model.verdict import Case, Finding, Verdict

OLDEST_EVIDENCE = timedelta(hours=1)  # a run that was asleep, or evidence of an older run
MOST_AHEAD = timedelta(seconds=60)  # a clock that differs by more is wrong
_BACK_END = {"csv_file": "metrics_csv"}  # kinds of looks whose back end has another name
_SILENT = (Cause.UNREACHABLE, Cause.TIMEOUT)


def trouble(case: Case, names: Iterable[str]) -> Finding | None:
    """None if every named look can be trusted; else the worst of what is wrong with them."""
    findings = [finding for name in names if (finding := _look(case, name)) is not None]
    return min(findings, key=lambda finding: finding.verdict is not Verdict.FAIL, default=None)


def document(case: Case, name: str) -> tuple[Mapping[str, Any], str] | Finding:
    """(what the named look saw, where), or why it cannot be trusted."""
    finding = trouble(case, (name,))
    if finding is not None:
        return finding
    evidence = case.evidence[name]
    return (evidence.outcome.data if isinstance(evidence.outcome, Seen) else {}), evidence.source


def unseen(case: Case, evidence: Evidence) -> Finding:
    """What it means that `evidence` shows nothing: the control rule.

    A side that does not answer while any side does is at fault, and so is one whose answer is broken.
    When no side answers, the observer or the network between is; where other back ends answered, nobody knows whether
    the side or the way to it is. Observers are never the system's fault.
    """
    outcome = evidence.outcome
    if not isinstance(outcome, Unseen):
        raise TypeError("unseen() is for evidence that shows nothing")
    named = evidence.source in outcome.detail  # many details begin with it: it is said once
    what = outcome.detail if named else f"{outcome.detail} ({evidence.source})"
    side = evidence.side
    rule = f"an answer from {side or evidence.kind}"
    if side is not None and outcome.cause in _SILENT:
        others = sorted(case.reached - {side})
        if others:
            alone = " alone" if set(case.environment.sides) - {side} <= case.reached else ""
            text = f"{side}{alone} does not answer: {what}, while {', '.join(others)} answered"
            return _finding(Verdict.FAIL, text, rule, outcome.cause)
        if side in case.reached:
            text = f"{side} does not answer: {what}, while its other paths did"
            return _finding(Verdict.FAIL, text, rule, outcome.cause)
        text = f"observer or network: no side answered: {what}"
        if case.beside:
            text = (
                f"{side} does not answer: {what}, while {', '.join(sorted(case.beside))} answered and no other side"
                f" was seen: {side} or the way to it"
            )
        return _finding(Verdict.INCONCLUSIVE, text, rule, outcome.cause, f"when {side} can be reached from here")
    if side is not None and outcome.cause is Cause.BROKEN:
        return _finding(Verdict.FAIL, f"{side} gave a broken answer: {what}", rule, outcome.cause)
    asked = f" (asked for at {_asked_at(case, evidence)})" if outcome.cause is Cause.MISASKED else ""
    text = f"{_SAYS[outcome.cause]}: {what}{asked}"
    when = with_known(_when(evidence.kind, outcome.cause), case.environment)
    return _finding(Verdict.INCONCLUSIVE, text, rule, outcome.cause, when)


_SAYS = {
    Cause.UNREACHABLE: "not reachable",
    Cause.TIMEOUT: "no answer in time",
    Cause.BROKEN: "broken answer",
    Cause.DENIED: "access denied",
    Cause.LIMITED: "rate limited",
    Cause.FULL: "full, it takes no more",
    Cause.PARTIAL: "only a part was seen",
    Cause.NO_DATA: "no data",
    Cause.REFUSED: "not looked at, a guard forbids it",
    Cause.MISASKED: "asked for what is not there",
    Cause.UNAVAILABLE: "the observer failed",
}


_WRITTEN = {
    "incident": "when it is written into the incident file",
    "drill": "when it is written into the file of the drill",
    "declared": "when it is written there",
}
_WHEN = {
    Cause.UNREACHABLE: "when it can be reached from here",
    Cause.TIMEOUT: "when it answers in time",
    Cause.BROKEN: "when its answer can be read",
    Cause.DENIED: "when it lets this account read; `gonogo doctor --env NAME` tells which",
    Cause.LIMITED: "when its limit allows it again",
    Cause.FULL: "when it has room again: end or free there what holds it",
    Cause.PARTIAL: "when all of it can be read",
    Cause.NO_DATA: "when there is data",
    Cause.REFUSED: "when the environment's guards allow it",
    Cause.MISASKED: "when the checklist asks for what there is, or there is what it asks for",
    Cause.UNAVAILABLE: "when the look itself works again",
}


def _when(kind: str, cause: Cause) -> str:
    """What people write is not waited for."""
    return _WRITTEN.get(kind, _WHEN[cause]) if cause is Cause.NO_DATA else _WHEN[cause]


def _look(case: Case, name: str) -> Finding | None:
    evidence = case.evidence.get(name)
    if evidence is None:
        return _finding(
            Verdict.INCONCLUSIVE, f"evidence {name!r} is missing", f"evidence {name!r}", "none", "when it is"
        )
    match evidence.outcome:
        case Unseen():
            return unseen(case, evidence)
        case Seen():
            return _stale(case, name, evidence, evidence.outcome) or _incomplete(evidence, evidence.outcome)


def _asked_at(case: Case, evidence: Evidence) -> str:
    """file:line of the question; of the item, where the look is not one of its own."""
    named = (case.check.probes.get(name) for name, one in case.evidence.items() if one is evidence)
    origin = next((spec.origin for spec in named if spec is not None and spec.origin.line), case.check.origin)
    return f"{origin.file}:{origin.line}" if origin.line else origin.file


def _stale(case: Case, name: str, evidence: Evidence, seen: Seen) -> Finding | None:
    age = case.now - evidence.ended
    if age > OLDEST_EVIDENCE:
        text = f"evidence is {show_duration(age)} old, at most {show_duration(OLDEST_EVIDENCE)}: {evidence.source}"
        return _finding(Verdict.INCONCLUSIVE, text, "fresh evidence", show_duration(age), "when it is looked at again")
    if seen.newest is None:
        return None
    looked = max(case.now, evidence.ended)  # what waits for a deploy to settle may look long after the run's start
    ahead = seen.newest - looked
    if ahead > MOST_AHEAD:
        text = (
            f"clock skew: the newest sample lies {show_duration(ahead)} in the future, "
            f"at most {show_duration(MOST_AHEAD)}: {evidence.source}"
        )
        return _finding(Verdict.INCONCLUSIVE, text, "clocks agree", f"{show_duration(ahead)} ahead", "when they agree")
    options = case.check.probes[name].options if name in case.check.probes else None
    if _option(options, "filter") or _option(options, "severity"):
        return None  # the newest of selected entries tells nothing of the source: no news of errors is good news
    allowed = _max_age(case, evidence, options)
    old = looked - seen.newest
    if old > allowed:
        text = f"stale: the newest sample is {_age(old)} old, at most {_age(allowed)}: {evidence.source}"
        return _finding(
            Verdict.INCONCLUSIVE, text, f"newest sample <= {_age(allowed)} old", _age(old), "when new samples arrive"
        )
    return None


def _incomplete(evidence: Evidence, seen: Seen) -> Finding | None:
    path = not_finite(seen.data)
    if path is not None:
        text = f"not a finite number: {path} ({evidence.source})"
        if evidence.side is not None:
            return _finding(Verdict.FAIL, text, "finite numbers", path)
        return _finding(Verdict.INCONCLUSIVE, text, "finite numbers", path, "when the source shows numbers")
    if evidence.side is None:
        warnings = seen.data.get("warnings")
        if warnings:
            text = f"answered with warnings: {str(warnings)[:200]} ({evidence.source})"
            return _finding(Verdict.INCONCLUSIVE, text, "a complete answer", "warnings", "when it answers completely")
        if seen.data.get("complete") is False:
            text = f"only a part was seen: {evidence.source}"
            return _finding(Verdict.INCONCLUSIVE, text, "a complete answer", "a part", "when it answers completely")
    return None


def _max_age(case: Case, evidence: Evidence, options: object) -> timedelta:
    name = _option(options, "back_end") or _BACK_END.get(evidence.kind, evidence.kind)
    return case.environment.back_ends.get(name, BackEnd()).max_age


def _option(options: object, name: str) -> Any:
    """An option of the look; of a recorded run's, which is plain JSON, too."""
    return options.get(name) if isinstance(options, Mapping) else getattr(options, name, None)


def _age(value: timedelta) -> str:
    whole = timedelta(seconds=round(value.total_seconds()))
    return show_duration(whole or value)


def _finding(verdict: Verdict, text: str, rule: str, observed: str, decidable: str | None = None) -> Finding:
    return Finding(verdict=verdict, reason=text, rule=rule, observed=str(observed), decidable=decidable)

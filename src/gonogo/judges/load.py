"""What a load run came to, into the finding of the item that asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Judge
from gonogo.judges.loads.run import ENFORCES
from gonogo.judges.reading import inconclusive
from gonogo.judges.seeing import document
from gonogo.model.ratelimit import Shown
from gonogo.model.verdict import Case, Decision, Finding, Verdict

_PROMISED = frozenset({"P5"})  # only where the policy promises it, so that it may be seen nowhere
_AGAIN = "when a run of that profile is GO or NO-GO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`run` is the name of a look of kind load_run.

    `enforced`: every limit that is declared for its paths was reached, and rejects as its policy says (P1 to P5).
    """

    run: str = "it"
    enforced: bool = False


def judge(options: Load, case: Case) -> Finding:
    """Pass for a run that is GO. One that is NO-GO fails, and HOLD is inconclusive, with the reasons of the run."""
    rule = "declared limits are reached and kept" if options.enforced else "the load run is GO"
    found = document(case, options.run)
    if isinstance(found, Finding):
        return found
    data, source = found
    try:
        return _judge(options, data, rule, source)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        text = f"{options.run} is no load run: {type(error).__name__}: {error} ({source})"
        return inconclusive(rule, text, "no load run", "when the look is of kind load_run")


def _judge(options: Load, data: Mapping[str, Any], rule: str, source: str) -> Finding:
    if data["run"] is None:
        text = f"no limit is declared for these paths, so there is none to be reached ({source})"
        return Finding(verdict=Verdict.PASS, reason=text, rule=rule, observed="no limit")
    decision, name = Decision(data["decision"]), data["profile"]
    sides: Mapping[str, Any] = data["sides"]
    sent = sum(side["requests"] for side in sides.values())
    why = "; ".join(data["reasons"])
    match decision:
        case Decision.NO_GO:
            text = f"{name} is NO-GO: {why} ({source})"
            return Finding(verdict=Verdict.FAIL, reason=text, rule=rule, observed="NO-GO", samples=sent)
        case Decision.HOLD:
            return inconclusive(rule, f"{name} is HOLD: {why} ({source})", "HOLD", _AGAIN, sent)
        case Decision.GO:
            pass
    if options.enforced:
        finding = _enforced(data, rule, source, sent)
        if finding is not None:
            return finding
    counts = "; ".join(_counts(side, one) for side, one in sides.items())
    kept = "".join(f"; {side} keeps {limit}" for side, limit in data["limits"].items()) if options.enforced else ""
    text = f"{name} is GO: {counts}{kept} ({source})"
    return Finding(verdict=Verdict.PASS, reason=text, rule=rule, observed="GO", samples=sent)


def _enforced(data: Mapping[str, Any], rule: str, source: str, sent: int) -> Finding | None:
    """None if every limited side shows what a limiter of its policy does."""
    failed = [(side, said) for side, shown, said in _shown(data) if shown is Shown.FAIL]
    unseen = [said for _, shown, said in _shown(data) if shown is Shown.NOT_VISIBLE]
    if failed:
        text = "; ".join(said for _, said in failed)
        if len(data["sides"]) > 1 and {side for side, _ in failed} == set(data["sides"]):
            text = f"every side fails, which is no side's own: {text}"
            return inconclusive(rule, f"{text} ({source})", "every side", _AGAIN, sent)
        return Finding(verdict=Verdict.FAIL, reason=f"{text} ({source})", rule=rule, observed="broken", samples=sent)
    if unseen:
        text = f"the limit was not shown at work: {'; '.join(unseen)} ({source})"
        return inconclusive(rule, text, "not visible", "when a run shows it", sent)
    return None


def _shown(data: Mapping[str, Any]) -> Iterator[tuple[str, Shown, str]]:
    for side in data["limits"]:
        properties: Mapping[str, Any] = data["sides"][side]["properties"]
        for wanted in ENFORCES:
            found = properties.get(wanted)
            if found is None:
                yield side, Shown.NOT_VISIBLE, f"{side}: {wanted} does not stand in the run"
            elif wanted not in _PROMISED or found["verdict"] != Shown.NOT_VISIBLE:
                yield side, Shown(found["verdict"]), f"{side}: {wanted}: {found['reason']}"


def _counts(side: str, one: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{one[kind]} {kind}" for kind in ("accepted", "limited", "error") if one[kind])
    return f"{side} {one['requests']} requests, {kinds}"


JUDGE = Judge(options=Load, judge=judge)

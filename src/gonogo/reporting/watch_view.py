"""What a watch comes to, for people and as JSON: decision, reasons, rules, evidence, bounds and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gonogo.model.evidence import plain
from gonogo.model.units import show_duration
from gonogo.model.watch import CanaryVerdict, RuleStands
from gonogo.reporting.escape import visible

Json = dict[str, Any]
_MARKS = {
    RuleStands.CLEAN: "ok",
    RuleStands.BROKEN: "broken",
    RuleStands.COUNTING: "counting",
    RuleStands.FIRED: "FIRED",
    RuleStands.UNSEEN: "unseen",
}


def verdict_to_json(verdict: CanaryVerdict) -> Json:
    """All of a verdict; times as ISO 8601, evidence as natural logarithms of e-values."""
    return {
        "seq": verdict.seq,
        "at": verdict.at.isoformat(),
        "decision": verdict.decision.value,
        "exit_status": int(verdict.decision.exit_status),
        "reasons": list(verdict.reasons),
        "both_sides": verdict.both_sides,
        "decidable_at": None if verdict.decidable_at is None else verdict.decidable_at.isoformat(),
        "rules": [
            {
                "rule": state.rule.text,
                "stands": state.stands.value,
                "value": state.value,
                "unit": state.rule.unit.value,
                "streak": state.streak,
                "needed": state.needed,
                "requests": state.requests,
                "missing": state.missing,
                "fired_at": state.fired_at,
                "stable_too": state.stable_too,
                "reason": state.reason,
            }
            for state in verdict.rules
        ],
        "evidence": [_finite(plain(one)) for one in verdict.evidence],
        "certificate": [_finite(plain(one)) for one in verdict.bounds],
        "gaps": [plain(gap) for gap in verdict.gaps],
    }


def verdict_lines(verdict: CanaryVerdict) -> list[str]:
    """The decision last, what it rests on before it."""
    at = f"{verdict.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return [*kept_lines(verdict_to_json(verdict)), f"{verdict.decision.value}  at sample {verdict.seq}, {at}"]


def kept_lines(last: Json) -> list[str]:
    """What a decision rests on, from `verdict_to_json`: rules, evidence, bounds, gaps, reasons, and when GO can be."""
    lines = [f"rule      {_MARKS[RuleStands(rule['stands'])]:<9} {visible(rule['reason'])}" for rule in last["rules"]]
    for one in last["evidence"]:
        mark = f"ALARM@{one['alarmed_at']}" if one["alarmed_at"] is not None else "quiet"
        strength = f"{max(one['log_e'] or 0.0, 0.0):.1f} of {one['threshold']:.1f}"
        lines.append(
            f"evidence  {mark:<9} {visible(one['reason'])} ({strength} nats, dispersion {one['dispersion']:.1f})"
        )
    lines += [
        f"bound     {'proven' if bound['holds'] else 'open':<9} {visible(bound['reason'])}"
        for bound in last["certificate"]
    ]
    lines += [f"gap       {_gap(gap)}" for gap in last["gaps"][-5:]]
    lines += [f"why:      {visible(reason)}" for reason in last["reasons"]]
    if last["decidable_at"] is not None:
        at = datetime.fromisoformat(last["decidable_at"]).astimezone(UTC)
        lines.append(f"GO can be known about {at:%Y-%m-%d %H:%M} UTC at the present traffic")
    return lines


def change_lines(changes: Sequence[CanaryVerdict]) -> list[str]:
    """Each sample at which the decision became another one, with its first reason."""
    return [
        f"{verdict.at.astimezone(UTC):%Y-%m-%d %H:%M}  sample {verdict.seq:>5}  {verdict.decision.value:<6}"
        f"  {visible(verdict.reasons[0]) if verdict.reasons else 'all is proven'}"
        for verdict in changes
    ]


def _gap(gap: Json) -> str:
    since, until = (datetime.fromisoformat(gap[end]) for end in ("since", "until"))
    return f"{since:%H:%M:%S} to {until:%H:%M:%S} ({show_duration(until - since)}): {visible(gap['why'])}"


def _finite(document: Json) -> Json:
    """JSON has no infinity: what is not finite is null."""
    return {
        key: None if isinstance(value, float) and not abs(value) < float("inf") else value
        for key, value in document.items()
    }

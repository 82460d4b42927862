"""The findings of one check's rules into its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gonogo.judges import JUDGES
from gonogo.judges.base import Judge
from gonogo.judges.reading import inconclusive, short
from gonogo.model.check import Rule
from gonogo.model.verdict import Case, Finding, Outcome, Verdict

_RANK = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1, Verdict.PASS: 2}


def judge_check(case: Case, judges: Mapping[str, Judge] = JUDGES) -> Outcome:
    """Every rule of the check judged; the worst finding is the verdict, and its reason the reason. One that stands
    alone takes the others' place.

    Nothing checked, a look that is missing, a judge that raises or answers with something else: inconclusive.
    """
    check = case.check
    findings = [_judge(rule, case, judges) for rule in check.rules]
    findings += [
        inconclusive(f"evidence {name!r}", f"evidence {name!r} is missing", "none", "when it was looked at")
        for name in check.probes
        if name not in case.evidence
    ]
    if not check.rules:
        text = f"nothing was checked: {check.id} has no rule ({short(check.origin)})"
        findings.append(inconclusive("at least one rule", text, "no rule", "when it has a rule"))
    findings = [finding for finding in findings if finding.alone] or _with_lists(findings, check.rules)
    worst = min(findings, key=lambda finding: _RANK[finding.verdict])
    attempts = max((len(evidence.attempts) for evidence in case.evidence.values()), default=0)
    reason = worst.reason
    if worst.verdict is Verdict.PASS:
        reason = "; ".join(finding.reason for finding in findings)
        if attempts > 1:
            reason += f"; passed at attempt {attempts}"
    return Outcome(
        check=check,
        verdict=worst.verdict,
        reason=reason,
        findings=tuple(findings),
        evidence=tuple(dict.fromkeys(evidence.look for evidence in case.evidence.values())),
        attempts=attempts,
    )


def _with_lists(findings: list[Finding], rules: tuple[Rule, ...]) -> list[Finding]:
    """What `listed` rules show, beside the last of the worst findings: they decide nothing, and say who it is about."""
    worst = min((finding.verdict for finding in findings), key=_RANK.__getitem__)
    if worst is Verdict.PASS:
        return findings
    last = max(at for at, finding in enumerate(findings) if finding.verdict is worst)
    told = findings[last].details
    for rule, finding in zip(rules, findings, strict=False):
        lines = [one for one in finding.details if one not in told]
        if rule.kind == "listed" and finding.verdict is Verdict.PASS and lines:
            told = (*told, f"{finding.rule.removesuffix(' is known')}, {finding.observed}:", *lines)
    return [*findings[:last], replace(findings[last], details=told), *findings[last + 1 :]]


def _judge(rule: Rule, case: Case, judges: Mapping[str, Judge]) -> Finding:
    at = short(rule.origin)
    if rule.kind not in judges:
        return _broken(rule, f"there is no judge {rule.kind!r} ({at})")
    try:
        # A judge of another team may return anything; only a Finding with a Verdict counts.
        finding: Any = judges[rule.kind].judge(rule.options, case)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - also SystemExit: a judge that leaves has not judged
        text = (str(error).splitlines() or [""])[0][:200]
        return _broken(rule, f"judge {rule.kind} raised {type(error).__name__}: {text} ({at})")
    if not isinstance(finding, Finding) or not isinstance(finding.verdict, Verdict):
        return _broken(rule, f"judge {rule.kind} returned {type(finding).__name__}, not a finding ({at})")
    return finding


def _broken(rule: Rule, text: str) -> Finding:
    return inconclusive(f"a finding of {rule.kind}", text, "no finding", "when the judge is put right")

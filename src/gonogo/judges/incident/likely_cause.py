"""Shared evidence and a list of causes into the one likely cause of an incident, as the playbook of an item sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gonogo.judges.base import Judge
from gonogo.judges.incident.playbook import Playbook, Suspect, Symptom, follows, problem
from gonogo.judges.incident.suspects import Holds, Suspicion, Trouble, filled, look_for, suspicion, trouble_of
from gonogo.judges.reading import inconclusive
from gonogo.model.verdict import Blame, Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelyCause:
    """`playbook` is the item's own. `playbooks` and `causes` are the same in the items of all of them, so that all see
    one cause.

    A playbook has a `name` and `trouble`: symptoms that make an incident its business, of which one is enough; and
    `lingers`: of those one is enough to say that the trouble is over, and that it has not recovered yet. A cause has
    a `name`, its `playbook`, a sentence `says`, `symptoms` that must all hold, `supports` (lines told where they
    hold), `instead_of` (causes that follow from it), `explains` (other playbooks whose trouble it accounts for) and
    the `next` step. A symptom has a line `says` and `when` (an expression; with `also`, another), or `value` and
    `breaks` (an objective; with `samples`, an expression), or `unseen` (a look) with `because` (reasons why nothing
    was seen).

    `beside` are lines that are told where they hold and no cause is named: what was changed lately.
    """

    playbook: str
    playbooks: tuple[Playbook, ...]
    causes: tuple[Suspect, ...]
    beside: tuple[Symptom, ...] = ()

    def __post_init__(self) -> None:
        wrong = problem(self.playbooks, self.causes)
        if wrong is None and self.playbook not in {playbook.name for playbook in self.playbooks}:
            wrong = f"{self.playbook} is none of the playbooks"
        if wrong is not None:
            raise ValueError(wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What all causes come to. `roots` are proven and follow from no other proven one; `doubts` are not excluded and
    one of the roots would follow from them.
    """

    troubles: Mapping[str, Trouble]
    all: tuple[Suspicion, ...]
    roots: tuple[Suspicion, ...]
    doubts: tuple[Suspicion, ...]

    @property
    def named(self) -> Suspicion | None:
        """The one likely cause, if there is exactly one and nothing that was not seen could lie behind it."""
        return self.roots[0] if len(self.roots) == 1 and not self.doubts else None


def judge(options: LikelyCause, case: Case) -> Finding:
    """Fail with the likely cause where it is this playbook's, and for trouble of this playbook that no proven cause
    explains. Pass where the playbook has no trouble, or where a proven cause of another playbook, whose item
    fails, explains it. Two causes of which neither follows from the other are told as not told apart.
    """
    rule = f"no cause of the playbook {options.playbook}, and none of its trouble"
    found = diagnose(options.playbooks, options.causes, case)
    own = found.troubles[options.playbook]
    trouble, blind = own.lines, own.blind
    if any(root.suspect.playbook == options.playbook for root in found.roots):
        return _own(case, rule, found, trouble)
    if found.roots and (trouble or blind) and _explained(options, found):
        by = " or ".join(root.suspect.name for root in found.roots)
        where = ", ".join(dict.fromkeys(root.suspect.playbook for root in found.roots))
        told = f"explained by {by} (playbook {where}): {'; '.join(trouble)}" if trouble else f"{by} explains any"
        return Finding(verdict=Verdict.PASS, reason=told, rule=rule, observed=f"explained by {by}")
    if trouble:
        signs = [look_for(symptom, case) for symptom in options.beside]
        beside = tuple(sign.text for sign in signs if sign.holds is Holds.YES)
        return _unexplained(case, rule, found, trouble, beside)
    open_ = [one for one in found.all if one.holds is Holds.UNKNOWN and one.suspect.playbook == options.playbook]
    if blind or open_:
        lacking = dict.fromkeys([*blind, *(text for one in open_ for text in one.lacking)])
        return inconclusive(rule, f"not seen: {'; '.join(lacking)}", "not seen", "when it is seen")
    if own.lingers:
        text = f"not recovered yet: {'; '.join(own.lingers)}"
        return inconclusive(rule, text, "not recovered", "when it has recovered")
    aside = f"; {found.named.suspect.name} is named by {found.named.suspect.playbook}" if found.named else ""
    looks = f"{len(case.evidence)} looks"
    return Finding(
        verdict=Verdict.PASS, reason=f"no {options.playbook} trouble{aside} ({looks})", rule=rule, observed="none"
    )


def diagnose(playbooks: Sequence[Playbook], causes: Sequence[Suspect], case: Case) -> Diagnosis:
    """Every cause held against the evidence, and those that are left when what follows from others is taken away."""
    troubles = {playbook.name: trouble_of(playbook, case) for playbook in playbooks}
    held = tuple(suspicion(suspect, troubles, case) for suspect in sorted(causes, key=lambda one: one.name))
    proven = [one for one in held if one.holds is Holds.YES]
    follow = {one.suspect.name: follows(one.suspect, causes) for one in held}
    explained = {name for one in proven for name in follow[one.suspect.name]}
    roots = tuple(one for one in proven if one.suspect.name not in explained)
    names = {one.suspect.name for one in roots}
    doubts = tuple(one for one in held if one.holds is Holds.UNKNOWN and follow[one.suspect.name] & names)
    return Diagnosis(troubles=troubles, all=held, roots=roots, doubts=doubts)


def _explained(options: LikelyCause, found: Diagnosis) -> bool:
    """By a cause whose own item fails for it: one that may follow from another is none yet."""
    is_known = found.named is not None or len(found.roots) > 1
    return is_known and any(options.playbook in root.suspect.explains for root in found.roots)


def _own(case: Case, rule: str, found: Diagnosis, trouble: tuple[str, ...]) -> Finding:
    named = found.named
    if named is None:
        return _not_told_apart(rule, found, trouble)
    suspect = named.suspect
    says = filled(suspect.says, case)
    proven = [one.suspect.name for one in found.all if one.holds is Holds.YES and one is not named]
    after = follows(suspect, [one.suspect for one in found.all])
    open_ = [one.suspect.name for one in found.all if one.holds is Holds.UNKNOWN and one.suspect.name not in after]
    details = list(dict.fromkeys([*named.lines, *trouble]))
    details += [f"follows from it: {', '.join(proven)}"] if proven else []
    details += [f"not excluded, since not all was seen: {', '.join(open_)}"] if open_ else []
    return Finding(
        verdict=Verdict.FAIL,
        reason=f"likely cause: {says} [{suspect.name}]",
        rule=rule,
        observed=f"likely cause: {suspect.name}",
        details=tuple(details),
        blame=Blame(name=suspect.name, says=says, evidence=tuple(details), next_step=filled(suspect.next, case)),
    )


def _not_told_apart(rule: str, found: Diagnosis, trouble: tuple[str, ...]) -> Finding:
    roots = [root.suspect.name for root in found.roots]
    lines = tuple(f"{root.suspect.name}: {line}" for root in found.roots for line in root.lines)
    lacking = tuple(f"{one.suspect.name} not seen: {text}" for one in found.doubts for text in one.lacking)
    if len(roots) > 1:
        says = f"not told apart: {' and '.join(roots)} fit, and neither follows from the other"
        step = f"Take {' and '.join(roots)} one after the other, the older one first."
    else:
        behind = ", ".join(one.suspect.name for one in found.doubts)
        says = f"no cause named: {roots[0]} fits, but may follow from {behind}, of which not all was seen"
        step = f"Get seen what {behind} shows in, then run again."
    if not trouble and len(roots) == 1:
        return inconclusive(rule, f"{says}: {'; '.join(lacking)}", "no cause named", "when it is seen")
    details = (*lines, *lacking)
    return Finding(
        verdict=Verdict.FAIL,
        reason=says,
        rule=rule,
        observed=f"{' and '.join(roots)} fit" if len(roots) > 1 else "no cause named",
        details=details,
        blame=Blame(name=None, says=says, evidence=details, next_step=step),
    )


def _unexplained(case: Case, rule: str, found: Diagnosis, trouble: tuple[str, ...], beside: tuple[str, ...]) -> Finding:
    shown = "; ".join(trouble)
    open_ = [one for one in found.all if one.holds is Holds.UNKNOWN]
    lacking = tuple(dict.fromkeys(f"not seen: {text}" for one in open_ for text in one.lacking))
    roots = " and ".join(root.suspect.name for root in found.roots)
    if found.roots and (found.named or len(found.roots) > 1):
        says = f"{roots} {'does' if found.named else 'do'} not explain: {shown}"
    elif found.roots:
        behind = ", ".join(one.suspect.name for one in found.doubts)
        says = f"no cause named: {shown}; {roots} fits, but may follow from {behind}, of which not all was seen"
    elif open_:
        names = ", ".join(one.suspect.name for one in open_)
        says = f"no cause named: {shown}; not excluded, since not all was seen: {names}"
    else:
        says = f"no cause fits: {shown}"
    return Finding(
        verdict=Verdict.FAIL,
        reason=says,
        rule=rule,
        observed="no cause named",
        details=(*trouble, *beside, *lacking),
        blame=Blame(name=None, says=says, evidence=(*beside, *lacking), next_step=case.check.remedy),
    )


JUDGE = Judge(options=LikelyCause, judge=judge)

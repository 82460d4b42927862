"""Causes as a checklist writes them, and evidence into what is known of each: proven, excluded, or not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gonogo.judges.base import Expression, ObjectiveName
from gonogo.judges.expect import judge as judge_expect
from gonogo.judges.expectation import Expect
from gonogo.judges.expression import ExpressionError, check_syntax, show
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import read
from gonogo.judges.seeing import unseen
from gonogo.judges.template import fields_of, fill
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.verdict import Case, Finding, Verdict

_SILENT = (Cause.UNREACHABLE, Cause.TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One observation. `says` is its line of evidence, with expressions in braces.

    It holds if `when` is true; or if `value` breaks the objective `breaks` (on enough `samples`); or if the look
    `unseen` showed nothing for one of the reasons `because`. What cannot be seen neither holds nor does not.
    """

    says: str
    when: Expression | None = None
    value: Expression | None = None
    breaks: ObjectiveName | None = None
    samples: Expression | None = None
    unseen: str | None = None
    because: tuple[Cause, ...] = _SILENT

    def __post_init__(self) -> None:
        ways = [name for name in ("when", "value", "unseen") if getattr(self, name) is not None]
        if len(ways) != 1 or (self.breaks is None) is not (self.value is None):
            raise ValueError("a symptom has exactly one of `when`, `value` with `breaks`, and `unseen`")
        for expression in fields_of(self.says):
            check_syntax(expression)


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """What makes an incident its business: one of the symptoms of `trouble` is enough. One of `lingers` tells that it
    is no longer in trouble and has not recovered yet.
    """

    name: str
    trouble: tuple[Symptom, ...]
    lingers: tuple[Symptom, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A cause: proven if all of `symptoms` hold, and there is trouble in its playbook or in one that it `explains`.

    `supports` are lines that are told where they hold. `instead_of` names causes that follow from this one: they are
    not blamed where it is proven.
    """

    name: str
    playbook: str
    says: str
    symptoms: tuple[Symptom, ...]
    next: str
    supports: tuple[Symptom, ...] = ()
    instead_of: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for expression in fields_of(self.says) + fields_of(self.next):
            check_syntax(expression)


class Holds(StrEnum):
    """What is known of a symptom or a cause."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A symptom, looked for. `text` is its line; where it is not known, why."""

    holds: Holds
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A cause, held against the evidence. `lines` are its symptoms and what supports them, `lacking` what was not
    seen.
    """

    suspect: Suspect
    holds: Holds
    lines: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


def problem(playbooks: Sequence[Playbook], causes: Sequence[Suspect]) -> str | None:
    """Why these are no playbooks and causes: a name twice, unknown, or a circle; None if they are."""
    names = [cause.name for cause in causes]
    books = [playbook.name for playbook in playbooks]
    twice = sorted(
        {name for name in names if names.count(name) > 1} | {name for name in books if books.count(name) > 1}
    )
    if twice:
        return f"{twice[0]} stands twice"
    for cause in causes:
        nowhere = [name for name in (cause.playbook, *cause.explains) if name not in books]
        if nowhere:
            return f"the cause {cause.name} names the playbook {nowhere[0]}, which is none"
        unknown = [name for name in cause.instead_of if name not in names]
        if unknown:
            return f"the cause {cause.name} stands instead of {unknown[0]}, which is no cause"
        if cause.name in follows(cause, causes):
            return f"the cause {cause.name} follows from itself"
    return None


def follows(cause: Suspect, causes: Sequence[Suspect]) -> frozenset[str]:
    """Names of the causes that follow from this one, at any distance."""
    known = {one.name: one for one in causes}
    found: set[str] = set()
    waiting = list(cause.instead_of)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += known[name].instead_of if name in known else ()
    return frozenset(found)


def look_for(symptom: Symptom, case: Case) -> Sign:
    """Whether a symptom holds. Evidence that is absent, stale or broken makes it unknown, never true or false."""
    if symptom.unseen is not None:
        return _is_unseen(symptom, symptom.unseen, case)
    expression = symptom.when if symptom.when is not None else symptom.value
    reading = read(str(expression), case, "a symptom")
    if isinstance(reading, Finding):
        return Sign(holds=Holds.UNKNOWN, text=reading.reason)
    if symptom.when is not None:
        if not isinstance(reading.value, bool):
            text = f"{symptom.when} is {show(reading.value, 60)}, neither true nor false ({reading.source})"
            return Sign(holds=Holds.UNKNOWN, text=text)
        return _sign(symptom, case, holds=reading.value)
    if not is_number(reading.value):
        text = f"{symptom.value} is {show(reading.value, 60)}, not a number ({reading.source})"
        return Sign(holds=Holds.UNKNOWN, text=text)
    options = Expect(value=Expression(str(expression)), objective=symptom.breaks, samples=symptom.samples)
    finding = judge_expect(options, case)
    if finding.verdict is Verdict.INCONCLUSIVE or (symptom.samples is not None and finding.samples is None):
        return Sign(holds=Holds.UNKNOWN, text=finding.reason)
    return _sign(symptom, case, holds=finding.verdict is Verdict.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The trouble of a playbook: the lines of what holds, and why the rest is not known."""

    lines: tuple[str, ...]
    blind: tuple[str, ...]
    lingers: tuple[str, ...] = ()

    @property
    def holds(self) -> Holds:
        """One symptom is enough; without one, all have to be seen."""
        return Holds.YES if self.lines else Holds.UNKNOWN if self.blind else Holds.NO


def trouble_of(playbook: Playbook, case: Case) -> Trouble:
    """What of its trouble holds."""
    signs = [look_for(symptom, case) for symptom in playbook.trouble]
    after = [look_for(symptom, case) for symptom in playbook.lingers]
    return Trouble(
        lines=_texts(signs, Holds.YES),
        blind=_texts([*signs, *after], Holds.UNKNOWN),
        lingers=_texts(after, Holds.YES),
    )


def suspicion(suspect: Suspect, troubles: Mapping[str, Trouble], case: Case) -> Suspicion:
    """All symptoms of a cause together: one that does not hold excludes it, whatever was not seen. What troubles
    nobody is no cause of an incident.
    """
    signs = [look_for(symptom, case) for symptom in suspect.symptoms]
    lacking = tuple(dict.fromkeys(sign.text for sign in signs if sign.holds is Holds.UNKNOWN))
    theirs = [troubles[name] for name in dict.fromkeys((suspect.playbook, *suspect.explains))]
    is_calm = all(trouble.holds is Holds.NO for trouble in theirs)
    if any(sign.holds is Holds.NO for sign in signs) or not signs or is_calm:
        return Suspicion(suspect=suspect, holds=Holds.NO)
    if not any(trouble.lines for trouble in theirs):
        lacking = tuple(dict.fromkeys([*lacking, *(text for trouble in theirs for text in trouble.blind)]))
    if lacking:
        return Suspicion(suspect=suspect, holds=Holds.UNKNOWN, lacking=lacking)
    more = (look_for(symptom, case) for symptom in suspect.supports)
    lines = [sign.text for sign in signs] + [sign.text for sign in more if sign.holds is Holds.YES]
    return Suspicion(suspect=suspect, holds=Holds.YES, lines=tuple(dict.fromkeys(lines)))


def filled(template: str, case: Case) -> str:
    """The text with what was seen in place of its expressions."""
    documents = {name: e.outcome.data for name, e in case.evidence.items() if isinstance(e.outcome, Seen)}
    document: Mapping[str, Any] = documents["it"] if set(documents) == {"it"} else documents
    try:
        return fill(template, document)
    except ExpressionError as error:
        return f"{template} ({error})"


def _texts(signs: Sequence[Sign], wanted: Holds) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sign.text for sign in signs if sign.holds is wanted))


def _sign(symptom: Symptom, case: Case, *, holds: bool) -> Sign:
    return Sign(holds=Holds.YES if holds else Holds.NO, text=filled(symptom.says, case) if holds else "")


def _is_unseen(symptom: Symptom, name: str, case: Case) -> Sign:
    evidence = case.evidence.get(name)
    if evidence is None:
        return Sign(holds=Holds.UNKNOWN, text=f"evidence {name!r} is missing")
    outcome = evidence.outcome
    if not isinstance(outcome, Unseen):
        return Sign(holds=Holds.NO, text="")
    finding = unseen(case, evidence)
    # Where nothing else answers either, silence is the observer's own.
    is_theirs = outcome.cause not in _SILENT or finding.verdict is Verdict.FAIL
    if outcome.cause in symptom.because and is_theirs:
        return Sign(holds=Holds.YES, text=f"{filled(symptom.says, case)}: {outcome.detail}")
    return Sign(holds=Holds.UNKNOWN, text=finding.reason)

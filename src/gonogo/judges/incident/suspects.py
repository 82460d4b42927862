"""Symptoms and evidence into what is known of each cause: proven, excluded, or not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gonogo.judges.base import Expression
from gonogo.judges.expect import judge as judge_expect
from gonogo.judges.expectation import Expect
from gonogo.judges.expression import ExpressionError, show
from gonogo.judges.incident.playbook import SILENT, Playbook, Suspect, Symptom
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import read
from gonogo.judges.seeing import unseen
from gonogo.judges.template import fill
from gonogo.model.commands import with_known
from gonogo.model.evidence import Seen, Unseen
from gonogo.model.verdict import Case, Finding, Verdict


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


def look_for(symptom: Symptom, case: Case) -> Sign:
    """Whether a symptom holds. Evidence that is absent, stale or broken makes it unknown, never true or false."""
    if symptom.unseen is not None:
        return _is_unseen(symptom, symptom.unseen, case)
    if symptom.when is not None:
        return _is_true(symptom, [one for one in (symptom.when, symptom.also) if one is not None], case)
    expression = symptom.value
    reading = read(str(expression), case, "a symptom")
    if isinstance(reading, Finding):
        return Sign(holds=Holds.UNKNOWN, text=reading.reason)
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
    """The text with what was seen in place of its expressions; {environment} is the name of where it was seen. Its
    commands can be typed as they stand.
    """
    documents: dict[str, Any] = {n: e.outcome.data for n, e in case.evidence.items() if isinstance(e.outcome, Seen)}
    document = documents["it"] if set(documents) == {"it"} else documents
    try:
        text = fill(template, {"environment": case.environment.name, **document})
    except ExpressionError as error:
        return f"{template} ({error})"
    return with_known(text, case.environment, case.release)


def _texts(signs: Sequence[Sign], wanted: Holds) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sign.text for sign in signs if sign.holds is wanted))


def _sign(symptom: Symptom, case: Case, *, holds: bool) -> Sign:
    return Sign(holds=Holds.YES if holds else Holds.NO, text=filled(symptom.says, case) if holds else "")


def _is_true(symptom: Symptom, expressions: Sequence[Expression], case: Case) -> Sign:
    for expression in expressions:
        reading = read(expression, case, "a symptom")
        if isinstance(reading, Finding):
            return Sign(holds=Holds.UNKNOWN, text=reading.reason)
        if not isinstance(reading.value, bool):
            text = f"{expression} is {show(reading.value, 60)}, neither true nor false ({reading.source})"
            return Sign(holds=Holds.UNKNOWN, text=text)
        if not reading.value:
            return Sign(holds=Holds.NO, text="")
    return _sign(symptom, case, holds=True)


def _is_unseen(symptom: Symptom, name: str, case: Case) -> Sign:
    evidence = case.evidence.get(name)
    if evidence is None:
        return Sign(holds=Holds.UNKNOWN, text=f"evidence {name!r} is missing")
    outcome = evidence.outcome
    if not isinstance(outcome, Unseen):
        return Sign(holds=Holds.NO, text="")
    finding = unseen(case, evidence)
    # Where nothing else answers either, silence is the observer's own.
    is_theirs = outcome.cause not in SILENT or finding.verdict is Verdict.FAIL
    if outcome.cause in symptom.because and is_theirs:
        return Sign(holds=Holds.YES, text=f"{filled(symptom.says, case)}: {outcome.detail}")
    return Sign(holds=Holds.UNKNOWN, text=finding.reason)

"""Playbooks, causes and symptoms as a checklist writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.judges.base import Expression, ObjectiveName
from gonogo.judges.expression import check_syntax
from gonogo.judges.template import fields_of
from gonogo.model.evidence import Cause

SILENT = (Cause.UNREACHABLE, Cause.TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One observation. `says` is its line of evidence, with expressions in braces.

    It holds if `when` is true (and then `also`, which is not asked otherwise); or if `value` breaks the objective
    `breaks` (on enough `samples`); or if the look `unseen` showed nothing for one of the reasons `because`. What
    cannot be seen neither holds nor does not.
    """

    says: str
    when: Expression | None = None
    also: Expression | None = None
    value: Expression | None = None
    breaks: ObjectiveName | None = None
    samples: Expression | None = None
    unseen: str | None = None
    because: tuple[Cause, ...] = SILENT

    def __post_init__(self) -> None:
        ways = [name for name in ("when", "value", "unseen") if getattr(self, name) is not None]
        if len(ways) != 1 or (self.breaks is None) is not (self.value is None):
            raise ValueError("a symptom has exactly one of `when`, `value` with `breaks`, and `unseen`")
        if self.also is not None and self.when is None:
            raise ValueError("`also` stands beside `when`")
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

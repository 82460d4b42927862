"""Several HTTP requests to one side in their order, as one look: what one changes the next can see."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen
from gonogo.probes.base import Expression, Probe, Sight, Vantage
from gonogo.probes.expressions import search
from gonogo.probes.http import probe as http
from gonogo.probes.http.probe import HttpOptions

_UNIQUE = "{unique}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request. `take` names values of its JSON, by expressions, for the bodies of the steps after it."""

    path: str
    method: str = "GET"
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    take: Mapping[str, Expression] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStepsOptions:
    """Each step has the whole `deadline`; the first that fails ends the look.

    `{unique}` in a text of a body stands for a word that no other look has, the same in all steps: what was never
    asked before cannot have been kept. A text that is `{NAME}` and no more stands for what a step before took by that
    name; without a value there the look ends, and the steps after it are not sent.
    """

    side: str
    steps: tuple[Step, ...]
    deadline: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= 10:
            raise ConfigError("steps: 1 to 10 of them")
        for step in self.steps:
            _request(self, step, {})


def look(options: HttpStepsOptions, vantage: Vantage) -> Sight:
    """The documents of all steps; the failure of the first that failed."""
    documents: list[Mapping[str, Any]] = []
    tries: list[tuple[tuple[timedelta, str], ...]] = []
    notes: tuple[str, ...] = ()
    sources: list[str] = []
    taken: dict[str, Any] = {"unique": secrets.token_hex(6)}
    for step in options.steps:
        sight = http.look(_request(options, step, taken), vantage)
        tries.append(sight.tries)
        sources.append(sight.source)
        if not isinstance(sight.outcome, Seen):
            return Sight(source=sight.source, side=options.side, outcome=sight.outcome, tries=http.attempts_of(tries))
        documents.append(sight.outcome.data)
        notes += sight.outcome.notes
        found = {name: search(expression, sight.outcome.data["json"]) for name, expression in step.take.items()}
        if None in found.values():
            break
        taken |= found
    outcome = Seen(data={"steps": documents, "count": len(documents)}, notes=notes)
    return Sight(source=", ".join(sources), side=options.side, outcome=outcome, tries=http.attempts_of(tries))


def _request(options: HttpStepsOptions, step: Step, taken: Mapping[str, Any]) -> HttpOptions:
    body = _filled(step.body, taken)
    return HttpOptions(side=options.side, path=step.path, method=step.method, body=body, deadline=options.deadline)


def _filled(value: Any, taken: Mapping[str, Any]) -> Any:
    match value:
        case str() if value[:1] == "{" and value[-1:] == "}" and value[1:-1] in taken:
            return taken[value[1:-1]]
        case str():
            return value.replace(_UNIQUE, taken.get("unique", _UNIQUE))
        case Mapping():
            return {key: _filled(item, taken) for key, item in value.items()}
        case list() | tuple():
            return [_filled(item, taken) for item in value]
        case _:
            return value


PROBE = Probe(options=HttpStepsOptions, look=look, sides=lambda options: (options.side,))

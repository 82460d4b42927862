"""Several HTTP requests to one side in their order, as one look: what one changes the next can see."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen
from gonogo.probes import http
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.http import HttpOptions

_UNIQUE = "{unique}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request."""

    path: str
    method: str = "GET"
    body: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStepsOptions:
    """Each step has the whole `deadline`; the first that fails ends the look.

    `{unique}` in a text of a body stands for a word that no other look has, the same in all steps: what was never
    asked before cannot have been kept.
    """

    side: str
    steps: tuple[Step, ...]
    deadline: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= 10:
            raise ConfigError("steps: 1 to 10 of them")
        _requests(self)


def look(options: HttpStepsOptions, vantage: Vantage) -> Sight:
    """The documents of all steps; the failure of the first that failed."""
    documents: list[Mapping[str, Any]] = []
    tries: list[tuple[tuple[timedelta, str], ...]] = []
    notes: tuple[str, ...] = ()
    sources: list[str] = []
    for request in _requests(options, secrets.token_hex(6)):
        sight = http.look(request, vantage)
        tries.append(sight.tries)
        sources.append(sight.source)
        if not isinstance(sight.outcome, Seen):
            return Sight(source=sight.source, side=options.side, outcome=sight.outcome, tries=http.attempts_of(tries))
        documents.append(sight.outcome.data)
        notes += sight.outcome.notes
    outcome = Seen(data={"steps": documents, "count": len(documents)}, notes=notes)
    return Sight(source=", ".join(sources), side=options.side, outcome=outcome, tries=http.attempts_of(tries))


def _requests(options: HttpStepsOptions, unique: str = _UNIQUE) -> list[HttpOptions]:
    return [
        HttpOptions(
            side=options.side,
            path=step.path,
            method=step.method,
            body=_filled(step.body, unique),
            deadline=options.deadline,
        )
        for step in options.steps
    ]


def _filled(value: Any, unique: str) -> Any:
    match value:
        case str():
            return value.replace(_UNIQUE, unique)
        case Mapping():
            return {key: _filled(item, unique) for key, item in value.items()}
        case list() | tuple():
            return [_filled(item, unique) for item in value]
        case _:
            return value


PROBE = Probe(options=HttpStepsOptions, look=look, sides=lambda options: (options.side,))

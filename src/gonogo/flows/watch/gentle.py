"""The gentle look at both sides' rate limits, now and then beside the samples: a load run in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gonogo.flows.book import Book
from gonogo.flows.load.alone import LoadsAlone
from gonogo.flows.started import Started
from gonogo.model.environment import Environment, Release
from gonogo.model.evidence import Seen
from gonogo.model.secret import Redactor
from gonogo.probes.base import Vantage
from gonogo.probes.recorded.load_run import MADE, LoadRun, look


@dataclass(frozen=True, slots=True, kw_only=True)
class GentleLook:
    """Makes one run of the profile `gentle` a call, and says in one line what it came to."""

    environment: Environment
    release: Release | None
    root: Path
    reports: Path
    redactor: Redactor = field(repr=False)
    ready: Started | None = field(default=None, repr=False)

    def __call__(self) -> str:
        """Its decision, and what each side answered."""
        book = Book(
            environment=self.environment,
            checks=(),
            release=self.release,
            waivers=(),
            faults=(),
            actions=(),
            at=None,
            root=self.root,
            reports=self.reports,
        )
        vantage = Vantage(
            environment=self.environment,
            release=self.release,
            now=datetime.now(UTC),
            t0=None,
            reveal=_none,
            loads=LoadsAlone(book=book, ready=self.ready),
        )
        outcome = look(LoadRun(profile=MADE), vantage).outcome
        if not isinstance(outcome, Seen):
            return self.redactor.scrub(f"rate limits, {MADE}: not seen: {outcome.detail}")
        data = outcome.data
        sides = [
            f"{side} {one['requests']} requests, {one['limited']} limited, {one['error']} errors"
            for side, one in data["sides"].items()
        ]
        why = [str(reason) for reason in data["reasons"][:1]]
        return self.redactor.scrub("; ".join([f"rate limits, {MADE}: {data['decision']}", *sides, *why]))


def _none(name: str) -> str:
    raise KeyError(name)

"""Planned looks into evidence: each sent once, all at once, none waited for beyond its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Protocol

from gonogo.flows.clock import Clock
from gonogo.flows.side_by_side import side_by_side
from gonogo.model.check import Check
from gonogo.model.errors import ConfigError, GonogoError, Origin
from gonogo.model.evidence import Attempt, Cause, Evidence, Seen, Unseen
from gonogo.model.run import PlannedLook
from gonogo.model.units import show_duration
from gonogo.probes import PROBES
from gonogo.probes.base import Sight, Vantage

THREADS = 50
_SLACK = timedelta(seconds=10)  # from a probe's own deadline to the watchdog's
LOOK_ENDS_WITHIN = timedelta(seconds=120)  # the observer's own watchdog, behind every probe's deadline


class Watcher(Protocol):
    """Somebody who is told how far the looking is."""

    def on_done(self, look: str) -> None:
        """One more look has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Takes looks from one vantage. `redact` is applied to every evidence before anything else sees it,
    `keep` writes each down as it comes.
    """

    vantage: Vantage
    clock: Clock
    redact: Callable[[Any], Any]
    watcher: Watcher | None = None
    keep: Callable[[Evidence], None] | None = None
    ends_within: timedelta = LOOK_ENDS_WITHIN
    asked_at: Mapping[str, Origin] = field(default_factory=dict)  # where the checklist asks for a look, by its key

    def take_all(self, looks: Sequence[PlannedLook]) -> dict[str, Evidence]:
        """Evidence for every look, by key. A look that does not end in time is Unseen, never missing.

        Raises the first ConfigError or SafetyRefusal that a probe raised.
        """
        evidence: dict[str, Evidence] = {}
        for each in self._side_by_side(looks):
            evidence[each.look] = each
            self.done(each)
        return evidence

    def _side_by_side(self, looks: Sequence[PlannedLook]) -> Iterator[Evidence]:
        """Each look once, as they end; those that did not end in time come last."""
        import_clients(look.kind for look in looks)
        longest = max((PROBES[look.kind].takes(look.options) for look in looks), default=timedelta(0))
        within = max(self.ends_within, longest + _SLACK if longest else longest)
        began = self.clock.now()
        for look, result in side_by_side([(looks, THREADS)], self.take, within):
            match result:
                case Evidence():
                    yield result
                case GonogoError():
                    raise result
                case None:
                    yield self._unseen(look, began, f"the look did not end within {show_duration(within)}")
                case _:
                    yield self._unseen(look, began, f"the {look.kind} probe ended with {type(result).__name__}")

    def _unseen(self, look: PlannedLook, began: datetime, detail: str) -> Evidence:
        outcome = Unseen(cause=Cause.UNAVAILABLE, detail=detail)
        return Evidence(
            look=look.key, kind=look.kind, source=look.kind, started=began, ended=self.clock.now(), outcome=outcome
        )

    def done(self, evidence: Evidence) -> None:
        """Write one look down and say that it has ended."""
        if self.keep is not None:
            self.keep(evidence)
        if self.watcher is not None:
            self.watcher.on_done(evidence.source)

    def take(self, look: PlannedLook) -> Evidence:
        """One look now. Whatever a probe raises beside its contract becomes Unseen: the observer failed."""
        started, began = self.clock.now(), self.clock.monotonic()
        try:
            sight = PROBES[look.kind].look(look.options, self.vantage)
        except ConfigError as error:  # only the answer showed that the question is none: its author looks for the line
            origin = self.asked_at.get(look.key)
            if origin is None or not origin.line or error.origin is not None:
                raise
            raise ConfigError(f"{error} (asked for at {origin.file}:{origin.line})") from None
        except GonogoError:
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence: never a traceback, never a GO
            detail = f"the {look.kind} probe failed: {type(error).__name__}: {error}"
            sight = Sight(source=look.kind, outcome=Unseen(cause=Cause.UNAVAILABLE, detail=detail))
        took = timedelta(seconds=self.clock.monotonic() - began)
        evidence = Evidence(
            look=look.key,
            kind=look.kind,
            source=sight.source,
            started=started,
            ended=started + took,
            outcome=sight.outcome,
            side=sight.side,
            attempts=_attempts(sight, started, took),
        )
        cleaned: Evidence = self.redact(evidence)
        return cleaned

    def retake(
        self,
        checks: Iterable[Check],
        uses: Mapping[str, Mapping[str, str]],
        looks: Mapping[str, PlannedLook],
        evidence: dict[str, Evidence],
        passes: Callable[[Check], bool],
    ) -> None:
        """Look again at what takes its time: every `every`, until the check passes or `within` is over.

        `evidence` is updated in place; every attempt stays in the evidence of its look.
        """
        waiting = [check for check in checks if check.eventually is not None and not passes(check)]
        began = self.clock.monotonic()
        due = {check.id: began + check.eventually.every.total_seconds() for check in waiting if check.eventually}
        while waiting:
            nearest = min(due[check.id] for check in waiting)
            self.clock.sleep(max(0.0, nearest - self.clock.monotonic()))
            now = self.clock.monotonic()
            ready = [check for check in waiting if due[check.id] <= now]
            again = dict.fromkeys(key for check in ready for key in uses[check.id].values())
            for taken in self._side_by_side([looks[key] for key in again]):
                evidence[taken.look] = _again(evidence[taken.look], taken)
                if self.keep is not None:
                    self.keep(evidence[taken.look])
            for check in ready:
                if check.eventually is not None:
                    due[check.id] = now + check.eventually.every.total_seconds()
            waiting = [
                check
                for check in waiting
                if not passes(check)
                and check.eventually is not None
                and due[check.id] - began <= check.eventually.within.total_seconds()
            ]


_IMPORTING = threading.Lock()
# What Google's clients take in where it is installed, for what is not done here: an asynchronous REST transport, and
# log entries that name the web request they belong to. A third of a second of every run.
_NOT_FOR_GOOGLE = ("aiohttp", "flask")


@contextmanager
def _without(*modules: str) -> Iterator[None]:
    """As if these were not installed; those that are imported already stay."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: an import of it fails
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def import_clients(kinds: Iterable[str]) -> None:
    """Import what these kinds need, one module after the other; ConfigError names the extra that is missing.

    Packages whose modules import each other in circles break when threads import them side by side.
    """
    with _IMPORTING:
        for probe in (PROBES[kind] for kind in dict.fromkeys(kinds)):
            for module in probe.clients:
                try:
                    with _without(*_NOT_FOR_GOOGLE) if module.startswith("google.") else nullcontext():
                        import_module(module)
                except ImportError as error:
                    wanted = f"gonogo[{probe.extra}]" if probe.extra else "gonogo"
                    raise ConfigError(f"{module} cannot be imported ({error}): pip install '{wanted}'") from None


def _attempts(sight: Sight, started: datetime, took: timedelta) -> tuple[Attempt, ...]:
    if not sight.tries:
        ended = "seen" if isinstance(sight.outcome, Seen) else sight.outcome.cause.value
        return (Attempt(started=started, took=took, ended=ended),)
    attempts: list[Attempt] = []
    at = started
    for each, ended in sight.tries:
        attempts.append(Attempt(started=at, took=each, ended=ended))
        at += each
    return tuple(attempts)


def _again(before: Evidence, after: Evidence) -> Evidence:
    return replace(after, started=before.started, attempts=before.attempts + after.attempts)

"""What every probe gets and gives: a vantage point to look from, and a sight of one target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, NewType, Protocol, TypeVar

from gonogo.model.environment import BackEnd, Environment, Release, Side
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen, Unseen
from gonogo.model.ratelimit import Policy
from gonogo.model.recovery import Drill, Incident

T = TypeVar("T")

Expression = NewType("Expression", str)
"""A JMESPath expression in the options of a probe; configuration checks its syntax."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look came to. `source` says for people where; `side` is the target under test, None for an
    observer of it (a metrics or log back end). `tries` are (took, how it ended), one an attempt.
    """

    source: str
    outcome: Seen | Unseen
    side: str | None = None
    tries: tuple[tuple[timedelta, str], ...] = ()


class Loads(Protocol):
    """Load runs, as a probe asks for them: only the flows may send load."""

    @property
    def reports(self) -> Path:
        """The folder that holds one folder a run."""

    @property
    def rehearsed(self) -> bool:
        """The environment was started for this run: no earlier run tells anything of it."""

    def reaching(self, policies: Sequence[Policy]) -> tuple[str, ...]:
        """Names of allowed profiles that limiters of these policies must reject, the fewest requests first."""

    def make(
        self, profile: str, asked: Mapping[str, str | None], policies: Sequence[Policy], within: timedelta
    ) -> Path:
        """The load.json of a run made now, in a process of its own; Failure if there is none.

        `asked` has method, canary_path, legacy_path and body, as on the command line.
        """


class Watches(Protocol):
    """Recorded watches, as a probe asks for them: only the flows may read samples and judge them."""

    def newest(self) -> dict[str, Any]:
        """The newest watch of the environment and the release, as `watch_samples` tells it; Failure if it does not
        read.
        """


class Records(Protocol):
    """What people recorded, as a probe asks for it: only the flows may read configuration."""

    def incident(self) -> Incident:
        """The incident that the environment names; Failure(NO_DATA) if there is no such file."""

    def drill(self) -> Drill:
        """The last disaster recovery drill; Failure(NO_DATA) if there is no such file."""


@dataclass(slots=True, kw_only=True)
class Vantage:
    """Where a run looks from: the environment with its addresses resolved, the release, the time, secrets.

    `reveal` turns the name of a secret into its value and is called in a transport only.
    `shared` builds one client a key for the whole run, and `close` ends them all.
    """

    environment: Environment
    release: Release | None
    now: datetime
    t0: datetime | None
    reveal: Callable[[str], str]
    base: str = "."  # folder that relative file names of the environment start from
    loads: Loads | None = None
    watches: Watches | None = None
    records: Records | None = None
    _made: dict[str, Any] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def side(self, name: str) -> Side:
        """The side of this name; ConfigError if the environment has none."""
        return _named(self.environment.sides, name, "side", self.environment)

    def back_end(self, name: str) -> BackEnd:
        """The back end of this name; ConfigError if the environment has none."""
        return _named(self.environment.back_ends, name, "back end", self.environment)

    def told(self) -> Records:
        """What people recorded; ConfigError where nothing is read for this run."""
        if self.records is None:
            raise ConfigError(f"{self.environment.name}: no records are read here")
        return self.records

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """One object a key in this run: built by the first look that needs it, thread-safe. `make` sends nothing: all
        looks wait for it.
        """
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def close(self) -> None:
        """Close every shared client that can be closed."""
        with self._lock:
            for made in self._made.values():
                close = getattr(made, "close", None)
                if callable(close):
                    close()
            self._made.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a look that is a check of its own: `key` ends the check's id, `title` is for people."""

    key: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A way of looking. `look` raises nothing but ConfigError and SafetyRefusal; a failure is an Unseen.

    `sides` (from the options) and `back_ends` are those that it asks, so that a plan is checked before it runs.
    """

    options: type
    look: Callable[[Any, Vantage], Sight]
    sides: Callable[[Any], tuple[str, ...]] = lambda _: ()
    back_ends: tuple[str, ...] = ()
    extra: str | None = None  # the optional dependency that holds its client
    last: Callable[[Any, Environment], bool] = lambda *_: False  # True: after all other looks, which it would disturb
    acts: str | None = None  # it changes something: only items with this action may ask for it
    takes: Callable[[Any], timedelta] = lambda _: timedelta(
        0
    )  # what a look may rightly take beyond the watchdog's time
    clients: tuple[str, ...] = ()  # modules that its looks import: imported one by one before looks run side by side
    writes: bool = False  # its requests leave something behind: only a run of the phase that asks for it takes it
    computes: bool = False  # its requests make the service work, and change nothing: doctor leaves it out
    # What one look consists of, from the options and the project's folder, where an item may be expanded into it.
    parts: Callable[[Any, Path], tuple[Part, ...]] | None = None
    # Raises SafetyRefusal or ConfigError, before anything is sent; the path is the folder of the environments.
    refuse: Callable[[Any, Environment, Path], None] = lambda *_: None


def _named(table: Mapping[str, T], name: str, what: str, environment: Environment) -> T:
    if name not in table:
        known = ", ".join(sorted(table)) or "none"
        raise ConfigError(f"{environment.name} has no {what} {name!r}; it has {known}", environment.origin)
    return table[name]

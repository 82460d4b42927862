"""What a rollout needs of the place where a service runs, so that planning, sending and reading back are one flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from gonogo.judges.plans.rollout import Wish
from gonogo.model.environment import Environment
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure

S = TypeVar("S")  # a service as it stands
C = TypeVar("C")  # a change of it
C_co = TypeVar("C_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper(Generic[C_co]):
    """A change on paper. `change` is None where it is not possible, and `why` says why."""

    change: C_co | None
    why: str | None = None
    notes: tuple[str, ...] = ()


class Platform(Protocol[S, C]):
    """One kind of place. Whatever cannot be seen or sent is a Failure; nothing else is raised after `check`."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of probes whose clients it uses."""

    @property
    def within(self) -> timedelta:
        """How long a change is waited for, unless somebody says otherwise."""

    @property
    def within_by_itself(self) -> timedelta:
        """How long a rollback by itself is waited for."""

    @property
    def takes(self) -> str:
        """What `--to` may be, but for a percentage, in words."""

    def check(self, environment: Environment) -> None:
        """ConfigError where the environment does not name what is to be changed."""

    def knows(self, to: str) -> bool:
        """Whether this may be the name of a revision."""

    @property
    def none_is_a_stage(self) -> bool:
        """Whether 0 % is a step back of its own."""

    def read(self, vantage: Vantage, *, changes: bool) -> S:
        """The service as it stands; with the account that may change it only where `changes` says that it will be."""

    def plan(self, state: S, wish: Wish, environment: Environment, reports: Path) -> Paper[C]:
        """The change that fulfils a wish; only files are read."""

    def stands(self, state: S, change: C) -> bool:
        """Whether it is in force, and nothing is under way."""

    def lacking(self, state: S, change: C) -> tuple[str, ...]:
        """What cannot serve though the change is in force, or will be, in words."""

    def moved(self, before: S, after: S) -> bool:
        """Whether anything became other than it was, or is about to."""

    def again(self, state: S, change: C) -> C | str:
        """The same change for a state that is newer than the one it was planned on, or why there is none."""

    def sends(self, state: S, change: C) -> str:
        """What is about to be sent, in a few words."""

    def send(self, vantage: Vantage, state: S, change: C, deadline: Deadline) -> Any:
        """Ask for it, for exactly this state. Stale: the state is another one by now, and nothing was done. What it
        gives back goes to `end`.
        """

    def end(self, vantage: Vantage, sent: Any, failed: str | None) -> str | None:
        """Write down there what came of it, where the place keeps such books (`failed`: why it did not). What was not
        written, or None.
        """

    def transient(self, failure: Failure) -> bool:
        """Whether the same may go well a moment later."""

    def name(self, state: S) -> str:
        """The full name of the service."""

    def now(self, state: S) -> str:
        """How it stands, as the end of a sentence that begins with "traffic is"."""

    def under_way(self, state: S) -> bool:
        """Whether a change is under way."""

    def goal(self, change: C) -> str:
        """What the change makes of it."""

    def previous(self, change: C) -> str | None:
        """What one goes back to afterwards."""

    def back(self, change: C, environment: str) -> str | None:
        """The command line that goes back, and what it does; None where there is no way back."""

    def state_document(self, state: S) -> dict[str, Any]:
        """The state as JSON."""

    def change_document(self, state: S, change: C | None, environment: Environment) -> dict[str, Any]:
        """The plan as JSON: `plan`, `call` with the requests that would be sent, and command lines that do the same."""

"""What a request of a rate-limit examination can differ in, and what came back of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gonogo.model.load import Event


class Key(StrEnum):
    """Whose name a request carries. Its value stands nowhere in a plan."""

    OWN = "own"
    OTHER = "other"  # a second one
    MISSING = "missing"
    EMPTY = "empty"
    MISSPELT = "misspelt"  # the name of the header in another case


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How a request differs from the plain one. `target` is what stands in its first line, as it is."""

    name: str
    key: Key = Key.OWN
    headers: tuple[tuple[str, str], ...] = ()  # sent besides
    target: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried(Event):
    """A request with its part in an examination.

    `scene` holds the ids of the properties that it was sent for. `variant` is the name of a Variant; empty: a plain
    request, which the limiter of the policy counts. `kind` says what the body was, to tell one handler from another.
    """

    scene: str = ""
    variant: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What an examination may use besides the plain request. `target`: path and query of the plain one."""

    target: str = "/"
    method: str = "GET"
    key_header: str | None = None  # the name of the header that says who asks
    other_key: bool = False  # a second key is at hand
    other_target: str | None = None  # a second route
    exempt: tuple[str, ...] = ()  # paths that are declared to reject nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A property that nothing was sent for. `more`: requests by which the budget was too small; 0: it was not that."""

    id: str
    reason: str
    more: int = 0


def variant_of(event: Event) -> str:
    """The name of its variant; empty for a plain request."""
    return event.variant if isinstance(event, Tried) else ""


def sent_for(event: Event, id_: str) -> bool:
    """Whether it was sent for this property."""
    return isinstance(event, Tried) and id_ in event.scene.split()


NOTHING = Scenario()

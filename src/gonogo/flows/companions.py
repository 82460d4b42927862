"""Environments that are looked at together: those that were named, and those that they name under `also`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gonogo.config.environment import load_environment
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, SafetyRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An environment of a run. `group` is the name given with --env that brought it in."""

    environment: Environment
    group: str


def members(names: Sequence[str], folder: Path, *, also: bool, system: str | None) -> tuple[Member, ...]:
    """The environments of these names, with `also` those that they name, of `system` alone where one is given.

    ConfigError for an environment that is not there, one of another system that brings none of this one, a companion
    of a companion, or two of one system; SafetyRefusal for a live one that would come unasked.
    """
    found: list[Member] = []
    for name in names:
        environment = load_environment(name, folder)
        group = [environment, *(_companions(environment, folder) if also else ())]
        chosen = [one for one in group if system in (None, one.system)]
        if not chosen:
            raise ConfigError(f"{name} is an environment of system {environment.system!r}, not {system!r}")
        found += [
            Member(environment=one, group=name) for one in chosen if one is environment or one.name not in set(names)
        ]
    return _once(found)


def _companions(environment: Environment, folder: Path) -> Iterable[Environment]:
    systems = {environment.system: environment.name}
    for name in environment.also:
        other = load_environment(name, folder)
        if other.also:
            raise ConfigError(f"also: {name} names companions of its own ({', '.join(other.also)})", environment.origin)
        if other.system in systems:
            raise ConfigError(
                f"also: {name} is of system {other.system!r}, as {systems[other.system]} is; companions are of others",
                environment.origin,
            )
        if other.guards.live and not environment.guards.live:
            raise SafetyRefusal(
                f"also: {name} is live and {environment.name} is not; name it with --env", environment.origin
            )
        systems[other.system] = name
        yield other


def _once(found: Sequence[Member]) -> tuple[Member, ...]:
    """Two that are named may bring the same companion."""
    return tuple({one.environment.name: one for one in reversed(found)}.values())[::-1]

"""Names of secrets into their values, from this process's environment or a started environment's ready line."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from gonogo.model.environment import Auth, Environment
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.secret import SHORTEST

# Back ends that only a planned change asks: whoever looks needs no secret of theirs.
CHANGING = frozenset({"kubernetes_operator", "learning"})


def wanted_secrets(
    environment: Environment, *, looking: bool = False, asked: Collection[str] | None = None
) -> dict[str, Origin]:
    """Every variable that holds a secret of this environment, with the place that wants it first; `looking`: only
    those that a look may need; `asked`: only those of the sides and of the back ends of these names.
    """
    wanted: dict[str, Origin] = {}
    auths: list[Auth] = [side.auth for side in environment.sides.values()]
    auths += [
        one.auth
        for name, one in environment.back_ends.items()
        if not (looking and name in CHANGING) and (asked is None or name in asked)
    ]
    for auth in auths:
        if auth.secret is not None:
            wanted.setdefault(auth.secret, auth.origin)
    return wanted


class Secrets:
    """Values of the secrets that an environment names. Never prints; revealed in a transport only."""

    __slots__ = ("_environment", "_extra", "_wanted")

    def __init__(self, environment: Environment, extra: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._extra = dict(extra or {})
        self._wanted = wanted_secrets(environment)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._wanted) or 'none'})"

    def reveal(self, name: str) -> str:
        """The secret's value; ConfigError names the variable and the place that wants it, never a value."""
        value = self._extra.get(name, os.environ.get(name))
        place = self._wanted.get(name, self._environment.origin)
        if value is None:
            raise ConfigError(f"the variable {name} is not set; it holds a secret that is needed here", place)
        if not value.strip():
            raise ConfigError(f"the variable {name} is {'blank' if value else 'empty'}; it has to hold a secret", place)
        if "${" in value:
            raise ConfigError(f"the variable {name} holds an unfilled ${{...}} in place of a secret", place)
        if value != value.strip() or not value.isprintable():
            raise ConfigError(f"the variable {name} has white space or a line break at an end or inside", place)
        if len(value) < SHORTEST:
            raise ConfigError(f"the variable {name} is too short for a secret: under {SHORTEST} characters", place)
        return value

    def check(self, asked: Collection[str] | None = None) -> None:
        """Reveal every secret of a look once, so that a missing one stops the run before anything is sent; `asked`: the
        back ends that are looked at, all without it. What is not set is told at once, not one variable a run.
        """
        needed = wanted_secrets(self._environment, looking=True, asked=asked)
        unset = [name for name in needed if name not in self._extra and name not in os.environ]
        if len(unset) > 1:
            said = f"the variables {', '.join(unset)} are not set; they hold secrets that are needed here"
            raise ConfigError(said, self._wanted[unset[0]])
        for name in needed:
            self.reveal(name)

    def values(self) -> tuple[str, ...]:
        """The values themselves, for the redactor that keeps them out of every file."""
        given = (name for name in self._wanted if name in self._extra or name in os.environ)
        return tuple(dict.fromkeys(self.reveal(name) for name in given))


def check_secrets(environment: Environment, asked: Collection[str] | None = None) -> None:
    """ConfigError for the secrets of its sides and of the back ends `asked` (None: all) that are unset, or the first
    that is empty, blank or unfilled.
    """
    Secrets(environment).check(asked)

"""What an environment has to hold to beside its shape: objectives, secrets by name only, limits in range."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from gonogo.config.addresses import Locate
from gonogo.config.complain import brief, nearest
from gonogo.config.rules import check_rulebook
from gonogo.config.tree import Tree
from gonogo.model.check import Phase
from gonogo.model.environment import Auth, AuthKind, Comparator, Environment, Objective
from gonogo.model.errors import ConfigError
from gonogo.model.units import Unit

_SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_HEADER = re.compile(r"[A-Za-z0-9-]+\Z")
_SYSTEM = re.compile(r"[a-z][a-z0-9-]*\Z")
# What the services at hand give out as keys and tokens.
_LOOKS_SECRET = re.compile(
    r"gh[pousr]_\w{16}|github_pat_|xox[abeprs]-|\bsk-\w{16}|\bAKIA[0-9A-Z]{16}|\bAIza[\w-]{30}|\bya29\."
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{8,}\.eyJ|\b(?:Bearer|Basic) [\w+/=-]{8,}",
    re.ASCII,
)
_NAMES_SECRET = re.compile(
    r"(.*[_-])?(password|passwd|secret|token|api_?key|private_?key|credentials?)\Z", re.IGNORECASE
)
_FREE = re.compile(r"facts|back_ends\.[^.]+\.names")  # mappings that take any key
_NO_SECRET = re.compile(r"back_ends\.[^.]+\.names\.access_key_id")  # a user's name, as AWS has it


def refuse_inline(tree: Tree, path: str = "") -> None:
    """No `${X}` and nothing that looks like a key or token stands in an environment file."""
    value = tree.value
    if isinstance(value, dict):
        for key, item in value.items():
            if _FREE.fullmatch(path) and _NAMES_SECRET.match(key):
                raise ConfigError(f"{path}.{key} names a secret; its variable is named under auth.secret", item.origin)
            refuse_inline(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            refuse_inline(item, f"{path}[{at}]")
    elif isinstance(value, str):
        if "${" in value:
            raise ConfigError(
                f"{path} holds ${{...}}, and nothing is filled in here; name the variable under auth.secret",
                tree.origin,
            )
        if _LOOKS_SECRET.search(value) and not _NO_SECRET.fullmatch(path):
            raise ConfigError(f"{path} looks like a secret; name its variable under auth.secret instead", tree.origin)


def check_environment(environment: Environment, locate: Locate) -> None:
    """ConfigError for the first rule that is broken."""
    if not _SYSTEM.match(environment.system):
        raise ConfigError(f"system is a name of a-z, 0-9 and -, not {brief(environment.system)}", locate("system"))
    for name, side in environment.sides.items():
        _check_auth(side.auth, f"sides.{name}.auth", ("sides", name, "auth"), locate)
    for name, back_end in environment.back_ends.items():
        _check_auth(back_end.auth, f"back_ends.{name}.auth", ("back_ends", name, "auth"), locate)
        _positive(back_end.timeout, f"back_ends.{name}.timeout", ("back_ends", name, "timeout"), locate)
        _positive(back_end.max_age, f"back_ends.{name}.max_age", ("back_ends", name, "max_age"), locate)
    for name, objective in environment.objectives.items():
        check_objective(objective, f"objectives.{name}", ("objectives", name), locate)
    _check_rollout(environment, locate)
    if environment.watch is not None:
        check_rulebook(environment.watch, locate)
    if environment.guards.max_requests < 1:
        raise ConfigError("guards.max_requests is a number from 1 up", locate("guards", "max_requests"))
    paths = [policy.path for policy in environment.policies]
    for path in paths:
        if not path.startswith("/") or paths.count(path) > 1:
            raise ConfigError(
                f"policies name each path once, and a path starts with /: {brief(path)}", locate("policies")
            )
    for host in environment.guards.hosts:
        if "/" in host or "@" in host:
            raise ConfigError(
                f"guards.hosts holds host names without scheme or path, not {brief(host)}", locate("guards", "hosts")
            )
    if environment.start is not None:
        _positive(environment.start.ready_within, "start.ready_within", ("start", "ready_within"), locate)
        for phase in environment.start.scenes:
            if phase not in (known := (*Phase, "watch")):
                raise ConfigError(
                    f"{phase!r} is not a phase{nearest(phase, known)} (allowed: {', '.join(known)})",
                    locate("start", "scenes", phase),
                )


def check_objective(objective: Objective, name: str, keys: tuple[str, ...], locate: Locate) -> None:
    """Exactly one comparator, a limit in the range of its unit that a value can meet, at least one sample."""
    given = [comparator for comparator in Comparator if getattr(objective, comparator.value) is not None]
    if len(given) != 1:
        if given:
            said = " and ".join(f"{one} ({locate(*keys, one.value)})" for one in given)
            raise ConfigError(f"{name} has several comparators: {said}; keep one", locate(*keys, given[-1].value))
        raise ConfigError(f"{name} has no comparator; it needs one of {', '.join(Comparator)}", locate(*keys))
    (comparator,) = given
    limit, place = objective.limit, locate(*keys, comparator.value)
    if not math.isfinite(limit) or limit < 0:
        raise ConfigError(f"{name}.{comparator} is a finite number from 0 up, not {limit:g}", place)
    if objective.unit is Unit.RATIO and limit > 1:
        raise ConfigError(f"{name}.{comparator} is a ratio from 0 to 1, not {limit:g}; write 0.05 for 5 %", place)
    if (comparator is Comparator.BELOW and limit == 0) or (
        comparator is Comparator.ABOVE and limit == 1 and objective.unit is Unit.RATIO
    ):
        raise ConfigError(
            f"{name}: nothing is {comparator} {limit:g} {objective.unit}, so it could never be met", place
        )
    if objective.min_samples < 1:
        raise ConfigError(f"{name}.min_samples is a number from 1 up", locate(*keys, "min_samples"))


def _check_auth(auth: Auth, name: str, keys: tuple[str, ...], locate: Locate) -> None:
    place = locate(*keys, "secret")
    if auth.secret is not None and not _SECRET_NAME.match(auth.secret):
        raise ConfigError(
            f"{name}.secret is the NAME of a variable (A-Z, 0-9, _); the secret itself never stands in a file", place
        )
    if auth.kind is AuthKind.AWS and keys != ("back_ends", "object_store", "auth"):
        raise ConfigError(f"{name} is of kind aws, which is for back_ends.object_store alone", locate(*keys, "kind"))
    needs = auth.kind in {AuthKind.BEARER, AuthKind.API_KEY}
    if needs and auth.secret is None:
        raise ConfigError(f"{name} is {auth.kind} and names no secret", place)
    if not needs and auth.secret is not None and auth.kind is not AuthKind.AWS:
        raise ConfigError(f"{name} names a secret, and kind {auth.kind} uses none", place)
    if not _HEADER.match(auth.header):
        raise ConfigError(f"{name}.header is the name of a header (A-Z, a-z, 0-9, -)", locate(*keys, "header"))


def _check_rollout(environment: Environment, locate: Locate) -> None:
    rollout = environment.rollout
    stages = rollout.stages
    if list(stages) != sorted(set(stages)) or not all(1 <= stage <= 100 for stage in stages):
        raise ConfigError("rollout.stages are rising percentages from 1 to 100", locate("rollout", "stages"))
    if not 0 <= rollout.stage <= 100:
        raise ConfigError("rollout.stage is a percentage from 0 to 100", locate("rollout", "stage"))
    if not 1 <= rollout.first <= 100:
        raise ConfigError("rollout.first is a percentage from 1 to 100", locate("rollout", "first"))
    for name, objective in rollout.rollback.items():
        keys = ("rollout", "rollback", name)
        if name not in environment.objectives:
            known = environment.objectives
            raise ConfigError(
                f"rollout.rollback: {name!r} is not an objective{nearest(name, known)} (allowed: {', '.join(known)})",
                locate(*keys),
            )
        check_objective(objective, f"rollout.rollback.{name}", keys, locate)


def _positive(value: timedelta, name: str, keys: tuple[str, ...], locate: Locate) -> None:
    if value <= timedelta(0):
        raise ConfigError(f"{name} is a duration longer than 0", locate(*keys))

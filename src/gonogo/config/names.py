"""Names and expressions that checks hold, held against the environment and the expression language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any, get_args, get_origin

from gonogo.config.complain import nearest, one_line
from gonogo.config.hints import hints_of
from gonogo.model.check import Check, ProbeSpec, Rule
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, Origin


def check_against(
    environment: Environment, checks: Iterable[Check], probes: Mapping[str, Any], judges: Mapping[str, Any]
) -> tuple[Check, ...]:
    """The checks, if every side, back end and objective that they name is the environment's; else ConfigError."""
    checks = tuple(checks)
    for check in checks:
        for spec in check.probes.values():
            entry = _entry(probes, spec.kind, check, spec.origin)
            if entry.acts is not None and check.action != entry.acts:
                raise ConfigError(
                    f"item {check.id}: {spec.kind} changes something, so the item needs `action: {entry.acts}`",
                    spec.origin,
                )
            for side in entry.sides(spec.options):
                _has(environment, environment.sides, side, "side", user=check, origin=spec.origin)
            for back_end in entry.back_ends:
                _has(environment, environment.back_ends, back_end, "back end", user=check, origin=spec.origin)
            _check_typed(environment, spec.options, check, spec.origin)
        for rule in check.rules:
            _entry(judges, rule.kind, check, rule.origin)
            _check_typed(environment, rule.options, check, rule.origin)
    return checks


def check_expressions(checks: Iterable[Check], check_expression: Callable[[str], object]) -> None:
    """ConfigError for the first expression that `check_expression` refuses with a ValueError."""
    known: set[str] = set()
    for check in checks:
        parts: list[ProbeSpec | Rule] = [*check.probes.values(), *check.rules]
        for part in parts:
            for expression in named(part.options, "Expression"):
                if expression in known:
                    continue
                try:
                    check_expression(expression)
                except ValueError as error:
                    said = one_line((str(error).strip() or "wrong syntax").splitlines()[0])
                    raise ConfigError(
                        f"item {check.id}: {expression!r} is no expression: {said}", part.origin
                    ) from None
                known.add(expression)


def named(options: Any, new_type: str) -> list[str]:
    """Texts in the fields of an options dataclass, and of those inside it, whose type is the NewType of this name."""
    found: list[str] = []
    for field in _nests(options.__class__):
        for part in getattr(options, field) or ():
            found.extend(named(part, new_type))
    for field in _fields_of(options.__class__, new_type):
        value = getattr(options, field)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, Mapping):
            found.extend(item for item in value.values() if isinstance(item, str))
        elif value is not None:
            found.extend(item for item in value if isinstance(item, str))
    return found


@cache
def _fields_of(cls: type, new_type: str) -> tuple[str, ...]:
    return tuple(name for name, hint in hints_of(cls).items() if _mentions(hint, new_type))


@cache
def _nests(cls: type) -> tuple[str, ...]:
    """Fields that are tuples of dataclasses."""
    hints = hints_of(cls).items() if is_dataclass(cls) else ()
    return tuple(name for name, hint in hints if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]))


def _mentions(hint: Any, new_type: str) -> bool:
    # By name: configuration imports no judge.
    is_it = hasattr(hint, "__supertype__") and hint.__name__ == new_type
    return is_it or any(_mentions(part, new_type) for part in get_args(hint))


def _check_typed(environment: Environment, options: Any, check: Check, origin: Origin) -> None:
    tables: tuple[tuple[str, Mapping[str, Any], str], ...] = (
        ("ObjectiveName", dict.fromkeys(environment.objective_names), "objective"),
        ("SideName", environment.sides, "side"),
        ("BackEndName", environment.back_ends, "back end"),
    )
    for new_type, table, what in tables:
        for name in named(options, new_type):
            _has(environment, table, name, what, user=check, origin=origin)


def _has(
    environment: Environment, table: Mapping[str, Any], name: str, what: str, *, user: Check, origin: Origin
) -> None:
    if name not in table:
        raise ConfigError(
            f"item {user.id} names the {what} {name!r}, which environment {environment.name} does not have"
            f"{nearest(name, table)} (it has: {', '.join(sorted(table)) or 'none'})",
            origin,
        )


def _entry(registry: Mapping[str, Any], kind: str, check: Check, origin: Origin) -> Any:
    if kind not in registry:
        raise ConfigError(
            f"item {check.id} asks for {kind!r}, which nothing here can do{nearest(kind, registry)}", origin
        )
    return registry[kind]

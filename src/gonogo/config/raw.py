"""Environments as plain JSON and back, without loss: what a plan keeps of the environment it was made for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from gonogo.config.environment_rules import check_environment
from gonogo.config.reader import origin_from_text, read_raw
from gonogo.config.tree import from_plain
from gonogo.model.environment import Environment
from gonogo.model.errors import Origin
from gonogo.model.rulebook import Rule
from gonogo.model.units import parse_duration, show_duration

_A_MILLISECOND = timedelta(milliseconds=1)


def environment_to_raw(environment: Environment) -> dict[str, Any]:
    """JSON values only; origins as `file:line:column`, durations as they are written in YAML."""
    raw: dict[str, Any] = to_raw(environment)
    return raw


def environment_from_raw(raw: Mapping[str, Any]) -> Environment:
    """The environment that gave this; ConfigError if none did."""
    origin = origin_from_text(raw.get("origin", "?"))
    return read_raw(Environment, from_plain(dict(raw), origin.file, origin), "")


def to_raw(value: Any) -> Any:
    """A dataclass of the model as JSON values, without the fields that have their default."""
    match value:
        case Origin():
            return str(value)
        case Enum():
            return value.value
        case Rule():
            return value.text
        case timedelta():
            shown = show_duration(value)
            return shown if parse_duration(shown) == value else f"{value / _A_MILLISECOND:.3f}ms"
        case datetime():
            return value.isoformat()
        case Mapping():
            return {key: to_raw(item) for key, item in value.items()}
        case tuple() | list():
            return [to_raw(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name.removesuffix("_"): to_raw(given) for field, given in _set(value)}
        case _:
            return value


def overlaid(environment: Environment, part: Mapping[str, Any]) -> Environment:
    """The environment with `part`, a mapping of its own shape, merged over it; ConfigError if that does not fit.

    A rehearsal may declare what a file may not: a text that is left blank.
    """
    if not part:
        return environment
    made = environment_from_raw(_merged(environment_to_raw(environment), part))
    check_environment(made, lambda *_: made.origin)
    return made


def _merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _set(value: Any) -> Iterator[tuple[Field[Any], Any]]:
    """The fields that do not have their default."""
    for field in fields(value):
        given = getattr(value, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if given is not None and given != default:
            yield field, given

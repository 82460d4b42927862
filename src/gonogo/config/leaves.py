"""Trees into single values: texts, numbers, switches, durations, moments and plain JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NoReturn

from gonogo.config.complain import brief, is_private, wrong
from gonogo.config.scalars import Unclear
from gonogo.config.tree import Tree
from gonogo.model.errors import ConfigError
from gonogo.model.units import parse_duration

Reader = Callable[[Tree, str], Any]  # the node and its dotted name for messages, to the value

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[-+]\d\d:\d\d)\Z")
_WITH_UNIT = re.compile(r"-?[0-9]+(\.[0-9]+)?\s*(?P<unit>%|[A-Za-z]+)\Z")


def mapping_of(tree: Tree, name: str) -> dict[str, Tree]:
    """The mapping at this node; ConfigError if it is none or empty."""
    value = tree.value
    if not isinstance(value, dict):
        wrong(tree, name, "a mapping")
    if not value:
        raise ConfigError(f"{name} is an empty mapping; fill it in or leave the key out", tree.origin)
    return value


def list_of(tree: Tree, name: str) -> list[Tree]:
    """The list at this node; ConfigError if it is none or empty."""
    value = tree.value
    if not isinstance(value, list):
        wrong(tree, name, "a list")
    if not value:
        raise ConfigError(f"{name} is an empty list; fill it in or leave the key out", tree.origin)
    return value


def read_str(tree: Tree, name: str) -> str:
    """A text; what only looks like one has to be quoted."""
    value = tree.value
    if type(value) is str:
        return value
    if isinstance(value, Unclear):
        wrong(tree, name, "a text")
    if isinstance(value, bool | int | float):
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        quoted = "" if is_private(name) else f'; write "{shown}" in quotes'
        raise ConfigError(f"{name} wants a text{quoted}", tree.origin)
    return wrong(tree, name, "a text")


def read_timestamp(tree: Tree, name: str) -> str:
    """A moment as its RFC 3339 text with a zone."""
    value = tree.value
    if isinstance(value, str) and _RFC3339.match(value):
        try:
            datetime.fromisoformat(value.upper())
        except ValueError:
            pass
        else:
            return str(value)
    raise ConfigError(
        f"{name} wants a moment with its zone, like 2026-11-20T09:00:00Z, not {brief(str(value))}", tree.origin
    )


def read_filled(tree: Tree, name: str) -> str:
    """A text with something in it."""
    text = read_str(tree, name)
    if not text.strip():
        raise ConfigError(f"{name} is blank", tree.origin)
    return text


def _number(tree: Tree, name: str, wanted: str) -> NoReturn:
    value = tree.value
    match = _WITH_UNIT.match(value) if type(value) is str and not is_private(name) else None
    if match is None:
        wrong(tree, name, wanted)
    hint = (
        "a ratio runs from 0 to 1, write 0.05 for 5 %"
        if match["unit"] == "%"
        else "a number carries no unit, the unit stands in a key of its own"
    )
    raise ConfigError(f"{name} wants {wanted}, not {brief(str(value))}; {hint}", tree.origin)


def _int(tree: Tree, name: str) -> int:
    value = tree.value
    return value if type(value) is int else _number(tree, name, "a whole number")


def _float(tree: Tree, name: str) -> float:
    value = tree.value
    return float(value) if type(value) is float or type(value) is int else _number(tree, name, "a number")


def _bool(tree: Tree, name: str) -> bool:
    value = tree.value
    return value if type(value) is bool else wrong(tree, name, "true or false")


def _timedelta(tree: Tree, name: str) -> timedelta:
    value = tree.value
    if type(value) is str:
        try:
            return parse_duration(value)
        except (ValueError, OverflowError):
            pass
    return wrong(tree, name, "a duration like 200ms, 10s, 5m, 12h or 7d")


def _datetime(tree: Tree, name: str) -> datetime:
    return datetime.fromisoformat(read_timestamp(tree, name).upper())


def _json(tree: Tree, name: str) -> Any:
    value = tree.value
    if isinstance(value, Unclear):
        raise ConfigError(f"{name}: {brief(value)} is not read alike everywhere; {value.advice()}", tree.origin)
    if isinstance(value, dict):
        return {key: _json(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item, f"{name}[{place}]") for place, item in enumerate(value)]
    return value


def read_json_mapping(tree: Tree, name: str) -> dict[str, Any]:
    """A mapping of any JSON, also an empty one."""
    mapping: dict[str, Any] = _json(tree, name) if isinstance(tree.value, dict) else wrong(tree, name, "a mapping")
    return mapping


LEAVES: dict[Any, Reader] = {
    str: read_str,
    int: _int,
    float: _float,
    bool: _bool,
    timedelta: _timedelta,
    datetime: _datetime,
    Any: _json,
    object: _json,
    dict: read_json_mapping,
    Tree: lambda tree, _: tree,
}

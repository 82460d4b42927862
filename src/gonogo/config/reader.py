"""Trees into frozen dataclasses by their type hints, with one clear line for the first thing that does not fit."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from gonogo.config.complain import brief, is_private, nearest, one_line, unknown_key, wrong
from gonogo.config.hints import hints_of
from gonogo.config.leaves import LEAVES, Reader, list_of, mapping_of, read_filled, read_json_mapping, read_str
from gonogo.config.tree import Tree
from gonogo.model.errors import ConfigError, Origin

T = TypeVar("T")

_ORIGIN = re.compile(r"(?P<file>.*?)(:(?P<line>\d+)(:(?P<column>\d+))?)?\Z", re.DOTALL)
_FILLED_IN = frozenset({"origin", "raw"})  # never read from a file


def read(cls: type[T], tree: Tree, name: str) -> T:
    """An instance of the dataclass `cls`; ConfigError names file, line, column, key and what is allowed."""
    made: T = reader_of(cls)(tree, name)
    return made


def read_raw(cls: type[T], tree: Tree, name: str) -> T:
    """Like `read`, of a tree that `to_raw` wrote: origins stand in it as text."""
    made: T = reader_of(cls, raw=True)(tree, name)
    return made


def reader_of(hint: Any, *, raw: bool = False) -> Reader:
    """The reader of a type hint, made once. TypeError for a hint that no configuration file can fill."""
    return _made(hint, raw)


@cache
def _made(hint: Any, raw: bool) -> Reader:
    if hint in LEAVES:
        return LEAVES[hint]
    if hasattr(hint, "__supertype__"):  # a NewType
        return reader_of(hint.__supertype__, raw=raw)
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _union(args, raw)
    if origin is Literal:
        return _choice({str(value): value for value in args})
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _tuple(reader_of(args[0], raw=raw))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping) and args[0] is str:
        return read_json_mapping if args[1] is Any else _mapping(reader_of(args[1], raw=raw))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice({str(member.value): member for member in hint})
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint, raw)
    raise TypeError(f"no reader for {hint}")


def _dataclass(cls: type, raw: bool) -> Reader:
    hints = hints_of(cls)
    readers: dict[str, Reader] = {}
    required: list[str] = []
    names: dict[str, str] = {}  # key -> field
    for field in fields(cls):
        if field.name in _FILLED_IN:
            continue
        is_required = field.default is MISSING and field.default_factory is MISSING
        reader = reader_of(hints[field.name], raw=raw)
        key = field.name.removesuffix("_")  # `pass_` is written pass
        names[key] = field.name
        readers[key] = read_filled if is_required and reader is read_str and not raw else reader
        if is_required:
            required.append(key)
    has_origin = "origin" in hints
    wanted = "{} (it has no options)"
    if readers:
        wanted = f"a mapping with {' and '.join(required) or 'any of ' + ', '.join(readers)}"

    def reader_of_dataclass(tree: Tree, name: str) -> Any:
        value = tree.value
        if type(value) is not dict:
            wrong(tree, name, wanted)
        given: dict[str, Any] = {}
        for key, item in value.items():
            reader = readers.get(key)
            if reader is not None:
                given[names[key]] = reader(item, f"{name}.{key}" if name else key)
            elif not (raw and has_origin and key == "origin"):
                unknown_key(tree, key, name, readers)
        for key in required:
            if key not in value:
                raise ConfigError(f"{name or 'this file'} has no {key!r}, which it needs", tree.origin)
        if has_origin:
            given["origin"] = origin_from_text(value["origin"].value) if raw and "origin" in value else tree.origin
        try:
            return cls(**given)
        except ConfigError as error:
            if error.origin is not None:
                raise
            raise ConfigError(f"{name}: {error.message}" if name else error.message, tree.origin) from None
        except (ValueError, TypeError) as error:  # what the dataclass itself does not allow
            text = one_line(str(error))
            raise ConfigError(f"{name}: {text}" if name else text, tree.origin) from None

    return reader_of_dataclass


def origin_from_text(text: Any) -> Origin:
    """`file:line:column` as an Origin."""
    match = _ORIGIN.match(str(text))
    if match is None:
        return Origin(file=str(text))
    return Origin(file=match["file"], line=int(match["line"] or 0), column=int(match["column"] or 0))


def _mapping(reader: Reader) -> Reader:
    def reader_of_mapping(tree: Tree, name: str) -> dict[str, Any]:
        return {key: reader(item, f"{name}.{key}") for key, item in mapping_of(tree, name).items()}

    return reader_of_mapping


def _tuple(reader: Reader) -> Reader:
    def reader_of_tuple(tree: Tree, name: str) -> tuple[Any, ...]:
        return tuple(reader(item, f"{name}[{place}]") for place, item in enumerate(list_of(tree, name)))

    return reader_of_tuple


def _choice(options: dict[str, Any]) -> Reader:
    def reader_of_choice(tree: Tree, name: str) -> Any:
        value = tree.value
        if isinstance(value, str) and value in options:
            return options[value]
        if type(value) is str and not is_private(name):
            raise ConfigError(
                f"{name} cannot be {brief(value)}{nearest(value, options)} (allowed: {', '.join(options)})", tree.origin
            )
        return wrong(tree, name, f"one of {', '.join(options)}")

    return reader_of_choice


def _union(args: tuple[Any, ...], raw: bool) -> Reader:
    arms = [arg for arg in args if arg is not types.NoneType]
    if len(arms) == 1:
        return reader_of(arms[0], raw=raw)  # null is never written: an optional key is left out
    by_shape: dict[type, Reader] = {}
    for arm in arms:
        for shape in _shapes(arm):
            by_shape.setdefault(shape, reader_of(arm, raw=raw))
    wanted = " or ".join(dict.fromkeys(_SHAPE_NAMES[shape] for shape in by_shape))

    def reader_of_union(tree: Tree, name: str) -> Any:
        reader = by_shape.get(type(tree.value))
        return wrong(tree, name, wanted) if reader is None else reader(tree, name)

    return reader_of_union


_SHAPE_NAMES: dict[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def _shapes(hint: Any) -> tuple[type, ...]:
    """Shapes of YAML values that a hint reads."""
    hint = getattr(hint, "__supertype__", hint)
    if hint is Any or hint is object:
        return tuple(_SHAPE_NAMES)
    if hint is float:
        return (float, int)
    if hint in {int, bool, str}:
        return (hint,)
    origin = get_origin(hint)
    if origin is tuple:
        return (list,)
    is_mapping = isinstance(origin, type) and issubclass(origin, Mapping)
    return (dict,) if is_mapping or is_dataclass(hint) else (str,)

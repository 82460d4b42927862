"""An expression and its document into the name that is not there, and what is there in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SHOWN = 12
_ON_THE_SAME = frozenset(
    {
        "function_expression",
        "and_expression",
        "or_expression",
        "not_expression",
        "comparator",
        "multi_select_list",
        "multi_select_dict",
        "key_val_pair",
    }
)
_ON_THE_FIRST = frozenset(
    {"subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten", "pipe"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """`level` counts names from the document's root: 1 is one of the document's own."""

    name: str
    level: int
    where: str  # the path of what lacks it; empty for the document
    keys: tuple[str, ...]

    @property
    def text(self) -> str:
        """For people: `rows[0] has no failde; it has completed, failed`."""
        shown = ", ".join(self.keys[:_SHOWN]) + (f" and {len(self.keys) - _SHOWN} more" * (len(self.keys) > _SHOWN))
        return f"{self.where or 'the document'} has no {self.name}; it has {shown or 'nothing'}"


def absent(parsed: Mapping[str, Any], document: Mapping[str, Any]) -> Absent | None:
    """The first name of a parsed JMESPath expression that an object on the way does not have, or None."""
    return next(_gaps(parsed, document), None)


def _gaps(node: Mapping[str, Any], document: Any) -> Iterator[Absent]:
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield from _lacking(node, _Reached(value=document, level=0, path=""))
    elif kind in _ON_THE_SAME:
        for child in children:
            yield from _gaps(child, document)
    elif kind in _ON_THE_FIRST:
        reached = _reach(children[0], document) if kind == "subexpression" else None
        found = [] if reached is None else list(_lacking(children[1], reached))
        yield from found or _gaps(children[0], document)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    value: Any
    level: int
    path: str


def _reach(node: Mapping[str, Any], document: Any) -> _Reached | None:
    """What stands at a plain path of names and indices; None for any other expression."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return _step(_Reached(value=document, level=0, path=""), node)
    before = _reach(children[0], document) if kind in ("subexpression", "index_expression") else None
    if before is None:
        return None
    last = children[1]
    if kind == "subexpression" and last["type"] == "field":
        return _step(before, last)
    if kind == "index_expression" and last["type"] == "index":
        at, items = last["value"], before.value if isinstance(before.value, list) else []
        value = items[at] if -len(items) <= at < len(items) else None
        return _Reached(value=value, level=before.level, path=f"{before.path}[{at}]")
    return None


def _step(before: _Reached, field: Mapping[str, Any]) -> _Reached:
    name = field["value"]
    value = before.value.get(name) if isinstance(before.value, Mapping) else None
    return _Reached(value=value, level=before.level + 1, path=f"{before.path}.{name}" if before.path else name)


def _lacking(field: Mapping[str, Any], reached: _Reached) -> Iterator[Absent]:
    if field["type"] == "field" and isinstance(reached.value, Mapping) and field["value"] not in reached.value:
        keys = tuple(map(str, reached.value))
        yield Absent(name=field["value"], level=reached.level + 1, where=reached.path, keys=keys)

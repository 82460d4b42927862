"""Label and field selectors of list calls into a test of one object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from factory.cluster.resources import Refused, Resource

Test = Callable[[Mapping[str, Any]], bool]
_SET = re.compile(r"(?P<key>[\w./-]+)\s+(?P<how>in|notin)\s*\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[\w./-]+)\s*(?P<how>==?|!=)\s*(?P<value>[\w./-]*)")
_EXISTS = re.compile(r"(?P<no>!?)\s*(?P<key>[\w./-]+)")
_FIELDS = {
    "pods": ("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"),
    "secrets": ("metadata.name", "metadata.namespace", "type"),
}


def by_labels(text: str) -> Test:
    """A label selector: `a=b,c!=d,e in (f,g),!h`."""
    tests: list[Test] = []
    for part in filter(None, (one.strip() for one in re.split(r",(?![^(]*\))", text))):
        if found := _SET.fullmatch(part):
            values = frozenset(one.strip() for one in found["values"].split(","))
            tests.append(_one_of(found["key"], values, wanted=found["how"] == "in"))
        elif found := _EQUAL.fullmatch(part):
            tests.append(_one_of(found["key"], frozenset({found["value"]}), wanted=found["how"] != "!="))
        elif found := _EXISTS.fullmatch(part):
            tests.append(_exists(found["key"], wanted=not found["no"]))
        else:
            raise Refused(400, "BadRequest", f"unable to parse requirement: {part!r} is no label selector")
    return lambda one: all(test(one) for test in tests)


def by_fields(text: str, resource: Resource) -> Test:
    """A field selector; each kind has its own few fields."""
    known = _FIELDS.get(resource.plural, ("metadata.name", "metadata.namespace"))
    tests: list[Test] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _EQUAL.fullmatch(part)
        if found is None or found["key"] not in known:
            raise Refused(400, "BadRequest", f"field label not supported: {part.partition('=')[0]}")
        tests.append(_field(found["key"].split("."), found["value"], wanted=found["how"] != "!="))
    return lambda one: all(test(one) for test in tests)


def _labels(one: Mapping[str, Any]) -> Mapping[str, str]:
    return one["metadata"].get("labels") or {}


def _one_of(key: str, values: frozenset[str], *, wanted: bool) -> Test:
    return lambda one: (_labels(one).get(key) in values) is wanted


def _exists(key: str, *, wanted: bool) -> Test:
    return lambda one: (key in _labels(one)) is wanted


def _field(path: list[str], value: str, *, wanted: bool) -> Test:
    def test(one: Mapping[str, Any]) -> bool:
        found: Any = one
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return (str(found or "") == value) is wanted

    return test

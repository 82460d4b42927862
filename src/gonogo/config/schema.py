"""Dataclasses into JSON Schema (draft 2020-12), so that an editor knows what the loader knows."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from gonogo.config.complain import nearest
from gonogo.config.hints import hints_of
from gonogo.config.items import Checklist, Defaults, Item
from gonogo.config.tree import Tree
from gonogo.model.check import Mode
from gonogo.model.environment import Auth, BackEnd, Comparator, Environment, Guards, Objective, Release, Side
from gonogo.model.errors import ConfigError
from gonogo.model.recovery import Drill, Incident
from gonogo.model.rulebook import Rule, Rulebook

Json = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAMES = ("environment", "release", "checklist", "incident", "drill")

_LEAVES: dict[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    timedelta: {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"},
    datetime: {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*([Zz]|[-+]\d\d:\d\d)$"},
    Rule: {
        "type": "string",
        "description": "MEASURE SIGN LIMIT [UNIT] [for N samples | over DURATION] [with at least N requests]",
        "pattern": r"^\s*(p[0-9.]+_latency\s*[<>]=?\s*[0-9.]+\s+m?s"
        r"|(?!p[0-9.]+_latency)[a-z][a-z0-9_]*\s*[<>]=?\s*[0-9.]+)"
        r"(\s+(for\s+[0-9]+\s+samples?|over\s+[0-9.]+(ms|s|m|h|d)))?(\s+with\s+at\s+least\s+[0-9]+\s+requests?)?\s*$",
    },
    Any: {},
    object: {},
    dict: {"type": "object"},
    Tree: {},
}
_COUNT = {"minimum": 1}
_LIMIT = {"minimum": 0}
_NOT_A_VALUE = {"pattern": r"^[A-Z][A-Z0-9_]*$"}
# What the rules ask beside the type.
_REFINED: dict[tuple[type, str], Json] = {
    (Side, "url"): {"pattern": r"^([Hh][Tt][Tt][Pp][Ss]?://[^@/?#\s]+([/].*)?|address:.+)$"},
    (Side, "health"): {"pattern": "^/"},
    (BackEnd, "address"): {"pattern": r"^[^@]*$"},
    (Auth, "secret"): _NOT_A_VALUE,
    (Guards, "max_requests"): _COUNT,
    (Objective, "min_samples"): _COUNT,
    (Rulebook, "false_alarms"): {"exclusiveMinimum": 0, "maximum": 0.5},
    (Rulebook, "margin"): {"minimum": 1, "maximum": 10},
    **{(Objective, comparator.value): _LIMIT for comparator in Comparator},
    (Release, "commit"): {"pattern": "^[0-9a-f]{7,64}$"},
    (Release, "t0"): {"pattern": _LEAVES[datetime]["pattern"]},
    (Release, "pull_request"): _COUNT,
    (Item, "id"): {"pattern": "^[a-z0-9][a-z0-9-]*$"},
}


def schema_of(name: str, probes: Mapping[str, Any], judges: Mapping[str, Any]) -> Json:
    """The schema of an environment, release, checklist, incident or drill file, with the kinds of the registries."""
    match name:
        case "environment":
            return _environment()
        case "release":
            return json_schema(Release)
        case "incident":
            return json_schema(Incident)
        case "drill":
            return json_schema(Drill)
        case "checklist":
            return _checklist(probes, judges)
        case _:
            raise ConfigError(f"there is no schema {name!r}{nearest(name, NAMES)} (allowed: {', '.join(NAMES)})")


def json_schema(cls: type) -> Json:
    """The schema of what the loader reads into a dataclass."""
    writing = _Writing()
    return {"$schema": DRAFT, "title": cls.__name__.lower(), **writing.of(cls), "$defs": writing.defs}


class _Writing:
    """Schemas of dataclasses, each written once under $defs. `partial`: a file that extends another gives a part."""

    def __init__(self, *, partial: bool = False, defs: Json | None = None) -> None:
        self.partial = partial
        self.defs: Json = {} if defs is None else defs
        self.names: dict[type, str] = {}

    def of(self, hint: Any) -> Json:
        """The schema of a type hint."""
        hint = getattr(hint, "__supertype__", hint)
        if hint in _LEAVES:
            return dict(_LEAVES[hint])
        origin, args = get_origin(hint), get_args(hint)
        if origin in {Union, types.UnionType}:
            arms = [self.of(arg) for arg in args if arg is not types.NoneType]
            return arms[0] if len(arms) == 1 else {"anyOf": arms}
        if origin is Literal:
            return {"enum": list(args)}
        if origin is tuple:
            return {"type": "array", "items": self.of(args[0]), "minItems": 1}
        if origin is not None and issubclass(origin, Mapping):
            below = self.of(args[1])
            return (
                {"type": "object", "additionalProperties": below, "minProperties": 1} if below else {"type": "object"}
            )
        if issubclass(hint, Enum):
            return {"enum": [member.value for member in hint]}
        if isinstance(hint, type) and is_dataclass(hint):
            return {"$ref": f"#/$defs/{self._name(hint)}"}
        raise TypeError(f"no schema for {hint}")

    def _name(self, cls: type) -> str:
        if cls not in self.names:
            name = f"{cls.__name__}-part" if self.partial else cls.__name__
            if name in self.defs:  # another module's class of the same name
                name = f"{cls.__module__.rpartition('.')[2]}-{name}"
            self.names[cls] = name
            self.defs[name] = {}
            self.defs[name] = self._object(cls)
        return self.names[cls]

    def _object(self, cls: type) -> Json:
        hints = hints_of(cls)
        properties: Json = {}
        required: list[str] = []
        for field in fields(cls):
            if field.name in {"origin", "raw"}:
                continue
            key = field.name.removesuffix("_")
            properties[key] = self.of(hints[field.name]) | _REFINED.get((cls, field.name), {})
            if field.default is MISSING and field.default_factory is MISSING:
                required.append(key)
                if hints[field.name] is str:
                    properties[key].setdefault("pattern", r"\S")
        made: Json = {
            "type": "object",
            "description": (cls.__doc__ or cls.__name__).partition("\n")[0],
            "properties": properties,
            "additionalProperties": False,
        }
        if required and not self.partial:
            made["required"] = required
        if cls is Objective:
            made |= self._objective()
        return made

    def _objective(self) -> Json:
        names = [comparator.value for comparator in Comparator]
        ratio: Json = {
            "if": {"properties": {"unit": {"const": "ratio"}}, "required": ["unit"]},
            "then": {"properties": {name: {"maximum": 1} for name in names}},
        }
        return ratio if self.partial else ratio | {"oneOf": [{"required": [name]} for name in names]}


def _environment() -> Json:
    whole = _Writing()
    part = _Writing(partial=True, defs=whole.defs)
    references = whole.of(Environment), part.of(Environment)
    for name in ("Environment", "Environment-part"):
        whole.defs[name]["properties"]["extends"] = {"type": "string", "description": "A file of the same folder."}
    return {
        "$schema": DRAFT,
        "title": "environment",
        "if": {"required": ["name"], "not": {"required": ["extends"]}},
        "then": references[0],
        "else": references[1],
        "$defs": whole.defs,
    }


def _checklist(probes: Mapping[str, Any], judges: Mapping[str, Any]) -> Json:
    writing = _Writing()
    made = writing.of(Checklist)
    properties = writing.defs["Checklist"]["properties"]
    properties["defaults"] = writing.of(Defaults)
    properties["items"] = {"type": "array", "minItems": 1, "items": writing.of(Item)}
    writing.defs["Probe"] = _one_of(writing, probes)
    writing.defs["Rule"] = _one_of(writing, judges)
    item = writing.defs["Item"]
    item["properties"] |= {
        "probe": {"$ref": "#/$defs/Probe"},
        "probes": {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/Probe"}},
        "pass": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Rule"}},
    }
    item["properties"]["title"]["required"] = ["en"]
    writing.defs["Each"]["properties"]["pass"] = item["properties"]["pass"]
    writing.defs["Each"]["properties"]["title"]["required"] = ["en"]
    item["required"] = ["id", "title", "remedy"]  # area, owner and source may stand in defaults
    item["if"] = {"properties": {"mode": {"const": Mode.SIGNOFF.value}}, "required": ["mode"]}
    item["then"] = {"properties": dict.fromkeys(("probe", "probes", "pass", "each", "eventually"), False)}
    item["else"] = {"required": ["pass"], "not": {"required": ["probe", "probes"]}}
    return {"$schema": DRAFT, "title": "checklist", **made, "$defs": writing.defs}


def _one_of(writing: _Writing, registry: Mapping[str, Any]) -> Json:
    """One kind with its options, as a mapping with one key."""
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": {kind: writing.of(entry.options)},
                "required": [kind],
                "additionalProperties": False,
            }
            for kind, entry in registry.items()
        ]
    }

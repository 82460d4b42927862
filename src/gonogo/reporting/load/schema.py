"""The JSON Schema of load.json: what `load_json` writes, key by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from gonogo.model.capacity import StepVerdict
from gonogo.model.load import Event, Histogram, LatencySummary, OutcomeClass, Workload
from gonogo.model.load_verdict import Slo
from gonogo.model.ratelimit import Algorithm, Policy, Shown
from gonogo.model.verdict import Decision
from gonogo.reporting.load.document import SCHEMA

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
NAME: Json = {"type": "string", "minLength": 1}
FLAG: Json = {"type": "boolean"}
NUMBER: Json = {"type": "number"}
AMOUNT: Json = {"type": "number", "minimum": 0}
RATIO: Json = {"type": "number", "minimum": 0, "maximum": 1}
COUNT: Json = {"type": "integer", "minimum": 0}
TIME: Json = {"type": "string", "format": "date-time"}
_PLAIN: dict[type, Json] = {str: TEXT, bool: FLAG, int: COUNT, float: NUMBER, timedelta: AMOUNT}
COLUMNS = ("p50", "p95", "p99", "max")


def load_schema() -> Json:
    """Of a whole load.json. Latencies are ms, rates a second, ratios 0-1; a key that is not here is not written."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "load.json",
        "description": "What one load run measured, a side each, and what it comes to. `digest` is the SHA-256 of its"
        " JSON with sorted keys, without white space and without that key.",
        **_object(
            {
                "schema": {"const": SCHEMA},
                "run_id": NAME,
                "environment": NAME,
                "release": _maybe(_object({"version": NAME, "commit": NAME, "image": NAME})),
                "policies": _map(_plain(Policy)),
                "profile": _profile(),
                "started": TIME,
                "ended": TIME,
                "decision": _enum(Decision),
                "exit_status": {"enum": [int(each.exit_status) for each in Decision]},
                "reasons": _list(NAME),
                "workers": _object({"expected": COUNT, "seen": COUNT}),
                "aborted": _maybe(NAME),
                "sides": _map(_side()),
                "between": _list(_finding({"side": NAME})),
                "timeline": _list(_plain(Event)),
                "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            }
        ),
    }


def _profile() -> Json:
    return _object(
        {
            "name": NAME,
            "workload": _enum(Workload),
            "requests": _maybe(COUNT),
            "rate": _maybe(AMOUNT),
            "duration_s": _maybe(AMOUNT),
            "delay_s": AMOUNT,
            "connections": COUNT,
            "proves": _list(NAME),
        }
    )


def _side() -> Json:
    return _object(
        {
            "endpoint": TEXT,
            "requested_rate": _maybe(AMOUNT),
            "achieved_rate": AMOUNT,
            "requests": COUNT,
            "outcomes": _object({each.value: _plain(LatencySummary) for each in OutcomeClass}),
            "statuses": {"type": "object", "propertyNames": {"pattern": "^[0-9]+$"}, "additionalProperties": COUNT},
            "errors": _map(COUNT),
            "histograms": _list(_plain(Histogram)),
            "rate_limit": _list(_finding({})),
            "slos": _list(_plain(Slo, without=("side",))),
            "capacity": _maybe(_capacity()),
            "limiter": _maybe(_limiter()),
            "series": _maybe(_series()),
        }
    )


def _finding(more: Json) -> Json:
    keys = {"id": NAME, "path": TEXT, "verdict": _enum(Shown), "reason": NAME, "decides": FLAG, **more}
    return _object(keys, {"would_fail": NAME})


def _capacity() -> Json:
    step = _object(
        {
            "rate": AMOUNT,
            "sent": COUNT,
            "achieved": AMOUNT,
            **dict.fromkeys(("p50", "p95", "p99"), _maybe(AMOUNT)),
            **dict.fromkeys(("error_ratio", "accepted_ratio", "late_ratio"), RATIO),
            "took_s": AMOUNT,
            "verdict": _enum(StepVerdict),
            "reason": TEXT,
            "broke": _list(NAME),
        }
    )
    found = _object(
        {
            **dict.fromkeys(("rate", "low", "high"), _maybe(AMOUNT)),
            "confidence": RATIO,
            "limited_by": _maybe(NAME),
            "proven": FLAG,
            "complete": FLAG,
            "said": TEXT,
        }
    )
    return _object({"steps": _list(step), "found": found})


def _limiter() -> Json:
    return _object(
        {
            "declared": FLAG,
            "algorithm": _enum(Algorithm),
            "limit": COUNT,
            "window_s": AMOUNT,
            "burst": _maybe(COUNT),
            "reject_status": _maybe(COUNT),
        },
        {"confidence": RATIO, "notes": _list(TEXT), "aligned": _maybe(FLAG)},
    )


def _series() -> Json:
    columns = _object({"count": _list(COUNT), **dict.fromkeys(COLUMNS, _list(_maybe(AMOUNT)))})
    return _object(
        {
            **dict.fromkeys(("interval_s", "begins_s", "ends_s"), NUMBER),
            "at_s": _list(NUMBER),
            "requested": _maybe(_list(COUNT)),
            "sent": _list(COUNT),
            "outcomes": _object({each.value: columns for each in OutcomeClass}),
        }
    )


def _plain(kind: type, without: tuple[str, ...] = ()) -> Json:
    """A dataclass as `model.evidence.plain` writes it."""
    hints = get_type_hints(kind)
    return _object({each.name: _hint(hints[each.name]) for each in fields(kind) if each.name not in without})


def _hint(hint: Any) -> Json:
    given = get_args(hint)
    if NoneType in given:
        return _maybe(_hint(next(each for each in given if each is not NoneType)))
    if get_origin(hint) is tuple:
        if given[-1] is Ellipsis:
            return _list(_hint(given[0]))
        return {"type": "array", "items": _hint(given[0]), "minItems": len(given), "maxItems": len(given)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum(hint)
    return _PLAIN[hint]


def _object(keys: Json, optional: Json | None = None) -> Json:
    return {
        "type": "object",
        "properties": {**keys, **(optional or {})},
        "required": list(keys),
        "additionalProperties": False,
    }


def _map(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _maybe(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _enum(kind: type[StrEnum]) -> Json:
    values: Iterable[StrEnum] = kind
    return {"enum": [each.value for each in values]}

"""Plans, evidence and nouns of the model, to JSON and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from gonogo.model.check import Check
from gonogo.model.environment import Environment, Release
from gonogo.model.evidence import Attempt, Cause, Evidence, Seen, Unseen, plain
from gonogo.model.run import SCHEMA, Plan, PlannedLook
from gonogo.model.verdict import Waiver
from gonogo.reporting.escape import HIDDEN_BUT_NEWLINE

Json = dict[str, Any]
T = TypeVar("T")

_NON_FINITE = "$non_finite"  # JSON has no NaN and no infinity; evidence that holds one keeps it under this key


class Unreadable(Exception):
    """A file of a run does not hold what it should; the text says what is wrong."""


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON text, UTF-8 safe, Korean left readable, whatever would act on a terminal escaped; NaN kept and tagged."""
    separators = (",", ":") if indent is None else None
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    except ValueError:
        tagged = _tag(value)
        text = json.dumps(tagged, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    return text if text.isascii() and "\x7f" not in text else HIDDEN_BUT_NEWLINE.sub(_utf16, text)


def page(document: Json) -> str:
    """A document with a line for each key, and one for each entry of a list: read by people, written fast.

    The encoder of `json` that indents is written in Python; this way the one in C does the work.
    """
    keys = []
    for key, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            keys.append(f"{dumps(key)}: [\n  " + ",\n  ".join(map(dumps, value)) + "\n ]")
        else:
            keys.append(f"{dumps(key)}: {dumps(value)}")
    return "{\n " + ",\n ".join(keys) + "\n}\n"


def loads(text: str | bytes) -> Any:
    """What `dumps` wrote. Raises Unreadable, also for NaN literals, bad UTF-8 and absurd nesting."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON ({error})") from None
    marker = _NON_FINITE if isinstance(text, str) else _NON_FINITE.encode()
    return _untag(value) if marker in text else value  # type: ignore[operator]


def evidence_to_json(evidence: Evidence) -> Json:
    """One observation; exactly one of `seen` and `unseen` is there."""
    made: Json = {
        "look": evidence.look,
        "kind": evidence.kind,
        "source": evidence.source,
        "side": evidence.side,
        "started": evidence.started.isoformat(),
        "ended": evidence.ended.isoformat(),
    }
    match evidence.outcome:
        case Seen(data=data, newest=newest, notes=notes):
            made["seen"] = {"data": data, "newest": newest.isoformat() if newest else None, "notes": list(notes)}
        case Unseen(cause=cause, detail=detail, data=some):
            made["unseen"] = {"cause": cause.value, "detail": detail, "data": some}
    made["attempts"] = [
        {"started": one.started.isoformat(), "took": one.took.total_seconds(), "ended": one.ended}
        for one in evidence.attempts
    ]
    return made


def evidence_from_json(document: Any) -> Evidence:
    """The observation again. Raises Unreadable."""
    try:
        return Evidence(
            look=document["look"],
            kind=document["kind"],
            source=document["source"],
            side=document["side"],
            started=datetime.fromisoformat(document["started"]),
            ended=datetime.fromisoformat(document["ended"]),
            outcome=_outcome(document),
            attempts=tuple(
                Attempt(
                    started=datetime.fromisoformat(one["started"]),
                    took=timedelta(seconds=one["took"]),
                    ended=one["ended"],
                )
                for one in document["attempts"]
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Unreadable(f"not an observation ({type(error).__name__}: {error})") from None


def check_to_json(check: Check) -> Json:
    """A check as it stands in plan.json: what a reader looks for, and `raw` as it stood in the checklist."""
    made: Json = {
        "id": check.id,
        "title": dict(check.title),
        "system": check.system,
        "phase": check.phase.value,
        "at": check.at.total_seconds() if check.at is not None else None,
        "area": check.area.value,
        "owner": check.owner,
        "severity": check.severity.value,
        "mode": check.mode.value,
        "action": check.action,
        "remedy": check.remedy,
        "source": check.source,
        "origin": {"file": check.origin.file, "line": check.origin.line, "column": check.origin.column},
    }
    if check.raw:
        made["raw"] = check.raw
    else:  # made in Python: there is no file to quote
        made["probes"] = {name: {"kind": p.kind, "options": plain(p.options)} for name, p in check.probes.items()}
        made["rules"] = [{"kind": rule.kind, "options": plain(rule.options)} for rule in check.rules]
    return made


def plan_to_json(plan: Plan) -> Json:
    """plan.json. Durations are seconds, times ISO 8601."""
    return {
        "schema": plan.schema,
        "run_id": plan.run_id,
        "created": plan.created.isoformat(),
        "environment": plain(plan.environment),
        "system": plan.system,
        "phases": list(plan.phases),
        "at": plan.at.total_seconds() if plan.at is not None else None,
        "t0": plan.t0.isoformat() if plan.t0 else None,
        "release": plain(plan.release),
        "manifest": list(plan.ids),
        "not_due": {one: at.total_seconds() if at is not None else None for one, at in plan.not_due.items()},
        "actions": list(plan.actions),
        "not_asked": dict(plan.not_asked),
        "faults": list(plan.faults),
        "scenes": dict(plan.scenes),
        "digests": dict(plan.digests),
        "looks": [
            {"key": look.key, "kind": look.kind, "side": look.side, "scene": look.scene, "options": plain(look.options)}
            for look in plan.looks
        ],
        "controls": list(plan.controls),
        "waivers": [plain(waiver) for waiver in plan.waivers],
        "uses": {one: dict(names) for one, names in plan.uses.items()},
        "checks": [check_to_json(check) for check in plan.checks],
    }


def plan_from_json(document: Any, check: Callable[[Json], Check]) -> Plan:
    """The plan again; `check` makes a check from what `check_to_json` gave. Options of looks stay plain JSON.

    Raises Unreadable, also for a schema that this version does not know.
    """
    try:
        if document["schema"] != SCHEMA:
            raise Unreadable(f"its schema is {document['schema']!r}; this version reads {SCHEMA}")
        release = document["release"]
        return Plan(
            schema=document["schema"],
            run_id=_text(document["run_id"]),
            created=datetime.fromisoformat(document["created"]),
            environment=decode(Environment, document["environment"]),
            system=_text(document["system"]),
            phases=_texts(document["phases"]),
            at=_seconds(document["at"]),
            t0=datetime.fromisoformat(document["t0"]) if document["t0"] else None,
            release=decode(Release, release) if release is not None else None,
            not_due={one: _seconds(at) for one, at in document["not_due"].items()},
            actions=_texts(document["actions"]),
            not_asked=_named(document.get("not_asked", {})),  # records of before have none
            faults=_texts(document["faults"]),
            scenes=_named(document["scenes"]),
            digests=_named(document["digests"]),
            waivers=tuple(decode(Waiver, waiver) for waiver in document["waivers"]),
            looks=tuple(PlannedLook(**look) for look in document["looks"]),
            controls=_texts(document["controls"]),
            uses={one: _named(names) for one, names in document["uses"].items()},
            checks=tuple(check(one) for one in document["checks"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Unreadable(f"not a plan ({type(error).__name__}: {error})") from None


def decode(kind: type[T], value: Any) -> T:
    """`plain(noun)` as the noun again, by its type hints. ValueError or TypeError if it does not fit."""
    made: T = _decode(kind, value)
    return made


def _decode(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        options = get_args(kind)
        if value is None and NoneType in options:
            return None
        return _decode(next(option for option in options if option is not NoneType), value)
    if origin is tuple:
        return tuple(_decode(get_args(kind)[0], item) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _decode(get_args(kind)[1], item) for key, item in value.items()}
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is timedelta:
        return timedelta(seconds=value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is str:
        return _text(value)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{name: _decode(hints[name], item) for name, item in value.items() if name in hints})  # type: ignore[operator]
    return value


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}


def _utf16(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _outcome(document: Any) -> Seen | Unseen:
    if "seen" in document:
        seen = document["seen"]
        newest = datetime.fromisoformat(seen["newest"]) if seen["newest"] else None
        return Seen(data=seen["data"], newest=newest, notes=tuple(seen["notes"]))
    unseen = document["unseen"]
    return Unseen(cause=Cause(unseen["cause"]), detail=unseen["detail"], data=unseen["data"])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, not {type(value).__name__}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(one) for one in value)


def _named(value: Any) -> dict[str, str]:
    """Texts by name."""
    return {name: _text(one) for name, one in value.items()}


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _tag(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_NON_FINITE: str(value)}
    if isinstance(value, Mapping):
        return {key: _tag(item) for key, item in value.items()}
    return [_tag(item) for item in value] if isinstance(value, list | tuple) else value


def _untag(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_NON_FINITE}:
            return float(value[_NON_FINITE])
        return {key: _untag(item) for key, item in value.items()}
    return [_untag(item) for item in value] if isinstance(value, list) else value

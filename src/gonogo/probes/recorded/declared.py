"""What the environment file declares, and a text rendered from it: no I/O but reading the template."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.model.environment import Environment, Objective, Release
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen, plain
from gonogo.model.notice import keys_of, notice_fields
from gonogo.model.recovery import in_future
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.http.observer import observe
from gonogo.probes.places import environment_file

_INCIDENT = "incident."


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """`template` is a name of the environment's templates. `whole`: until every field of it is filled, and nothing that
    it tells lies in the future, it is no data: a text that is being written is neither good nor bad.
    """

    template: str | None = None
    whole: bool = False


class _Template(string.Template):
    """$name or ${group.name}: fields are names of the declared document."""

    idpattern = r"(?a:[_a-z][_a-z0-9]*(?:\.[_a-z][_a-z0-9]*)*)"


def look(options: Declared, vantage: Vantage) -> Sight:
    """{environment, system, contacts, objectives: {name: {comparator, limit, unit, min_samples}}, rollback, stages,
    release, facts, names, template: {name, text, fields: {field: value}, empty: [fields], missing: [keys]}}.
    `release` is null without one, `template` when none is asked for. A field that is unknown or empty is listed and
    left as it stands; `missing` are the keys of the incident file that such fields wait for, or the
    fields themselves. Fields of `incident` are those of the recorded incident; a template that names one is NO_DATA
    without it.
    """
    environment = vantage.environment

    def see() -> Seen | Unseen:
        document = _document(environment, vantage.release)
        if options.template is None:
            return Seen(data={**document, "template": None})
        rendered = _render(options.template, document, vantage)
        if options.whole and not isinstance(rendered, Unseen):
            waits = [f"{key} is not recorded yet" for key in rendered["missing"]]
            waits += in_future(vantage.told().incident(), vantage.now) if _of_incident(rendered) else []
            if waits:
                where = environment.incident if _of_incident(rendered) else environment.origin.file
                return Unseen(cause=Cause.NO_DATA, detail=f"{where}: {'; '.join(waits)}")
        return rendered if isinstance(rendered, Unseen) else Seen(data={**document, "template": rendered})

    return observe(environment.origin.file, see)


def _document(environment: Environment, release: Release | None) -> dict[str, Any]:
    rollout = environment.rollout
    return {
        "environment": environment.name,
        "system": environment.system,
        "contacts": plain(environment.contacts),
        "objectives": {name: _objective(each) for name, each in environment.objectives.items()},
        "rollback": {name: _objective(each) for name, each in rollout.rollback.items()},
        "rollout": {"stages": list(rollout.stages), "stage": rollout.stage, "first": rollout.first},
        "release": None if release is None else {k: v for k, v in plain(release).items() if k != "origin"},
        "facts": dict(environment.facts),
        "names": plain(environment.names),
    }


def _objective(objective: Objective) -> dict[str, Any]:
    return {
        "comparator": objective.comparator.value,
        "limit": objective.limit,
        "unit": objective.unit.value,
        "min_samples": objective.min_samples,
    }


def _render(name: str, document: Mapping[str, Any], vantage: Vantage) -> dict[str, Any] | Unseen:
    environment = vantage.environment
    if name not in environment.templates:
        known = ", ".join(sorted(environment.templates)) or "none"
        raise ConfigError(f"{environment.name} has no template {name!r}; it has {known}", environment.origin)
    path = environment_file(environment.templates[name], vantage)
    try:
        template = _Template(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Unseen(cause=Cause.NO_DATA, detail=f"the template {path} is not there")
    except (OSError, UnicodeDecodeError) as error:
        return Unseen(cause=Cause.BROKEN, detail=f"the template {path}: {error}")
    if not template.is_valid():
        stray = next(at for at, line in enumerate(template.template.splitlines(), 1) if not _Template(line).is_valid())
        return Unseen(cause=Cause.BROKEN, detail=f"{path.name}:{stray}: a $ that begins no field; write $$ for a $")
    values = _fields(document, vantage)
    wanted = template.get_identifiers()
    if any(field.startswith(_INCIDENT) for field in wanted):
        values |= notice_fields(vantage.told().incident())
    fields = {field: values[field] for field in wanted if values.get(field, "").strip()}
    empty = [field for field in wanted if field not in fields]
    missing = dict.fromkeys(
        key
        for field in empty
        for key in (keys_of(field, vantage.told().incident()) if field.startswith(_INCIDENT) else (field,))
    )
    return {
        "name": name,
        "text": template.safe_substitute(fields),
        "fields": fields,
        "empty": empty,
        "missing": list(missing),
    }


def _of_incident(rendered: Mapping[str, Any]) -> bool:
    return any(field.startswith(_INCIDENT) for field in (*rendered["fields"], *rendered["empty"]))


def _fields(document: Mapping[str, Any], vantage: Vantage) -> dict[str, str]:
    """Every value of the document by its path (`contacts.first.name`); those of the release and the contacts by their
    last name too (`version`, `watch_owner`); `first_contact`, `second_contact`, `now`, `date` and `t0`.
    """
    fields = _flat("", document)
    for group in ("facts", "contacts", "release"):
        fields |= _flat("", document[group] or {})
    for which in ("first", "second"):
        fields[f"{which}_contact"] = fields.get(f"contacts.{which}.name", "")
    fields |= {"now": vantage.now.isoformat(timespec="minutes"), "date": vantage.now.date().isoformat()}
    if vantage.t0 is not None:
        fields["t0"] = vantage.t0.isoformat(timespec="minutes")
    return fields


def _flat(prefix: str, value: Any) -> dict[str, str]:
    match value:
        case Mapping():
            flat: dict[str, str] = {}
            for key, item in value.items():
                flat |= _flat(f"{prefix}.{key}" if prefix else str(key), item)
            return flat
        case list():
            return {prefix: ", ".join(str(item) for item in value)}
        case None:
            return {prefix: ""}
        case _:
            return {prefix: str(value)}


PROBE = Probe(options=Declared, look=look)

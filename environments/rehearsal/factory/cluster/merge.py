"""Patches of the API server: merge (RFC 7386), strategic merge (lists of objects by their key) and JSON (RFC 6902)."""

from __future__ import annotations

import copy
from typing import Any

from factory.cluster.resources import Refused, Resource

# The patchMergeKey of Kubernetes' types, by the name of the list; every other list is replaced as a whole.
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "conditions": "type",
    "ownerReferences": "uid",
}


def patched(found: dict[str, Any], patch: Any, kind: str, resource: Resource) -> dict[str, Any]:
    """The object with the patch applied; `kind` is the request's media type. `found` stays as it is."""
    whole = copy.deepcopy(found)
    if kind == "application/json-patch+json":
        if not isinstance(patch, list):
            raise Refused(400, "BadRequest", "a JSON patch is a list of operations")
        for one in patch:
            _operate(whole, one)
        return whole
    if not isinstance(patch, dict):
        raise Refused(400, "BadRequest", "a patch is an object")
    if kind == "application/merge-patch+json":
        return _merged(whole, patch)
    if kind == "application/strategic-merge-patch+json" and resource.checked:
        return _strategic(whole, patch)
    known = "application/json-patch+json, application/merge-patch+json" + (
        ", application/strategic-merge-patch+json" if resource.checked else ""
    )
    raise Refused(
        415, "UnsupportedMediaType", f"the body of the request was in an unknown format - accepted media types: {known}"
    )


def _merged(found: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    made = found if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = _merged(made.get(name), value)
    return made


def _strategic(found: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            found[name] = _strategic(found[name] if isinstance(found.get(name), dict) else {}, value)
        elif isinstance(value, list) and name in _KEYS and all(isinstance(one, dict) for one in value):
            found[name] = _by_key(list(found.get(name) or ()), value, _KEYS[name])
        else:
            found[name] = value
    return found


def _by_key(rows: list[dict[str, Any]], patches: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    if any(one == {"$patch": "replace"} for one in patches):
        return [one for one in patches if "$patch" not in one]
    for patch in patches:
        if key not in patch:
            raise Refused(400, "BadRequest", f"a map in the list has no {key}, its merge key")
        at = next((index for index, row in enumerate(rows) if row.get(key) == patch[key]), None)
        if patch.get("$patch") == "delete":
            rows = [row for row in rows if row.get(key) != patch[key]]
        elif at is None:
            rows.append(patch)
        else:
            rows[at] = _strategic(rows[at], patch)
    return rows


def _operate(whole: dict[str, Any], one: Any) -> None:
    try:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        target: Any = whole
        for part in parts[:-1]:
            target = target[int(part)] if isinstance(target, list) else target[part]
        last: Any = parts[-1]
        if isinstance(target, list):
            last = len(target) if last == "-" else int(last)
        match one["op"]:
            case "test":
                if target[last] != one["value"]:
                    raise Refused(422, "Invalid", f"testing value {one['path']} failed: test failed")
            case "remove":
                del target[last]
            case "replace":
                _ = target[last]
                target[last] = one["value"]
            case "add":
                if isinstance(target, list):
                    target.insert(last, one["value"])
                else:
                    target[last] = one["value"]
            case other:
                raise Refused(400, "BadRequest", f"operation {other!r} is not known here")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Refused(422, "Invalid", "the server rejected our request due to an error in our request") from None

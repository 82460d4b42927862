"""What a real API server would not take: what Kubernetes' own schemas reject, and a few of its further rules."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from factory.cluster.resources import Refused, Resource

VERSION = "1.37.0"


def check(found: Mapping[str, Any], before: Mapping[str, Any] | None, resource: Resource) -> None:
    """Refused with 400 for what does not decode (a wrong type, an unknown field), with 422 for what is not valid."""
    if (found.get("apiVersion"), found.get("kind")) != (resource.api_version, resource.kind):
        raise Refused(400, "BadRequest", f"the object is no {resource.api_version} {resource.kind}")
    if resource.checked:
        _by_schema(found, resource)
    said = _RULES.get(resource.plural, lambda *_: None)(found, before)
    if said is not None:
        where, what = said
        raise _invalid(resource, found, where, what)


def problem(found: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """(the schema's keyword, where, what) of the gravest error that the schemas of kubernetes-validate find."""
    validator = _validator(str(found["kind"]), str(found["apiVersion"]))
    if validator is None:
        return None
    errors = sorted(validator.iter_errors(found), key=lambda one: (one.validator != "type", list(map(str, one.path))))
    if not errors:
        return None
    return str(errors[0].validator), ".".join(map(str, errors[0].path)), errors[0].message[:300]


@lru_cache(maxsize=32)
def _validator(kind: str, api_version: str) -> Any:
    """The validator of a kind, read once: kubernetes_validate itself reads all schemas for every object. None where
    the schemas are not installed (pip install kubernetes-validate): then only the rules below are asked.
    """
    try:
        import jsonschema  # noqa: PLC0415 - slow to import, and only what is written is checked
        from kubernetes_validate import utils  # noqa: PLC0415
        from referencing import Registry, Resource  # noqa: PLC0415
    except ImportError:
        return None

    group, _, version = api_version.rpartition("/")
    short = f"{group.partition('.')[0]}-{version}" if group else version
    folder = f"kubernetes-json-schema/v{VERSION}-local-strict"
    schema = utils.schema_contents(f"{folder}/{kind.lower()}-{short}.json", VERSION)
    definitions = utils.schema_contents(f"{folder}/_definitions.json", VERSION)
    registry: Any = Resource.from_contents(schema) @ (Resource.from_contents(definitions) @ Registry())
    return jsonschema.validators.Draft202012Validator(schema, registry=registry)


def _by_schema(found: Mapping[str, Any], resource: Resource) -> None:
    error = problem(found)
    if error is None:
        return
    keyword, where, what = error
    if keyword == "additionalProperties":
        raise Refused(400, "BadRequest", f"strict decoding error: unknown field at {where or '<root>'}: {what}")
    if keyword == "type":
        kind = resource.kind
        raise Refused(400, "BadRequest", f"{kind} in version {resource.version!r} cannot be handled: {where}: {what}")
    raise _invalid(resource, found, where, what)


def _invalid(resource: Resource, found: Mapping[str, Any], where: str, what: str) -> Refused:
    name = str((found.get("metadata") or {}).get("name", ""))
    full = f"{resource.kind}.{resource.group}".rstrip(".")
    causes = [{"reason": "FieldValueInvalid", "message": what, "field": where}]
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": causes}
    return Refused(422, "Invalid", f'{full} "{name}" is invalid: {where}: {what}', details)


def _deployment(found: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, str] | None:
    spec = found["spec"]
    if spec.get("replicas", 1) < 0:
        return "spec.replicas", "must be greater than or equal to 0"
    wanted = spec["selector"].get("matchLabels") or {}
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not wanted or any(labels.get(name) != value for name, value in wanted.items()):
        return "spec.template.metadata.labels", "`selector` does not match template `labels`"
    if before is not None and before["spec"]["selector"] != spec["selector"]:
        return "spec.selector", "field is immutable"
    for index, one in enumerate(spec["template"]["spec"]["containers"]):
        if not one.get("image"):
            return f"spec.template.spec.containers[{index}].image", "Required value"
    return None


def _autoscaler(found: Mapping[str, Any], _: Mapping[str, Any] | None) -> tuple[str, str] | None:
    spec = found["spec"]
    if spec["maxReplicas"] < max(1, spec.get("minReplicas", 1)):
        return "spec.maxReplicas", "must be greater than or equal to `minReplicas`"
    return None


def _secret(found: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, str] | None:
    for name, value in (found.get("data") or {}).items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Refused(400, "BadRequest", f"illegal base64 data in data.{name}") from None
    if before is not None and before.get("type") != found.get("type"):
        return "type", "field is immutable"
    return None


_RULES = {"deployments": _deployment, "horizontalpodautoscalers": _autoscaler, "secrets": _secret}

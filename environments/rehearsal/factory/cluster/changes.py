"""Creating, changing and deleting objects as an API server does it: whole, tried without effect, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import clock
from http_server import Call

from factory.cluster import objects
from factory.cluster.controller import Controller
from factory.cluster.merge import patched
from factory.cluster.resources import Place, Refused, not_found
from factory.cluster.rules import check
from factory.cluster.store import Store

_WRITTEN = ("deployments", "secrets", "ingresses", "horizontalpodautoscalers")
_KEPT = ("name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion")  # of the metadata


def change(store: Store, controller: Controller, found: Place, call: Call) -> tuple[int, dict[str, Any]]:
    """Status and object of a POST, PUT, PATCH or DELETE; dryRun=All leaves everything as it is."""
    resource, trial = found.resource, call.query.get("dryRun") == "All"
    if resource.plural not in _WRITTEN or (call.method == "POST") is bool(found.name):
        raise Refused(405, "MethodNotAllowed", f"the server does not allow {call.method} on the requested resource")
    before = store.get(resource.plural, found.namespace, found.name) if found.name else None
    if found.name and before is None:
        raise not_found(found)
    if call.method == "DELETE" and before is not None:
        if not trial:
            store.remove(resource.plural, found.namespace, found.name)
            if resource.plural == "deployments":
                controller.forget(found.namespace, found.name)
        return 200, before
    made = _new(found, call) if before is None else _changed(found, call, before)
    check(made, before, resource)
    if before is None and store.get(resource.plural, found.namespace, made["metadata"]["name"]) is not None:
        name = made["metadata"]["name"]
        raise Refused(409, "AlreadyExists", f'{resource.plural} "{name}" already exists')
    if not trial:
        made = store.put(resource.plural, made)
        if resource.plural == "deployments":
            store.moving.add((found.namespace, made["metadata"]["name"]))
            controller.advance(clock.now())
            made = store.get(resource.plural, found.namespace, made["metadata"]["name"]) or made
    return (201 if before is None else 200), made


def _body(call: Call) -> Any:
    try:
        return call.json()
    except ValueError:
        raise Refused(400, "BadRequest", "the body of the request is no JSON") from None


def _new(found: Place, call: Call) -> dict[str, Any]:
    body = _body(call)
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise Refused(422, "Invalid", "metadata.name: Required value")
    if metadata.get("namespace", found.namespace) != found.namespace:
        raise Refused(400, "BadRequest", "the namespace of the object does not match the namespace of the request")
    own = objects.metadata(found.resource.kind, found.namespace, metadata["name"], clock.now())
    made = {**body, "metadata": {**metadata, **own}}
    if found.resource.plural == "deployments":
        made |= {"metadata": {**made["metadata"], "generation": 1}, "status": {}}
    if found.resource.plural == "secrets":
        made.setdefault("type", "Opaque")
    return made


def _changed(found: Place, call: Call, before: dict[str, Any]) -> dict[str, Any]:
    if call.method == "PUT":
        made = _body(call)
        if not isinstance(made, dict) or not isinstance(made.get("metadata"), dict):
            raise Refused(400, "BadRequest", "the body of the request is no object")
    else:
        kind = call.headers.get("content-type", "").partition(";")[0].strip()
        made = patched(before, _body(call), kind, found.resource)
    if not isinstance(made.get("metadata"), Mapping) or made["metadata"].get("name", found.name) != found.name:
        raise Refused(400, "BadRequest", "the name of the object does not match the name on the URL")
    asked = made["metadata"].get("resourceVersion") or before["metadata"]["resourceVersion"]
    if asked != before["metadata"]["resourceVersion"]:
        full = f"{found.resource.plural}.{found.resource.group}".rstrip(".")
        raise Refused(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on {full} "{found.name}": the object has been modified; '
            "please apply your changes to the latest version and try again",
            {"name": found.name, "group": found.resource.group, "kind": found.resource.plural},
        )
    kept = {name: before["metadata"][name] for name in _KEPT if name in before["metadata"]}
    made = {**made, "metadata": {**made["metadata"], **kept}}
    if "status" in before:
        made["status"] = before["status"]  # that is for controllers
    if "generation" in kept and made.get("spec") != before["spec"]:
        made["metadata"]["generation"] = kept["generation"] + 1
    return made

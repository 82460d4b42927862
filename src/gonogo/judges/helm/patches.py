"""What a change sets of a Helm release's objects, in order, and the objects of the revision that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.judges.helm.objects import annotations_of, key_of, merged, replicas_of
from gonogo.model.helm import WEIGHT, HelmChange, HelmRevision, HelmState, Patch, Workload


def change_of(
    state: HelmState,
    *,
    images: Mapping[str, Mapping[str, str]],
    weight: int | None,
    base: HelmRevision,
    other: HelmRevision | None = None,
    pending: str,
    **told: Any,
) -> HelmChange:
    """The patches: the canary's weight first where users are taken off it, the Deployments first otherwise."""
    wanted = by_key(other, state.namespace) if other else {}
    rendered = by_key(base, state.namespace)
    patches: list[Patch] = []
    replicas: dict[str, int] = {}
    objects = dict(rendered)
    for name, found in images.items():
        live, key = state.workloads[name], ("Deployment", name, "")
        body, what = _deployment(live, found, rendered.get(key), wanted.get(key), replicas)
        if body:
            patches.append(Patch(kind="Deployment", name=name, version=live.version, body=body, what="; ".join(what)))
        if key in objects:
            objects[key] = _rendered(objects[key], found, body)
    for route in state.routes.values():
        body = {"metadata": {"annotations": {WEIGHT: str(weight)}}}
        if weight is not None and route.weight != weight:
            what_ = f"canary weight {route.weight} -> {weight} %"
            first = weight < route.weight and pending == "pending-rollback"
            patch = Patch(kind="Ingress", name=route.name, version=route.version, body=body, what=what_)
            patches.insert(0 if first else len(patches), patch)
        key = ("Ingress", route.name, "")
        if weight is not None and key in objects:
            objects[key] = merged(objects[key], body)
    return HelmChange(
        number=state.revisions[0].number + 1,
        base=base.number,
        patches=tuple(patches),
        images=images,
        replicas=replicas,
        weight=weight,
        pending=pending,
        objects=tuple(objects.values()),
        **told,
    )


def _deployment(
    live: Workload,
    images: Mapping[str, str],
    now: Mapping[str, Any] | None,
    then: Mapping[str, Any] | None,
    replicas: dict[str, int],
) -> tuple[dict[str, Any], list[str]]:
    """What is to be set of a Deployment: other images, and replicas and annotations where two revisions differ."""
    body: dict[str, Any] = {}
    what = []
    setting = [{"name": name, "image": image} for name, image in images.items() if live.containers.get(name) != image]
    if setting:
        inits = set(_inits(now))
        pod: dict[str, Any] = {}
        for one in setting:
            pod.setdefault("initContainers" if one["name"] in inits else "containers", []).append(one)
            what.append(f"{one['name']} {live.containers.get(one['name'])} -> {one['image']}")
        body["spec"] = {"template": {"spec": pod}}
    if now is None or then is None:
        return body, what
    count = replicas_of(then)
    if count is not None and count != replicas_of(now):
        replicas[live.name] = count
        if live.replicas != count:
            body.setdefault("spec", {})["replicas"] = count
            what.append(f"replicas {live.replicas} -> {count}")
    before, after = annotations_of(now), annotations_of(then)
    changed = {name: after.get(name) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    changed = {name: value for name, value in sorted(changed.items()) if live.annotations.get(name) != value}
    if changed:
        body["metadata"] = {"annotations": changed}
        what.append(f"annotations {', '.join(changed)}")
    return body, what


def _rendered(document: Mapping[str, Any], images: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the new revision: what is patched, and the images also where they already stand."""
    every = [{"name": name, "image": image} for name, image in images.items()]
    pod = {"containers": every, "initContainers": every}
    made = merged(document, body)
    spec = made["spec"]["template"]["spec"]
    return merged(made, {"spec": {"template": {"spec": {name: one for name, one in pod.items() if spec.get(name)}}}})


def by_key(revision: HelmRevision, namespace: str) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """Its objects by (kind, name, namespace), the last empty for the release's own."""
    return {key_of(one, namespace): one for one in revision.objects}


def _inits(document: Mapping[str, Any] | None) -> list[str]:
    spec: Any = document or {}
    for part in ("spec", "template", "spec"):
        spec = spec.get(part) or {}
    return [str(one["name"]) for one in spec.get("initContainers") or ()]

"""Helm releases on paper: revisions with a stable Deployment, a canary and its Ingress, and what runs of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gonogo.model.helm import CANARY, WEIGHT, HelmRevision, HelmState, Route, Workload

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STABLE, SIDE = "judgment-service", "judgment-service-canary"
IMAGE = "registry.example/judgment"


def deployment(name: str, tag: str, replicas: int = 3, **annotations: str) -> dict[str, Any]:
    container = {"name": "judgment", "image": f"{IMAGE}:{tag}", "env": [{"name": "MODE", "value": "live"}]}
    metadata = {"name": name, "labels": {"app": name, "app.kubernetes.io/version": tag}, "annotations": annotations}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": replicas, "template": template},
    }  # fmt: skip


def ingress(weight: int) -> dict[str, Any]:
    annotations = {CANARY: "true", WEIGHT: str(weight)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": SIDE, "annotations": annotations},
    }


def settings(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def revision(number: int, tag: str, canary: str | None = None, weight: int = 0, **more: Any) -> HelmRevision:
    """One without a canary unless its tag is given. `more`: fields of HelmRevision; `others`: further objects."""
    others, replicas = more.pop("others", (settings(level="info"),)), more.pop("replicas", 3)
    objects = [deployment(STABLE, tag, replicas), *others]
    config: dict[str, Any] = {"image": {"tag": tag}, "database": {"password": "hunter2"}}
    if canary is not None:
        objects += [deployment(SIDE, canary, 1), ingress(weight)]
        config["canary"] = {"enabled": True, "weight": weight, "image": {"tag": canary}}
    given = {
        "status": "superseded",
        "description": "Upgrade complete",
        "chart": "judgment-service-1.4.0",
        "chart_version": "1.4.0",
        "app_version": tag,
    } | more
    return HelmRevision(
        number=number, version=str(100 + number), updated=NOW - timedelta(hours=1), objects=tuple(objects),
        config=config, defaults={"canary": {"enabled": False, "weight": 0}}, **given,
    )  # fmt: skip


def state(*revisions: HelmRevision, **more: Any) -> HelmState:
    """A cluster that is as the newest revision says; revisions oldest first."""
    newest = revisions[-1] if revisions else revision(1, "v1.0.0")
    workloads, routes = {}, {}
    for one in newest.objects:
        name, annotations = one["metadata"]["name"], one["metadata"].get("annotations", {})
        if one["kind"] == "Deployment":
            images = {each["name"]: each["image"] for each in one["spec"]["template"]["spec"]["containers"]}
            count = one["spec"]["replicas"]
            workloads[name] = Workload(
                name=name, version="7", containers=images, replicas=count, available=count, annotations=annotations
            )
        elif one["kind"] == "Ingress":
            routes[name] = Route(name=name, version="8", weight=int(annotations[WEIGHT]))
    values = {"tag": "image.tag", "weight": "canary.weight"}
    given = {
        "namespace": "production", "release": STABLE, "stable": STABLE, "canary": SIDE, "workloads": workloads,
        "routes": routes, "at": NOW, "values": values,
    }  # fmt: skip
    return HelmState(revisions=tuple(reversed(revisions)), **{**given, **more})


def changed(found: HelmState, name: str, **more: Any) -> HelmState:
    """The same with another Deployment there."""
    return replace(found, workloads={**found.workloads, name: replace(found.workloads[name], **more)})


HISTORY = (
    revision(5, "v1.3.8"),
    revision(6, "v1.3.9"),
    revision(7, "v1.3.9", "v1.4.0", 10, status="deployed"),
)

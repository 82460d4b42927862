"""Deployments, their replica sets and pods as an API server serves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from factory.documents import stamp

NAME = "app.kubernetes.io/name"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of Kubernetes' own random names


def uid(*parts: str) -> str:
    """The same for the same object, as in no real cluster."""
    text = hashlib.sha256("/".join(parts).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"


def letters(text: str, count: int) -> str:
    """Letters as in the names of pods."""
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    made = ""
    for _ in range(count):
        number, at = divmod(number, len(_LETTERS))
        made += _LETTERS[at]
    return made


def metadata(kind: str, namespace: str, name: str, created: float, **more: Any) -> dict[str, Any]:
    """What every object has; the resourceVersion is given by the store."""
    return {
        "name": name,
        "namespace": namespace,
        "uid": uid(kind, namespace, name),
        "resourceVersion": "1",
        "creationTimestamp": stamp(created),
        **more,
    }


def condition(kind: str, status: bool, reason: str, at: float, message: str = "") -> dict[str, Any]:
    """One condition of an object that is no pod."""
    told = {"type": kind, "status": str(status), "reason": reason, "lastTransitionTime": stamp(at)}
    return {**told, "message": message or reason}


def deployment(namespace: str, name: str, image: str, replicas: int, created: float, **more: Any) -> dict[str, Any]:
    """A deployment whose controller has not acted yet."""
    labels = {NAME: name, "app.kubernetes.io/part-of": "ai-factory"}
    container = {
        "name": name.removesuffix("-canary"),
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(
            "Deployment", namespace, name, created, generation=1, labels=dict(labels), annotations={}, **more
        ),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": {NAME: name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"containers": [container], "restartPolicy": "Always", "serviceAccountName": name},
            },
        },
        "status": {},
    }


def template_hash(template: Mapping[str, Any]) -> str:
    """The pod-template-hash of a template."""
    return letters(json.dumps(template, sort_keys=True), 10)


def replicaset(owner: Mapping[str, Any], revision: int, created: float) -> dict[str, Any]:
    """The replica set of a deployment's present template."""
    template, suffix = owner["spec"]["template"], template_hash(owner["spec"]["template"])
    namespace, name = owner["metadata"]["namespace"], f"{owner['metadata']['name']}-{suffix}"
    labels = {**template["metadata"]["labels"], "pod-template-hash": suffix}
    selector = {**owner["spec"]["selector"]["matchLabels"], "pod-template-hash": suffix}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata(
            "ReplicaSet",
            namespace,
            name,
            created,
            generation=1,
            labels=labels,
            annotations={"deployment.kubernetes.io/revision": str(revision)},
            ownerReferences=[owned_by(owner)],
        ),
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
        "status": {"replicas": 0, "observedGeneration": 1},
    }


def owned_by(owner: Mapping[str, Any]) -> dict[str, Any]:
    """The reference of an object to its controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod(owner: Mapping[str, Any], number: int, born: float, ready_at: float | None) -> dict[str, Any]:
    """A pod of a replica set; ready since `ready_at`, or still starting."""
    namespace, prefix = owner["metadata"]["namespace"], owner["metadata"]["name"]
    name = f"{prefix}-{letters(f'{prefix}/{number}/{born}', 5)}"
    node, ip = f"ip-10-0-{number % 3 + 1}-20.ec2.internal", f"10.0.{number % 3 + 1}.{number % 200 + 30}"
    containers = owner["spec"]["template"]["spec"]["containers"]
    up, since = ready_at is not None, ready_at if ready_at is not None else born
    statuses = []
    for one in containers:
        state = {"running": {"startedAt": stamp(born)}} if up else {"waiting": {"reason": "ContainerCreating"}}
        digest = hashlib.sha256(one["image"].encode()).hexdigest()
        statuses.append(
            {
                "name": one["name"],
                "image": one["image"],
                "imageID": f"{one['image'].rpartition(':')[0]}@sha256:{digest}" if up else "",
                **({"containerID": f"containerd://{hashlib.sha256(name.encode()).hexdigest()}"} if up else {}),
                "ready": up,
                "started": up,
                "restartCount": 0,
                "state": state,
                "lastState": {},
            }
        )
    waits = {} if up else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{prefix}]"}
    told = [("PodScheduled", True, born), ("Initialized", True, born), ("ContainersReady", up, since)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(
            "Pod",
            namespace,
            name,
            born,
            generateName=f"{prefix}-",
            labels=dict(owner["spec"]["template"]["metadata"]["labels"]),
            ownerReferences=[owned_by(owner)],
        ),
        "spec": {**owner["spec"]["template"]["spec"], "nodeName": node, "schedulerName": "default-scheduler"},
        "status": {
            "phase": "Running" if up else "Pending",
            "conditions": [
                {"type": kind, "status": str(true), "lastTransitionTime": stamp(at), **({} if true else waits)}
                for kind, true, at in [*told, ("Ready", up, since)]
            ],
            "hostIP": node.removeprefix("ip-").partition(".")[0].replace("-", "."),
            "podIP": ip,
            "startTime": stamp(born),
            "containerStatuses": statuses,
            "qosClass": "Burstable",
        },
    }

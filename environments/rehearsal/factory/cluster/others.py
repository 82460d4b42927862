"""Autoscalers, secrets, ingresses and applications of Argo CD as an API server serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from factory.cluster.objects import condition, metadata
from factory.documents import stamp


def autoscaler(namespace: str, target: str, bounds: tuple[int, int], now: int, at: float) -> dict[str, Any]:
    """An autoscaler that is content with the replicas there are since `at`."""
    metric = {"name": "cpu", "current": {"averageUtilization": 48, "averageValue": "120m"}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata("HorizontalPodAutoscaler", namespace, target, at - 30 * 86400),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": bounds[0],
            "maxReplicas": bounds[1],
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        },
        "status": {
            "observedGeneration": 1,
            "lastScaleTime": stamp(at),
            "currentReplicas": now,
            "desiredReplicas": now,
            "currentMetrics": [{"type": "Resource", "resource": metric}],
            "conditions": [
                condition("AbleToScale", True, "ReadyForNewScale", at, "recommended size matches current size"),
                condition("ScalingActive", True, "ValidMetricFound", at - 30 * 86400),
                condition("ScalingLimited", False, "DesiredWithinRange", at, "the desired count is within the range"),
            ],
        },
    }


def secret(
    namespace: str, name: str, kind: str, data: Mapping[str, str], created: float, **more: Any
) -> dict[str, Any]:
    """A secret; `data` is base64 already."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata("Secret", namespace, name, created, **more),
        "type": kind,
        "data": dict(data),
    }


def ingress(namespace: str, name: str, service: str, created: float, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The way of a host's requests to a service."""
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": service, "port": {"number": 80}}},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata("Ingress", namespace, name, created, annotations=dict(annotations)),
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": "api.factory-ai.example", "http": {"paths": [path]}}],
        },
        "status": {"loadBalancer": {}},
    }


def application(name: str, namespace: str, images: list[str], revision: str, at: float) -> dict[str, Any]:
    """An application of Argo CD, compared with Git at `at`."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata("Application", "argocd", name, at - 90 * 86400),
        "spec": {
            "project": "ai-factory",
            "source": {
                "repoURL": "https://github.com/factory-ai/deployments",
                "path": f"{namespace}/judgment-service",
                "targetRevision": "main",
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
        },
        "status": {
            "sync": {"status": "Synced", "revision": revision},
            "health": {"status": "Healthy", "lastTransitionTime": stamp(at - 3600)},
            "reconciledAt": stamp(at),
            "operationState": {
                "phase": "Succeeded",
                "message": "successfully synced (all tasks run)",
                "startedAt": stamp(at - 3700),
                "finishedAt": stamp(at - 3660),
            },
            "resources": [
                {
                    "group": "apps",
                    "version": "v1",
                    "kind": "Deployment",
                    "namespace": namespace,
                    "name": "judgment-service",
                    "status": "Synced",
                    "health": {"status": "Healthy"},
                }
            ],
            "summary": {"images": images},
        },
    }

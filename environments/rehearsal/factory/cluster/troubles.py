"""Faults of a cluster: what they do to the objects of a healthy one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from factory.cluster import objects as made
from factory.cluster.store import Store
from factory.documents import stamp
from factory.world import HOUR, PRODUCTION, RECOVERY, STAGING, World

Change = Callable[[dict[str, Any], World], None]


def trouble(store: Store, world: World) -> None:
    """Every fault of this world that shows in the cluster."""
    for name, (plural, namespace, prefix, most, change) in FAULTS.items():
        if world.fault(name):
            rows = [one for one in store.rows(plural, namespace) if _belongs(one, prefix)]
            for one in rows[:most]:
                whole = copy.deepcopy(one)
                change(whole, world)
                store.put(plural, whole)
    for name, (namespace, prefix) in GONE.items():
        if world.fault(name):
            for one in store.rows("pods", namespace):
                if _belongs(one, prefix):
                    store.remove("pods", namespace, one["metadata"]["name"])


def _belongs(one: dict[str, Any], name: str) -> bool:
    found = str((one["metadata"].get("labels") or {}).get(made.NAME, one["metadata"]["name"]))
    return found == name


def ended(reason: str, code: int, ago: float, restarts: int, back: bool) -> Change:
    """Containers that ended so often, the last time `ago` seconds ago; `back`: up again since, else backing off."""

    def change(one: dict[str, Any], world: World) -> None:
        at = world.now - ago
        done = {"reason": reason, "exitCode": code, "startedAt": stamp(at - 40), "finishedAt": stamp(at)}
        for each in one["status"]["containerStatuses"]:
            each["restartCount"], each["lastState"] = restarts, {"terminated": done}
            if back:
                each["state"] = {"running": {"startedAt": stamp(at + 10)}}
            else:
                said = f"back-off 5m0s restarting failed container={each['name']} pod={one['metadata']['name']}"
                each["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": said}}
        _ready(one, back, at + 20)

    return change


def _ready(one: dict[str, Any], ready: bool, at: float) -> None:
    for each in one["status"]["conditions"]:
        if each["type"] in ("Ready", "ContainersReady"):
            each |= {"status": str(ready), "lastTransitionTime": stamp(at)}
            if not ready:
                each |= {"reason": "ContainersNotReady", "message": "containers with unready status"}
    for each in one["status"]["containerStatuses"]:
        each["ready"] = each["started"] = ready


def _unready(one: dict[str, Any], world: World) -> None:
    """Runs, and its readiness probe has failed for ten minutes."""
    _ready(one, False, world.now - 600)


def _old_image(one: dict[str, Any], world: World) -> None:
    """A pod that was left behind by the rollout."""
    other = world.old_image if world.scene != "rolled-back" else world.new_image
    for each in (*one["spec"]["containers"], *one["status"]["containerStatuses"]):
        each["image"] = other


def _scaled(current: int, desired: int, *, limited: str, since: float) -> Change:
    def change(one: dict[str, Any], world: World) -> None:
        one["status"] |= {
            "currentReplicas": current,
            "desiredReplicas": desired,
            "lastScaleTime": stamp(world.now - since),
        }
        one["status"]["conditions"][2] |= {
            "status": str(bool(limited)),
            "reason": limited or "DesiredWithinRange",
            "lastTransitionTime": stamp(world.now - since),
        }

    return change


def _blind(one: dict[str, Any], world: World) -> None:
    one["status"]["conditions"][1] = made.condition(
        "ScalingActive",
        False,
        "FailedGetResourceMetric",
        world.now - 2 * HOUR,
        "the HPA was unable to compute the replica count: failed to get cpu utilization: "
        "unable to get metrics for resource cpu: no metrics returned from resource metrics API",
    )


def _rollout(updated: int, ready: int, *, late: bool = False) -> Change:
    """A deployment of which only so many replicas are updated and ready."""

    def change(one: dict[str, Any], world: World) -> None:
        desired = one["spec"]["replicas"]
        one["status"] |= {
            "updatedReplicas": updated,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(1, desired - ready),
            "replicas": desired + 1 if updated < desired else desired,
        }
        reason = "ProgressDeadlineExceeded" if late else "ReplicaSetUpdated"
        one["status"]["conditions"][1] |= {
            "status": str(not late),
            "reason": reason,
            "message": reason,
            "lastTransitionTime": stamp(world.now - 900),
        }

    return change


def _few(one: dict[str, Any], _: World) -> None:
    one["status"] |= {"readyReplicas": 1, "availableReplicas": 1, "unavailableReplicas": 2}


def _unsynced(one: dict[str, Any], _: World) -> None:
    one["status"]["sync"]["status"] = "OutOfSync"
    one["status"]["resources"][0]["status"] = "OutOfSync"


def _degraded(one: dict[str, Any], world: World) -> None:
    one["status"]["health"] = {"status": "Degraded", "lastTransitionTime": stamp(world.now - 1200)}


def _stale(one: dict[str, Any], world: World) -> None:
    """The controller of Argo CD stopped: what it said last stands."""
    one["status"]["reconciledAt"] = stamp(world.now - 6 * HOUR)


# Fault -> (plural, namespace, service or name, how many of them, what happens to each).
FAULTS: dict[str, tuple[str, str, str, int, Change]] = {
    "pod-crashloop": ("pods", PRODUCTION, "bi-service", 1, ended("Error", 1, 130, 37, back=False)),
    "incident-oom": ("pods", PRODUCTION, "judgment-service", 2, ended("OOMKilled", 137, 150, 9, back=False)),
    "oom-yesterday": ("pods", PRODUCTION, "judgment-service", 1, ended("OOMKilled", 137, 20 * HOUR, 1, back=True)),
    "pod-unready": ("pods", PRODUCTION, "mcp-hub", 1, _unready),
    "pod-flapping": ("pods", PRODUCTION, "chat-service", 1, ended("OOMKilled", 137, 95, 21, back=True)),
    "hpa-stuck": (
        "horizontalpodautoscalers",
        PRODUCTION,
        "judgment-service",
        1,
        _scaled(10, 10, limited="TooManyReplicas", since=3 * HOUR),
    ),
    "hpa-out-of-bounds": (
        "horizontalpodautoscalers",
        PRODUCTION,
        "bi-service",
        1,
        _scaled(1, 1, limited="", since=HOUR),
    ),
    "hpa-without-metrics": ("horizontalpodautoscalers", PRODUCTION, "chat-service", 1, _blind),
    "argo-out-of-sync": ("applications", "argocd", "judgment-service-staging", 1, _unsynced),
    "argo-degraded": ("applications", "argocd", "judgment-service-staging", 1, _degraded),
    "argo-stopped": ("applications", "argocd", "judgment-service-staging", 1, _stale),
    "staging-rollout-stuck": ("deployments", STAGING, "judgment-service", 1, _rollout(0, 1, late=True)),
    "old-tag-left": ("pods", PRODUCTION, "judgment-service", 1, _old_image),
    "rollback-unfinished": ("deployments", PRODUCTION, "judgment-service", 1, _rollout(2, 3)),
    "recovery-replicas-few": ("deployments", RECOVERY, "judgment-service", 1, _few),
}
GONE = {"pods-gone": (PRODUCTION, "workflow-service")}

"""What Kubernetes' controllers do with a deployment: replica sets, pods that start one after the other, its status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from factory.cluster import objects as made
from factory.cluster.store import Store
from factory.documents import stamp

START_S = 0.4  # seconds from the creation of a pod until it is ready
_REVISION = "deployment.kubernetes.io/revision"


class Controller:
    """Acts when it is asked to, on what has changed since. `pulls` says whether an image can be had."""

    def __init__(self, store: Store, pulls: Callable[[str], bool]) -> None:
        self._store = store
        self._pulls = pulls
        self._count = 0
        self._born: dict[str, float] = {}  # uid of a pod -> when, with the part of the second

    def settle(self, deployment: dict[str, Any], since: float) -> None:
        """A deployment that was rolled out long ago: its pods are ready since then."""
        found = self._store.put("deployments", deployment)
        owner = self._replicaset(found, since)
        pods = [self._add_pod(owner, since - 30, since) for _ in range(found["spec"]["replicas"])]
        self._tell(found, owner, pods, [], since)

    def advance(self, now: float) -> None:
        """Everything that is due by now."""
        with self._store.lock:
            for namespace, name in sorted(self._store.moving):
                found = self._store.get("deployments", namespace, name)
                if found is None or self._step(found, now):
                    self._store.moving.discard((namespace, name))

    def forget(self, namespace: str, name: str) -> None:
        """A deployment was deleted: what it owned goes, too."""
        for owner in self._owned("replicasets", namespace, name):
            for one in self._owned("pods", namespace, owner["metadata"]["name"]):
                self._store.remove("pods", namespace, one["metadata"]["name"])
            self._store.remove("replicasets", namespace, owner["metadata"]["name"])

    def _step(self, found: dict[str, Any], now: float) -> bool:
        """One look at a deployment; True once there is nothing left to do."""
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        desired = found["spec"].get("replicas", 1)
        if found["spec"].get("paused"):
            owner = max(self._owned("replicasets", namespace, name), key=_revision)
        else:
            owner = self._replicaset(found, now)
        new = [self._grown(one, now) for one in self._owned("pods", namespace, owner["metadata"]["name"])]
        old = [
            one
            for other in self._owned("replicasets", namespace, name)
            if other["metadata"]["name"] != owner["metadata"]["name"]
            for one in self._owned("pods", namespace, other["metadata"]["name"])
        ]
        while len(new) < desired and len(new) + len(old) < desired + 1:
            new.append(self._add_pod(owner, now, None))
        while len(new) > desired:
            self._end_pod(new.pop())
        old.sort(key=_is_ready, reverse=True)
        while old and (not _is_ready(old[-1]) or sum(map(_is_ready, (*new, *old))) > desired):
            self._end_pod(old.pop())
        self._tell(found, owner, new, old, now)
        return len(new) == desired and not old and all(map(_is_ready, new))

    def _replicaset(self, found: dict[str, Any], now: float) -> dict[str, Any]:
        """Of the present template: a new one with the next revision, or one of before that is the newest again."""
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        wanted = f"{name}-{made.template_hash(found['spec']['template'])}"
        others = self._owned("replicasets", namespace, name)
        highest = max((_revision(one) for one in others), default=0)
        present = self._store.get("replicasets", namespace, wanted)
        if present is None:
            return self._store.put("replicasets", made.replicaset(found, highest + 1, now))
        if _revision(present) == highest:
            return present
        metadata = {**present["metadata"], "annotations": {_REVISION: str(highest + 1)}}
        return self._store.put("replicasets", {**present, "metadata": metadata})

    def _add_pod(self, owner: dict[str, Any], born: float, ready_at: float | None) -> dict[str, Any]:
        self._count += 1
        one = self._store.put("pods", made.pod(owner, self._count, born, ready_at))
        if ready_at is None:
            self._born[one["metadata"]["uid"]] = born
        return one

    def _end_pod(self, one: Mapping[str, Any]) -> None:
        self._store.remove("pods", one["metadata"]["namespace"], one["metadata"]["name"])

    def _grown(self, one: dict[str, Any], now: float) -> dict[str, Any]:
        """The pod as it is by now: ready, or without its image."""
        born = self._born.get(one["metadata"]["uid"], 0.0)
        if _is_ready(one) or now < born + START_S:
            return one
        container = one["spec"]["containers"][0]
        owner = self._store.get("replicasets", one["metadata"]["namespace"], _owner(one))
        if owner is not None and self._pulls(container["image"]):
            return self._store.put("pods", {**one, "status": made.pod(owner, 0, born, now)["status"]})
        told = {"reason": "ImagePullBackOff", "message": f"Back-off pulling image {container['image']!r}"}
        if one["status"]["containerStatuses"][0]["state"] == {"waiting": told}:
            return one
        statuses = [{**each, "state": {"waiting": told}} for each in one["status"]["containerStatuses"]]
        return self._store.put("pods", {**one, "status": {**one["status"], "containerStatuses": statuses}})

    def _owned(self, plural: str, namespace: str, name: str) -> list[dict[str, Any]]:
        return [one for one in self._store.rows(plural, namespace) if _owner(one) == name]

    def _tell(self, found: dict[str, Any], owner: dict[str, Any], new: list[Any], old: list[Any], now: float) -> None:
        """The status of the deployment and of its replica set."""
        ready, desired = sum(map(_is_ready, (*new, *old))), found["spec"].get("replicas", 1)
        done = len(new) == desired and not old and ready == desired
        before = {one["type"]: one for one in found["status"].get("conditions") or ()}
        since = datetime.fromisoformat(before["Progressing"]["lastUpdateTime"]).timestamp() if before else now
        same = found["status"].get("observedGeneration") == found["metadata"]["generation"]
        late = not done and same and now - since > found["spec"].get("progressDeadlineSeconds", 600)
        progress = "NewReplicaSetAvailable" if done else "ProgressDeadlineExceeded" if late else "ReplicaSetUpdated"
        status = {
            "observedGeneration": found["metadata"]["generation"],
            "replicas": len(new) + len(old),
            "updatedReplicas": len(new),
            "readyReplicas": ready,
            "availableReplicas": ready,
            **({"unavailableReplicas": desired - ready} if ready < desired else {}),
            "conditions": [
                _told(before, "Available", ready >= desired, "MinimumReplicasAvailable", now),
                _told(before, "Progressing", not late, progress, now if not late else since),
            ],
        }
        annotations = {**(found["metadata"].get("annotations") or {}), _REVISION: str(_revision(owner))}
        changed = {**found, "metadata": {**found["metadata"], "annotations": annotations}, "status": status}
        if _bare(status) != _bare(found["status"]) or annotations != found["metadata"].get("annotations"):
            self._store.put("deployments", changed)
            sizes = {"replicas": len(new), "readyReplicas": sum(map(_is_ready, new)), "observedGeneration": 1}
            self._store.put("replicasets", {**owner, "spec": {**owner["spec"], "replicas": len(new)}, "status": sizes})


def _told(before: Mapping[str, Any], kind: str, true: bool, reason: str, now: float) -> dict[str, Any]:
    known = before.get(kind)
    turned = known is None or known["status"] != str(true)
    return {
        **made.condition(kind, true, reason if true or kind != "Available" else "MinimumReplicasUnavailable", now),
        "lastTransitionTime": stamp(now) if turned or known is None else known["lastTransitionTime"],
        "lastUpdateTime": stamp(now),
    }


def _bare(status: Mapping[str, Any]) -> Any:
    """A status without its times."""
    told = [{key: one[key] for key in ("type", "status", "reason")} for one in status.get("conditions") or ()]
    return {**status, "conditions": told}


def _is_ready(one: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in one["status"]["conditions"])


def _owner(one: Mapping[str, Any]) -> str:
    owners = one["metadata"].get("ownerReferences") or [{"name": ""}]
    return str(owners[0]["name"])


def _revision(one: Mapping[str, Any]) -> int:
    return int((one["metadata"].get("annotations") or {}).get(_REVISION, 0))

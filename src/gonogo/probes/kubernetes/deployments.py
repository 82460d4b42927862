"""The deployments of a namespace: how many replicas serve, what they run, and whether the rollout is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.model.evidence import Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.http.observer import observe
from gonogo.probes.kubernetes.client import CLIENTS, Cluster
from gonogo.probes.kubernetes.names import namespace_of, refuse_unknown, rows_of, wanted_names
from gonogo.probes.kubernetes.reading import age, conditions, images, of_release, tag, told

_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesDeployments:
    """Deployments of `namespace` (a key of the back end's names): all of them, the one called `name`, or those in the
    environment's list `named`.
    """

    namespace: str = "production"
    name: str | None = None
    named: str | None = None
    selector: str | None = None


def look(options: KubernetesDeployments, vantage: Vantage) -> Sight:
    """{count, deployments: [{name, desired, updated, ready, available, complete, reason, image, tag, of_release ...}],
    missing}. One that was asked for by its name and is not there is NO_DATA.

    `complete` is decided as `kubectl rollout status` does, and `reason` is its sentence: the controller has seen the
    newest specification, all replicas are updated, no old one is left, and the updated ones are available.
    """
    namespace = namespace_of(vantage, options.namespace)
    wanted = wanted_names(vantage, options.name, options.named)

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        rows = cluster.rows(
            f"/apis/apps/v1/namespaces/{namespace}/deployments",
            f"list deployments in {namespace}",
            lambda raw: deployment(raw, vantage),
            kind="DeploymentList",
            labelSelector=options.selector,
            fieldSelector=f"metadata.name={options.name}" if options.name else None,
        )
        found, missing = rows_of(rows, wanted, "deployment", f"{cluster.url}, namespace {namespace}")
        data = {"namespace": namespace, "count": len(found), "deployments": found, "missing": missing}
        return Seen(data=data, notes=tuple(cluster.notes))

    return observe(f"Kubernetes deployments in {namespace}", read)


def deployment(raw: Mapping[str, Any], vantage: Vantage) -> dict[str, Any]:
    """One deployment as evidence."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    template = spec["template"]
    found = images(template["spec"], template.get("metadata") or {})
    complete, reason = rolled_out(raw)
    return {
        "name": metadata["name"],
        "desired": spec.get("replicas", 1),
        "replicas": status.get("replicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "ready": status.get("readyReplicas", 0),
        "available": status.get("availableReplicas", 0),
        "generation": metadata.get("generation"),
        "observed_generation": status.get("observedGeneration"),
        "complete": complete,
        "reason": reason,
        "paused": bool(spec.get("paused")),
        "revision": (metadata.get("annotations") or {}).get(_REVISION),
        "image": found[0] if found else None,
        "tag": tag(found[0]) if found else None,
        "images": found,
        "of_release": of_release(found, vantage.release),
        "age_s": age(metadata.get("creationTimestamp"), vantage.now),
        "conditions": told(status, vantage.now),
    }


def rolled_out(raw: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the rollout is complete, and the sentence on it: kubectl's DeploymentStatusViewer (polymorphichelpers,
    rollout_status.go). A deployment of 0 replicas is complete, too; whoever needs replicas asks for `ready`.
    """
    spec, status = raw["spec"], raw.get("status") or {}
    desired, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    replicas, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    if raw["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return False, "the newest specification was not seen by the controller yet"
    if conditions(status).get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        return False, "it exceeded its progress deadline"
    if updated < desired:
        return False, f"{updated} of {desired} new replicas have been updated"
    if replicas > updated:
        return False, f"{replicas - updated} old replicas are pending termination"
    if available < updated:
        return False, f"{available} of {updated} updated replicas are available"
    return True, "successfully rolled out"


PROBE = Probe(
    options=KubernetesDeployments,
    look=look,
    back_ends=("kubernetes",),
    extra="kubernetes",
    clients=CLIENTS,
    refuse=refuse_unknown,
)

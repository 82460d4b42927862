"""An application of Argo CD: is what runs what Git says, and is it healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.kubernetes.client import CLIENTS, Cluster
from gonogo.probes.kubernetes.reading import age, of_release, short


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoApplication:
    """The application of this name, in the back end's names.argocd, a namespace (argocd if it is not given)."""

    name: str


def look(options: ArgoApplication, vantage: Vantage) -> Sight:
    """{name, sync, health, revision, target, images, of_release, compared_age_s, operation, out_of_sync, conditions}.

    `compared_age_s` is how long ago Argo CD last compared: a controller that has stopped says Synced for ever.
    """
    namespace = vantage.back_end("kubernetes").names.get("argocd", "argocd")
    what = f"get applications.argoproj.io {options.name} in {namespace}"
    path = (
        f"/apis/argoproj.io/v1alpha1/namespaces/{quote(namespace, safe='')}/applications/{quote(options.name, safe='')}"
    )

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        raw = cluster.get(path, what)
        if raw.get("kind") != "Application":
            raise Failure(Cause.BROKEN, f"{what}: {str(raw.get('kind'))[:60]!r} where Application was asked for")
        return Seen(data=application(raw, vantage))

    return observe(f"Argo CD application {options.name}", read)


def application(raw: Mapping[str, Any], vantage: Vantage) -> dict[str, Any]:
    """One application as evidence; what its controller has not said yet is Unknown."""
    status = raw.get("status") or {}
    sync, operation = status.get("sync") or {}, status.get("operationState") or {}
    sources = raw["spec"].get("sources") or [{}]
    source = raw["spec"].get("source") or sources[0]
    images = [str(one) for one in (status.get("summary") or {}).get("images") or ()]
    resources = status.get("resources") or ()
    return {
        "name": raw["metadata"]["name"],
        "sync": sync.get("status", "Unknown"),
        "health": (status.get("health") or {}).get("status", "Unknown"),
        "health_message": short((status.get("health") or {}).get("message")),
        "revision": sync.get("revision") or ", ".join(sync.get("revisions") or ()) or None,
        "target": source.get("targetRevision"),
        "images": images,
        "of_release": of_release(images, vantage.release),
        "compared_age_s": age(status.get("reconciledAt"), vantage.now),
        "operation": {
            "phase": operation.get("phase"),
            "message": short(operation.get("message")),
            "finished_age_s": age(operation.get("finishedAt"), vantage.now),
        },
        "out_of_sync": [
            f"{one.get('kind')}/{one.get('name')}" for one in resources if one.get("status") == "OutOfSync"
        ],
        "conditions": [f"{one.get('type')}: {short(one.get('message'))}" for one in status.get("conditions") or ()],
    }


PROBE = Probe(options=ArgoApplication, look=look, back_ends=("kubernetes",), extra="kubernetes", clients=CLIENTS)

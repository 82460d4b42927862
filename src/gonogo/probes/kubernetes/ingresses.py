"""The ingresses of a namespace: which hosts lead to which services, and what share a canary gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.model.evidence import Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.http.observer import observe
from gonogo.probes.kubernetes.client import CLIENTS, Cluster
from gonogo.probes.kubernetes.names import namespace_of, refuse_unknown

_NOTE = "nginx.ingress.kubernetes.io/"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesIngresses:
    """All ingresses of `namespace`, a key of the back end's names."""

    namespace: str = "production"


def look(options: KubernetesIngresses, vantage: Vantage) -> Sight:
    """{count, ingresses: [{name, class, hosts, services, canary, percent}]}; none is an answer, too.

    `canary` and `percent` are what ingress-nginx does with the annotations canary, canary-weight and
    canary-weight-total: percent of the requests, null where it is no canary or its weight is no number.
    """
    namespace = namespace_of(vantage, options.namespace)

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        found = cluster.rows(
            f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
            f"list ingresses in {namespace}",
            ingress,
            kind="IngressList",
        )
        data = {"namespace": namespace, "count": len(found), "ingresses": found}
        return Seen(data=data, notes=tuple(cluster.notes))

    return observe(f"Kubernetes ingresses in {namespace}", read)


def ingress(raw: Mapping[str, Any]) -> dict[str, Any]:
    """One ingress as evidence."""
    spec, notes = raw["spec"], raw["metadata"].get("annotations") or {}
    rules = spec.get("rules") or ()
    canary = str(notes.get(f"{_NOTE}canary", "")).lower() == "true"
    return {
        "name": raw["metadata"]["name"],
        "class": spec.get("ingressClassName"),
        "hosts": [rule["host"] for rule in rules if rule.get("host")],
        "services": sorted(set(_services(spec))),
        "canary": canary,
        "percent": _percent(notes) if canary else None,
    }


def _services(spec: Mapping[str, Any]) -> Iterator[str]:
    paths = [path for rule in spec.get("rules") or () for path in (rule.get("http") or {}).get("paths") or ()]
    for backend in (spec.get("defaultBackend"), *(path.get("backend") for path in paths)):
        if backend and backend.get("service"):
            yield str(backend["service"]["name"])


def _percent(notes: Mapping[str, Any]) -> float | None:
    weight, total = str(notes.get(f"{_NOTE}canary-weight", "0")), str(notes.get(f"{_NOTE}canary-weight-total", "100"))
    if not (weight.isascii() and weight.isdigit() and total.isascii() and total.isdigit() and int(total)):
        return None
    return min(100.0, 100 * int(weight) / int(total))


PROBE = Probe(
    options=KubernetesIngresses,
    look=look,
    back_ends=("kubernetes",),
    extra="kubernetes",
    clients=CLIENTS,
    refuse=refuse_unknown,
)

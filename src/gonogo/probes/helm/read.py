"""A Helm release and what runs of it, as one state that a change is planned on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.model.helm import CANARY, WEIGHT, HelmRevision, HelmState, Route, Workload
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.helm.history import TYPE
from gonogo.probes.helm.storage import revision_of
from gonogo.probes.kubernetes.access import BACK_END
from gonogo.probes.kubernetes.client import Cluster
from gonogo.probes.kubernetes.deployments import rolled_out

STABLE, CANARY_SIDE = "stable", "canary"
OPERATOR = "kubernetes_operator"  # a back end for whoever changes the cluster, where looking has a lesser account
_ACCESS = ("kubeconfig", "context", "in_cluster")
_VALUES = {"tag": "image.tag", "weight": "canary.weight"}  # where charts keep them
_PAGE = 10


def release_of(environment: Environment) -> tuple[str, str, str, str | None]:
    """(namespace, release, stable Deployment, canary Deployment); ConfigError where the environment does not say.

    The Deployments are `service` of the sides stable and canary, or names.stable and names.canary of the back end, for
    a canary behind the same address. The release is called as the stable Deployment is, unless names.release is given.
    """
    back_end = environment.back_ends.get(BACK_END)
    names = back_end.names if back_end else {}
    stable, canary = (
        names.get(name) or (environment.sides[name].service if name in environment.sides else None)
        for name in (STABLE, CANARY_SIDE)
    )
    namespace = names.get("production")
    if stable is None or not namespace:
        raise ConfigError(
            f"{environment.name} has no release to roll out: back end {BACK_END} with names.production, a namespace,"
            f" and side {STABLE} with `service`, its Deployment, are needed",
            environment.origin,
        )
    return namespace, names.get("release", stable), stable, canary


def operating(vantage: Vantage) -> Vantage:
    """The same place with the account that may change things: back end kubernetes_operator where there is one. What it
    does not say is as back end kubernetes says.
    """
    environment = vantage.environment
    own, base = environment.back_ends.get(OPERATOR), environment.back_ends.get(BACK_END)
    if own is None or base is None:
        return vantage
    names = {name: value for name, value in base.names.items() if name not in _ACCESS} | dict(own.names)
    elsewhere = any(name in own.names for name in _ACCESS)
    address = own.address or ("" if elsewhere else base.address)
    made = replace(own, address=address, ca=own.ca or base.ca, names=names)
    return replace(vantage, environment=replace(environment, back_ends={**environment.back_ends, BACK_END: made}))


def secrets_path(namespace: str) -> str:
    """Where Helm keeps its releases."""
    return f"/api/v1/namespaces/{namespace}/secrets"


def object_path(namespace: str, kind: str, name: str) -> str:
    """Where a Deployment or an Ingress is."""
    group = "apps/v1" if kind == "Deployment" else "networking.k8s.io/v1"
    return f"/apis/{group}/namespaces/{namespace}/{'deployments' if kind == 'Deployment' else 'ingresses'}/{name}"


def read(vantage: Vantage, *, changes: bool = True) -> HelmState:
    """The release as it stands. Failure where a part of it cannot be seen; a Deployment that is gone is left out.

    `changes`: it is read to be changed, with that account. Else with the account that looks, which may only list.
    """
    with well_formed():
        return _read(operating(vantage) if changes else vantage, lists=not changes)


@contextmanager
def well_formed() -> Iterator[None]:
    """Failure(BROKEN) for objects that lack what every object of their kind has."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Failure(Cause.BROKEN, f"an object of the cluster is malformed: {type(error).__name__}") from None


def _read(vantage: Vantage, *, lists: bool) -> HelmState:
    environment = vantage.environment
    namespace, release, stable, canary = release_of(environment)
    cluster = Cluster(vantage=vantage)
    get = _listed if lists else _object
    revisions = cluster.rows(
        secrets_path(namespace),
        f"list secrets of Helm release {release} in {namespace}",
        lambda secret: _revision(vantage, secret),
        kind="SecretList",
        labelSelector=f"owner=helm,name={release}",
        fieldSelector=f"type={TYPE}",
        limit=_PAGE,
    )
    revisions.sort(key=lambda one: -one.number)
    newest = revisions[0].objects if revisions else ()
    names = {stable, *([canary] if canary else []), *_names(newest, "Deployment", namespace)}
    workloads = {}
    for name in sorted(names):
        found = get(cluster, namespace, "Deployment", name)
        if found is not None:
            workloads[name] = _workload(name, found)
    routes = {}
    for name in _canary_routes(newest, canary, namespace):
        found = get(cluster, namespace, "Ingress", name)
        if found is not None and (route := _route(name, found)):
            routes[name] = route
    values = environment.back_ends[BACK_END].names
    return HelmState(
        namespace=namespace,
        release=release,
        stable=stable,
        canary=canary,
        revisions=tuple(revisions),
        workloads=workloads,
        routes=routes,
        at=vantage.now,
        values={name: values.get(f"{name}_value", path) for name, path in _VALUES.items()},
    )


def _revision(vantage: Vantage, secret: Mapping[str, Any]) -> HelmRevision:
    """One revision, unpacked once for all looks of a run: its manifest may be long."""
    known: dict[tuple[str, str], HelmRevision] = vantage.shared("helm-revisions", dict)
    key = (str(secret["metadata"]["name"]), str(secret["metadata"]["resourceVersion"]))
    if key not in known:
        known[key] = revision_of(secret)
    return known[key]


def _names(objects: Sequence[Mapping[str, Any]], kind: str, namespace: str) -> list[str]:
    """Names of a revision's objects of a kind, in the release's own namespace."""
    ours = (one["metadata"] for one in objects if one.get("kind") == kind)
    return [str(one["name"]) for one in ours if one.get("namespace") in (None, "", namespace)]


def _canary_routes(objects: Sequence[Mapping[str, Any]], canary: str | None, namespace: str) -> list[str]:
    """Ingresses that give this canary its share: called like it or leading to it, or the only one of any canary."""
    shares = [one for one in objects if one.get("kind") == "Ingress" and _is_canary(one["metadata"])]
    ours = [one for one in shares if canary in (one["metadata"]["name"], *_backends(one.get("spec") or {}))]
    return _names(ours or (shares if len(shares) == 1 else []), "Ingress", namespace)


def _is_canary(metadata: Mapping[str, Any]) -> bool:
    return str((metadata.get("annotations") or {}).get(CANARY)).lower() == "true"


def _backends(spec: Mapping[str, Any]) -> list[str]:
    """Names of the services that an Ingress leads to."""
    paths = [path for rule in spec.get("rules") or () for path in (rule.get("http") or {}).get("paths") or ()]
    named = [((one.get("backend") or {}).get("service") or {}).get("name") for one in paths]
    return [str(name) for name in named if name]


def _object(cluster: Cluster, namespace: str, kind: str, name: str) -> Any:
    try:
        return cluster.get(object_path(namespace, kind, name), f"get {kind} {name} in {namespace}")
    except Failure as failure:
        if failure.cause is Cause.NO_DATA:
            return None
        raise


def _listed(cluster: Cluster, namespace: str, kind: str, name: str) -> Any:
    """The same from a list: the right to look is the right to list."""
    path = object_path(namespace, kind, name).rpartition("/")[0]
    what = f"list {kind} {name} in {namespace}"
    found = cluster.rows(path, what, lambda one: one, kind=f"{kind}List", fieldSelector=f"metadata.name={name}")
    return next((one for one in found if one["metadata"]["name"] == name), None)


def _workload(name: str, raw: Mapping[str, Any]) -> Workload:
    spec, status, metadata = raw["spec"], raw.get("status") or {}, raw["metadata"]
    pod = spec["template"]["spec"]
    complete, reason = rolled_out(raw)
    paused = "its rollouts are paused" if spec.get("paused") else None
    return Workload(
        name=name,
        version=str(metadata["resourceVersion"]),
        containers={
            str(one["name"]): str(one["image"])
            for one in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ()))
        },
        replicas=spec.get("replicas", 1),
        available=status.get("availableReplicas") or 0,
        late=paused or (None if complete else reason),
        annotations=metadata.get("annotations") or {},
    )


def _route(name: str, raw: Mapping[str, Any]) -> Route | None:
    metadata = raw["metadata"]
    annotations = metadata.get("annotations") or {}
    if not _is_canary(metadata):
        return None
    text, total = str(annotations.get(WEIGHT, "0")), str(annotations.get(f"{WEIGHT}-total", "100"))
    if total != "100":
        raise Failure(Cause.BROKEN, f"Ingress {name}: its canary weight is of {total[:40]!r}, not of 100")
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise Failure(Cause.BROKEN, f"Ingress {name}: its canary weight is {text[:40]!r}, no percentage")
    return Route(name=name, version=str(metadata["resourceVersion"]), weight=int(text))

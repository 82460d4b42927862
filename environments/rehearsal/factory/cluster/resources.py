"""The kinds of objects that the stand-in of a cluster knows, their paths, and its answers of kind Status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from http_server import Reply

STAND_IN = "gonogo rehearsal: a stand-in of a Kubernetes API server, not Kubernetes"
HEADERS = {"X-Stand-In": STAND_IN, "Cache-Control": "no-cache, private", "Audit-Id": "rehearsal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of object. `checked` says that Kubernetes' own schema of it is known."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    checked: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


RESOURCES = {
    one.plural: one
    for one in (
        Resource(plural="pods", kind="Pod"),
        Resource(plural="secrets", kind="Secret"),
        Resource(plural="deployments", kind="Deployment", group="apps"),
        Resource(plural="replicasets", kind="ReplicaSet", group="apps"),
        Resource(plural="horizontalpodautoscalers", kind="HorizontalPodAutoscaler", group="autoscaling", version="v2"),
        Resource(plural="ingresses", kind="Ingress", group="networking.k8s.io"),
        Resource(plural="applications", kind="Application", group="argoproj.io", version="v1alpha1", checked=False),
    )
}
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[a-z0-9.-]+)/(?P<version>v[a-z0-9]+))"
    r"(?:/namespaces/(?P<namespace>[a-z0-9-]{1,63}))?/(?P<plural>[a-z]+)(?:/(?P<name>[a-z0-9.-]{1,253}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a path names. No namespace means all of them, no name the list."""

    resource: Resource
    namespace: str
    name: str


def place(path: str) -> Place | None:
    """The place of a path; None if the server has no such one."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    resource = RESOURCES.get(found["plural"])
    if resource is None or (found["group"] or "", found["core"] or found["version"]) != (
        resource.group,
        resource.version,
    ):
        return None
    if found["name"] and not found["namespace"]:
        return None
    return Place(resource=resource, namespace=found["namespace"] or "", name=found["name"] or "")


class Refused(Exception):
    """A request that ends with a Status that is no success."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({"details": details} if details else {}),
            "code": code,
        }

    def reply(self) -> Reply:
        return Reply(status=self.code, body=self.body, headers=dict(HEADERS))


def not_found(place_: Place) -> Refused:
    """404 as the server says it."""
    full = f"{place_.resource.plural}.{place_.resource.group}".rstrip(".")
    details = {"name": place_.name, "group": place_.resource.group, "kind": place_.resource.plural}
    return Refused(404, "NotFound", f'{full} "{place_.name}" not found', details)


def discovery(path: str) -> dict[str, Any] | None:
    """/version and what the client asks to find its way."""
    if path == "/version":
        return {
            "major": "1",
            "minor": "37",
            "gitVersion": "v1.37.0-gonogo.rehearsal",
            "gitCommit": "",
            "gitTreeState": "",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": STAND_IN,
            "platform": "rehearsal",
        }
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        groups = [
            {
                "name": one.group,
                "versions": [{"groupVersion": one.api_version, "version": one.version}],
                "preferredVersion": {"groupVersion": one.api_version, "version": one.version},
            }
            for one in {one.group: one for one in RESOURCES.values() if one.group}.values()
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    return None

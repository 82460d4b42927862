"""A Helm release beside what runs of it: revisions, deployments, the canary's weight, and what a change would set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"  # percent of the requests that a canary's Ingress takes
CANARY = "nginx.ingress.kubernetes.io/canary"
DEPLOYED, SUPERSEDED, FAILED = "deployed", "superseded", "failed"  # of Helm's states those that a change can begin with


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment as it stands. `containers` are images by container, init containers too; `late` is why its rollout
    is not complete, as `kubectl rollout status` decides, and None once it is.
    """

    name: str
    version: str  # its resourceVersion: a change made with it is refused once the object has changed
    containers: Mapping[str, str]
    replicas: int  # that are asked for
    available: int
    late: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The Ingress that gives a canary its share. `weight` is in percent."""

    name: str
    version: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRevision:
    """One revision of a release, as Helm's own secret holds it. `objects` are its rendered documents, `config` are the
    values that were given, which may be secret: they are never shown. `defaults` are those of the chart.
    """

    number: int
    status: str
    description: str
    chart: str  # name and version, as `helm history` shows it
    chart_version: str
    app_version: str
    version: str  # the secret's resourceVersion
    updated: datetime | None = None
    hooks: tuple[str, ...] = ()  # events that Helm, and only Helm, runs something at
    objects: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmState:
    """A release as it stands in a namespace. `stable` and `canary` are names of Deployments; revisions newest first;
    `values` names where the chart keeps a value: tag, canary_tag, weight.
    """

    namespace: str
    release: str
    stable: str
    canary: str | None
    revisions: tuple[HelmRevision, ...]
    workloads: Mapping[str, Workload]
    routes: Mapping[str, Route]
    at: datetime
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def route(self) -> Route | None:
        """The one that gives the canary its share."""
        return next(iter(self.routes.values()), None)

    @property
    def weight(self) -> int:
        """The canary's share in percent, the largest where there are several; 0 without a canary."""
        return max((route.weight for route in self.routes.values()), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What is set of one object, as a strategic merge; `what` says it for people."""

    kind: str
    name: str
    version: str  # the resourceVersion that it is bound to
    body: Mapping[str, Any]
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmChange:
    """What would be set, in order, and the revision that Helm's history would get for it.

    `objects` and `config` are that revision's, `source` the revision whose chart it has, `base` the one whose rendered
    text it goes on from. `images` and `weight` are what
    is in force afterwards; `previous` is the revision to go back to.
    """

    number: int
    description: str
    pending: str  # Helm's state of it while it is under way
    source: int
    base: int
    patches: tuple[Patch, ...]
    images: Mapping[str, Mapping[str, str]]  # by Deployment, then by container
    replicas: Mapping[str, int]  # those that are set
    weight: int | None
    goal: str
    helm: str  # the command line that does about the same
    previous: str | None = None
    target: int | None = None  # of a rollback
    notes: tuple[str, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

"""A scene and its faults into Cloud Run's services: revisions, settings and traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from world import World

HOUR, DAY = 3600.0, 86400.0
STABLE, CANARY, STAGING = "ion-api", "ion-api-canary", "ion-api-staging"


@dataclass(kw_only=True)
class Revision:
    """One Cloud Run revision."""

    name: str
    service: str
    image: str
    created: float
    ready: bool = True
    reason: str = ""


@dataclass(kw_only=True)
class Traffic:
    """A share of a service's traffic."""

    revision: str
    percent: int
    tag: str = ""


@dataclass(kw_only=True)
class Service:
    """One Cloud Run service: revisions newest first, settings of its template, traffic."""

    name: str
    revisions: list[Revision]
    traffic: list[Traffic]
    memory: str = "1Gi"
    cpu: str = "1"
    min_instances: int = 1
    max_instances: int = 100
    health_path: str = "/health"
    health_timeout_s: int = 10
    generation: int = 1
    asked: list[Traffic] | None = None  # what is wanted and not in force yet

    @property
    def latest_created(self) -> Revision:
        return self.revisions[0]

    @property
    def latest_ready(self) -> Revision:
        return next((r for r in self.revisions if r.ready), self.revisions[-1])

    @property
    def serving(self) -> Revision:
        """The revision with the largest share."""
        return self.revision(max(self.traffic, key=lambda t: t.percent).revision)

    def revision(self, name: str) -> Revision:
        """The revision of this name; LookupError if there is none."""
        for revision in self.revisions:
            if revision.name == name:
                return revision
        raise LookupError(f"{self.name} has no revision {name}")


def build(world: World) -> dict[str, Service]:
    """The services of a world, as its scene and its faults want them."""
    services = {service.name: service for service in (_stable(world), _canary(world), _staging(world))}
    if world.fault("canary-service-missing"):
        del services[CANARY]
    return services


def _stable(world: World) -> Service:
    now = world.now
    new = Revision(
        name=world.new_revision,
        service=STABLE,
        image=world.old_image if world.fault("old-image-serves") else world.new_image,
        created=now - HOUR if world.scene == "before" else world.t0,
    )
    previous = Revision(name=world.previous_revision, service=STABLE, image=world.old_image, created=now - 9 * DAY)
    older = Revision(name="ion-api-00040-xyz", service=STABLE, image=world.older_image, created=now - 30 * DAY)
    service = Service(name=STABLE, revisions=[new, previous, older], traffic=_split(world))
    if world.fault("new-revision-missing"):
        _keep(service, {previous.name, older.name})
    if world.fault("no-previous-revision"):
        _keep(service, {new.name, service.serving.name} if world.scene in ("before", "rolled-back") else {new.name})
    if world.fault("previous-revision-not-ready"):
        _spoil(service, {new.name} if world.scene in ("stage-5", "watch", "deployed") else {new.name, previous.name})
    if world.fault("revision-not-ready"):
        failed = Revision(
            name="ion-api-00043-bad",
            service=STABLE,
            image=world.new_image,
            created=now - 3 * HOUR,
            ready=False,
            reason="HealthCheckContainerError",
        )
        service.revisions.insert(0, failed)
    if world.fault("config-memory-512"):
        service.memory = "512Mi"
    if world.fault("config-health-timeout"):
        service.health_timeout_s = 60
    if world.fault("scaling-max-10"):
        service.max_instances = 10
    if world.fault("scaling-min-0"):
        service.min_instances = 0
    return service


def _split(world: World) -> list[Traffic]:
    """Traffic of ion-api between the previous and the new revision (tagged canary)."""
    percent = {"before": 0, "stage-5": 5, "watch": 5, "deployed": 100, "rolled-back": 0}[world.scene]
    if world.fault("traffic-drifted"):
        percent += -10 if percent == 100 else 10
    shares = [
        Traffic(revision=world.previous_revision, percent=100 - percent),
        Traffic(revision=world.new_revision, percent=percent, tag="canary"),
    ]
    return [share for share in shares if share.percent or share.tag]


def _keep(service: Service, names: set[str]) -> None:
    """Forget all other revisions; their traffic goes to the one that is left to serve."""
    service.revisions = [revision for revision in service.revisions if revision.name in names]
    lost = sum(share.percent for share in service.traffic if share.revision not in names)
    service.traffic = [share for share in service.traffic if share.revision in names]
    max(service.traffic, key=lambda share: share.percent).percent += lost


def _spoil(service: Service, names: set[str]) -> None:
    """All other revisions are not ready."""
    for revision in service.revisions:
        if revision.name not in names:
            revision.ready, revision.reason = False, "ContainerMissing"


def _canary(world: World) -> Service:
    is_before = world.scene == "before"
    serving = Revision(
        name=world.canary_revision,
        service=CANARY,
        image=world.old_image if is_before else world.new_image,
        created=world.now - 9 * DAY if is_before else world.t0,
    )
    if world.fault("new-revision-missing"):
        serving.ready, serving.reason = False, "HealthCheckContainerError"
    older = Revision(
        name="ion-api-canary-00017-old", service=CANARY, image=world.older_image, created=world.now - 30 * DAY
    )
    return Service(name=CANARY, revisions=[serving, older], traffic=[Traffic(revision=serving.name, percent=100)])


def _staging(world: World) -> Service:
    """The new revision of staging is reached by its tag; it takes traffic only after its smoke test."""
    new = Revision(
        name=world.staging_revision,
        service=STAGING,
        image=world.old_image if world.fault("staging-old-image") else world.new_image,
        created=min(world.now, world.t0) - 2 * HOUR,
    )
    old = Revision(
        name="ion-api-staging-00062-old", service=STAGING, image=world.old_image, created=world.now - 9 * DAY
    )
    percent = 100 if world.fault("staging-takes-traffic") else 0
    return Service(
        name=STAGING,
        revisions=[new, old],
        traffic=[
            Traffic(revision=old.name, percent=100 - percent),
            Traffic(revision=new.name, percent=percent, tag="candidate"),
        ],
        max_instances=10,
    )

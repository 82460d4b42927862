"""One scene of ION, with its faults, as data: what every stand-in of the rehearsal answers from."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SCENES = ("before", "stage-5", "deployed", "rolled-back")
PROJECT = "naeda-genesis"
REGION = "us-central1"
REPOSITORY = "naeda/ion-api"
STABLE, CANARY, STAGING = "ion-api", "ion-api-canary", "ion-api-staging"
SERVICE_OF_SIDE = {"stable": STABLE, "canary": CANARY, "staging": STAGING}
PERSONAS = ("Lua", "Elro", "Riri", "Nana")
USERS = tuple(f"user-{n:03d}" for n in range(1, 41))
OLD_VERSION, OLDER_VERSION = "v1.2.2", "v1.2.1"
HOUR, DAY = 3600.0, 86400.0
BACKGROUND = 25 * HOUR  # how far back history and canary reach


@dataclass(kw_only=True)
class Request:
    """One request that a service answered: seeded history and live traffic alike. `at` is its end."""

    at: float  # epoch seconds
    side: str  # stable | canary | staging
    service: str
    revision: str
    method: str
    path: str
    status: int
    process_time_ms: float
    persona: str = ""  # chat and recommendation only
    user_id: str = ""
    error_type: str = ""  # set when the answer was an error; "vertex_timeout", "db_pool", "validation" ...
    message: str = ""  # the log line
    message_length: int = 0  # characters the user sent
    retries: int = 0  # calls of Vertex AI that were repeated before this answer


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

    @property
    def latest_created(self) -> Revision:
        return self.revisions[0]

    @property
    def latest_ready(self) -> Revision:
        return next((r for r in self.revisions if r.ready), self.revisions[-1])

    @property
    def serving(self) -> Revision:
        """The revision with the largest share."""
        most = max(self.traffic, key=lambda t: t.percent).revision
        return next(r for r in self.revisions if r.name == most)


class World:
    """A scene with its faults, frozen at `now` but for what is done to it: requests, traffic, canary reset.

    `release` is release.yaml as a mapping; `now` is epoch seconds. `requests` starts with history.seed(world)
    and grows by record(); read it through snapshot(), since servers answer from many threads.
    """

    def __init__(
        self, scene: str, faults: frozenset[str], now: float, release: Mapping[str, object], folder: Path | None = None
    ) -> None:
        if scene not in SCENES:
            raise ValueError(f"'{scene}' is not a scene; there are {', '.join(SCENES)}")
        self.scene = scene
        self.faults = faults
        self.now = now
        self.release = dict(release)
        self.folder = folder or Path()  # the temporary folder of this run, for files such as metrics.csv
        self.lock = threading.RLock()
        self.requests: list[Request] = []
        self.new_image = str(release["image"])
        self.new_version = f"v{release['version']}"
        base = self.new_image.rpartition(":")[0]
        self.old_image = f"{base}:{OLD_VERSION}"
        self.older_image = f"{base}:{OLDER_VERSION}"
        self.previous_revision = "ion-api-00041-abc"
        self.new_revision = "ion-api-00042-def"
        self.canary_revision = "ion-api-canary-00018-can"
        self.staging_revision = "ion-api-staging-00063-stg"
        # T0: when the deploy starts; before it, an hour from now.
        self.t0 = now + HOUR if scene == "before" else now - BACKGROUND
        self.rolled_back_at = now - 2 * HOUR if scene == "rolled-back" else None
        self.services: dict[str, Service] = {s.name: s for s in self._services()}
        self.canary_metrics_since = self.t0 if scene == "stage-5" else now - HOUR

    def fault(self, name: str) -> bool:
        """True if this fault is switched on."""
        return name in self.faults

    def record(self, request: Request) -> None:
        """Add one live request."""
        with self.lock:
            self.requests.append(request)

    def snapshot(self) -> list[Request]:
        """All requests so far, oldest first."""
        with self.lock:
            return list(self.requests)

    def revision_of(self, side: str) -> str:
        """The revision that answers on a side."""
        match side:
            case "stable":
                return self.services[STABLE].serving.name
            case "canary":
                return self.canary_revision
            case "staging":
                return self.staging_revision
            case _:
                raise ValueError(f"'{side}' is not a side")

    def _services(self) -> list[Service]:
        now, old_created = self.now, self.now - 9 * DAY
        new_created = now - HOUR if self.scene == "before" else self.t0
        stable = Service(
            name=STABLE,
            revisions=[
                Revision(name=self.new_revision, service=STABLE, image=self.new_image, created=new_created),
                Revision(name=self.previous_revision, service=STABLE, image=self.old_image, created=old_created),
                Revision(name="ion-api-00040-xyz", service=STABLE, image=self.older_image, created=now - 30 * DAY),
            ],
            traffic=self._split(),
        )
        canary_image = self.old_image if self.scene == "before" else self.new_image
        canary = Service(
            name=CANARY,
            revisions=[
                Revision(name=self.canary_revision, service=CANARY, image=canary_image, created=new_created),
                Revision(
                    name="ion-api-canary-00017-old", service=CANARY, image=self.older_image, created=now - 30 * DAY
                ),
            ],
            traffic=[Traffic(revision=self.canary_revision, percent=100)],
        )
        # The new staging revision is reached by its tag; it takes traffic only after its smoke test.
        staging = Service(
            name=STAGING,
            revisions=[
                Revision(name=self.staging_revision, service=STAGING, image=self.new_image, created=new_created),
                Revision(name="ion-api-staging-00062-old", service=STAGING, image=self.old_image, created=old_created),
            ],
            traffic=[
                Traffic(revision="ion-api-staging-00062-old", percent=100),
                Traffic(revision=self.staging_revision, percent=0, tag="candidate"),
            ],
            max_instances=10,
        )
        return [stable, canary, staging]

    def _split(self) -> list[Traffic]:
        """Traffic of ion-api: previous and new (tagged canary) revision."""
        new_percent = {"before": 0, "stage-5": 5, "deployed": 100, "rolled-back": 0}[self.scene]
        return [
            Traffic(revision=self.previous_revision, percent=100 - new_percent),
            Traffic(revision=self.new_revision, percent=new_percent, tag="canary"),
        ]


@dataclass
class WorldRef:
    """What servers hold: `.world` is swapped when another scene is asked for; secrets and addresses stay."""

    world: World
    secrets: dict[str, str] = field(default_factory=dict)  # GONOGO_GCP_TOKEN, GONOGO_SLACK_TOKEN, ...
    addresses: dict[str, str] = field(default_factory=dict)

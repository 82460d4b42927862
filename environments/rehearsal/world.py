"""One scene of ION, with its faults, as data: what every stand-in of the rehearsal answers from."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from capacity import Saturating
from fault_book import SCRIPTS
from flow_faults import Flowing, split_name
from limited_paths import LimitedPaths
from services import CANARY, STABLE, STAGING, Revision, Service, Traffic, build
from stalls import Stalls

__all__ = ["CANARY", "STABLE", "STAGING", "Request", "Revision", "Service", "Traffic", "World", "WorldRef"]

SCENES = SCRIPTS["ion"].scenes
PROJECT = "naeda-genesis"
REGION = "us-central1"
REPOSITORY = "naeda/ion-api"
SERVICE_OF_SIDE = {"stable": STABLE, "canary": CANARY, "staging": STAGING}
PERSONAS = ("Lua", "Elro", "Riri", "Nana")
USERS = tuple(f"user-{n:03d}" for n in range(1, 41))
OLD_VERSION, OLDER_VERSION = "v1.2.2", "v1.2.1"
HOUR, DAY = 3600.0, 86400.0
BACKGROUND = 25 * HOUR  # how far back history and canary reach


@dataclass(slots=True, kw_only=True)
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
    retries: int = 0  # of calls to Vertex AI that this request needed


class World:
    """A scene with its faults, frozen at `now` but for what is done to it: requests, traffic, canary reset.

    A fault is named, NAME, or named with the time after `now` at which it begins, NAME@2m.

    `release` is release.yaml as a mapping; `now` is epoch seconds. `requests` starts with history.seed(world)
    and grows by record(); read it through snapshot(), since servers answer from many threads.
    """

    def __init__(
        self, scene: str, faults: frozenset[str], now: float, release: Mapping[str, object], folder: Path | None = None
    ) -> None:
        if scene not in SCENES:
            raise ValueError(f"'{scene}' is not a scene; there are {', '.join(SCENES)}")
        self.scene = scene
        self.asked = faults
        self.begins = {name: now + (after or 0.0) for name, after in map(split_name, faults)}
        self.faults = faults = frozenset(self.begins)
        self.now = now
        self.release = dict(release)
        self.folder = folder or Path()  # the temporary folder of this run, for files such as metrics.csv
        self.lock = threading.RLock()
        self.requests: list[Request] = []
        self.counters: dict[str, float] = {}  # what faults that come and go remember; guarded by lock
        self.limits = LimitedPaths(faults)
        self.stalls = Stalls(faults)
        self.saturating = Saturating()
        self.flowing = Flowing(self.begins)
        self.new_image = str(release["image"])
        self.new_version = f"v{release['version']}"
        base = self.new_image.rpartition(":")[0]
        self.old_image = f"{base}:{OLD_VERSION}"
        self.older_image = f"{base}:{OLDER_VERSION}"
        self.previous_revision = "ion-api-00041-abc"
        self.new_revision = "ion-api-00042-def"
        self.canary_revision = "ion-api-canary-00018-can"
        self.staging_revision = "ion-api-staging-00063-stg"
        # T0, when the deploy starts: an hour from now in the scene before it.
        self.t0 = now + HOUR if scene == "before" else now - BACKGROUND
        if self.fault("deploy-just-now"):
            self.t0 = now - HOUR / 6
        self.rolled_back_at = now - 2 * HOUR if scene == "rolled-back" else None
        self.services: dict[str, Service] = build(self)
        self.canary_metrics_since = now - BACKGROUND

    def fault(self, name: str) -> bool:
        """True if this fault is switched on."""
        return name in self.faults

    def count(self, name: str) -> int:
        """How often this was asked before, by name: for faults that hit every third request."""
        with self.lock:
            before = int(self.counters.get(name, 0))
            self.counters[name] = before + 1
            return before

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


@dataclass
class WorldRef:
    """What servers hold: `.world` is swapped when another scene is asked for; secrets and addresses stay."""

    world: World
    secrets: dict[str, str] = field(default_factory=dict)  # GONOGO_GCP_TOKEN, GONOGO_SLACK_TOKEN, ...
    addresses: dict[str, str] = field(default_factory=dict)

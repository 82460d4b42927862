"""One scene of AI Factory, with its faults, as data: what every stand-in of its rehearsal answers from."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fault_book import SCRIPTS
from flow_faults import split_name

SCENES = SCRIPTS["factory"].scenes
SERVICES = ("judgment", "workflow", "bi", "mcp-hub", "chat")
DEPLOYMENTS = ("judgment-service", "workflow-service", "bi-service", "mcp-hub", "chat-service")  # in their order
STAGING, PRODUCTION, RECOVERY = "staging", "production", "production-dr"  # namespaces
REPOSITORY = "factory-ai/ai-factory"
OLD_VERSION = "v1.3.9"
HOUR, DAY = 3600.0, 86400.0
DEPLOYED_AGO = {"incident-bad-code": 40 * 60.0, "deployed-just-now": 25 * 60.0}  # faults that put T0 later


class World:
    """A scene with its faults, frozen at `now` but for what is done to it. `release` is release.yaml as a mapping.

    Scenes: `staging` (the new image is in staging, production has the old one), `canary` (10 % of production have the
    new one for 25 minutes), `deployed` (all of production), `rolled-back`, `recovered` (production-dr serves after the
    loss of the region), `watch` (a canary whose traffic flows from `now` on).
    """

    def __init__(
        self, scene: str, faults: frozenset[str], now: float, release: Mapping[str, object], folder: Path | None = None
    ) -> None:
        self.scene = scene
        self.asked = faults
        self.begins = {name: now + (after or 0.0) for name, after in map(split_name, faults)}
        self.faults = frozenset(self.begins)
        self.now = now
        self.release = dict(release)
        self.folder = folder or Path()  # the temporary folder of this run
        self.lock = threading.RLock()
        self.new_version = f"v{release['version']}"
        self.new_image = str(release["image"])
        self.old_image = f"{self.new_image.rpartition(':')[0]}:{OLD_VERSION}"
        # T0, when the deploy to production starts.
        ago = next((ago for name, ago in DEPLOYED_AGO.items() if name in self.faults), 25 * HOUR)
        self.t0 = {"staging": now + HOUR, "canary": now - 25 * 60, "watch": now - 60}.get(scene, now - ago)

    def fault(self, name: str) -> bool:
        """True if this fault is switched on."""
        return name in self.faults

    def begun(self, name: str, at: float) -> bool:
        """True if this fault is switched on and has begun at a moment: NAME@2m begins two minutes after `now`."""
        return at >= self.begins.get(name, math.inf)

    def image(self, namespace: str) -> str:
        """The image of judgment-service's stable pods in a namespace."""
        old = self.scene in ("canary", "watch", "rolled-back") or (self.scene == "staging" and namespace != STAGING)
        return self.old_image if old else self.new_image


@dataclass
class WorldRef:
    """What servers hold: `.world` is swapped when another scene is asked for; secrets and addresses stay."""

    world: World
    secrets: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

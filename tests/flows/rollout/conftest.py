"""The rehearsal's Cloud Run in this process, and a project whose traffic it splits."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gonogo.flows.rollout.order import Asked

ROOT = Path(__file__).parents[3]
REHEARSAL = ROOT / "environments" / "rehearsal"
sys.path.insert(0, str(REHEARSAL))

import cloud_run  # noqa: E402 - the rehearsal's own folder
from services import STABLE, Service  # noqa: E402
from world import World, WorldRef  # noqa: E402

OLDER, OLD, NEW = "ion-api-00040-xyz", "ion-api-00041-abc", "ion-api-00042-def"
PAUSES = {
    "rollout_faults.TAKES_S": 0.02,
    "gonogo.probes.google.run_traffic._POLL_S": 0.02,
    "gonogo.flows.rollout.maker._FIRST_PAUSE_S": 0.01,
    "gonogo.flows.rollout.maker._LOOKS_EVERY_S": 0.05,
}
RELEASE = yaml.safe_load((REHEARSAL / "release.yaml").read_text(encoding="utf-8"))


class Stand:
    """Cloud Run, counting what it is asked, and a project with one environment that names it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.calls: Counter[str] = Counter()
        self.ref = WorldRef(world=None)  # type: ignore[arg-type] # set right below
        self.play("stage-5")
        guarded = cloud_run._guarded

        def counted(ref: WorldRef, method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
            inner = guarded(ref, method)

            def call(request: Any, context: Any) -> Any:
                self.calls[method.__name__] += 1
                return inner(request, context)

            return call

        monkeypatch.setattr(cloud_run, "_guarded", counted)
        for name, seconds in PAUSES.items():
            monkeypatch.setattr(name, seconds)
        self.address, self.server = cloud_run.start(self.ref)
        (root / "environments").mkdir()
        self.declare()

    def play(self, scene: str, *faults: str) -> None:
        """Another world behind the same address."""
        self.ref.world = World(scene, frozenset(faults), time.time(), RELEASE)

    def declare(self, *actions: str, live: bool = False, timeout: str = "5s") -> None:
        """The environment, with these actions allowed."""
        allowed = f", actions: [{', '.join(actions)}]" if actions else ""
        (self.root / "environments" / "mine.yaml").write_text(
            "name: mine\nsystem: shop\ndescribe: A service of two revisions\n"
            "sides:\n"
            "  stable: {url: 'https://shop.example', service: ion-api}\n"
            "  canary: {url: 'https://canary.shop.example', service: ion-api-canary}\n"
            f"back_ends:\n  cloud_run: {{address: '{self.address}', plaintext: true, timeout: {timeout},"
            " names: {project: naeda-genesis, region: us-central1}}\n"
            "rollout: {stages: [5, 10, 25, 50, 100], first: 5, stage: 10}\n"
            f"guards: {{live: {str(live).lower()}{allowed}}}\n"
            "contacts: {watch_owner: Operations, first: {name: Kim, reach: 'slack:@kim', hours: '09:00-18:00'}}\n",
            encoding="utf-8",
        )

    @property
    def service(self) -> Service:
        return self.ref.world.services[STABLE]

    @property
    def split(self) -> dict[str, int]:
        return {share.revision: share.percent for share in self.service.traffic if share.percent}

    @property
    def updates(self) -> int:
        return self.calls["update_service"]

    @property
    def records(self) -> list[Path]:
        return sorted((self.root / "reports" / "out").glob("*/rollout.json"))

    def asked(self, to: str | None = None, *, yes: str | None = "mine", **more: Any) -> Asked:
        return Asked(root=self.root, environment="mine", to=to, yes=yes, **more)


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    one = Stand(tmp_path, monkeypatch)
    yield one
    one.server.stop(None)

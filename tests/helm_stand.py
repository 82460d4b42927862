"""The rehearsal's cluster in this process, counting what it is asked, and a project with one environment of it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from gonogo.flows.rollout.order import Asked, take_order
from gonogo.flows.rollout.roll import Ended, roll
from gonogo.judges.plans.rollout import Verb
from gonogo.probes.helm.storage import document_of

REHEARSAL = Path(__file__).parents[1] / "environments" / "rehearsal"
sys.path.insert(0, str(REHEARSAL))

from factory.cluster import api as kubernetes_api  # noqa: E402 - the rehearsal's own folder
from factory.cluster.controller import Controller  # noqa: E402
from factory.cluster.roles import READING, ROLLING  # noqa: E402
from factory.cluster.store import Store  # noqa: E402
from factory.cluster.world import fill, pulls  # noqa: E402
from factory.world import World  # noqa: E402
from http_server import Call, HttpServer, Reply  # noqa: E402

RELEASE = yaml.safe_load((REHEARSAL / "factory" / "release.yaml").read_text(encoding="utf-8"))
OPERATOR, READER = "an-operators-token", "a-readers-token"
STABLE, CANARY = "judgment-service", "judgment-service-canary"
PAUSES = {
    "factory.cluster.controller.START_S": 0.02,
    "gonogo.flows.rollout.maker._FIRST_PAUSE_S": 0.01,
    "gonogo.flows.rollout.maker._LOOKS_EVERY_S": 0.03,
}


class HelmStand:
    """`calls` are (method, kind) without dry runs of the server, which are counted as (method, kind, "dry")."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.calls, self.bodies = root, Counter[tuple[str, ...]](), list[str]()
        for name, seconds in PAUSES.items():
            monkeypatch.setattr(name, seconds)
        self.store = Store()
        self.controller = Controller(self.store, lambda image: pulls(self.world, image))
        accounts = {f"Bearer {OPERATOR}": ROLLING, f"Bearer {READER}": READING}
        self._answer = kubernetes_api.api(self.store, self.controller, accounts.get, lambda: self.world)
        self.play("canary")
        self.server = HttpServer(self._serve)
        monkeypatch.setenv("SHOP_KUBERNETES_TOKEN", OPERATOR)
        (root / "environments").mkdir()
        self.declare()

    def play(self, scene: str, *faults: str) -> None:
        """Another world behind the same address."""
        self.world = World(scene, frozenset(faults), time.time(), RELEASE)
        self.store.clear()
        fill(self.store, self.controller, self.world)

    def declare(self, *actions: str, live: bool = False, timeout: str = "5s", names: str = "") -> None:
        """The environment, with these actions allowed."""
        allowed = f", actions: [{', '.join(actions)}]" if actions else ""
        (self.root / "environments" / "mine.yaml").write_text(
            "name: mine\nsystem: shop\ndescribe: A release with a canary\n"
            "sides:\n"
            f"  stable: {{url: 'https://shop.example', service: {STABLE}}}\n"
            f"back_ends:\n  kubernetes: {{address: '{self.server.url}', timeout: {timeout},"
            " auth: {kind: bearer, secret: SHOP_KUBERNETES_TOKEN},"
            f" names: {{production: production, canary: {CANARY}{names}}}}}\n"
            "rollout: {stages: [10, 50, 100], first: 10, stage: 10}\n"
            f"guards: {{live: {str(live).lower()}, hosts: [127.0.0.1]{allowed}}}\n"
            "contacts: {watch_owner: Operations, first: {name: Kim, reach: 'slack:@kim', hours: '09:00-18:00'}}\n",
            encoding="utf-8",
        )

    def _serve(self, call: Call) -> Reply:
        plural = call.path.partition("/namespaces/production/")[2].partition("/")[0]
        self.calls[(call.method, plural, *(["dry"] if call.query.get("dryRun") else []))] += 1
        return self._answer(call)

    @property
    def writes(self) -> Counter[tuple[str, ...]]:
        """What was asked for beside reading and dry runs."""
        return Counter({key: count for key, count in self.calls.items() if key[0] != "GET" and "dry" not in key})

    def tag(self, name: str = STABLE) -> str:
        """What a Deployment is asked to run."""
        found = self.store.get("deployments", "production", name)
        assert found is not None
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]

    @property
    def weight(self) -> int:
        """The canary's share."""
        found = self.store.get("ingresses", "production", CANARY)
        assert found is not None
        return int(found["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"])

    @property
    def history(self) -> list[tuple[int, str, str]]:
        """(revision, status, description), oldest first; labels say the same as the record."""
        rows = []
        for one in self.store.rows("secrets", "production"):
            if one["type"] == "helm.sh/release.v1":
                found = document_of(one)
                assert one["metadata"]["labels"]["status"] == found["info"]["status"]
                assert one["metadata"]["labels"]["version"] == str(found["version"])
                rows.append((found["version"], found["info"]["status"], found["info"]["description"]))
        return sorted(rows)

    def record(self, number: int) -> dict[str, Any]:
        """A revision as Helm would read it."""
        found = self.store.get("secrets", "production", f"sh.helm.release.v1.{STABLE}.v{number}")
        assert found is not None
        return document_of(found)

    @property
    def records(self) -> list[Path]:
        """What was kept of rollouts."""
        return sorted((self.root / "reports" / "out").glob("*/rollout.json"))

    def asked(self, to: str | None = None, *, yes: str | None = "mine", **more: Any) -> Asked:
        return Asked(root=self.root, environment="mine", to=to, yes=yes, **more)


def apply(stand: HelmStand, to: str = "100", **more: Any) -> Ended:
    """A promotion, or a share."""
    return roll(take_order(stand.asked(to, **more), Verb.APPLY))


def rollback(stand: HelmStand, to: str | None = None, **more: Any) -> Ended:
    """The way back."""
    return roll(take_order(stand.asked(to, **more), Verb.ROLLBACK))

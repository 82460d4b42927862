"""The rehearsal's cluster in this process, at an address of its own, and vantage points on it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Release
from gonogo.probes.base import Vantage

ROOT = Path(__file__).parents[1]
REHEARSAL = ROOT / "environments" / "rehearsal"
sys.path.insert(0, str(REHEARSAL))

from factory.cluster import api as kubernetes_api  # noqa: E402 - the rehearsal's own folder
from factory.cluster.controller import Controller  # noqa: E402
from factory.cluster.roles import OPERATING, READING  # noqa: E402
from factory.cluster.store import Store  # noqa: E402
from factory.cluster.world import ROTATED, fill, pulls  # noqa: E402
from factory.world import World  # noqa: E402
from http_server import HttpServer  # noqa: E402

RELEASE = yaml.safe_load((REHEARSAL / "factory" / "release.yaml").read_text(encoding="utf-8"))
OPERATOR, READER = "an-operators-token", "a-readers-token"
NAMES = {"production": "production", "staging": "staging", "recovery": "production-dr", "rotated_at": ROTATED}


class ClusterStand:
    """One server; `play` gives it another world, or `load` objects of a test's own."""

    def __init__(self) -> None:
        self.store = Store()
        self.world = World("deployed", frozenset(), time.time(), RELEASE)
        self.controller = Controller(self.store, lambda image: pulls(self.world, image))
        accounts = {f"Bearer {OPERATOR}": OPERATING, f"Bearer {READER}": READING}
        answer = kubernetes_api.api(self.store, self.controller, accounts.get, lambda: self.world)
        self.server = HttpServer(answer)

    def play(self, scene: str, *faults: str) -> None:
        """A scene of the rehearsal with these faults."""
        self.world = World(scene, frozenset(faults), time.time(), RELEASE)
        self.load(lambda: fill(self.store, self.controller, self.world))

    def load(self, build: Callable[[], None]) -> None:
        """Nothing but what `build` puts into the store."""
        with self.store.lock:
            self.store.clear()
            build()

    def vantage(self, token: str = READER, seconds: float = 10) -> Vantage:
        """A reader's, unless another token is given."""
        back_end = BackEnd(
            address=self.server.url,
            auth=Auth(kind=AuthKind.BEARER, secret="K8S"),
            names=NAMES,
            timeout=timedelta(seconds=seconds),
        )
        named: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "factory-base.yaml").read_text("utf-8"))[
            "names"
        ]
        environment = Environment(
            name="stand",
            system="factory",
            describe="",
            back_ends={"kubernetes": back_end},
            names={name: tuple(values) for name, values in named.items()},
        )
        release = Release(**{key: RELEASE[key] for key in ("version", "commit", "image")})
        return Vantage(environment=environment, release=release, now=datetime.now(UTC), t0=None, reveal=lambda _: token)

    def close(self) -> None:
        self.server.close()

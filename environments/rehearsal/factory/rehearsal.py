"""A scene of AI Factory and its faults into running servers, and into others while they run."""

from __future__ import annotations

import secrets
from importlib import import_module
from types import ModuleType
from typing import Any

import clock
from processes import Processes

from factory.world import World, WorldRef

HOST = "127.0.0.1"
SECRETS = (
    "GONOGO_FACTORY_TOKEN",
    "GONOGO_GITHUB_TOKEN",
    "GONOGO_GRAFANA_TOKEN",
    "GONOGO_KUBERNETES_READER_TOKEN",
    "GONOGO_KUBERNETES_TOKEN",
    "GONOGO_PG_PASSWORD",
    "GONOGO_S3_SECRET_KEY",
    "GONOGO_SCRATCH_PASSWORD",
    "GONOGO_SLACK_TOKEN",
)
# Each has start(stage) -> None, which adds addresses and, where a world changes what it serves, `stage.on_apply`.
PARTS: tuple[str, ...] = (
    "database",
    "dns_server",
    "object_store",
    "recovery",
    "documents",
    "cluster.api",
    "forge",
    "scanners",
    "sessions",
    "services",
    "provider",
    "slack",
    "prometheus",
)


class Stage:
    """What the parts of a rehearsal share: the world of now, processes, and who is to be told of another world."""

    def __init__(self, ref: WorldRef, processes: Processes, host: str, rate: float) -> None:
        self.ref = ref
        self.processes = processes
        self.host = host
        self.rate = rate  # requests a second of the users of scene watch
        self.on_apply: list[Any] = []  # functions of the world, called in the order of the parts
        self.on_end: list[Any] = []
        self.parts: dict[str, Any] = {}  # what a part offers to those after it
        self.declares: dict[str, Any] = {}  # parts of the environment file that this world declares


class FactoryRehearsal:
    """All stand-ins of one program. end() leaves no process and no folder."""

    def __init__(self, scene: str, faults: frozenset[str], release: dict[str, object], rate: float) -> None:
        self._release = release
        self.secrets = {name: secrets.token_urlsafe(24) for name in SECRETS}
        self._processes = Processes()
        try:
            ref = WorldRef(world=self._world(scene, faults), secrets=self.secrets)
            self._stage = Stage(ref, self._processes, HOST, rate)
            for name in PARTS:
                _part(name).start(self._stage)
            self._apply()
        except BaseException:
            self._processes.end()
            raise

    def switch(self, scene: str, faults: frozenset[str]) -> None:
        """Another world behind the same addresses."""
        self._stage.ref.world = self._world(scene, faults)
        self._apply()

    def ready(self) -> dict[str, Any]:
        """What the ready line says, but for the process id."""
        world = self._stage.ref.world
        return {
            "ready": True,
            "scene": world.scene,
            "faults": sorted(world.asked),
            "addresses": self._stage.ref.addresses,
            "secrets": self.secrets,
            "declares": self._stage.declares,
        }

    def end(self) -> None:
        for tell in self._stage.on_end:
            tell()
        self._processes.end()

    def _world(self, scene: str, faults: frozenset[str]) -> World:
        return World(scene, faults, clock.now(), self._release, self._processes.folder)

    def _apply(self) -> None:
        self._stage.declares = {}
        for tell in self._stage.on_apply:
            tell(self._stage.ref.world)


def _part(name: str) -> ModuleType:
    return import_module(f"factory.{name}")

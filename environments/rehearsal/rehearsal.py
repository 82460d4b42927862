"""A scene and its faults into running servers, and into others while they run."""

from __future__ import annotations

import secrets
import threading
from typing import Any

import clock
from ion_databases import IonDatabases
from processes import Processes

HOST = "127.0.0.1"
SECRETS = ("GONOGO_GCP_TOKEN", "GONOGO_SLACK_TOKEN", "GONOGO_GITHUB_TOKEN", "GONOGO_PG_PASSWORD")


class Rehearsal:
    """All stand-ins of one program. end() leaves no process and no folder."""

    def __init__(self, scene: str, faults: frozenset[str], release: dict[str, object], rate: float) -> None:
        """`rate`: requests a second of the users of scene watch."""
        self._release = release
        self._rate = rate
        self._ended = threading.Event()
        self.secrets = {name: secrets.token_urlsafe(24) for name in SECRETS}
        self._processes = Processes()
        try:
            self._databases = IonDatabases(self._processes, self.secrets["GONOGO_PG_PASSWORD"], HOST)
            self._databases.start()  # they take their time; meanwhile the slow imports below
            self._start(scene, faults)
        except BaseException:
            self._processes.end()
            raise

    def switch(self, scene: str, faults: frozenset[str]) -> None:
        """Another world behind the same addresses."""
        world = self._world(scene, faults)
        self._ref.world = world
        self._apply(world)

    def ready(self) -> dict[str, Any]:
        """What the ready line says, but for the process id."""
        world = self._ref.world
        return {
            "ready": True,
            "scene": world.scene,
            "faults": sorted(world.asked),
            "addresses": self._ref.addresses,
            "secrets": self.secrets,
            "declares": self._documents.declares(world),
            **({} if (flow := self._flow.told()) is None else {"flow": flow}),
        }

    def end(self) -> None:
        self._ended.set()
        self._processes.end()

    def _start(self, scene: str, faults: frozenset[str]) -> None:
        import documents  # noqa: PLC0415 - the imports below take half a second, while the databases start
        import history  # noqa: PLC0415
        from world import World, WorldRef  # noqa: PLC0415

        self._make, self._seed, self._documents = World, history.seed, documents
        self._ref = WorldRef(world=self._world(scene, faults), secrets=self.secrets)
        self._open()
        self._databases.wait()
        self._apply(self._ref.world)

    def _world(self, scene: str, faults: frozenset[str]) -> Any:
        world = self._make(scene, faults, clock.now(), self._release, self._processes.folder)
        self._seed(world)
        return world

    def _open(self) -> None:
        import cloud_run  # noqa: PLC0415
        import flow  # noqa: PLC0415
        import forge_api  # noqa: PLC0415
        import google_logging  # noqa: PLC0415
        import google_monitoring  # noqa: PLC0415
        import google_rest  # noqa: PLC0415
        import ion_http  # noqa: PLC0415
        import monitoring_rest  # noqa: PLC0415
        import prometheus  # noqa: PLC0415
        import resonance  # noqa: PLC0415
        import slack_api  # noqa: PLC0415

        ref = self._ref
        self._ion = ion_http.start(ref, HOST)
        ref.addresses |= self._ion.addresses | google_rest.start(ref, HOST)
        ref.addresses["slack"] = slack_api.start(ref, HOST)
        ref.addresses["forge"] = forge_api.start(ref, HOST)
        ref.addresses["postgres"] = self._databases.postgres.address
        ref.addresses["redis"] = self._databases.redis.address
        self._servers = []
        for name, module in (
            ("cloud-run", cloud_run),
            ("cloud-logging", google_logging),
            ("cloud-monitoring", google_monitoring),
        ):
            ref.addresses[name], server = module.start(ref, HOST)
            self._servers.append(server)
        ref.addresses["monitoring-rest"] = monitoring_rest.start(ref, HOST).url
        ref.addresses["prometheus"] = prometheus.start(ref, HOST).url
        ref.addresses["alertmanager"] = prometheus.start_alertmanager(ref, HOST).url
        self._flow = flow.Flow(ref, self._processes, HOST, self._rate)
        self._write_csv = resonance.write
        threading.Thread(target=resonance.grow, args=(ref, self._ended), daemon=True).start()

    def _apply(self, world: Any) -> None:
        self._ion.apply(world)
        self._flow.apply(world)
        self._databases.apply(world)
        self._ref.addresses |= self._documents.write(world)
        self._ref.addresses["metrics-csv"] = str(self._write_csv(world))

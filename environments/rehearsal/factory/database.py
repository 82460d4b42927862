"""AI Factory's PostgreSQL and Redis: filled with its past, and cleared of what a world's checks did."""

from __future__ import annotations

import os
import threading
from importlib import import_module
from typing import Any

import clock
from databases import Databases
from processes import Processes
from proxy import Mode

from factory import counts, data, tables
from factory.pool import Pool
from factory.rehearsal import Stage
from factory.sickness import Sicknesses
from factory.world import World

REDIS_LIMIT = 64 << 20
CONNECTIONS = 100
CACHES = {"stable": 0, "staging": 1}  # databases of Redis
NAMES = {"stable": tables.DATABASE, "staging": tables.STAGING_DATABASE}  # databases of PostgreSQL


class FactoryDatabases(Databases):
    """Both servers with what AI Factory keeps there. `pools` are the services' connections, by side."""

    def __init__(self, processes: Processes, secrets: dict[str, str], host: str) -> None:
        super().__init__(processes, host, {"max_connections": str(CONNECTIONS)})
        self._secrets = secrets
        self._password = os.urandom(12).hex()
        self.pools = {side: Pool(self.postgres.address, name, self._password) for side, name in NAMES.items()}
        self._filled = False
        self._sicknesses = Sicknesses(self)

    def redis_client(self, number: int) -> dict[str, Any]:
        """What a client of one of Redis's databases is made with."""
        host, _, port = self.redis.address.partition(":")
        return {"host": host, "port": int(port), "db": number, "socket_timeout": 2, "socket_connect_timeout": 2}

    def wait(self) -> None:
        """Until both answer and are filled."""
        super().wait()
        now = clock.now()
        reader, scratch = self._secrets["GONOGO_PG_PASSWORD"], self._secrets["GONOGO_SCRATCH_PASSWORD"]
        self.fill(tables.roles(reader, scratch, self._password))
        made = tables.tables(now)
        self.fill(made + tables.KEYS + data.deployments(now), tables.STAGING_DATABASE)
        self.fill(made + tables.STATEMENTS + data.past(now) + tables.KEYS + tables.READER_GRANTS, tables.DATABASE)
        self._sicknesses.filled(now)
        self.ask_redis("CONFIG", "SET", "maxmemory", str(REDIS_LIMIT))

    def apply(self, world: World) -> None:
        """Make both behave as the world's faults say; what earlier worlds left is gone."""
        if not self._filled:
            self.wait()
            self._filled = True
        self._sicknesses.apply(world)
        self.refuse_redis(world.fault("redis-refuses"))
        self.redis.set(Mode.REFUSE if world.fault("redis-down") else Mode.OPEN)
        hangs = Mode.HANG if world.fault("database-hangs") else Mode.OPEN
        self.postgres.set(Mode.REFUSE if world.fault("database-down") else hangs)
        self._sicknesses.crowd_in(world)


def start(stage: Stage) -> None:
    """Start both servers; the first world waits until they are ready."""
    databases = FactoryDatabases(stage.processes, stage.ref.secrets, stage.host)
    databases.start()
    threading.Thread(target=_import_clients, daemon=True).start()  # while the servers start
    stage.ref.addresses["postgres"] = stage.ref.addresses["scratch"] = databases.postgres.address
    stage.ref.addresses["redis"] = databases.redis.address
    stage.parts["database"] = databases
    stage.on_apply.append(databases.apply)

    def write_counts(world: World) -> None:
        stage.ref.addresses["row-counts"] = str(counts.write(world))

    stage.on_apply.append(write_counts)


def _import_clients() -> None:
    for name in ("psycopg", "redis"):
        import_module(name)

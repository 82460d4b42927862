"""AI Factory's buckets on moto's S3: real dumps of the rehearsal's database, its WAL archive, its log archive.

moto keeps objects in memory and answers S3's own XML. It and the dump are slow, so both are made by the first request.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import threading
from datetime import UTC, datetime
from typing import Any

from http_server import Call, HttpServer, Reply

from factory.database import FactoryDatabases
from factory.recovery import began
from factory.rehearsal import Stage
from factory.tables import DATABASE
from factory.world import DAY, HOUR, World, WorldRef

ACCOUNT, REGION = "123456789012", "us-east-1"
ACCESS_KEY_ID = "REHEARSALACCESSKEY00"
BACKUPS, LOGS = "factory-ai-backups", "factory-ai-logs"
DUMPS, WAL, ARCHIVE = "postgres/daily/", "postgres/wal/", "archive/"
KEPT_DAYS, LOG_DAYS = 7, 14
WAL_EVERY_S, WAL_HOURS = 300.0, 6
SEGMENT = hashlib.sha256(b"segment").digest() * 256  # 8 kB stand for a segment of 16 MB


class Buckets:
    """Both buckets behind one address; what is in them is a function of the world."""

    def __init__(self, ref: WorldRef, databases: FactoryDatabases, host: str) -> None:
        self._ref = ref
        self._databases = databases
        self._lock = threading.Lock()
        self._app: Any = None
        self._filled: World | None = None
        self._dumps: dict[bool, bytes] = {}
        self._server = HttpServer(self._answer, host)

    @property
    def url(self) -> str:
        return self._server.url

    def _answer(self, call: Call) -> Reply:
        world = self._ref.world
        if f"Credential={ACCESS_KEY_ID}/" not in call.headers.get("authorization", ""):
            return _error(403, "InvalidAccessKeyId")
        if world.fault("object-store-denies"):
            return _error(403, "AccessDenied")
        with self._lock:
            if self._app is None:
                from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415 - slow

                self._app = create_backend_app("s3")
            if self._filled is not world:
                self._fill(world)
                self._filled = world
        return self._asked(call)

    def _asked(self, call: Call) -> Reply:
        from werkzeug.test import Client  # noqa: PLC0415 - comes with moto

        headers = {name: value for name, value in call.headers.items() if name != "content-length"}
        answer = Client(self._app).open(call.target, method=call.method, headers=headers, data=call.body)
        return Reply(status=answer.status_code, body=answer.data, headers=dict(answer.headers))

    def _fill(self, world: World) -> None:
        from moto.s3.models import s3_backends  # noqa: PLC0415

        store = s3_backends[ACCOUNT]["aws"]
        store.reset()
        for bucket in (BACKUPS, LOGS):
            store.create_bucket(bucket, REGION)

        def put(bucket: str, key: str, body: bytes, at: float, digest: str | None = None) -> None:
            made = store.put_object(bucket, key, body)
            made.last_modified = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
            if digest is not None:
                made.set_metadata({"x-amz-meta-sha256": digest})

        last = began(world) - HOUR if world.scene == "recovered" else world.now
        self._put_dumps(world, last, put)
        self._put_wal(world, put)
        for back in range(LOG_DAYS + 1):
            at = world.now - back * DAY
            if world.fault("archive-stopped") and back < 2:
                continue
            for part in range(3):
                key = f"{ARCHIVE}{datetime.fromtimestamp(at, UTC):%Y/%m/%d}/judgment-{part}.json.gz"
                put(LOGS, key, SEGMENT * (4 + part), at - part * HOUR)

    def _put_dumps(self, world: World, last: float, put: Any) -> None:
        body = self._dumped(whole=True)
        for back in range(KEPT_DAYS):
            at = last - back * DAY
            broken, digest = body, hashlib.sha256(body).hexdigest()
            if back == 0 and world.fault("backup-corrupt"):
                broken = body[:-64] + bytes(64)
            if back == 0 and world.fault("backup-empty"):
                broken, digest = b"", hashlib.sha256(b"").hexdigest()
            if back == 0 and world.fault("dump-incomplete"):
                broken = self._dumped(whole=False)
                digest = hashlib.sha256(broken).hexdigest()
            if back == 0 and world.fault("dump-not-restorable"):
                whole = gzip.decompress(body)
                broken = gzip.compress(whole[: len(whole) // 2], 1)
                digest = hashlib.sha256(broken).hexdigest()
            put(BACKUPS, f"{DUMPS}{datetime.fromtimestamp(at, UTC):%Y%m%d}.dump.gz", broken, at, digest)

    def _put_wal(self, world: World, put: Any) -> None:
        """A segment every five minutes, the newest a minute old (of scene recovered: a minute before it began)."""
        newest = (began(world) if world.scene == "recovered" else world.now) - 60
        if world.fault("wal-old"):
            newest -= 2 * HOUR
        count = int(WAL_HOURS * HOUR / WAL_EVERY_S)
        for number in range(count):
            name = f"0000000100000000000000{number:02X}"
            put(BACKUPS, WAL + name, SEGMENT, newest - (count - 1 - number) * WAL_EVERY_S)

    def _dumped(self, *, whole: bool) -> bytes:
        """A dump of the rehearsal's database by pg_dump in custom format, compressed by gzip; each made once."""
        if whole not in self._dumps:
            home = self._databases.postgres_socket
            words = ["-Fc", "-Z0", "-h", str(home), "-U", "owner", "-d", DATABASE]
            words += [] if whole else ["--exclude-table-data=core.judgment_executions*"]
            done = subprocess.run(
                [str(self._databases.programs / "pg_dump"), *words],
                env={**os.environ, "PGPASSWORD": self._databases.owner_password},
                capture_output=True,
                check=False,
                timeout=60,
            )
            if done.returncode != 0:
                raise RuntimeError(f"pg_dump: {done.stderr.decode(errors='replace').strip()[:200]}")
            self._dumps[whole] = gzip.compress(done.stdout, 1, mtime=0)
        return self._dumps[whole]


def _error(status: int, code: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Reply(status=status, body=body.encode(), headers={"content-type": "application/xml"})


def start(stage: Stage) -> None:
    """Serve the buckets, and say where the programs are that restore a dump of this server's version."""
    databases: FactoryDatabases = stage.parts["database"]
    buckets = Buckets(stage.ref, databases, stage.host)
    stage.ref.addresses["object-store"] = buckets.url
    stage.ref.addresses["postgres-programs"] = str(databases.programs)

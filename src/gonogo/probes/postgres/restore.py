"""The newest dump of a bucket, restored into a scratch database and counted there, and dropped again."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.object_store import s3
from gonogo.probes.object_store.probe import ObjectStore, declared_digests, newest_of
from gonogo.probes.object_store.s3 import Store
from gonogo.probes.postgres import probe as postgres
from gonogo.probes.postgres.dump import fetched, noted, taken_at, without, without_data
from gonogo.probes.postgres.scratch import TABLE, Scratch, check_names, program

ACTION = "restore-rehearsal"
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Owners, rights, places and subscriptions belong to production's server, not to what is proven here.
_DATA_ALONE = (
    *("--exit-on-error", "--no-owner", "--no-privileges", "--no-tablespaces"),
    *("--no-publications", "--no-subscriptions", "--no-security-labels"),
)
# What pg_restore says when the machine is at fault, and not the dump.
_MACHINE = tuple(
    (re.compile(words), cause)
    for words, cause in (
        (r"No space left on device|could not extend file", Cause.FULL),
        (r"could not connect|connection to server|server closed the connection|timeout expired", Cause.UNREACHABLE),
        (r"unsupported version \(1\.\d+\) in file header|unrecognized configuration parameter", Cause.UNAVAILABLE),
        (r"extension \S+ is not available|permission denied to create|must be superuser", Cause.UNAVAILABLE),
        (r"role \S+ does not exist", Cause.UNAVAILABLE),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """`bucket`, `prefix` and `match` are those of object_store; the newest is the last in the order of keys.

    `tables` gives each table that is counted the column with the time of a row's making. `without` are extensions
    that are not restored, since they hold no data and want a superuser. At most `max_bytes` are read, and written to
    this machine's temporary folder unpacked, within one `deadline`.
    """

    bucket: str
    tables: Mapping[str, str] = field(hash=False)
    prefix: str = ""
    match: str | None = None
    without: tuple[str, ...] = ("pg_stat_statements",)
    max_bytes: int = 100_000_000_000
    deadline: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        self.stored()
        for table, column in self.tables.items():
            if not TABLE.match(table) or not _COLUMN.match(column):
                raise ConfigError(f"tables: {table!r} with {column!r} is no table and column")
        if not self.tables or self.deadline <= timedelta(0):
            raise ConfigError("tables names at least one, deadline is longer than 0")

    def stored(self) -> ObjectStore:
        """Where the dump lies, as object_store takes it."""
        return ObjectStore(bucket=self.bucket, prefix=self.prefix, match=self.match, by="key", max_bytes=self.max_bytes)


def look(options: Restore, vantage: Vantage) -> Sight:
    """{key, bytes, modified, age_s, sha256, matches, restored, error, dumped: {database, version, created}, tables:
    [{table, restored, source, ratio}], rows, least, most, dropped, took_s, download_s, restore_s}.

    `restored` is false, with pg_restore's words in `error`, for a dump that is none or does not restore; what the
    machine lacks (pg_restore, space, an extension, the scratch server) is no evidence about it. `source` counts the
    rows that production has from before the dump was made (x-amz-meta-taken-at, else when it was stored), `ratio` is
    restored by source, `least` and `most` the extremes of these.
    """
    store = Store(vantage)
    bucket = store.bucket(options.bucket)

    def see() -> Seen:
        began = time.monotonic()
        deadline = Deadline(options.deadline)
        pg_restore = program("pg_restore", vantage)
        scratch = Scratch(vantage)
        with tempfile.TemporaryDirectory(prefix="gonogo-restore-") as folder:
            wanted = options.stored()
            listed = store.objects(bucket, options.prefix, wanted.pages, deadline)
            _, newest, _ = newest_of(wanted, listed, vantage.now)
            if newest.size > options.max_bytes:
                raise Failure(Cause.PARTIAL, f"{newest.key} has {newest.size} bytes, above {options.max_bytes}")
            declared = [one for one in declared_digests(store, bucket, newest).values() if one]
            path = Path(folder) / "dump"
            digest, why = fetched(store.chunks(bucket, newest, deadline), path, newest.key, options.max_bytes)
            taken = taken_at(store.metadata(bucket, newest.key)["metadata"], newest)
            data: dict[str, Any] = {
                "key": newest.key,
                "bytes": newest.size,
                "modified": newest.modified.isoformat(),
                "taken": taken.isoformat(),
                "age_s": max(0.0, (vantage.now - newest.modified).total_seconds()),
                "sha256": digest,
                "matches": all(one == digest for one in declared) if declared else None,
                "download_s": round(time.monotonic() - began, 3),
            }
            job = _Job(
                options=options, vantage=vantage, scratch=scratch, program=pg_restore, path=path, deadline=deadline
            )
            with scratch.database(vantage.now) as (name, told):
                data |= _failed(why) if why else job.restored(name, taken)
            data |= {"dropped": not any("was not dropped" in one for one in told)}
        return Seen(data={**data, "took_s": round(time.monotonic() - began, 3)}, notes=tuple(told))

    return observe(f"pg_restore of s3://{bucket}/{options.prefix} into {vantage.back_end('scratch').address}", see)


def refuse(options: Restore, environment: Environment, base: Path) -> None:
    """ConfigError for what its three back ends do not name: before anything is sent."""
    s3.refuse(options, environment, base)
    postgres.refuse_unnamed(options, environment, base)
    check_names(environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One dump on disk into one scratch database."""

    options: Restore
    vantage: Vantage
    scratch: Scratch
    program: Path
    path: Path
    deadline: Deadline

    def restored(self, database: str, taken: datetime) -> dict[str, Any]:
        """{restored, error, dumped, tables, rows, least, most, restore_s}."""
        began = time.monotonic()
        contents, error = self._run(database, "--list", str(self.path))
        if error:
            return _failed(error)
        wanted = self.path.with_name("contents")
        wanted.write_text(without(contents, self.options.without), encoding="utf-8")
        words = ["--use-list", str(wanted), "--dbname", database]
        _, error = self._run(database, *_DATA_ALONE, *words, str(self.path))
        dumped = {
            "database": noted(contents, "dbname"),
            "version": noted(contents, "Dumped from database version"),
            "created": noted(contents, "Archive created at"),
        }
        if error:
            return {**_failed(error), "dumped": dumped}
        restore_s = round(time.monotonic() - began, 3)
        tables = [self._compared(database, table, column, taken) for table, column in self.options.tables.items()]
        ratios = [row["ratio"] for row in tables]
        known = [ratio for ratio in ratios if ratio is not None] if None not in ratios else []
        return {
            "restored": True,
            "error": None,
            "dumped": dumped,
            "tables": tables,
            "rows": sum(row["restored"] for row in tables),
            "least": min(known, default=None),
            "most": max(known, default=None),
            "restore_s": restore_s,
        }

    def _compared(self, database: str, table: str, column: str, taken: datetime) -> dict[str, Any]:
        counted = self.scratch.count(database, table)
        there = counted or 0
        sql = f"SELECT count(*) AS rows FROM {table} WHERE {column} <= TIMESTAMPTZ '{taken.isoformat()}'"  # noqa: S608 - checked
        sight = postgres.look(postgres.Postgres(sql=sql), self.vantage)
        if not isinstance(sight.outcome, Seen):
            raise Failure(
                sight.outcome.cause, f"restored, but production's {table} was not counted: {sight.outcome.detail}"
            )
        source = int(sight.outcome.data["rows"][0]["rows"])
        alike = 0.0 if counted is None else None if there else 1.0  # a table that the dump lacks is not an empty one
        ratio = there / source if source else alike
        return {"table": table, "restored": there, "source": source, "ratio": ratio}

    def _run(self, database: str, *words: str) -> tuple[str, str]:
        """Standard output, and why the dump is at fault; Failure where it is not."""
        try:
            done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, its arguments are ours
                [str(self.program), *words],
                env=self.scratch.variables(database),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=max(0.001, self.deadline.left),
            )
        except subprocess.TimeoutExpired:
            raise Failure(Cause.TIMEOUT, f"pg_restore did not end within {self.deadline.allowed:g} s") from None
        except OSError as error:
            raise Failure(Cause.UNAVAILABLE, f"{self.program}: {error.strerror}") from None
        if done.returncode == 0:
            return done.stdout.decode("utf-8", errors="replace"), ""
        said = without_data(done.stderr.decode("utf-8", errors="replace"))[:600] or f"it ended with {done.returncode}"
        for pattern, cause in _MACHINE:
            if pattern.search(said):
                raise Failure(cause, said)
        return "", said


def _failed(why: str) -> dict[str, Any]:
    none: dict[str, Any] = {"dumped": None, "tables": [], "rows": 0, "least": None, "most": None, "restore_s": None}
    return {"restored": False, "error": why, **none}


PROBE = Probe(
    options=Restore,
    look=look,
    back_ends=("object_store", "postgres", "scratch"),
    extra="s3",
    takes=lambda options: options.deadline,
    last=lambda *_: True,
    acts=ACTION,
    clients=("botocore.session", "psycopg"),
    refuse=refuse,
)

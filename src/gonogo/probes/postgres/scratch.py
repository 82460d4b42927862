"""A PostgreSQL that may be written to: databases that one look makes there, and drops again whatever happens."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.named import named
from gonogo.probes.places import ca_file, check_place, host_and_port, needs_no_tls

NAME, PRODUCTION = "scratch", "postgres"
PREFIX = "gonogo_restore_"
_LEFT = re.compile(rf"{PREFIX}(\d{{14}})_[0-9a-f]{{8}}\Z")
_LEFT_AFTER = timedelta(days=1)
_STATEMENT_MS = 600_000
_DENIED = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "not permitted to log in")
TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?\Z")


def check_names(environment: Environment) -> None:
    """ConfigError for a back end that names no database or no user."""
    for key in ("database", "user"):
        named(environment, NAME, key)


class Scratch:
    """The back end `scratch`. Its role needs CREATEDB and nothing else; `names.database` is where it connects first."""

    def __init__(self, vantage: Vantage) -> None:
        back_end = vantage.back_end(NAME)
        check_names(vantage.environment)
        self.host, self.port = host_and_port(back_end, NAME, default_port=5432)
        self._database = back_end.names["database"]
        self._user = back_end.names["user"]
        self._secret = back_end.auth.secret
        self._vantage = vantage
        self._seconds = max(2, int(back_end.timeout.total_seconds()))
        plain = needs_no_tls(back_end, self.host)
        self._tls = "prefer" if plain else "verify-full"
        self._ca = None if plain else (ca_file(back_end, vantage) or "system")
        production = vantage.back_end(PRODUCTION)
        where = host_and_port(production, PRODUCTION, default_port=5432)
        if where[1] == self.port and _same_host(where[0], self.host):
            if production.names.get("database") == self._database:
                raise Failure(
                    Cause.REFUSED, f"scratch and postgres are the same database ({self._database} at {self.place})"
                )
            if vantage.environment.guards.live:  # its disk, its WAL and its archive are production's
                raise Failure(Cause.REFUSED, f"scratch is production's own server ({self.place}): name another one")
        check_place(self.host, self.port)

    @property
    def place(self) -> str:
        """host:port."""
        return f"{self.host}:{self.port}"

    @contextlib.contextmanager
    def database(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """A new, empty database, and a list that says after the block what could not be dropped."""
        name = f"{PREFIX}{now.astimezone(UTC):%Y%m%d%H%M%S}_{secrets.token_hex(4)}"
        told: list[str] = []
        self._drop_old(now, told)
        self._run(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")

        def drop() -> None:
            try:
                self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except Failure as failure:
                told.append(f"{name} at {self.place} was not dropped: {failure.detail}")

        atexit.register(drop)  # a look is a daemon thread: it does not outlive an interrupted run
        try:
            yield name, told
        finally:
            drop()
            atexit.unregister(drop)

    def variables(self, database: str) -> dict[str, str]:
        """The environment of a client program of PostgreSQL: nothing of this process's own but where programs are."""
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP") if name in os.environ}
        found = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self._user,
            "PGDATABASE": database,
            "PGPASSWORD": self._password() or "",
            "PGPASSFILE": os.devnull,
            "PGCONNECT_TIMEOUT": str(self._seconds),
            "PGSSLMODE": self._tls,
            "PGAPPNAME": "gonogo",
            "PGCLIENTENCODING": "UTF8",
            "LC_ALL": "C",
        }
        return {**kept, **found, **({} if self._ca is None else {"PGSSLROOTCERT": self._ca})}

    def count(self, database: str, table: str) -> int | None:
        """Rows of a table; None if it is not there."""
        if not TABLE.match(table):
            raise ConfigError(f"{table!r} is no name of a table")
        import psycopg  # noqa: PLC0415

        try:
            rows = self._run(f"SELECT count(*) FROM {table}", database)  # noqa: S608 - the name is checked above
        except Failure as failure:
            if isinstance(failure.__cause__, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
                return None
            raise
        return int(rows[0][0])

    def _drop_old(self, now: datetime, told: list[str]) -> None:
        """Databases that an earlier run left when it was killed; never one that is in use."""
        for (name,) in self._run("SELECT datname FROM pg_database"):
            match = _LEFT.match(str(name))
            if match is None:
                continue
            with contextlib.suppress(Failure, ValueError):  # in use, or a number that is no time
                made = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
                if now - made > _LEFT_AFTER:
                    self._run(f'DROP DATABASE IF EXISTS "{name}"')
                    told.append(f"{name}, which an earlier run had left, was dropped")

    def _run(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        import psycopg  # noqa: PLC0415

        try:
            with psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=database or self._database,
                user=self._user,
                password=self._password(),
                passfile=os.devnull,
                connect_timeout=self._seconds,
                application_name="gonogo",
                options=f"-c statement_timeout={_STATEMENT_MS}",
                gssencmode="disable",
                sslmode=self._tls,
                sslrootcert=self._ca,
                autocommit=True,
            ) as connection:
                cursor = connection.execute(statement.encode())
                return [] if cursor.description is None else cursor.fetchall()
        except psycopg.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: Any) -> Failure:
        state = error.sqlstate or ""
        said = " ".join((error.diag.message_primary or str(error)).split())[:300]
        if state[:2] in ("28", "42") or (not state and any(words in said for words in _DENIED)):
            cause = Cause.DENIED
        elif state[:2] == "53" or "too many" in said:
            cause = Cause.FULL
        else:
            cause = Cause.UNAVAILABLE if state else Cause.UNREACHABLE
        return Failure(cause, f"scratch {self.place}: {said}{f' ({state})' if state else ''}")

    def _password(self) -> str | None:
        return self._vantage.reveal(self._secret) if self._secret else None


def _same_host(one: str, other: str) -> bool:
    """Whether two names are one machine: the same name, or names of one address."""
    if one.casefold() == other.casefold():
        return True
    try:
        first, second = ({str(row[4][0]) for row in socket.getaddrinfo(host, None)} for host in (one, other))
    except OSError:
        return False  # whoever connects says that better
    return not first.isdisjoint(second)


def program(name: str, vantage: Vantage) -> Path:
    """A client program of PostgreSQL: in the folder that back end `postgres_programs` gives, else on the PATH."""
    declared = vantage.environment.back_ends.get("postgres_programs")
    found = shutil.which(name, path=declared.address if declared and declared.address else None)
    if found is None:
        raise Failure(
            Cause.UNAVAILABLE,
            f"{name} is not installed{f' in {declared.address}' if declared and declared.address else ''}:"
            " apt-get install postgresql-client (of the server's version, or newer)",
        )
    return Path(found)

"""The connections of one side's services to PostgreSQL: a few, shared, and waited for."""

from __future__ import annotations

import queue
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from factory.tables import APPLICATION

if TYPE_CHECKING:
    import psycopg

SIZE = 8
WAITS_S = 2.0


class PoolError(Exception):
    """No connection within the time, or none to be had."""


class Pool:
    """At most SIZE connections, opened when they are first needed. Each statement commits by itself."""

    def __init__(self, address: str, database: str, password: str) -> None:
        self._target: Mapping[str, Any] = {
            "host": address.partition(":")[0],
            "port": address.partition(":")[2],
            "dbname": database,
            "user": APPLICATION,
            "password": password,
            "application_name": "ai-factory",
            "autocommit": True,
            "connect_timeout": 5,
        }
        self.wrote = False  # something but select was asked for
        self._free: queue.LifoQueue[psycopg.Connection[Any] | None] = queue.LifoQueue()
        for _ in range(SIZE):
            self._free.put(None)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement; none for one that returns nothing."""
        if not statement.startswith("select"):
            self.wrote = True
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def one_more(self, application: str = "ai-factory") -> psycopg.Connection[Any]:
        """A connection beside the pool's."""
        import psycopg  # noqa: PLC0415 - slow to import, while the server starts

        return psycopg.connect(**{**self._target, "application_name": application})

    @contextmanager
    def connection(self, wait_s: float = WAITS_S) -> Iterator[psycopg.Connection[Any]]:
        """A connection for one piece of work; PoolError when all are taken for too long, or the server is gone."""
        import psycopg  # noqa: PLC0415

        try:
            held = self._free.get(timeout=wait_s)
        except queue.Empty:
            raise PoolError(f"QueuePool limit of size {SIZE} reached, connection timed out") from None
        try:
            if held is None or not _lives(held):
                held = self.one_more()
            yield held
        except psycopg.OperationalError as error:
            raise PoolError(" ".join(str(error).split())) from error
        finally:
            self._free.put(held)


def _lives(connection: psycopg.Connection[Any]) -> bool:
    """False if the server or the way to it ended since it was used."""
    if connection.closed:
        return False
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    return not readable  # an idle connection has nothing to say but its end

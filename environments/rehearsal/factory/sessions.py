"""Sessions that make PostgreSQL sick for real: long queries, a lock that nobody gives back, a pool that is taken."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from factory.pool import SIZE, PoolError
from factory.rehearsal import Stage
from factory.world import World

if TYPE_CHECKING:
    from factory.database import FactoryDatabases

OLD_S = 2.3  # how long a query has to run before it counts as slow
_LONG = "select count(*), pg_sleep(900) from core.judgment_executions"
_TAKES = "update workflows set title = title where id = 'wf-simple'"
# Fault -> (application, statement, how many): what is asked and not answered.
ASKED: dict[str, tuple[tuple[str, str, int], ...]] = {
    "incident-db-slow": (("ai-factory", _LONG, 4),),
    "incident-db-locks": (("ai-factory", _TAKES, 4),),
    "nightly-job": (("nightly-report", _LONG, 1),),
}
HOLDER = "migration"  # the application whose transaction holds the lock


class Sessions:
    """Those of one world; end() leaves none on the server."""

    def __init__(self, databases: FactoryDatabases) -> None:
        self._databases = databases
        self._open: list[Any] = []
        self._taken = contextlib.ExitStack()

    def end(self) -> None:
        """Close them, also on the server, which notices a client that has gone only when its query ends."""
        self._taken.close()
        pids = [str(one.info.backend_pid) for one in self._open]
        for one in self._open:
            one.close()
        self._open.clear()
        if pids:
            self._databases.run_sql("postgres", "".join(f"select pg_terminate_backend({pid});" for pid in pids))

    def begin(self, world: World) -> None:
        """Open those that the faults of this world ask for, and wait until they are old enough to be seen. Where
        another fault lets no session in, there are none.
        """
        import psycopg  # noqa: PLC0415 - slow to import

        with contextlib.suppress(psycopg.OperationalError, PoolError):
            self._begin(world)

    def _begin(self, world: World) -> None:
        if world.fault("incident-db-locks"):
            self._session(HOLDER).execute(f"begin; {_TAKES}")
        asked = [one for fault, those in ASKED.items() if world.fault(fault) for one in those]
        for application, statement, count in asked:
            for _ in range(count):
                self._session(application).pgconn.send_query(statement.encode())
        if asked:
            time.sleep(OLD_S)
        if world.fault("incident-pool"):
            pool = self._databases.pools["stable"]
            for _ in range(SIZE):
                self._taken.enter_context(pool.connection())

    def _session(self, application: str) -> Any:
        session = self._databases.pools["stable"].one_more(application)
        self._open.append(session)
        return session


def start(stage: Stage) -> None:
    """Sessions of the last world end before anything else is switched."""
    sessions = Sessions(stage.parts["database"])
    stage.on_apply.insert(0, lambda _: sessions.end())
    stage.on_apply.append(sessions.begin)
    stage.on_end.append(sessions.end)

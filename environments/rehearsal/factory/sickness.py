"""What is wrong in AI Factory's tables, its PostgreSQL and its Redis, by fault: how it comes, and how it goes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import clock

from factory import data, tables
from factory.ledger import DAY
from factory.pool import SIZE
from factory.world import World

if TYPE_CHECKING:
    from factory.database import FactoryDatabases

CROWD = 0.84  # of the connections are open when nobody gives them back, the whole pool among them
CROWDED = ("connections-high", "incident-db-connections")
FILLER = 60 << 20  # bytes in Redis
LATELY_S = 3 * DAY  # what faults do to rows, they do to rows of this age


@dataclass(frozen=True, slots=True, kw_only=True)
class Sickness:
    """SQL that makes it; SQL that ends it, or `rows` when the rows of the last days are written again."""

    begins: str  # also where it has begun already
    ends: str = ""
    rows: bool = False


_MONTHS_ON = "(date_trunc('month', now() at time zone 'UTC') + interval '2 months')"
_DEPLOYED_LATELY = """
update rule_deployments set deployed_at = now() - interval '90 minutes' where deployment_id = 'rd-0041';
update core.judgment_executions set ruleset_version = 'v1.3.9'
  where executed_at between now() - interval '2 days' and now() - interval '90 minutes' and ruleset_version = 'v1.4.0';
"""
_FALSE_ALARMS = """
update core.judgment_executions set result = 'ALERT', input = input || '{"temperature": 70, "vibration": 9.8}'
  where executed_at > now() - interval '1 hour' and id % 3 = 0;
insert into feedbacks select id, 'thumbs_down', '경보가 아니었습니다', 'user-011', executed_at + interval '30 seconds'
  from core.judgment_executions where executed_at > now() - interval '1 hour' and id % 3 = 0;
"""
_TAKEN_BACK = """
update rule_deployments set status = 'ROLLED_BACK', rollback_occurred = true where deployment_id = 'rd-0041';
"""
SICKNESSES = {
    "workflows-failing": Sickness(
        begins="update workflow_instances set status = 'FAILED', error = 'step judge: no answer'"
        " where created_at > now() - interval '1 day' and id % 10 = 5;",
        rows=True,
    ),
    "slow-statement": Sickness(
        begins="update pg_stat_statements set mean_exec_time = 1240 where query like 'SELECT workflow_id, avg%';",
        ends="update pg_stat_statements set mean_exec_time = 431 where query like 'SELECT workflow_id, avg%';",
    ),
    "index-statistics-denied": Sickness(
        begins="revoke select on pg_stat_user_indexes from public;",
        ends="grant select on pg_stat_user_indexes to public;",
    ),
    "partition-missing": Sickness(
        begins="do $$ begin execute 'alter table core.judgment_executions detach partition ' || to_char("
        + _MONTHS_ON
        + ', \'"core.judgment_executions_y"YYYY"m"MM\'); end $$;',
        ends="do $$ begin execute 'alter table core.judgment_executions attach partition ' || to_char("
        + _MONTHS_ON
        + ", '\"core.judgment_executions_y\"YYYY\"m\"MM') || format(' for values from (%L) to (%L)', "
        + f"to_char({_MONTHS_ON}, 'YYYY-MM-DD\" 00:00+00\"'), "
        + f"to_char({_MONTHS_ON} + interval '1 month', 'YYYY-MM-DD\" 00:00+00\"')); end $$;",
    ),
    "deployments-denied": Sickness(
        begins="revoke select on rule_deployments from gonogo_reader;",
        ends="grant select on rule_deployments to gonogo_reader;",
    ),
    "intents-denied": Sickness(
        begins="revoke select on intent_logs from gonogo_reader;",
        ends="grant select on intent_logs to gonogo_reader;",
    ),
    "shared-account": Sickness(
        begins="insert into access_logs select 'user-007', ('203.0.113.' || n)::inet, now() - n * interval '1 hour'"
        " from generate_series(1, 9) n;",
        rows=True,
    ),
    "migration-behind": Sickness(
        begins="update alembic_version set version_num = '51d0e8aa7c3b';",
        ends="update alembic_version set version_num = '9f3c1a7b2d4e';",
    ),
    "rows-lost": Sickness(
        begins="delete from workflow_instances where created_at between now() - interval '30 hours' and"
        " now() - interval '29 hours';",
        rows=True,
    ),
    # Stands for a standby, which would take a second server: a function that the reading role finds first.
    "still-in-recovery": Sickness(
        begins="create function public.pg_is_in_recovery() returns boolean language sql stable return true;"
        " alter role gonogo_reader set search_path = public, pg_catalog;",
        ends="drop function public.pg_is_in_recovery(); alter role gonogo_reader reset search_path;",
    ),
    "judgments-lost": Sickness(
        begins="delete from core.judgment_executions where executed_at > now() - interval '1 day' and id % 10 < 7;",
        rows=True,
    ),
    # A rule set of 90 minutes ago calls vibrations an alarm that nobody calls one.
    "incident-false-alarms": Sickness(
        begins=_DEPLOYED_LATELY + _FALSE_ALARMS,
        rows=True,
    ),
    "incident-db-full": Sickness(
        begins="alter database factory connection limit 0;", ends="alter database factory connection limit -1;"
    ),
    "rules-taken-back": Sickness(begins=_DEPLOYED_LATELY + _FALSE_ALARMS + _TAKEN_BACK, rows=True),
    "rules-deployed-lately": Sickness(begins=_DEPLOYED_LATELY, rows=True),
    "votes-few": Sickness(
        begins="delete from feedbacks where created_at > now() - interval '1 hour'; insert into feedbacks select"
        " id, 'thumbs_down', null, 'user-012', now() - interval '5 minutes' from core.judgment_executions"
        " where executed_at > now() - interval '3 hours' order by executed_at limit 2;",
        rows=True,
    ),
    "rules-mixed": Sickness(
        begins="update core.judgment_executions set ruleset_version = 'v1.3.9'"
        " where executed_at > now() - interval '1 hour' and id % 2 = 0;",
        rows=True,
    ),
}


class Sicknesses:
    """Switches them. `apply` also forgets what earlier worlds' checks did."""

    def __init__(self, databases: FactoryDatabases) -> None:
        self._databases = databases
        self._pools = databases.pools
        self._until = 0.0  # the rows of the past are there up to here
        self._present: set[str] = set()
        self._crowd: list[Any] = []

    def filled(self, until: float) -> None:
        """The rows of the past were written, up to this moment."""
        self._until = until

    def apply(self, world: World) -> None:
        """End what the last world had and this one has not, begin what is new."""
        asked = {name for name in SICKNESSES if world.fault(name)}
        now = clock.now()
        text = "".join(SICKNESSES[name].ends for name in sorted(self._present - asked))
        if self._pools["stable"].wrote or any(SICKNESSES[name].rows for name in self._present):
            text += data.again(now - LATELY_S, now) + data.deployments(now)
            asked_anew = asked
        else:
            text += data.rows(self._until, now, now)
            asked_anew = asked - self._present
        text += "".join(SICKNESSES[name].begins for name in sorted(asked_anew))
        self._databases.fill(text, tables.DATABASE)
        self._present, self._until = asked, now
        if self._pools["staging"].wrote:
            self._databases.fill(f"truncate {', '.join(data.TIMES)};" + data.deployments(now), tables.STAGING_DATABASE)
        for pool in self._pools.values():
            pool.wrote = False
        self._databases.ask_redis("FLUSHALL")
        if world.fault("redis-memory-high"):
            self._databases.ask_redis("SETRANGE", "filler", str(FILLER), ".")

    def crowd_in(self, world: World) -> None:
        """Connections that do nothing, once the server can be reached."""
        import psycopg  # noqa: PLC0415 - slow to import

        wanted = 0
        if any(world.fault(name) for name in CROWDED):
            with contextlib.ExitStack() as pool:  # all of it: one that grows later would take what is left for looks
                for _ in range(SIZE):
                    pool.enter_context(self._pools["stable"].connection())
            ((count, most),) = self._pools["stable"].rows(
                "select count(*), current_setting('max_connections')::int from pg_stat_activity"
                " where backend_type = 'client backend'"
            )
            wanted = round(CROWD * most) - count + len(self._crowd)
        while len(self._crowd) > wanted:
            with contextlib.suppress(psycopg.Error):
                self._crowd.pop().close()
        while len(self._crowd) < wanted:
            self._crowd.append(self._pools["stable"].one_more())

"""ION's PostgreSQL and Redis: conversations, a chat cache, and the faults that show there."""

from __future__ import annotations

from databases import Databases
from processes import Processes
from proxy import Mode
from world import World

READER = "ion_reader"
_TABLES = """
create database ion;
create role ion_reader login password '{password}' connection limit 20;
\\connect ion
create table conversations (
  id bigint generated always as identity primary key, user_id text not null, persona text not null,
  message text not null, created_at timestamptz not null default now());
insert into conversations (user_id, persona, message)
  select 'user-' || to_char(n % 40 + 1, 'FM000'), (array['Lua', 'Elro', 'Riri', 'Nana'])[n % 4 + 1], '안녕하세요 ' || n
  from generate_series(1, 200) n;
grant select on all tables in schema public to ion_reader;
alter role ion_reader set default_transaction_read_only = on;
"""


class IonDatabases(Databases):
    """Both servers with what ION keeps there. apply() switches faults."""

    def __init__(self, processes: Processes, password: str, host: str = "127.0.0.1") -> None:
        super().__init__(processes, host)
        self._password = password
        self._is_full = False

    def wait(self) -> None:
        """Until both answer and are filled."""
        super().wait()
        self.fill(_TABLES.format(password=self._password))
        for n in range(1, 21):
            self.ask_redis("SETEX", f"chat:cache:user-{n:03d}", "1800", "안녕하세요")

    def apply(self, world: World) -> None:
        """Make both behave as the world's faults say."""
        is_full = world.fault("database-full")
        if is_full != self._is_full:
            self.run_sql("postgres", f"alter role {READER} connection limit {0 if is_full else 20}")
            self._is_full = is_full
        self.refuse_redis(world.fault("redis-refuses"))
        self.redis.set(Mode.REFUSE if world.fault("redis-down") else Mode.OPEN)
        hangs = Mode.HANG if world.fault("database-hangs") else Mode.OPEN
        self.postgres.set(Mode.REFUSE if world.fault("database-down") else hangs)

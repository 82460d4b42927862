"""AI Factory's tables, roles and partitions, as SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from factory.ledger import PAST_DAYS

DATABASE, STAGING_DATABASE = "factory", "factory_staging"
READER, SCRATCH, APPLICATION = "gonogo_reader", "gonogo_scratch", "factory_app"
SERVED_RULES = ("v1.3.9", "v1.4.0")  # the rule sets before and now
LIVE_IDS = 1_000_000_000  # ids of what is done while the rehearsal runs begin here
NEXT_MONTHS = 3
# The least that the checklists need: docs/how-to/read-postgresql-and-redis.md says the same.
READER_ROLE = """
create role gonogo_reader login password '{password}' connection limit 20;
alter role gonogo_reader set default_transaction_read_only = on;
grant pg_read_all_stats to gonogo_reader;
"""
READER_GRANTS = """
grant connect on database factory to gonogo_reader;
grant usage on schema core, public to gonogo_reader;
grant select on core.judgment_executions, workflow_instances, feedbacks, rule_deployments, access_logs, intent_logs,
  alembic_version, pg_stat_statements to gonogo_reader;
"""
_TABLES = """
create schema core;
create sequence core.execution_ids start 1000000000;
create sequence core.instance_ids start 1000000000;
create table core.judgment_executions (
  id bigint not null default nextval('core.execution_ids'), workflow_id text not null, input jsonb not null,
  policy text not null, method text not null, result text not null, confidence double precision not null,
  ruleset_version text not null, cached boolean not null, latency_ms integer not null,
  executed_at timestamptz not null default now()) partition by range (executed_at);
create table workflows (id text primary key, title text not null, policy text not null, steps text[] not null);
create table workflow_instances (
  id bigint not null default nextval('core.instance_ids'), workflow_id text not null,
  status text not null, done_steps integer not null default 0, error text,
  created_at timestamptz not null default now(), started_at timestamptz not null default now(), ended_at timestamptz);
create table feedbacks (
  execution_id bigint not null, feedback_value text not null, comment text, user_id text not null,
  created_at timestamptz not null default now());
create table rule_deployments (
  deployment_id text primary key, target_type text not null, old_version text not null, new_version text not null,
  deployed_at timestamptz not null, status text not null, rollback_occurred boolean not null default false);
create table access_logs (user_id text not null, ip_address inet not null, created_at timestamptz not null);
create table intent_logs (
  id bigint not null, utterance text not null, intent text not null, confidence double precision not null,
  created_at timestamptz not null default now());
create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('9f3c1a7b2d4e');
insert into workflows values
  ('wf-simple', 'One judgment', 'RULE_FALLBACK', '{judge}'),
  ('wf-complex', 'Root cause and alert', 'LLM_ONLY', '{collect,judge,root-cause,alert,report}'),
  ('wf-quality', 'Quality of a lot', 'RULE_FALLBACK', '{collect,judge}'),
  ('wf-energy', 'Energy peak', 'RULE_FALLBACK', '{collect,judge}'),
  ('wf-line', 'Line stop', 'LLM_ONLY', '{judge,alert}');
grant usage on schema core to factory_app;
grant all on all tables in schema core, public to factory_app;
grant all on all sequences in schema core to factory_app;
"""
# Made once the rows are there, which is faster.
KEYS = """
alter table core.judgment_executions add primary key (id, executed_at);
create index judgment_executions_executed_at on core.judgment_executions (executed_at);
alter table workflow_instances add primary key (id);
alter table workflow_instances add foreign key (workflow_id) references workflows;
create index workflow_instances_created_at on workflow_instances (created_at);
"""
# The server of the rehearsal has no contrib modules: this table has the shape of the view that the extension makes.
STATEMENTS = """
create table pg_stat_statements (
  userid oid not null, dbid oid not null, toplevel boolean not null default true, queryid bigint not null,
  query text not null, calls bigint not null, total_exec_time double precision not null,
  min_exec_time double precision not null, max_exec_time double precision not null,
  mean_exec_time double precision not null, stddev_exec_time double precision not null, rows bigint not null);
"""


def roles(reader_password: str, scratch_password: str, application_password: str) -> str:
    """Roles of the server, before there is a database."""
    return f"""
create database {DATABASE};
create database {STAGING_DATABASE};
{READER_ROLE.format(password=reader_password)}
create role {SCRATCH} login createdb password '{scratch_password}' connection limit 10;
create role {APPLICATION} login password '{application_password}';
"""


def tables(now: float) -> str:
    """Tables, still without keys, with the partitions of the past, of this month and of the next three."""
    return _TABLES + "".join(_partition(year, month) for year, month in months(now))


def months(now: float) -> list[tuple[int, int]]:
    """(year, month) of every partition at this time, the oldest first."""
    today = datetime.fromtimestamp(now, UTC)
    oldest = today - timedelta(days=PAST_DAYS + 1)
    first, last = oldest.year * 12 + oldest.month - 1, today.year * 12 + today.month - 1 + NEXT_MONTHS
    return [(number // 12, number % 12 + 1) for number in range(first, last + 1)]


def partition_name(year: int, month: int) -> str:
    """The table of one month, with its schema."""
    return f"core.judgment_executions_y{year:04d}m{month:02d}"


def _partition(year: int, month: int) -> str:
    begin, end = f"{year:04d}-{month:02d}-01", f"{year + month // 12:04d}-{month % 12 + 1:02d}-01"
    return (
        f"create table {partition_name(year, month)} partition of core.judgment_executions"
        f" for values from ('{begin} 00:00:00+00') to ('{end} 00:00:00+00');\n"
    )

"""AI Factory's past as SQL: the rows that its users left, made from series of numbers at the paces of the ledger."""

from __future__ import annotations

import math

from factory import ledger
from factory.ledger import DAY, PAST_DAYS
from factory.tables import SERVED_RULES

RULES_AGE_S = 12 * DAY
_ROWS = """
insert into core.judgment_executions
select n, 'wf-' || (array['simple', 'complex', 'quality', 'energy', 'line'])[n % 5 + 1],
  jsonb_build_object('temperature', 60 + n * 7 % 50, 'vibration', (n * 13 % 100) / 10.0),
  (array['RULE_ONLY', 'LLM_ONLY', 'HYBRID'])[kind], (array['rule', 'llm', 'hybrid'])[kind],
  case when 60 + n * 7 % 50 > 95 or is_new and n * 13 % 100 > 95 then 'ALERT' else 'NORMAL' end,
  0.7 + n % 30 / 100.0, case when is_new then '{new}' else '{old}' end, n % {hits_of} < {hits},
  case when n % {hits_of} < {hits} then 4 when kind = 1 then 20 + n % 30 else 400 + n % 900 end, at
from generate_series({judgment_first}, {judgment_last}) n,
  lateral (select to_timestamp(n * {judgment_s}) as at, case when n % 10 < 6 then 1 when n % 10 < 8 then 2 else 3 end
    as kind, to_timestamp(n * {judgment_s}) >= to_timestamp({rules_at}) as is_new) as the;
insert into workflow_instances
select n, 'wf-' || (array['simple', 'complex', 'quality', 'energy', 'line'])[n % 5 + 1],
  case when n % {failed_of} < {failed} then 'FAILED' else 'COMPLETED' end, 1,
  case when n % {failed_of} < {failed} then 'step erp.lookup: timeout after 30 s' end,
  to_timestamp(n * {workflow_s}), to_timestamp(n * {workflow_s} + 0.2), to_timestamp(n * {workflow_s} + 1 + n % 20)
from generate_series({workflow_first}, {workflow_last}) n;
insert into feedbacks
select 2 * n, case when n % {downs_of} < {downs} then 'thumbs_down' else 'thumbs_up' end,
  case when n % {downs_of} < {downs} then '경보가 아니었습니다' end, 'user-' || to_char(n % 40, 'FM000'),
  to_timestamp(n * {feedback_s})
from generate_series({feedback_first}, {feedback_last}) n;
insert into intent_logs
select 5 * n, (array['오늘 불량률 알려줘', 'stop line 3?', '설비 점검 일정', 'why did press 2 alarm', '에너지 사용량',
  'show yesterday''s yield', '재고 확인', 'who is on shift'])[n % 8 + 1],
  (array['bi.defects', 'workflow.line_stop', 'maintenance.schedule', 'judgment.explain', 'bi.energy', 'bi.yield',
  'erp.stock', 'hr.shift'])[n % 8 + 1], 0.5 + n * 37 % 50 / 100.0, to_timestamp(n * {intent_s})
from generate_series({intent_first}, {intent_last}) n;
insert into access_logs
select 'user-' || to_char(n % 40, 'FM000'), ('10.20.' || n % 40 || '.' || n / 40 % 3 + 1)::inet,
  to_timestamp(n * {access_s})
from generate_series({access_first}, {access_last}) n;
"""
_DEPLOYMENTS = """
delete from rule_deployments;
insert into rule_deployments values
  ('rd-0038', 'rule', 'v1.3.8', 'v1.3.9', to_timestamp({now} - 33 * 86400), 'ACTIVE', false),
  ('rd-0039', 'prompt', 'p-14', 'p-15', to_timestamp({now} - 26 * 86400), 'ACTIVE', false),
  ('rd-0040', 'dsl', 'd-7', 'd-8', to_timestamp({now} - 19 * 86400), 'ROLLED_BACK', true),
  ('rd-0041', 'rule', '{old}', '{new}', to_timestamp({rules_at}), 'ACTIVE', false),
  ('rd-0042', 'prompt', 'p-15', 'p-16', to_timestamp({now} - 5 * 86400), 'ACTIVE', false);
"""
# userid, dbid and a query, its calls, its mean in ms: what the services and the nightly backup ask.
_STATEMENTS = """
insert into pg_stat_statements
select 10, (select oid from pg_database where datname = 'factory'), true, row_number() over (), query, calls,
  calls * mean, mean / 3, mean * 6, mean, mean / 2, calls from (values
  ('INSERT INTO core.judgment_executions (workflow_id, input, policy) VALUES ($1, $2, $3) RETURNING id', 31000, 1.9),
  ('SELECT id, result FROM core.judgment_executions WHERE id = $1 AND executed_at > $2', 912000, 0.8),
  ('UPDATE workflow_instances SET status = $1, ended_at = $2 WHERE id = $3', 31000, 1.2),
  ('SELECT status FROM workflow_instances WHERE id = $1', 5400000, 0.3),
  ('SELECT date_trunc($1, executed_at), count(*) FROM core.judgment_executions GROUP BY 1', 1340, 212.5),
  ('SELECT workflow_id, avg(latency_ms) FROM core.judgment_executions GROUP BY workflow_id', 96, 431.0),
  ('SELECT feedback_value, count(*) FROM feedbacks WHERE created_at > $1 GROUP BY feedback_value', 8900, 22.4),
  ('INSERT INTO intent_logs (id, utterance, intent, confidence) VALUES ($1, $2, $3, $4)', 6200, 0.9),
  ('COPY core.judgment_executions TO stdout', 31, 4210.0),
  ('VACUUM (ANALYZE) core.judgment_executions', 12, 9840.0)) as asked (query, calls, mean);
create index feedbacks_user_id_created_at on feedbacks (user_id, created_at);
"""
TIMES = {
    "core.judgment_executions": "executed_at",
    "workflow_instances": "created_at",
    "feedbacks": "created_at",
    "intent_logs": "created_at",
    "access_logs": "created_at",
}


def past(now: float) -> str:
    """Statements that fill the empty tables with the days before `now`."""
    return rows(now - PAST_DAYS * DAY, now, now) + deployments(now) + _STATEMENTS


def again(since: float, now: float) -> str:
    """Statements that leave after `since` only what the users of the past did, up to `now`."""
    gone = "".join(f"delete from {table} where {time} > to_timestamp({since});\n" for table, time in TIMES.items())  # noqa: S608
    return gone + rows(since, now, now)


def deployments(now: float) -> str:
    """Statements that leave rule_deployments as they were before anybody rolled back."""
    return _DEPLOYMENTS.format(**_rules(now), now=now)


def rows(since: float, until: float, now: float) -> str:
    """Statements that insert what was done in (since, until]; rules are as old at `now` as they ever are."""
    paces = {
        "judgment": ledger.JUDGMENT_S,
        "workflow": ledger.WORKFLOW_S,
        "feedback": ledger.FEEDBACK_S,
        "intent": ledger.INTENT_S,
        "access": ledger.ACCESS_S,
    }
    numbers: dict[str, float] = {}
    for name, every in paces.items():
        numbers[f"{name}_s"] = every
        numbers[f"{name}_first"] = math.floor(since / every) + 1
        numbers[f"{name}_last"] = math.floor(until / every)
    shares = {"hits": ledger.CACHE_HITS, "failed": ledger.FAILED_WORKFLOWS, "downs": ledger.THUMBS_DOWN}
    for name, (of, count) in shares.items():
        numbers |= {f"{name}_of": of, name: count}
    return _ROWS.format(**numbers, **_rules(now))


def _rules(now: float) -> dict[str, str | float]:
    old, new = SERVED_RULES
    return {"old": old, "new": new, "rules_at": now - RULES_AGE_S}

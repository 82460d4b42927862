"""The judgment service: judgments by rules, by the LLM or by both, what-ifs, feedback, and the way back of a rule set.

POST /api/v1/judgment/execute                    {workflow_id, input: {temperature, vibration, note}, policy} ->
    {execution_id, result: ALERT|NORMAL, confidence, method: rule|llm|hybrid, ruleset_version, cache: hit|miss,
    latency_ms}
POST /api/v1/judgment/simulate                   {ruleset_version, execution_ids} ->
    {ruleset_version, results: [{execution_id, old: {result, ruleset_version}, new: {...}, changed}], changed, missing}
GET  /api/v1/judgment/executions/{id}            an execution
GET  /api/v1/judgment/executions/{id}/explanation  {execution_id, explanation}, in the words of the LLM
POST /api/v1/feedback                            {execution_id, feedback_value: thumbs_up|thumbs_down, comment} -> 201
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import clock
from http_server import Call, Reply

from factory import llm, past
from factory.rules import RULE_SETS, judged
from factory.site import AskedError, Route, Site, asked, text_of

POLICIES = ("RULE_ONLY", "LLM_ONLY", "HYBRID")
SURE = 0.9  # above it, HYBRID does not ask the LLM
MOST_IDS = 1000
_EXECUTION = "select id, workflow_id, input, method, result, confidence, ruleset_version, executed_at"


def ruleset_version(site: Site) -> str:
    """The rule set in force: that of the newest deployment that was not rolled back."""
    rows = site.pool.rows(
        "select new_version from rule_deployments where target_type = 'rule' and status = 'ACTIVE'"
        " order by deployed_at desc limit 1"
    )
    if not rows:
        raise AskedError(503, "no_rules", "no rule set is deployed")
    return str(rows[0][0])


def execute(site: Site, call: Call, _: str) -> Reply:
    began = time.monotonic()
    document = asked(call)
    workflow, policy = text_of(document, "workflow_id"), document.get("policy", "HYBRID")
    readings = document.get("input")
    if policy not in POLICIES or not isinstance(readings, dict) or not readings:
        raise AskedError(
            422, "validation", f"policy is one of {', '.join(POLICIES)}, input an object that is not empty"
        )
    if not site.pool.rows("select 1 from workflows where id = %s", (workflow,)):
        raise AskedError(404, "not_found", f"there is no workflow {workflow}")
    version = ruleset_version(site)
    shape = json.dumps([version, workflow, policy, readings], sort_keys=True)
    key = f"judgment:{hashlib.sha256(shape.encode()).hexdigest()}"
    kept = None if site.behaviour("judgment").loses_cache else site.cached(key)
    if kept is None:
        result, confidence, method = _judge(site, version, policy, readings)
        site.keep(key, {"result": result, "confidence": confidence, "method": method})
    else:
        result, confidence, method = str(kept["result"]), float(kept["confidence"]), str(kept["method"])
    site.metrics.count(past.MISSES if kept is None else past.HITS, site.labels("judgment"))
    took_ms = round((time.monotonic() - began) * 1000)
    values = (workflow, json.dumps(readings), policy, method, result, confidence, version, kept is not None, took_ms)
    (number,) = site.pool.rows(
        "insert into core.judgment_executions (workflow_id, input, policy, method, result, confidence, ruleset_version,"
        " cached, latency_ms, executed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, to_timestamp(%s)) returning id",
        (*values, clock.now()),
    )[0]
    told = {"execution_id": number, "result": result, "confidence": confidence, "method": method}
    found = "miss" if kept is None else "hit"
    return Reply(body={**told, "ruleset_version": version, "cache": found, "latency_ms": took_ms})


def _judge(site: Site, version: str, policy: str, readings: dict[str, Any]) -> tuple[str, float, str]:
    """(result, confidence, method)."""
    by_rule = judged(version, readings) if policy != "LLM_ONLY" else None
    if policy == "RULE_ONLY" and by_rule is None:
        raise AskedError(422, "validation", f"rule set {version} knows no reading of this input")
    if by_rule is not None and (policy == "RULE_ONLY" or (by_rule[1] >= SURE and "note" not in readings)):
        return (*by_rule, "rule" if policy == "RULE_ONLY" else "hybrid")
    try:
        result, confidence = llm.judge(site, "judgment", readings)
    except llm.LlmError as error:
        if by_rule is None:
            raise AskedError(502, "llm_unavailable", str(error)) from error
        return (*by_rule, "rule")
    if by_rule is not None and by_rule[0] != result:
        return "ALERT", min(by_rule[1], confidence), "hybrid"
    return result, confidence, "llm" if policy == "LLM_ONLY" else "hybrid"


def simulate(site: Site, call: Call, _: str) -> Reply:
    document = asked(call)
    version, ids = text_of(document, "ruleset_version"), document.get("execution_ids")
    if version not in RULE_SETS:
        raise AskedError(404, "not_found", f"there is no rule set {version}")
    if not isinstance(ids, list) or not 0 < len(ids) <= MOST_IDS or not all(type(n) is int for n in ids):
        raise AskedError(422, "validation", f"execution_ids are 1 to {MOST_IDS} whole numbers")
    rows = site.pool.rows(
        "select id, input, result, ruleset_version from core.judgment_executions where id = any(%s) order by id", (ids,)
    )
    results = []
    for number, readings, result, made_by in rows:
        again = judged(version, readings)
        new = result if again is None else again[0]
        old = {"result": result, "ruleset_version": made_by}
        results.append(
            {
                "execution_id": number,
                "old": old,
                "new": {"result": new, "ruleset_version": version},
                "changed": new != result,
            }
        )
    missing = sorted(set(ids) - {row[0] for row in rows})
    changed = sum(bool(one["changed"]) for one in results)
    return Reply(body={"ruleset_version": version, "results": results, "changed": changed, "missing": missing})


def execution(site: Site, _: Call, number: str) -> Reply:
    rows = site.pool.rows(f"{_EXECUTION} from core.judgment_executions where id = %s", (_number(number),))
    if not rows:
        raise AskedError(404, "not_found", f"there is no execution {number}")
    names = ("execution_id", "workflow_id", "input", "method", "result", "confidence", "ruleset_version", "executed_at")
    told = dict(zip(names, rows[0], strict=True))
    return Reply(body=told | {"executed_at": told["executed_at"].isoformat()})


def explanation(site: Site, call: Call, number: str) -> Reply:
    told = execution(site, call, number).body
    try:
        llm.call(site, "judgment", past.EXPLANATION_USD)
    except llm.LlmError as error:
        raise AskedError(502, "llm_unavailable", str(error)) from error
    words = f"{told['result']} by {told['method']} with rule set {told['ruleset_version']}, of {told['input']}"
    return Reply(body={"execution_id": told["execution_id"], "explanation": words})


def feedback(site: Site, call: Call, _: str) -> Reply:
    document = asked(call)
    number, value, comment = (document.get(name) for name in ("execution_id", "feedback_value", "comment"))
    if type(number) is not int or value not in ("thumbs_up", "thumbs_down"):
        raise AskedError(422, "validation", "execution_id is a whole number, feedback_value thumbs_up or thumbs_down")
    if not site.pool.rows("select 1 from core.judgment_executions where id = %s", (number,)):
        raise AskedError(404, "not_found", f"there is no execution {number}")
    site.pool.rows(
        "insert into feedbacks (execution_id, feedback_value, comment, user_id, created_at)"
        " values (%s, %s, %s, %s, to_timestamp(%s))",
        (number, value, None if comment is None else str(comment), str(document.get("user_id", "")), clock.now()),
    )
    return Reply(status=201, body={"status": "accepted", "execution_id": number, "feedback_value": value})


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise AskedError(404, "not_found", f"there is no execution {text[:40]}")
    return int(text)


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/api/v1/judgment/execute"): execute,
    ("POST", "/api/v1/judgment/simulate"): simulate,
    ("GET", "/api/v1/judgment/executions/{id}"): execution,
    ("GET", "/api/v1/judgment/executions/{id}/explanation"): explanation,
    ("POST", "/api/v1/feedback"): feedback,
}

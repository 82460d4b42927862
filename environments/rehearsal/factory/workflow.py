"""The workflow service: instances that run their steps one after the other, by way of the other services.

POST /api/v1/workflow/run                {workflow_id, input} -> 202 {instance_id, workflow_id, status: RUNNING}
GET  /api/v1/workflow/instances/{id}     {instance_id, workflow_id, status: RUNNING|COMPLETED|FAILED, steps, error, ...}
"""

from __future__ import annotations

import threading
import time
from typing import Any

import clock
from http_server import Call, Reply

from factory import llm, past
from factory.pool import PoolError
from factory.site import AskedError, Route, Site, asked, text_of

STEP_S = 0.12


def run(site: Site, call: Call, _: str) -> Reply:
    document = asked(call)
    name, readings = text_of(document, "workflow_id"), document.get("input", {})
    if not isinstance(readings, dict):
        raise AskedError(422, "validation", "input is an object")
    rows = site.pool.rows("select steps from workflows where id = %s", (name,))
    if not rows:
        raise AskedError(404, "not_found", f"there is no workflow {name}")
    now = clock.now()
    (number,) = site.pool.rows(
        "insert into workflow_instances (workflow_id, status, created_at, started_at)"
        " values (%s, 'RUNNING', to_timestamp(%s), to_timestamp(%s)) returning id",
        (name, now, now),
    )[0]
    threading.Thread(target=_run, args=(site, number, name, rows[0][0], readings), daemon=True).start()
    return Reply(status=202, body={"instance_id": number, "workflow_id": name, "status": "RUNNING"})


def _run(site: Site, number: int, name: str, steps: list[str], readings: dict[str, Any]) -> None:
    """Step by step to the end, on a thread of its own."""
    error: str | None = None
    for done, step in enumerate(steps, start=1):
        time.sleep(STEP_S)
        try:
            _step(site, step, done, name, readings)
            site.pool.rows("update workflow_instances set done_steps = %s where id = %s", (done, number))
        except (AskedError, PoolError, llm.LlmError) as failure:
            error = f"step {step}: {failure}"
            break
    try:
        site.pool.rows(
            "update workflow_instances set status = %s, error = %s, ended_at = to_timestamp(%s) where id = %s",
            ("COMPLETED" if error is None else "FAILED", error, clock.now(), number),
        )
    except PoolError:
        return  # it stays RUNNING, as it would


def _step(site: Site, step: str, number: int, name: str, readings: dict[str, Any]) -> None:
    if site.behaviour("workflow").stops_at_step == number:
        raise AskedError(500, "stopped", "no answer")
    match step:
        case "judge":
            body = {"workflow_id": name, "input": readings or {"temperature": 72.5}, "policy": "HYBRID"}
            site.ask("judgment", "/api/v1/judgment/execute", body)
        case "collect":
            site.ask("mcp-hub", "/api/v1/mcp/call", {"tool": "sensor.read", "arguments": {"line": 3}})
        case "alert":
            site.ask("mcp-hub", "/api/v1/mcp/call", {"tool": "alert.send", "arguments": {"text": f"{name}: 확인 필요"}})
        case "root-cause":
            llm.call(site, "workflow", past.JUDGMENT_USD)
        case "report":
            site.ask("bi", "/api/v1/bi/query", {"question": "judgments a day"})
        case _:
            raise AskedError(500, "unknown_step", "nobody knows this step")


def instance(site: Site, _: Call, number: str) -> Reply:
    rows = (
        site.pool.rows(
            "select i.id, i.workflow_id, i.status, i.done_steps, i.error, i.created_at, i.ended_at, w.steps"
            " from workflow_instances i join workflows w on w.id = i.workflow_id where i.id = %s",
            (int(number),),
        )
        if number.isdecimal() and len(number) <= 18
        else []
    )
    if not rows:
        raise AskedError(404, "not_found", f"there is no instance {number[:40]}")
    found, name, status, done, error, created, ended, steps = rows[0]
    states = ["COMPLETED"] * done + [status] + ["PENDING"] * len(steps)
    return Reply(
        body={
            "instance_id": found,
            "workflow_id": name,
            "status": status,
            "steps": [{"name": step, "status": state} for step, state in zip(steps, states, strict=False)],
            "error": error,
            "created_at": created.isoformat(),
            "ended_at": None if ended is None else ended.isoformat(),
        }
    )


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/api/v1/workflow/run"): run,
    ("GET", "/api/v1/workflow/instances/{id}"): instance,
}

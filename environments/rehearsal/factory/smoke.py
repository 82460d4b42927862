"""What is wrong with an answer of the gateway under a fault that one smoke test is about; nothing without one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from http_server import Call, Reply

from factory.world import World

Bend = Callable[[dict[str, Any]], dict[str, Any]]
EXECUTE, INSTANCES, QUERY = "/api/v1/judgment/execute", "/api/v1/workflow/instances/", "/api/v1/bi/query"
FEEDBACK, EVENTS, RUN, HEALTH = "/api/v1/feedback", "/slack/events", "/api/v1/workflow/run", "/health"
_NONE = Reply(raw=())  # the connection is closed without a byte


def bent(world: World, side: str, call: Call, reply: Reply) -> Reply:
    """The reply of a side as the world's faults make it."""
    tested = "stable" if world.scene == "recovered" else "staging"
    if side != tested:
        return reply
    if world.fault("smoke-feedback-refused") and call.path == FEEDBACK:
        return Reply(status=503, body={"error": "service_unavailable", "service": "judgment"})
    if world.fault("smoke-bi-hangs-up") and call.path == QUERY:
        return _NONE
    for name, (path, bend) in _BENDS.items():
        if world.fault(name) and call.path.startswith(path) and reply.status < 300:
            return _changed(reply, lambda document, bend=bend: bend(call, document))
    return reply


def _changed(reply: Reply, change: Bend) -> Reply:
    body = change(json.loads(reply.body) if isinstance(reply.body, bytes) else dict(reply.body))
    return Reply(status=reply.status, body=json.dumps(body, ensure_ascii=False).encode(), headers=reply.headers)


def _policy(call: Call, wanted: str) -> bool:
    document = call.json()
    return isinstance(document, dict) and document.get("policy") == wanted


def _unsure(call: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "confidence": 1.4} if _policy(call, "RULE_ONLY") else document


def _speechless(call: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "result": None} if _policy(call, "LLM_ONLY") else document


def _alone(call: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "method": "rule"} if _policy(call, "HYBRID") else document


def _failed(workflow: str) -> Callable[[Call, dict[str, Any]], dict[str, Any]]:
    def bend(_: Call, document: dict[str, Any]) -> dict[str, Any]:
        if document.get("workflow_id") != workflow:
            return document
        return {**document, "status": "FAILED", "error": "step judge: judgment answered 502"}

    return bend


def _degraded(_: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "status": "degraded"}


def _nameless(_: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "instance_id"}


def _no_chart(_: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "chart": {"type": "", "title": "", "x": [], "y": []}}


def _silent(_: Call, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "reply": {**document.get("reply", {}), "text": ""}}


_BENDS: Mapping[str, tuple[str, Callable[[Call, dict[str, Any]], dict[str, Any]]]] = {
    "smoke-rule-confidence": (EXECUTE, _unsure),
    "smoke-llm-no-result": (EXECUTE, _speechless),
    "smoke-hybrid-by-rule": (EXECUTE, _alone),
    "smoke-health-degraded": (HEALTH, _degraded),
    "smoke-workflow-nameless": (RUN, _nameless),
    "smoke-simple-fails": (INSTANCES, _failed("wf-simple")),
    "smoke-complex-fails": (INSTANCES, _failed("wf-complex")),
    "smoke-bi-no-chart": (QUERY, _no_chart),
    "smoke-bot-silent": (EVENTS, _silent),
}

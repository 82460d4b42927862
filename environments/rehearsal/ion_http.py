"""ION's own interfaces over HTTP: stable, canary and staging side, and the Lumen Gateway.

GET  /health                            {status, service, timestamp}
GET  /api/health                        {status, lumen_gateway, timestamp}; on the canary also version: canary
GET  /api/v2/health                     canary and staging: {status, version, timestamp}
POST /chat                              {message, user_id} -> {success, response, confidence, persona_used, ...}
POST /api/v2/recommend/personalized     canary and staging: {user_id} -> {success, recommendations, ...}
GET  /api/v2/canary/metrics             canary: {status, requests_total, errors_total, error_rate, p95_ms, by_path ...}
POST /api/v2/canary/metrics/reset       canary: {status, message, timestamp}
GET  /flow                              {served}: what the users of scene watch ask for, see flow
GET  /limits/FAMILY                     {limiter}: a limiter to be examined, see limited_paths
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import bad_transport
import canary_metrics
import clock
import mentoring
from capacity import FAULT as SATURATES
from flow_faults import PATH as FLOW
from http_server import Call, HttpServer, Reply
from limited_paths import EXAMINED, RULES
from mentoring import stamp
from world import SERVICE_OF_SIDE, Request, World, WorldRef

RATE_WINDOW_S = 10.0
EXAMINED_S = 0.006
CLOSED_BY = {"ion-stable": ("api-down",), "ion-canary": ("canary-down",), "lumen": ("lumen-down",)}


@dataclass(kw_only=True)
class _Served:
    """A reply and what the log says of it."""

    reply: Reply
    persona: str = ""
    user_id: str = ""
    message_length: int = 0
    error_type: str = ""
    message: str = ""


class IonServers:
    """The four HTTP servers of ION. `addresses`: ion-stable, ion-canary, ion-staging, lumen."""

    def __init__(self, ref: WorldRef, host: str) -> None:
        self._servers = {f"ion-{side}": HttpServer(partial(_side, ref, side), host) for side in SERVICE_OF_SIDE}
        self._servers["lumen"] = HttpServer(partial(_lumen, ref), host)
        self.addresses = {name: server.url for name, server in self._servers.items()}

    def apply(self, world: World) -> None:
        """Open and close doors as the world's faults say."""
        for name, server in self._servers.items():
            server.open(not any(world.fault(fault) for fault in CLOSED_BY.get(name, ())))


def start(ref: WorldRef, host: str = "127.0.0.1") -> IonServers:
    """Serve all four."""
    servers = IonServers(ref, host)
    servers.apply(ref.world)
    return servers


def _side(ref: WorldRef, side: str, call: Call) -> Reply:
    world = ref.world
    began = time.monotonic()
    passed = world.limits.ask(side, call)
    if world.stalls.on(side):
        world.stalls.wait()
    if side == "canary" and world.fault(SATURATES):
        world.saturating.wait()
    served = _Served(reply=passed.reply) if passed.reply is not None else _route(world, side, call)
    if passed.slows > 1:
        time.sleep((time.monotonic() - began) * (passed.slows - 1))
    reply = served.reply
    reply.headers = passed.headers | reply.headers
    if reply.raw is None:
        reply.headers = {"Server": "uvicorn", "X-ION-Revision": world.revision_of(side)} | reply.headers
    failed = reply.status >= 400
    world.record(
        Request(
            at=clock.now(),
            side=side,
            service=SERVICE_OF_SIDE[side],
            revision=world.revision_of(side),
            method=call.method,
            path=call.path,
            status=reply.status,
            process_time_ms=round((time.monotonic() - began) * 1000, 2),
            persona=served.persona,
            user_id=served.user_id,
            error_type=served.error_type or (f"http_{reply.status}" if failed else ""),
            message=served.message or (f"{call.method} {call.path} answered {reply.status}" if failed else ""),
            message_length=served.message_length,
        )
    )
    return reply


def _route(world: World, side: str, call: Call) -> _Served:
    is_v2 = side in ("canary", "staging")
    match call.method, call.path:
        case "GET", "/health":
            return _Served(reply=_legacy_health(world, side))
        case "GET", "/api/health":
            return _Served(reply=_health(world, side, call))
        case "GET", "/api/v2/health" if is_v2:
            return _Served(reply=_v2_health(world, side))
        case "POST", "/chat":
            return _chat(world, side, call)
        case "POST", "/api/v2/recommend/personalized" if is_v2:
            return _recommend(world, side, call)
        case "GET", "/api/v2/canary/metrics" if side == "canary" and not world.fault("canary-metrics-missing"):
            return _Served(reply=Reply(body=canary_metrics.document(world)))
        case "POST", "/api/v2/canary/metrics/reset" if side == "canary":
            return _Served(reply=Reply(body=canary_metrics.reset(world)))
        case "GET", path if path == FLOW and world.scene == "watch":
            return _flow(world, side)
        case "GET", path if path.startswith(EXAMINED) and path in RULES:
            time.sleep(EXAMINED_S)
            return _Served(reply=Reply(body={"limiter": path.removeprefix(EXAMINED)}))
    return _Served(reply=Reply(status=404, body={"detail": "Not Found"}), error_type="not_found")


def _legacy_health(world: World, side: str) -> Reply:
    fault = {"stable": "legacy-health-500", "staging": "staging-health-500"}.get(side, "")
    if world.fault(fault):
        return Reply(status=500, body={"status": "unhealthy", "detail": "model registry is not loaded"})
    return Reply(body={"status": "healthy", "service": SERVICE_OF_SIDE[side], "timestamp": stamp(clock.now())})


def _health(world: World, side: str, call: Call) -> Reply:
    document = {"status": "healthy", "lumen_gateway": "enabled", "timestamp": stamp(clock.now())}
    if side == "canary":
        document["version"] = "stable" if world.fault("canary-wrong-version") else "canary"
    if world.fault("canary-degraded" if side == "canary" else "api-degraded") and side != "staging":
        document["status"] = "degraded"
    if world.fault("canary-lumen-disabled" if side == "canary" else "lumen-disabled") and side != "staging":
        document["lumen_gateway"] = "disabled"
    if side == "stable":
        if world.fault("health-no-timestamp"):
            del document["timestamp"]
        for fault, answer in bad_transport.BY_FAULT.items():
            if world.fault(fault):
                return answer(call, document)
    return Reply(body=document)


def _v2_health(world: World, side: str) -> Reply:
    if side == "canary" and world.fault("canary-v2-health-503"):
        return Reply(status=503, body={"status": "unhealthy", "version": "canary"})
    if side == "canary" and world.fault("canary-rate-limited") and _is_limited(world):
        headers = {"Retry-After": "10", "X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0"}
        return Reply(status=429, body={"detail": "Too Many Requests"}, headers=headers)
    version = "canary" if side == "canary" else world.new_version
    return Reply(body={"status": "healthy", "version": version, "timestamp": stamp(clock.now())})


def _flow(world: World, side: str) -> _Served:
    answer = world.flowing.answer(side, clock.now())
    time.sleep(answer.takes_s)
    if answer.failed:
        return _Served(reply=Reply(status=500, body={"detail": "Internal Server Error"}), error_type="internal")
    return _Served(reply=Reply(body={"served": side}))


def _is_limited(world: World) -> bool:
    """True but for the first request in each window."""
    with world.lock:
        now = time.monotonic()
        if now - world.counters.get("rate-window", -RATE_WINDOW_S) < RATE_WINDOW_S:
            return True
        world.counters["rate-window"] = now
        return False


def _asked(call: Call) -> dict[str, str] | Reply:
    """Message and user_id of a body, or the refusal."""
    try:
        document = call.json()
    except ValueError:
        return Reply(status=400, body={"success": False, "error": "the body is not JSON"})
    if not isinstance(document, dict):
        return Reply(status=422, body={"success": False, "error": "the body is not an object"})
    return {"message": str(document.get("message") or ""), "user_id": str(document.get("user_id") or "")}


def _chat(world: World, side: str, call: Call) -> _Served:
    asked = _asked(call)
    if isinstance(asked, Reply):
        return _Served(reply=asked, error_type="validation")
    message, user_id = asked["message"], asked["user_id"]
    if not message:
        refused = Reply(status=422, body={"success": False, "error": "message is missing"})
        return _Served(reply=refused, error_type="validation", user_id=user_id)
    served = _Served(
        reply=Reply(status=500, body={"success": False, "error": "internal error"}),
        persona=mentoring.persona_for(user_id, message),
        user_id=user_id,
        message_length=len(message),
    )
    if side == "stable" and world.fault("chat-500"):
        served.error_type = "internal"
    elif side == "stable" and world.fault("chat-flaky") and world.count("chat-flaky") % 3 == 2:
        served.reply = Reply(status=502, body={"success": False, "error": "bad gateway"})
    else:
        time.sleep(mentoring.duration_s(world, side, message))
        served.reply = Reply(body=mentoring.chat(world, side, user_id, message))
    return served


def _recommend(world: World, side: str, call: Call) -> _Served:
    asked = _asked(call)
    if isinstance(asked, Reply):
        return _Served(reply=asked, error_type="validation")
    user_id = asked["user_id"]
    if side == "canary" and world.fault("canary-recommend-flaky") and world.count("recommend") % 2:
        broken = Reply(status=500, body={"success": False, "error": "recommendation model is not loaded"})
        return _Served(reply=broken, error_type="internal", user_id=user_id)
    time.sleep(mentoring.duration_s(world, side, user_id, is_chat=False))
    answer = Reply(body=mentoring.recommendations(user_id))
    return _Served(reply=answer, persona=mentoring.persona_for(user_id, "recommend"), user_id=user_id)


def _lumen(ref: WorldRef, call: Call) -> Reply:
    world = ref.world
    if call.method != "GET" or call.path not in ("/api/health", "/health"):
        return Reply(status=404, body={"detail": "Not Found"})
    is_connected = not (world.fault("lumen-gemini-disconnected") or world.fault("vertex-timeouts"))
    return Reply(
        body={
            "status": "healthy",
            "gemini_api": "connected" if is_connected else "disconnected",
            "confidence_system": "inactive" if world.fault("lumen-confidence-inactive") else "active",
            "timestamp": stamp(clock.now()),
        }
    )

"""AI Factory's five services of production and of staging, each at a port of its own, behind a gateway a side.

Each has GET /health -> {status, service, version, checks} and GET /metrics in the text format of Prometheus; what
else they answer stands in judgment, learning, workflow and desk.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import partial

from http_server import Call, HttpServer, Reply

from factory import desk, judgment, learning, past, smoke, workflow
from factory.database import CACHES, FactoryDatabases
from factory.gateway import Gateway
from factory.metrics import Metrics
from factory.pool import PoolError
from factory.rehearsal import Stage
from factory.site import AskedError, Route, Site
from factory.world import SERVICES, World

SIDES = {"stable": "api", "staging": "api-staging"}  # side -> address
ROUTES: Mapping[str, Mapping[tuple[str, str], Route]] = {
    "judgment": judgment.ROUTES | learning.ROUTES,
    "workflow": workflow.ROUTES,
    "bi": desk.BI,
    "mcp-hub": desk.HUB,
    "chat": desk.CHAT,
}
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def start(stage: Stage) -> None:
    """Serve both sides: addresses api and api-staging, and those of each service: api-judgment and so on.

    `stage.parts["metrics"]` is the Metrics of all of them.
    """
    databases: FactoryDatabases = stage.parts["database"]
    metrics = stage.parts["metrics"] = Metrics()

    def apply(_: World) -> None:
        metrics.clear()

    stage.on_apply.append(apply)
    for side, address in SIDES.items():
        site = Site(
            side=side,
            ref=stage.ref,
            pool=databases.pools[side],
            metrics=metrics,
            redis=databases.redis_client(CACHES[side]),
        )
        site.urls |= {name: HttpServer(partial(_serve, site, name), stage.host).url for name in SERVICES}
        stage.ref.addresses |= {f"{address}-{name}": url for name, url in site.urls.items()}
        stage.ref.addresses[address] = Gateway(site.urls, stage.host, partial(_bent, site)).url


def _bent(site: Site, call: Call, reply: Reply) -> Reply:
    return smoke.bent(site.world, site.side, call, reply)


def _serve(site: Site, service: str, call: Call) -> Reply:
    """One request of a service, measured."""
    if call.path == "/metrics":
        return Reply(
            body=site.metrics.text(site.world, service, site.namespace).encode(), headers={"Content-Type": TEXT}
        )
    began = time.monotonic()
    behaves = site.behaviour(service)
    time.sleep(behaves.slower_by_s)
    path, route, number = _found(service, call)
    if behaves.answers_with:
        reply = Reply(status=behaves.answers_with, body={"error": "unavailable", "service": service})
    elif call.path == "/health":
        reply = _health(site, service)
    elif behaves.breaks:
        reply = Reply(status=500, body={"error": "internal", "detail": "KeyError: 'ruleset'"})
    elif route is None:
        detail = f"{service} has no {call.method} {call.path}"
        reply = Reply(status=404, body={"error": "not_found", "detail": detail})
    else:
        reply = _answered(site, route, call, number)
    if call.path != "/health":
        labels = site.labels(service, path=path)
        site.metrics.count(past.REQUESTS, labels | {"method": call.method, "status": str(reply.status)})
        site.metrics.observe(past.LATENCY, labels, time.monotonic() - began)
    reply.headers = {"Server": "uvicorn", "X-Version": site.version} | reply.headers
    return reply


def _answered(site: Site, route: Route, call: Call, number: str) -> Reply:
    try:
        return route(site, call, number)
    except AskedError as error:
        return Reply(status=error.status, body={"error": error.error, "detail": str(error)})
    except PoolError as error:
        return Reply(status=503, body={"error": "database_unavailable", "detail": str(error)})


def _found(service: str, call: Call) -> tuple[str, Route | None, str]:
    """The path as it is counted, who answers it, and what stands for {id}."""
    for (method, path), route in ROUTES[service].items():
        match = re.fullmatch(path.replace("{id}", "(?P<id>[^/]+)"), call.path)
        if match and method == call.method:
            return path, route, match.groupdict().get("id", "")
    return "other", None, ""


def _health(site: Site, service: str) -> Reply:
    """200 with a database; the cache may be away, which makes it degraded."""
    import redis  # noqa: PLC0415 - slow to import

    checks = {"database": "ok", "cache": "ok"}
    try:
        site.pool.rows("select 1")
    except PoolError as error:
        checks["database"] = str(error)
    try:
        site.cache().ping()
    except redis.RedisError as error:
        checks["cache"] = " ".join(str(error).split())
    good = checks["database"] == "ok"
    status = ("healthy" if checks["cache"] == "ok" else "degraded") if good else "unhealthy"
    body = {"status": status, "service": service, "version": site.version, "checks": checks}
    return Reply(status=200 if good else 503, body=body)

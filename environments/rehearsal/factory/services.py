"""AI Factory's five services of production and of staging, each at a port of its own, behind a gateway a side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from http_server import Call, HttpServer, Reply

from factory.database import CACHES, FactoryDatabases
from factory.gateway import Gateway
from factory.metrics import Metrics
from factory.pool import Pool
from factory.rehearsal import Stage
from factory.world import SERVICES, WorldRef

SIDES = {"stable": "api", "staging": "api-staging"}  # side -> address


@dataclass(frozen=True, kw_only=True)
class Site:
    """One side of AI Factory: what its services share."""

    side: str
    ref: WorldRef
    pool: Pool
    databases: FactoryDatabases
    cache: int  # database of Redis


def start(stage: Stage) -> None:
    """Serve both sides; addresses api, api-staging, and SIDE-SERVICE of each."""
    databases: FactoryDatabases = stage.parts["database"]
    metrics = stage.parts["metrics"] = Metrics()
    stage.on_apply.append(lambda _: metrics.clear())
    for side, address in SIDES.items():
        site = Site(side=side, ref=stage.ref, pool=databases.pools[side], databases=databases, cache=CACHES[side])
        urls = {name: HttpServer(partial(_serve, site, name), stage.host).url for name in SERVICES}
        stage.ref.addresses |= {f"{address}-{name}": url for name, url in urls.items()}
        stage.ref.addresses[address] = Gateway(urls, stage.host).url


def _serve(site: Site, service: str, call: Call) -> Reply:
    if call.path == "/health":
        site.pool.rows("select 1")
        return Reply(body={"status": "healthy", "service": service})
    return Reply(status=404, body={"error": "not_found", "detail": f"{service} has no {call.method} {call.path}"})

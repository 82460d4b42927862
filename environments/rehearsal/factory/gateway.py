"""One address for the five services of a side: the path says whose it is, and the request goes there over HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from http_server import Call, HttpServer, Reply

from factory.world import SERVICES

WAITS_S = 60.0
# The longest beginning that fits; /health/SERVICE is the health of one.
OWNERS = {
    "/api/v1/judgment/": "judgment",
    "/api/v1/learning/": "judgment",
    "/api/v1/feedback": "judgment",
    "/api/v1/workflow/": "workflow",
    "/api/v1/bi/": "bi",
    "/api/v1/mcp/": "mcp-hub",
    "/slack/": "chat",
}
_KEPT = ("authorization", "content-type", "x-slack-signature", "x-slack-request-timestamp", "x-request-id")


class Gateway:
    """`url` is what users call; `services` maps each service to its own URL; `bend` may change an answer."""

    def __init__(self, services: Mapping[str, str], host: str, bend: Callable[[Call, Reply], Reply]) -> None:
        self._services = dict(services)
        self._health = ThreadPoolExecutor(len(SERVICES), thread_name_prefix="gateway")
        self.url = HttpServer(lambda call: bend(call, self._answer(call)), host).url

    def _answer(self, call: Call) -> Reply:
        if call.path == "/health":
            return self._all_healthy()
        head, _, service = call.path.rpartition("/")
        if head == "/health" and service in self._services:
            return self._forward(service, call, "/health")
        for begin, owner in OWNERS.items():
            if call.path.startswith(begin):
                return self._forward(owner, call, call.target)
        return Reply(status=404, body={"error": "not_found", "detail": f"no service has {call.path}"})

    def _all_healthy(self) -> Reply:
        """200 if each service says 200, else 503; what each says stands beside."""
        asked = Call(method="GET", path="/health", query={}, headers={}, body=b"", connection=None)  # type: ignore[arg-type]
        replies = dict(
            zip(
                self._services,
                self._health.map(lambda name: self._forward(name, asked, "/health"), self._services),
                strict=True,
            )
        )
        good = all(reply.status == 200 for reply in replies.values())
        told = {name: "healthy" if reply.status == 200 else "unhealthy" for name, reply in replies.items()}
        return Reply(status=200 if good else 503, body={"status": "healthy" if good else "unhealthy", "services": told})

    def _forward(self, service: str, call: Call, target: str) -> Reply:
        place = urlsplit(self._services[service])
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=WAITS_S)
        headers = {name: call.headers[name] for name in _KEPT if name in call.headers}
        try:
            connection.request(call.method, target, call.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        except TimeoutError:
            return Reply(status=504, body={"error": "gateway_timeout", "service": service})
        except OSError:
            return Reply(status=503, body={"error": "service_unavailable", "service": service})
        finally:
            connection.close()
        kept = {"content-type": answer.headers.get("content-type", "application/json"), "x-service": service}
        return Reply(status=answer.status, body=body, headers=kept)

"""What the services of one side share: their database, their cache, each other's addresses, and what they count."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from http_server import Call, Reply

from factory import behaviour
from factory.behaviour import Behaviour
from factory.metrics import Metrics
from factory.pool import Pool
from factory.world import PRODUCTION, STAGING, World, WorldRef

CACHE_S = 1800
WAITS_S = 30.0
Route = Callable[["Site", Call, str], Reply]  # the last is what stands for {id} in the path


class AskedError(Exception):
    """The request cannot be served: `status` and `error`, a word for programs; the message is for people."""

    def __init__(self, status: int, error: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.error = status, error


@dataclass(kw_only=True)
class Site:
    """One side. `urls` are its services' own addresses, by name."""

    side: str  # stable or staging
    ref: WorldRef
    pool: Pool
    metrics: Metrics
    redis: Mapping[str, Any]  # what its client is made with
    urls: dict[str, str] = field(default_factory=dict)
    _client: Any = None

    @property
    def world(self) -> World:
        return self.ref.world

    @property
    def namespace(self) -> str:
        return STAGING if self.side == "staging" else PRODUCTION

    @property
    def version(self) -> str:
        """The tag of the image that runs here."""
        return self.world.image(self.namespace).rpartition(":")[2]

    def behaviour(self, service: str) -> Behaviour:
        return behaviour.of(self.world, self.side, service)

    def labels(self, service: str, **more: str) -> dict[str, str]:
        """Labels of what a service counts."""
        return {"service": service, "namespace": self.namespace, "track": "stable", **more}

    def cache(self) -> Any:
        """The client of Redis, made when it is first needed."""
        if self._client is None:
            import redis  # noqa: PLC0415 - slow to import
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415

            self._client = redis.Redis(**self.redis, retry=Retry(NoBackoff(), 1), decode_responses=True)
        return self._client

    def cached(self, key: str) -> dict[str, Any] | None:
        """What is kept under a key; nothing where Redis does not answer: a judgment is made again then."""
        import redis  # noqa: PLC0415

        try:
            found = self.cache().get(key)
        except redis.RedisError:
            return None
        return None if found is None else dict(json.loads(found))

    def keep(self, key: str, document: Mapping[str, Any]) -> None:
        """Into the cache for half an hour, if Redis takes it."""
        import redis  # noqa: PLC0415

        try:
            self.cache().set(key, json.dumps(document, ensure_ascii=False), ex=CACHE_S)
        except redis.RedisError:
            return

    def ask(self, service: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """POST to another service of this side; AskedError unless it answers 2xx."""
        place = urlsplit(self.urls[service])
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=WAITS_S)
        try:
            body = json.dumps(document, ensure_ascii=False).encode()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = json.loads(answer.read())
        except (OSError, ValueError) as error:
            raise AskedError(502, "bad_gateway", f"{service}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise AskedError(502, "bad_gateway", f"{service} answered {answer.status} to {path}")
        return dict(told)


def asked(call: Call) -> dict[str, Any]:
    """The body, an object of JSON; AskedError 400 or 422 otherwise."""
    try:
        document = call.json()
    except ValueError:
        raise AskedError(400, "bad_request", "the body is not JSON") from None
    if not isinstance(document, dict):
        raise AskedError(422, "validation", "the body is not an object")
    return document


def text_of(document: Mapping[str, Any], name: str) -> str:
    """A text that has to be there."""
    value = document.get(name)
    if not isinstance(value, str) or not value.strip():
        raise AskedError(422, "validation", f"{name} is a text that is not empty")
    return value

"""A labelled stand-in of a Kubernetes API server over HTTP: lists in pages, watches, changes, refusals."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

import clock
from http_server import Call, HttpServer, Reply

from factory.cluster import roles
from factory.cluster.changes import change
from factory.cluster.controller import Controller
from factory.cluster.resources import HEADERS, Place, Refused, discovery, not_found, place
from factory.cluster.rollouts import Rollouts
from factory.cluster.selectors import Test, by_fields, by_labels
from factory.cluster.store import Store
from factory.cluster.tables import as_metadata, as_table
from factory.cluster.watch import watch
from factory.cluster.world import canary_percent, fill, pulls
from factory.rehearsal import Stage
from factory.world import World, WorldRef

TOKEN, READER_TOKEN = "GONOGO_KUBERNETES_TOKEN", "GONOGO_KUBERNETES_READER_TOKEN"
_GZIP_FROM = 128 * 1024  # bytes from which on an API server compresses


def start(stage: Stage) -> None:
    """Serve each world's cluster at the address `kubernetes`."""
    store = Store()
    controller = Controller(store, lambda image: pulls(stage.ref.world, image))
    server = HttpServer(api(store, controller, _accounts(stage.ref), lambda: stage.ref.world), stage.host)
    stage.ref.addresses["kubernetes"] = server.url
    stage.parts["canary_percent"] = lambda: canary_percent(store)

    def apply(world: World) -> None:
        with store.lock:
            store.clear()
            fill(store, controller, world)
        server.open(not world.fault("kubernetes-down"))

    stage.on_apply.append(apply)
    stage.on_end.append(server.close)


def _accounts(ref: WorldRef) -> Callable[[str], roles.Account | None]:
    def account(header: str) -> roles.Account | None:
        kind, _, token = header.partition(" ")
        if kind != "Bearer" or not token or ref.world.fault("kubernetes-token-expired"):
            return None
        if token == ref.secrets.get(TOKEN):
            return roles.ROLLING
        return roles.READING if token == ref.secrets.get(READER_TOKEN) else None

    return account


def api(
    store: Store,
    controller: Controller,
    account: Callable[[str], roles.Account | None],
    world: Callable[[], World | None] = lambda: None,
) -> Callable[[Call], Reply]:
    """The handler of a server. `account` says who a header of authorization is."""
    rollouts = Rollouts()

    def answer(call: Call) -> Reply:
        if call.path in ("/healthz", "/readyz", "/livez"):
            return Reply(body=b"ok", headers={**HEADERS, "Content-Type": "text/plain"})
        who = account(call.headers.get("authorization", ""))
        if who is None:
            return Refused(401, "Unauthorized", "Unauthorized").reply()
        if (told := discovery(call.path)) is not None:
            return Reply(body=told, headers=dict(HEADERS))
        found = place(call.path)
        if found is None:
            return Refused(404, "NotFound", "the server could not find the requested resource").reply()
        try:
            present = world()
            withheld = ("secrets",) if present is not None and present.fault("secrets-denied") else ()
            watching = call.query.get("watch", "") in ("1", "true")
            roles.check(who, roles.verb(call.method, found, watching), found, withheld)
            controller.advance(clock.now())
            if watching:
                return watch(store, controller, found, call, _tests(call, found))
            rollouts.before(present, store, found, call)
            with store.lock:
                return rollouts.after(present, found, call, _answer(store, controller, found, call))
        except Refused as refused:
            return refused.reply()

    return answer


def _answer(store: Store, controller: Controller, found: Place, call: Call) -> Reply:
    if call.method != "GET":
        status, made = change(store, controller, found, call)
        return Reply(status=status, body=made, headers=dict(HEADERS))
    if not found.name:
        return _page(store, found, call)
    one = store.get(found.resource.plural, found.namespace, found.name)
    if one is None:
        raise not_found(found)
    return _reply(call, as_metadata(one) if "as=PartialObjectMetadata" in call.headers.get("accept", "") else one)


def _tests(call: Call, found: Place) -> list[Test]:
    tests = []
    if call.query.get("labelSelector"):
        tests.append(by_labels(call.query["labelSelector"]))
    if call.query.get("fieldSelector"):
        tests.append(by_fields(call.query["fieldSelector"], found.resource))
    return tests


def _page(store: Store, found: Place, call: Call) -> Reply:
    """A list, or the part of it that `limit` and `continue` ask for, as it was when its first page was asked for."""
    limit, token = call.query.get("limit", "0"), call.query.get("continue", "")
    if not limit.isdigit():
        raise Refused(400, "BadRequest", f"limit: {limit!r} is no number")
    size, start = int(limit), 0
    tests = _tests(call, found)
    if token:
        version, start = _opened(token)
        kept = store.kept(version)
        if kept is None:
            raise Refused(
                410,
                "Expired",
                "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter.",
            )
        rows = kept
    else:
        rows = [one for one in store.rows(found.resource.plural, found.namespace) if all(test(one) for test in tests)]
        version = store.keep(rows) if size and len(rows) > size else store.version
    part = rows[start : start + size] if size else rows
    left = len(rows) - start - len(part)
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if left:
        metadata["continue"] = _closed(version, start + len(part))
        if not tests:  # with a selector a server does not count what is left
            metadata["remainingItemCount"] = left
    return _reply(call, _formed(found, part, metadata, call.headers.get("accept", "")))


def _formed(found: Place, rows: list[dict[str, Any]], metadata: Mapping[str, Any], accept: str) -> dict[str, Any]:
    """As the client wants it: whole, as a table, or only the metadata."""
    if "as=Table" in accept:
        return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, **as_table(rows)}
    if "as=PartialObjectMetadataList" in accept:
        items = [as_metadata(one) for one in rows]
        kind = "PartialObjectMetadataList"
        return {"kind": kind, "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}
    # Items of a list do not say their kind.
    bare = [{name: value for name, value in one.items() if name not in ("kind", "apiVersion")} for one in rows]
    kind = f"{found.resource.kind}List"
    return {"kind": kind, "apiVersion": found.resource.api_version, "metadata": metadata, "items": bare}


def _reply(call: Call, document: Mapping[str, Any]) -> Reply:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    headers = {**HEADERS, "Content-Type": "application/json"}
    if len(body) >= _GZIP_FROM and "gzip" in call.headers.get("accept-encoding", ""):
        return Reply(body=gzip.compress(body, 1), headers={**headers, "Content-Encoding": "gzip"})
    return Reply(body=body, headers=headers)


def _closed(version: int, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": version, "start": start}).encode()).decode()


def _opened(token: str) -> tuple[int, int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token))
        return int(found["rv"]), int(found["start"])
    except (ValueError, KeyError, TypeError):
        raise Refused(400, "BadRequest", "continue key is not valid") from None

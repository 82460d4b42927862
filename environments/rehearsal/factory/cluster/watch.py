"""Changes of a kind of objects as they come, in a stream that ends on time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import clock
from http_server import Call, Reply

from factory.cluster.controller import Controller
from factory.cluster.resources import HEADERS, Place, Refused
from factory.cluster.selectors import Test
from factory.cluster.store import Store

_LONGEST = 60.0  # seconds, unless timeoutSeconds is less
_BOOKMARK = 0.5  # seconds between bookmarks
_TICK = 0.1


def watch(store: Store, controller: Controller, found: Place, call: Call, tests: list[Test]) -> Reply:
    """Events of the list since resourceVersion; what is there first, where none is given."""
    asked, seconds = call.query.get("resourceVersion", ""), call.query.get("timeoutSeconds", "60")
    if (asked and not asked.isdigit()) or not seconds.isdigit():
        raise Refused(400, "BadRequest", "resourceVersion and timeoutSeconds are numbers")
    marks = call.query.get("allowWatchBookmarks", "") in ("1", "true")
    ends = time.monotonic() + min(_LONGEST, float(seconds))

    def wanted(one: Mapping[str, Any]) -> bool:
        here = not found.namespace or one["metadata"]["namespace"] == found.namespace
        return here and all(test(one) for test in tests)

    return Reply(raw=_chunks(_lines(store, controller, found, wanted, (int(asked or 0), ends, marks))))


def _lines(
    store: Store, controller: Controller, found: Place, wanted: Test, asked: tuple[int, float, bool]
) -> Iterator[bytes]:
    since, ends, marks = asked
    marked = time.monotonic()
    if since == 0:
        with store.lock:
            since, rows = store.version, store.rows(found.resource.plural, found.namespace)
        for one in rows:
            if wanted(one):
                yield _line("ADDED", one)
    while time.monotonic() < ends:
        if since < store.oldest:
            said = f"too old resource version: {since} ({store.oldest})"
            yield _line("ERROR", Refused(410, "Expired", said).body)
            return
        controller.advance(clock.now())
        for version, _, kind, one in store.since(since, found.resource.plural):
            since = version
            if wanted(one):
                yield _line(kind, one)
        if marks and time.monotonic() - marked >= _BOOKMARK:
            marked = time.monotonic()
            bare = {"kind": found.resource.kind, "apiVersion": found.resource.api_version}
            yield _line("BOOKMARK", {**bare, "metadata": {"resourceVersion": str(store.version)}})
        with store.changed:
            store.changed.wait(min(_TICK, max(0.0, ends - time.monotonic())))


def _line(kind: str, one: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": one}, ensure_ascii=False).encode("utf-8") + b"\n"


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    yield f"{head}X-Stand-In: {HEADERS['X-Stand-In']}\r\n\r\n".encode()
    for line in lines:
        yield b"%x\r\n%s\r\n" % (len(line), line)
    yield b"0\r\n\r\n"

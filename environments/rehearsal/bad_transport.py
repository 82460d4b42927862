"""Answers of GET /api/health that no sound server gives: one function a fault of the transport or the content."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from functools import cache

import clock
from http_server import Call, Reply

Document = Mapping[str, object]
TWO_HOURS = 7200.0
LOGIN_PAGE = "<!doctype html><title>Sign in</title><form method=post><input name=user><input name=password></form>"


def _head(*lines: str) -> bytes:
    first = ("HTTP/1.1 200 OK", "Content-Type: application/json; charset=utf-8", "Connection: close")
    return "\r\n".join((*first, *lines, "", "")).encode()


def _login_page(_: Call, __: Document) -> Reply:
    return Reply(body=LOGIN_PAGE.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def _off_host(_: Call, __: Document) -> Reply:
    return Reply(status=302, body=b"", headers={"Location": "http://elsewhere.invalid/api/health"})


def _slow_loris(_: Call, document: Document) -> Reply:
    body = json.dumps(document).encode()
    drops = [bytes([byte]) for byte in body]
    return Reply(raw=[_head(f"Content-Length: {len(body)}"), *drops], pause_s=0.5)


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(64 << 20), compresslevel=6)


def _gzip_bomb(_: Call, __: Document) -> Reply:
    return Reply(body=_bomb(), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


def _endless(_: Call, __: Document) -> Reply:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    return Reply(raw=itertools.chain([_head("Transfer-Encoding: chunked")], itertools.repeat(chunk, 16384)))


def _reset(call: Call, _: Document) -> Reply:
    def pieces() -> Iterator[bytes]:
        yield _head("Content-Length: 200") + b'{"status": '
        call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(call.connection.detach())  # closing with a linger time of zero sends a reset

    return Reply(raw=pieces())


def _short_body(_: Call, __: Document) -> Reply:
    return Reply(raw=[_head("Content-Length: 200") + b'{"status": '])


def _malformed(_: Call, __: Document) -> Reply:
    return Reply(body=b'{"status": "healthy", "lumen_gateway": "ena', headers={"Content-Type": "application/json"})


def _duplicate_keys(_: Call, document: Document) -> Reply:
    body = b'{"status": "unhealthy", ' + json.dumps(document).encode()[1:]
    return Reply(body=body, headers={"Content-Type": "application/json"})


def _stale_cache(_: Call, document: Document) -> Reply:
    then = clock.now() - TWO_HOURS
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
    headers = {"Age": "7200", "Date": formatdate(then, usegmt=True), "X-Cache": "HIT"}
    return Reply(body={**document, "timestamp": stamp}, headers=headers)


def _empty(_: Call, __: Document) -> Reply:
    return Reply(body=b"", headers={"Content-Type": "application/json"})


def _huge_headers(_: Call, document: Document) -> Reply:
    return Reply(body=dict(document), headers={f"X-Padding-{n}": "x" * 8000 for n in range(128)})


BY_FAULT: Mapping[str, Callable[[Call, Document], Reply]] = {
    "health-login-page": _login_page,
    "health-redirect-off-host": _off_host,
    "health-slow-loris": _slow_loris,
    "health-gzip-bomb": _gzip_bomb,
    "health-endless": _endless,
    "health-reset": _reset,
    "health-short-body": _short_body,
    "health-malformed-json": _malformed,
    "health-duplicate-keys": _duplicate_keys,
    "health-stale-cache": _stale_cache,
    "health-empty": _empty,
    "health-huge-headers": _huge_headers,
}

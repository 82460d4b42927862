"""The chunks of an answer into its decoded body, never past the cap: 65 kB of gzip can hold 64 MiB."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure


def read_body(chunks: Iterable[bytes] | Any, headers: Mapping[str, str], where: str, cap: int, method: str) -> bytes:
    """The whole body, decoded. Failure names the cap, or how much of what was promised came."""
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding not in ("identity", "gzip", "x-gzip") and method != "HEAD":
        _broken(f"{where} sent content-encoding {encoding[:60]!r}; only gzip was asked for")
    promised = headers.get("content-length", "")
    if method != "HEAD" and promised.isdigit() and len(promised) < 16 and int(promised) > cap:
        _broken(f"{where} promised {promised} bytes; the cap is {cap} bytes")
    gunzip = None if encoding == "identity" else zlib.decompressobj(31)
    taken: list[bytes] = []
    wire = size = 0
    try:
        for chunk in chunks:
            wire += len(chunk)
            part = chunk if gunzip is None else gunzip.decompress(chunk, cap + 1 - size)
            size += len(part)
            if size > cap:
                ratio = "" if gunzip is None else f", decoded from {wire} bytes of gzip (1:{size // max(1, wire)})"
                _broken(f"{where} sent a body over the cap of {cap} bytes{ratio}")
            taken.append(part)
    except zlib.error:
        _broken(f"{where} sent a body that is not the gzip it promised")
    except Failure:
        raise
    except Exception as error:
        if promised.isdigit() and "peer closed" in str(error):
            detail = f"{where} closed the connection after {wire} of {promised} bytes of the body"
            raise Failure(Cause.BROKEN, detail, lost=True) from None
        if "peer closed" in str(error):
            detail = f"{where} closed the connection inside the body, after {wire} bytes"
            raise Failure(Cause.BROKEN, detail, lost=True) from None
        raise
    if gunzip is not None and wire and not gunzip.eof:
        _broken(f"{where} sent a gzip body that ends early, after {wire} bytes")
    return b"".join(taken)


def _broken(detail: str) -> NoReturn:
    raise Failure(Cause.BROKEN, detail)

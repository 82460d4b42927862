"""A stored dump onto this machine's disk, and what its table of contents says."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure
from gonogo.probes.object_store.s3 import Stored

_DATA = re.compile(r"\s*(Command was|DETAIL|CONTEXT|QUERY|LINE [0-9]+|STATEMENT):")


def fetched(chunks: Iterable[bytes], path: Path, key: str, cap: int) -> tuple[str, str]:
    """The SHA-256 of what was stored, unpacked into a file where it is gzip; and why it does not unpack."""
    digest = hashlib.sha256()
    packed = zlib.decompressobj(wbits=31) if key.endswith(".gz") else None
    why, size = "", 0
    with path.open("wb") as file:
        path.chmod(0o600)
        for chunk in chunks:
            digest.update(chunk)
            rest = chunk
            while rest and not why:
                try:
                    part = rest if packed is None else packed.decompress(rest, 1 << 22)
                except zlib.error as error:
                    why = f"{key} does not unpack: {error}"
                    break
                rest = b"" if packed is None else packed.unconsumed_tail
                size += len(part)
                if size > cap:
                    raise Failure(Cause.PARTIAL, f"{key} unpacks to more than {cap} bytes")
                file.write(part)
    if not why and packed is not None and not packed.eof:
        why = f"{key} does not unpack: it ends early"
    return digest.hexdigest(), why


def taken_at(metadata: Mapping[str, str], newest: Stored) -> datetime:
    """When the dump saw the database: rows made later are not in it."""
    try:
        said = datetime.fromisoformat(metadata["taken-at"])
    except (KeyError, ValueError):
        return newest.modified
    return said if said.tzinfo is not None and said <= newest.modified else newest.modified


def without(contents: str, extensions: tuple[str, ...]) -> str:
    """The table of contents without these extensions and the comments on them."""
    names = "|".join(re.escape(name) for name in extensions) or r"(?!)"
    drop = re.compile(rf"(EXTENSION - |COMMENT - EXTENSION )({names})\b")
    return "".join(line for line in contents.splitlines(keepends=True) if not drop.search(line))


def noted(contents: str, key: str) -> str | None:
    """What pg_restore --list says of the archive under this name."""
    match = re.search(rf"^;\s*{key}:?\s+(.+?)\s*$", contents, re.MULTILINE)
    return None if match is None else match[1]


def without_data(said: str) -> str:
    """pg_restore's words on one line: what failed and why, without the statement and the row that it repeats, which
    may be a password of another server or what a customer wrote.
    """
    kept, is_data = [], False
    for line in said.splitlines():
        if line.startswith(("pg_restore:", "HINT:")):
            is_data = False
        elif _DATA.match(line):
            is_data = True
        if not is_data:
            kept.append(line)
    return " ".join(" ".join(kept).split())

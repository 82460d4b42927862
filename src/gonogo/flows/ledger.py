"""Sign-offs into the lines of a file that is only ever appended to, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gonogo.config.complain import nearest
from gonogo.flows.locked import appending
from gonogo.model.errors import ConfigError
from gonogo.probes.failure import Failure
from gonogo.probes.recorded.signoff import read_lines


def append_signoff(
    path: Path,
    *,
    id: str,  # noqa: A002 - the catalogue's word
    release: str,
    environment: str,
    by: str,
    until: datetime,
    link: str,
    now: datetime,
    known: Collection[str],
) -> Mapping[str, str]:
    """Write one record and return it when it is on disk. `known` are the ids that may be signed.

    ConfigError, and nothing is written, for an id that is not known (with the nearest one), an empty or broken text,
    an `until` without a time zone or not after `now`, a link that is not http or https, or a file that is corrupt.
    """
    if id not in known:
        raise ConfigError(f"{id[:100]!r} is no item to sign off{nearest(id, known) or f'; {len(known)} items are'}")
    for name, text in (("release", release), ("environment", environment), ("by", by)):
        if not text.strip() or not text.isprintable():
            raise ConfigError(f"{name} is {'empty' if not text.strip() else 'not one line of plain text'}")
    if until.tzinfo is None:
        raise ConfigError(f"until {until.isoformat()} has no time zone; write {until.isoformat()}+00:00 or another")
    if until <= now:
        raise ConfigError(f"until {until.isoformat()} is past; a sign-off has to be valid for some time")
    _check_link(link)
    record = {
        "id": id,
        "release": release,
        "environment": environment,
        "by": by,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "until": until.astimezone(UTC).isoformat(timespec="seconds"),
        "link": link,
    }
    _append(path, json.dumps(record, ensure_ascii=False).encode("utf-8"))
    return record


def read_signoffs(path: Path) -> tuple[list[Mapping[str, Any]], tuple[str, ...]]:
    """All records in the order written, and notes (a torn last line that was dropped, a file not there yet).

    ConfigError names the line that is no record.
    """
    try:
        return read_lines(path)
    except Failure as failure:
        raise ConfigError(f"sign-offs: {failure.detail}") from None


def _check_link(link: str) -> None:
    try:
        parts = urlsplit(link)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        good = False
    if not good or not link.isprintable() or " " in link:
        raise ConfigError(f"link {link[:100]!r} is no http or https address without a user name")


def _append(path: Path, line: bytes) -> None:
    with appending(path) as descriptor:
        read_signoffs(path)  # a line behind a corrupt one would never be believed
        try:
            _mend(descriptor)
            if os.write(descriptor, line + b"\n") != len(line) + 1:
                raise ConfigError(f"{path}: the disk took half of the record; it does not count")
            os.fsync(descriptor)
            _sync_folder(path.parent)
        except OSError as error:
            raise ConfigError(f"{path}: the record was not written: {error.strerror}") from None


def _mend(descriptor: int) -> None:
    """Cut off a torn last line: its writer was killed and never said that it was recorded."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    end = size
    while end:
        start = max(0, end - 4096)
        os.lseek(descriptor, start, os.SEEK_SET)
        at = os.read(descriptor, end - start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on disk too; not every system can say so."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

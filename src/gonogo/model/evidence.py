"""What was seen, when and how; or how it could not be seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Cause(StrEnum):
    """Why nothing trustworthy was seen."""

    UNREACHABLE = "unreachable"  # refused, reset, no route, TLS, name not resolved
    TIMEOUT = "timeout"  # the total deadline ran out
    BROKEN = "broken"  # an answer came, and it was malformed, truncated or over a cap
    DENIED = "denied"  # 401, 403, PERMISSION_DENIED, UNAUTHENTICATED
    LIMITED = "limited"  # 429, quota
    FULL = "full"  # it is there and has nothing left to give us: sessions, memory, disk
    PARTIAL = "partial"  # pages lost, warnings, truncated lists
    NO_DATA = "no_data"  # a complete answer that holds nothing
    REFUSED = "refused"  # a guard of ours said no
    MISASKED = "misasked"  # an answer came: what was asked for is not known there, or the question is spelled wrong
    UNAVAILABLE = "unavailable"  # the observer itself failed: client missing, worker lost, disk full


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A complete answer as a JSON document. `newest` is the time of its newest sample where it has samples."""

    data: Mapping[str, Any]
    newest: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """No trustworthy answer. `detail` names host, deadline, offset, status ... in one line."""

    cause: Cause
    detail: str
    data: Mapping[str, Any] | None = None  # what came before it broke, where that helps a reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a look: when, how long, and in a few words how it ended."""

    started: datetime
    took: timedelta
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One distinct probe against one environment (and, where it is rehearsed, one scene). Hashable."""

    environment: str
    kind: str
    options: Any
    scene: str = ""

    @property
    def key(self) -> str:
        """Twelve hex digits that name this look in every file of a run."""
        shape = {"e": self.environment, "s": self.scene, "k": self.kind, "o": plain(self.options)}
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One observation: what `look` saw. `source` says for people where (`GET http://host/path`)."""

    look: str  # Look.key
    kind: str
    source: str
    started: datetime
    ended: datetime
    outcome: Seen | Unseen
    side: str | None = None  # the side of the environment that was looked at, for the control rule
    attempts: tuple[Attempt, ...] = ()


def plain(value: Any) -> Any:
    """Dataclasses, mappings, times and enums as JSON values; sorted nowhere, lossless for options."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(item) for key, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")

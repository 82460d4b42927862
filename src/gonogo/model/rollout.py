"""A service's traffic: who serves which share of it, who could, and what a change would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FULL = 100  # percent: all traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of a service."""

    name: str
    ready: bool
    reason: str | None = None  # why it is not READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One traffic target. `latest`: it follows the newest READY revision, which is `revision` now."""

    revision: str
    percent: int
    tag: str | None = None
    latest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTraffic:
    """A service as it stands. `shares` are in force, `asked` is what its configuration wants; revisions newest first.

    `etag` names this very state: a change made with it is refused once the service has changed.
    """

    service: str
    name: str  # projects/P/locations/R/services/S
    etag: str
    settled: bool  # what is asked for is in force, as the service says itself
    shares: tuple[Share, ...]
    revisions: tuple[Revision, ...]
    asked: tuple[Share, ...] = ()

    @property
    def split(self) -> dict[str, int]:
        """Percent by revision; those without traffic are left out."""
        return split_of(self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A split that can be made: percent by revision, and the traffic targets that say so, tags kept."""

    split: Mapping[str, int]
    shares: tuple[Share, ...]
    previous: str | None = None  # the revision to go back to afterwards
    notes: tuple[str, ...] = ()


def split_of(shares: tuple[Share, ...]) -> dict[str, int]:
    """Percent by revision of these targets; those without traffic are left out."""
    split: dict[str, int] = {}
    for share in shares:
        if share.percent:
            split[share.revision] = split.get(share.revision, 0) + share.percent
    return split

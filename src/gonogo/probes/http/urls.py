"""Where a URL leads, and whether a redirect may be followed there."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure


def next_hop(url: str, target: str) -> str:
    """Where a redirect leads; never to another host or port, never from https to http."""
    joined = urljoin(url, target)
    here, there = urlsplit(url), urlsplit(joined)
    try:
        same_host = (here.hostname, port(here)) == (there.hostname, port(there))
        upgrade = here.hostname == there.hostname and (port(here), port(there)) == (80, 443)
    except ValueError:
        raise Failure(Cause.BROKEN, f"{where(url)} redirects to {target[:120]!r}, which is no address") from None
    if here.scheme == "https" and there.scheme != "https":
        raise Failure(Cause.BROKEN, f"{where(url)} redirects from https to {there.scheme}; nothing was sent there")
    if there.scheme not in ("http", "https") or not (same_host or upgrade) or there.username is not None:
        raise Failure(Cause.BROKEN, f"{where(url)} redirects off-host to {there.netloc[:120]}; nothing was sent there")
    return joined.split("#")[0]


def where(url: str) -> str:
    """A URL for people: no query, not too long."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200]


def port(parts: SplitResult) -> int:
    """The port that is meant."""
    return int(parts.port or (443 if parts.scheme == "https" else 80))

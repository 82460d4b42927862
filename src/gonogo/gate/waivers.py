"""Waivers of an item, an environment and a release into the one that counts at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gonogo.model.verdict import Waiver


def valid_waiver(
    waivers: Iterable[Waiver],
    id: str,  # noqa: A002 - the catalogue's word
    environment: str,
    release: str,
    now: datetime,
) -> tuple[Waiver | None, bool]:
    """The waiver that ends last, and whether it has expired; (None, False) if there is none.

    It counts up to its end, not at it, and for exactly this item, environment and release version.
    """
    ours = [w for w in waivers if (w.id, w.environment, w.release) == (id, environment, release)]
    if not ours:
        return None, False
    last = max(ours, key=lambda waiver: waiver.until)
    return last, last.until <= now

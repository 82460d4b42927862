"""A look that came to nothing, while it is still on its way up to its probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.model.evidence import Cause, Unseen


class Failure(Exception):
    """Why nothing trustworthy was seen. `lost`: the connection broke, so that a declared retry may help."""

    def __init__(self, cause: Cause, detail: str, *, lost: bool = False, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = " ".join(detail.split())
        self.lost = lost
        self.data = data

    def unseen(self) -> Unseen:
        """The evidence of it."""
        return Unseen(cause=self.cause, detail=self.detail, data=self.data)


class Stale(Failure):
    """What was to be changed is other than it was when it was read: nothing was done."""

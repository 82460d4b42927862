"""What one request of a collection came to, alike from every runner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.model.evidence import Cause
from gonogo.probes.postman.collection import Request
from gonogo.probes.postman.pm import Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One request. `not_sent` says why it was not sent, `error` why no answer came, `unclear` names what was not
    understood, `script_error` what a script ended with.
    """

    request: Request
    status: int | None = None
    elapsed_ms: int | None = None
    tests: Sequence[Test] = ()
    unclear: Sequence[str] = ()
    not_sent: str | None = None
    error: str | None = None
    cause: Cause | None = None
    script_error: str | None = None

    @classmethod
    def of(cls, request: Request, **found: Any) -> Result:
        """The result of a request."""
        return cls(request=request, **found)

    def document(self) -> dict[str, Any]:
        """As evidence: the template of its URL, since a filled-in one may hold a key."""
        return {
            "id": self.request.id,
            "name": self.request.name,
            "method": self.request.method,
            "url": self.request.url,
            "status": self.status,
            "elapsed_ms": self.elapsed_ms,
            "tests": [
                {"name": one.name, "passed": one.passed, "skipped": one.skipped, "error": one.error}
                for one in self.tests
            ],
            "asserts_status": self.request.asserts_status,
            "unclear": list(self.unclear),
            "not_sent": self.not_sent,
            "error": self.error,
            "script_error": self.script_error,
        }

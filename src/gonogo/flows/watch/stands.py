"""A watch in memory into status.json: how it stands, for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gonogo.model.verdict import Decision
from gonogo.model.watch import CanaryVerdict
from gonogo.reporting.watch_view import verdict_to_json

if TYPE_CHECKING:
    from gonogo.flows.watch.loop import Watch


def status_document(watch: Watch) -> dict[str, Any]:
    """All of it but who watches. `covered` is the share of the time to watch that the samples reach over."""
    last = watch.verdict
    return {
        "environment": watch.environment,
        "started": watch.started.isoformat(),
        "ends": watch.ends.isoformat(),
        "at": watch.hands.now().isoformat(),
        "every_s": watch.rulebook.every.total_seconds(),
        "covered": watch.coverage.span / watch.rulebook.for_,
        "seq": 0 if last is None else last.seq,
        "decision": (watch.decision or _so_far(last)).value,
        "ended": watch.decision is not None,
        "notes": watch.notes[-3:],
        "last": None if last is None else verdict_to_json(last),
    }


def _so_far(verdict: CanaryVerdict | None) -> Decision:
    """Before the end nothing is GO."""
    return Decision.NO_GO if verdict is not None and verdict.decision is Decision.NO_GO else Decision.HOLD

"""The newest watch as evidence: told as it is given, and unseen where it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage, Watches
from gonogo.probes.failure import Failure
from gonogo.probes.recorded.watch_samples import PROBE, WatchSamples


@dataclass
class Told:
    """A watch that a test lays out."""

    document: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None

    def newest(self) -> dict[str, Any]:
        if self.failure is not None:
            raise self.failure
        return self.document


def outcome(watches: Watches | None) -> Seen | Unseen:
    environment = Environment(name="shop", system="shop", describe="a test")
    now = datetime(2026, 11, 20, 9, tzinfo=UTC)
    vantage = Vantage(environment=environment, release=None, now=now, t0=None, reveal=lambda _: "", watches=watches)
    sight = PROBE.look(WatchSamples(), vantage)
    assert (sight.source, sight.side) == ("watch of shop", None)
    return sight.outcome


def test_what_is_told_is_evidence() -> None:
    """Word for word, so that a record of it is judged as it was."""
    document = {"watch": None, "why": "no watch of shop is recorded"}
    assert outcome(Told(document)) == Seen(data=document)


def test_a_watch_that_does_not_read_is_broken_and_no_place_to_look_is_unavailable() -> None:
    """Neither is a pass."""
    broken = outcome(Told(failure=Failure(Cause.BROKEN, "plan.json: not of schema gonogo/watch-plan/1")))
    assert isinstance(broken, Unseen)
    assert (broken.cause, "gonogo/watch-plan/1" in broken.detail) == (Cause.BROKEN, True)
    nowhere = outcome(None)
    assert isinstance(nowhere, Unseen)
    assert nowhere.cause is Cause.UNAVAILABLE

"""Outcomes for the gate, made of a verdict each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gonogo.gate.decide import decide
from gonogo.model.check import Area, Check, Phase, Rule, Severity
from gonogo.model.environment import Release
from gonogo.model.verdict import Gated, Outcome, Verdict

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    """The moment of the decision."""
    return NOW


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Outcome]:
    """The outcome of one item."""

    def make(id_: str, verdict: Verdict, *, advisory: bool = False, summary: bool = False) -> Outcome:
        check = Check(
            id=id_,
            title={"en": id_},
            system="ion",
            phase=Phase.CANARY,
            area=Area.TECHNICAL,
            owner="ops",
            remedy="look",
            source="runbook",
            severity=Severity.ADVISORY if advisory else Severity.BLOCKING,
            rules=(Rule(kind="summary" if summary else "expect", options=None),),
        )
        return Outcome(check=check, verdict=verdict, reason=f"why {id_}")

    return make


@pytest.fixture(scope="session")
def gate() -> Callable[..., Gated]:
    """A decision in which everything ran and nothing else is wrong, unless said otherwise."""

    def ask(outcomes: Any, **changed: Any) -> Gated:
        ids = tuple(o.check.id for o in outcomes)
        known: dict[str, Any] = {
            "manifest_ids": tuple(dict.fromkeys(ids)),
            "executed_ids": set(ids),
            "not_due": {},
            "narrowed": False,
            "waivers": (),
            "environment_name": "ion-canary",
            "release": Release(version="v1.2.3", commit="c0ffee", image="ion:v1.2.3"),
            "now": NOW,
            "problems": (),
        }
        return decide(outcomes, **{**known, **changed})

    return ask

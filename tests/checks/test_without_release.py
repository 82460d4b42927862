"""A run without --release: what only a release can tell is HOLD, and the other looks of the phase are not lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.judges import JUDGES
from gonogo.model.evidence import Cause, Unseen
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage

ROOT = Path(__file__).resolve().parents[2]
PROD = load_environment("factory-prod", ROOT / "environments")
LOOKS = {
    f"{check.id}.{name}": spec
    for check in load_checklists(ROOT / "checks", PROBES, JUDGES)
    for name, spec in check.probes.items()
    if check.system == "factory"
    and (spec.kind in ("registry_image", "forge_checks") or getattr(spec.options, "tool", None) == "trivy")
}


def test_they_are_all_here() -> None:
    assert set(LOOKS) == {"fac-pre-ci.ci", "fac-pre-ci.image", "fac-quarter-vulnerabilities.image"}


@pytest.mark.parametrize("name", LOOKS)
def test_it_says_what_is_missing_and_sends_nothing(name: str) -> None:
    """No end of the run in its middle: exit 4 promises that nothing was sent."""
    spec = LOOKS[name]
    vantage = Vantage(
        environment=PROD,
        release=None,
        now=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
        t0=None,
        reveal={}.__getitem__,
        base=str(ROOT / "environments"),
    )
    outcome = PROBES[spec.kind].look(spec.options, vantage).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA
    assert outcome.detail == "no release is named: --release FILE"

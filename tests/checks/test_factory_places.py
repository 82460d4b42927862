"""AI Factory's environments: no site acts on another's, and none takes the rehearsal's samples for its own."""

from __future__ import annotations

from pathlib import Path

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.config.secrets import CHANGING
from gonogo.judges import JUDGES
from gonogo.probes import PROBES

FOLDER = Path(__file__).resolve().parents[2] / "environments"
LOCAL, PROD, RECOVERY = (load_environment(f"factory-{name}", FOLDER) for name in ("local", "prod", "recovery"))
SHARED = {"forge", "registry", "provider_status", "dns", "row_counts", "slack", "postgres_programs"}  # of no site


def test_the_recovery_site_shares_no_place_with_production() -> None:
    """What is changed with its name is changed there, and production's operator is not told to its cluster."""
    same = {
        name for name, one in RECOVERY.back_ends.items() if one.address and one.address == PROD.back_ends[name].address
    }
    assert same == SHARED
    assert RECOVERY.sides["stable"].url != PROD.sides["stable"].url
    for name in ("kubernetes", "kubernetes_operator"):
        assert RECOVERY.back_ends[name].auth.secret != PROD.back_ends[name].auth.secret
    assert set(RECOVERY.back_ends) >= CHANGING


def test_what_may_be_changed_is_said_by_each_environment() -> None:
    """An action that production allows does not come to the recovery site by inheritance."""
    assert PROD.guards.live
    assert RECOVERY.guards.live
    assert RECOVERY.guards.actions == ("restore-rehearsal",)


def test_production_scans_no_sample_of_the_rehearsal() -> None:
    """A list of packages that nobody installs has no vulnerability."""
    sampled = set(LOCAL.back_ends["tools"].names.values())
    assert sampled == {"factory/scanned", "factory/scanned/requirements.txt"}
    for place in (PROD, RECOVERY):
        assert not sampled & set(place.back_ends["tools"].names.values())
        assert {"requirements", "node"} <= set(place.back_ends["tools"].names)


def test_no_smoke_test_goes_to_production() -> None:
    """`pytest -m recovery --env factory-prod` in the heat of a night starts no workflow for users."""
    sent_to = set()
    for check in load_checklists(FOLDER.parent / "checks", PROBES, JUDGES):
        for spec in check.probes.values() if check.system == "factory" else ():
            methods = {getattr(one, "method", "GET") for one in (spec.options, *getattr(spec.options, "steps", ()))}
            if methods - {"GET"} or spec.kind in ("http_poll", "postman"):
                sent_to |= set(PROBES[spec.kind].sides(spec.options))
    assert sent_to == {"staging", "recovery"}
    assert PROD.sides["stable"].url not in {PROD.sides[side].url for side in sent_to}
    assert RECOVERY.sides["recovery"].url == RECOVERY.sides["stable"].url

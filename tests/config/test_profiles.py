"""Profiles as they stand in loadtests/, and the one line for each that cannot be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gonogo.config.environment import load_environment
from gonogo.config.profiles import load_profiles, pick_profile
from gonogo.config.raw import environment_from_raw, environment_to_raw
from gonogo.judges.loads.run import PROPERTIES
from gonogo.model.errors import ConfigError
from gonogo.model.load import Workload

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = {
    "gentle": (3, 2.0),
    "light": (10, 0.5),
    "normal": (10, 1.0),
    "medium": (50, 0.1),
    "aggressive": (25, 0.5),
    "heavy": (200, 0.01),
    "stress": (500, 0.0),
}


def test_profiles_are_those_of_the_runbook() -> None:
    """Requests a side and delay are the runbook's; a burst is closed, the others are open and bounded."""
    profiles = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES)
    assert list(profiles) == [*RUNBOOK, "burst", "capacity", "soak", "spike"]
    for name, (requests, delay) in RUNBOOK.items():
        profile = profiles[name]
        assert (profile.workload, profile.requests, profile.connections) == (Workload.CLOSED, requests, 1)
        assert profile.delay == timedelta(seconds=delay)
    for name in ("capacity", "soak", "spike"):
        assert profiles[name].workload is Workload.OPEN
        assert profiles[name].requests
        assert profiles[name].duration


def test_production_allows_gentle_and_normal_only() -> None:
    """What an environment allows is a profile that there is."""
    profiles = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES)
    for name in ("local", "ion-prod", "ion-canary", "ion-staging"):
        allowed = load_environment(name, ROOT / "environments").guards.profiles
        assert set(allowed) <= set(profiles)
        if name == "ion-prod":
            assert set(allowed) == {"gentle", "normal"}


def test_policies_survive_a_plan() -> None:
    """An environment with policies is the same after it went through plan.json."""
    environment = load_environment("local", ROOT / "environments")
    assert environment.policies
    assert environment_from_raw(environment_to_raw(environment)).policies == environment.policies


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{use: u, workload: closed, proves: [P2]}", "has neither requests nor duration"),
        ("{use: u, workload: closed, requests: 0, proves: [P2]}", "p.requests is a number from 1 up"),
        ("{use: u, workload: open, requests: 3, proves: [P2]}", "p.rate wants arrivals a second"),
        ("{use: u, workload: open, rate: 5, delay: 1s, requests: 3, proves: [P2]}", "p.delay has no meaning"),
        ("{use: u, workload: closed, rate: 5, requests: 3, proves: [P2]}", "p.rate has no meaning"),
        ("{use: u, workload: closed, requests: 3}", "p.proves is empty"),
        ("{use: u, workload: closed, requests: 3, proves: [latancy]}", "did you mean 'latency'?"),
        ("{use: u, workload: opened, requests: 3, proves: [P2]}", "did you mean 'open'?"),
        ("{use: u, workload: closed, requests: 3, proves: [P2], abort_error_ratio: 5}", "a ratio above 0, up to 1"),
        ("{use: u, workload: closed, requests: 3, proves: [P2], name: q}", "the key of a profile is its name"),
        ("{use: u, workload: closed, requets: 3, proves: [P2]}", "did you mean 'requests'?"),
        ("{use: u, workload: closed, duration: 1s, ramp: 2s, proves: [P2]}", "p.ramp is longer than duration"),
    ],
)
def test_a_bad_profile_gets_its_one_line(tmp_path: Path, text: str, said: str) -> None:
    """One line with the place and what is wrong."""
    path = tmp_path / "profiles.yaml"
    path.write_text(f"p: {text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_profiles(path, PROPERTIES)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "profiles.yaml:1" in str(caught.value)


def test_an_unknown_profile_is_named_with_the_nearest() -> None:
    """A slip of the pen is answered with the profile that was meant."""
    profiles = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES)
    with pytest.raises(ConfigError, match="did you mean 'gentle'"):
        pick_profile(profiles, "gentel")

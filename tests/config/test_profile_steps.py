"""The steps of a capacity profile, and the one line for those that cannot be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gonogo.config.profiles import load_profiles
from gonogo.config.raw import to_raw
from gonogo.config.reader import read_raw
from gonogo.config.tree import from_plain
from gonogo.judges.loads.run import PROPERTIES
from gonogo.model.capacity import Steps
from gonogo.model.errors import ConfigError
from gonogo.model.load import Profile

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {
    "use": "u", "workload": "open", "requests": "9", "duration": "9s", "proves": "[capacity]", "connections": "9",
}  # fmt: skip


def load(tmp_path: Path, steps: str, **given: str | None) -> Profile:
    keys = {**WHOLE, **given, "steps": f"{{{steps}}}"}
    text = ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None)
    path = tmp_path / "profiles.yaml"
    path.write_text(f"p: {{{text}}}\n", encoding="utf-8")
    return load_profiles(path, PROPERTIES)["p"]


def test_steps_are_read_and_survive_the_way_to_a_worker(tmp_path: Path) -> None:
    """Rates, durations and counts as they are written; the profile begins at the first rate."""
    profile = load(
        tmp_path, "from: 20, at_most: 400, by: 10, each: 4s, pause: 500ms, within: 0.1, repeats: 3, count: 7"
    )
    assert profile.rate == 20
    assert profile.steps == Steps(
        from_=20,
        at_most=400,
        by=10,
        each=timedelta(seconds=4),
        pause=timedelta(seconds=0.5),
        within=0.1,
        repeats=3,
        count=7,
    )
    assert read_raw(Profile, from_plain(to_raw(profile), "order"), "") == profile


def test_the_projects_own_profile_ends() -> None:
    """Twice its longest search, both edges included, fits its requests and its duration."""
    profile = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES)["capacity"]
    steps = profile.steps
    assert steps is not None
    assert profile.requests is not None
    assert profile.duration is not None
    a_step = (steps.each + steps.pause).total_seconds()
    assert 30 * a_step < profile.duration.total_seconds()
    assert steps.at_most * steps.each.total_seconds() * 2 * steps.repeats < profile.requests


@pytest.mark.parametrize(
    ("steps", "given", "said"),
    [
        ("from: 20", {}, "'at_most'"),
        ("at_most: 20", {}, "'from'"),
        ("from: 20, at_most: 40", {"workload": "closed"}, "p.steps has no meaning in a closed workload"),
        ("from: 20, at_most: 40", {"rate": "5"}, "p.rate stands beside steps"),
        ("from: 20, at_most: 40", {"requests": None}, "p.steps wants requests and duration"),
        ("from: 20, at_most: 40", {"duration": None}, "p.steps wants requests and duration"),
        ("from: 20, at_most: 40", {"ramp": "1s"}, "p.ramp has no meaning beside steps"),
        ("from: 20, at_most: 40", {"proves": "[latency]"}, "p.proves is [capacity] beside steps"),
        ("from: 0, at_most: 40", {}, "p.steps.from is a finite number above 0"),
        ("from: 20, at_most: 10", {}, "p.steps.at_most is lower than from"),
        ("from: 20, at_most: 40, factor: 2, by: 5", {}, "p.steps.by stands beside factor"),
        ("from: 20, at_most: 40, factor: 1", {}, "p.steps.factor is a factor above 1"),
        ("from: 20, at_most: 40, by: -1", {}, "p.steps.by is a finite number above 0"),
        ("from: 20, at_most: 40, each: 0s", {}, "p.steps.each is a duration longer than 0"),
        ("from: 20, at_most: 40, within: 1", {}, "p.steps.within is a share above 0 and below 1"),
        ("from: 20, at_most: 40, repeats: 0", {}, "p.steps.repeats is a number from 1 to 20"),
        ("from: 20, at_most: 40, count: 0", {}, "p.steps.count is a number from 1 up"),
        ("from: 20, at_most: 40, facter: 3", {}, "did you mean 'factor'?"),
    ],
)
def test_bad_steps_get_their_one_line(tmp_path: Path, steps: str, given: dict[str, str | None], said: str) -> None:
    """One line with the place and what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, steps, **given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_capacity_is_shown_by_steps_alone(tmp_path: Path) -> None:
    """A profile that names the property and has no steps could never prove it."""
    path = tmp_path / "profiles.yaml"
    path.write_text("p: {use: u, workload: closed, requests: 3, proves: [capacity]}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="names capacity, which only steps show"):
        load_profiles(path, PROPERTIES)

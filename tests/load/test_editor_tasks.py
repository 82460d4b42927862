"""The editor's tasks: the names that the team knows, on command lines that are accepted and do what the name says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback import Server, ok

from gonogo.config.environment import environment_names, load_environment
from gonogo.config.profiles import load_profiles
from gonogo.judges.loads.run import PROPERTIES
from gonogo.model.units import parse_duration

ROOT = Path(__file__).resolve().parents[2]
TASKS: dict[str, Any] = json.loads((ROOT / ".vscode" / "tasks.json").read_text(encoding="utf-8"))
PROBES = {
    "gentle": "Probe: Gentle (3 req, 2s delay)",
    "normal": "Probe: Normal (10 req, 1s delay)",
    "aggressive": "Probe: Aggressive (25 req, 500ms delay)",
}
NAMED = re.compile(r"Probe: \w+ \((\d+) req, (\w+) delay\)")


def words(name: str, environment: str) -> list[str]:
    """The command line of a task, when the environment is picked."""
    (task,) = [one for one in TASKS["tasks"] if one["label"] == name]
    assert (task["type"], task["command"]) == ("process", "locust")
    return [environment if word == "${input:environment}" else word for word in task["args"]]


def test_the_names_are_those_in_use() -> None:
    """Nobody has to learn another name; a task sends what its name says."""
    profiles = load_profiles(ROOT / "loadtests" / "profiles.yaml", PROPERTIES)
    assert [task["label"] for task in TASKS["tasks"] if task["label"].startswith("Probe")] == list(PROBES.values())
    for profile, name in PROBES.items():
        line = words(name, "ion-canary")
        assert line[line.index("--profile") + 1] == profile
        found = NAMED.fullmatch(name)
        assert found is not None
        assert (profiles[profile].requests, profiles[profile].delay) == (int(found[1]), parse_duration(found[2]))


def test_environments_to_pick_from() -> None:
    """Each is there and allows gentle; at least one allows each profile; production is not a click away."""
    (picked,) = TASKS["inputs"]
    allowed = {
        name: set(load_environment(name, ROOT / "environments").guards.profiles) for name in picked["options"]
    }  # fmt: skip
    assert set(allowed) <= set(environment_names(ROOT / "environments"))
    assert all("gentle" in profiles for profiles in allowed.values())
    assert set(PROBES) <= set.union(*allowed.values())
    assert picked["default"] in allowed
    assert "ion-prod" not in allowed


@pytest.mark.parametrize("profile", PROBES)
def test_each_command_line_runs(profile: str, tmp_path: Path) -> None:
    """As the editor starts it, in the folder of the project; shortened to one request a side, but for gentle."""
    shutil.copytree(ROOT / "loadtests", tmp_path / "loadtests", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "environments").mkdir()
    short = [] if profile == "gentle" else ["--requests", "1"]
    with Server(ok) as canary, Server(ok) as legacy:
        (tmp_path / "environments" / "ion-canary.yaml").write_text(
            "name: ion-canary\nsystem: ion\ndescribe: a test\n"
            f"sides: {{canary: {{url: '{canary.url}'}}, stable: {{url: '{legacy.url}'}}}}\n"
            f"guards: {{live: false, profiles: [{profile}]}}\n",
            encoding="utf-8",
        )
        done = subprocess.run(
            [sys.executable, "-m", "locust", *words(PROBES[profile], "ion-canary"), *short],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in ((0,) if profile == "gentle" else (0, 6)), done.stdout + done.stderr
        assert len(canary.seen) == len(legacy.seen) == (3 if profile == "gentle" else 1)
    (kept,) = (tmp_path / "reports" / "out").glob("*/load.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["profile"]["name"] == profile


def test_the_comparison_runs(tmp_path: Path) -> None:
    """Under the name in use, on the rehearsal: ten requests a side, 50 ms between, none again; the artefact is kept."""
    (task,) = [one for one in TASKS["tasks"] if one["label"] == "Phase4: Orchestrator Comparison"]
    assert (task["type"], task["command"]) == ("process", "gonogo")
    for name in ("environments", "checks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    line = ["local" if word == "${input:environment}" else word for word in task["args"]]
    done = subprocess.run(
        [sys.executable, "-m", "gonogo.cli", *line],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = (tmp_path / "reports" / "out").glob("*-local-compare-*/compare.json")
    document = json.loads(kept.read_text(encoding="utf-8"))
    assert (document["requests"], document["delay_ms"], document["retries"]) == (10, 50, 0)
    assert {name: side["asks"] for name, side in document["sides"].items()} == {
        "canary": "POST /api/v2/recommend/personalized",
        "legacy": "POST /chat",
    }
    assert all(side["succeeded"] == 10 for side in document["sides"].values())

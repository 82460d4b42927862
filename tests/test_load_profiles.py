"""Every load profile from the command line on the rehearsal: each ends with the decision that its service deserves.

Delays and durations are shortened, counts are not. `capacity` has tests of its own (test_locust_capacity.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gonogo.config.environment import load_environment
from gonogo.flows.started import Starter

ROOT = Path(__file__).resolve().parent.parent
PROFILES = yaml.safe_load((ROOT / "loadtests/profiles.yaml").read_text(encoding="utf-8"))
LOCAL, BASE = (
    yaml.safe_load((ROOT / "environments" / f"{name}.yaml").read_text(encoding="utf-8"))
    for name in ("local", "ion-base")
)
SHORT = {"soak": {"rate": 60, "duration": "2s", "requests": 120}, "spike": {"duration": "6s", "requests": 600}}
CHAT = ("--method", "POST", "--body", '{"user_id": "u1", "message": "hi"}')
LIMITED = (*CHAT, "--canary-path", "/api/v2/recommend/personalized", "--legacy-path", "/chat")
GO, NO_GO, HOLD = 0, 1, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One load run."""

    status: int
    out: str
    document: dict[str, Any]


class Bench:
    """A rehearsal that changes its world, and a project whose environment it is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "environments").mkdir()
        (root / "loadtests").mkdir()
        (root / "loadtests/profiles.yaml").write_text(yaml.safe_dump(_shortened()), encoding="utf-8")
        self._starter = Starter(load_environment("local", ROOT / "environments", root=ROOT), ROOT)
        self._write(self._starter.up("stage-5", ()).addresses)

    def _write(self, addresses: Any) -> None:
        document = {
            "name": "mine",
            "system": "ion",
            "describe": "The rehearsal, already up",
            "sides": {side: {"url": addresses[f"ion-{side}"]} for side in ("canary", "stable")},
            "objectives": BASE["objectives"] | LOCAL["objectives"],
            "policies": LOCAL["policies"],
            "guards": {"live": False, "profiles": list(PROFILES)},
        }
        (self.root / "environments/mine.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")

    def world(self, *faults: str) -> None:
        """Another world, with counters that nobody used."""
        self._starter.switch("stage-5", faults)

    def run(self, profile: str, *words: str) -> Ran:
        """Locust with a profile, to its end."""
        out = Path(tempfile.mkdtemp(dir=self.root))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests/locustfile.py"), "--headless"),
                *("--env", "mine", "--profile", profile, "--reports", str(out), *words),
            ],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=90,
            check=False,
        )
        found = list(out.glob("*/load.json"))
        assert len(found) == 1, done.stdout + done.stderr
        document = json.loads(found[0].read_text(encoding="utf-8"))
        return Ran(status=done.returncode, out=done.stdout, document=document)

    def all(self, runs: Sequence[tuple[str, ...]]) -> list[Ran]:
        """Two at a time."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(lambda words: self.run(*words), runs))

    def end(self) -> None:
        self._starter.end()


def _shortened() -> dict[str, Any]:
    made = {name: {**profile, **SHORT.get(name, {})} for name, profile in PROFILES.items()}
    for profile in made.values():
        if profile.get("delay") in ("500ms", "1s", "2s", "100ms"):
            profile["delay"] = "20ms"
    return made


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("profiles"))
    yield made
    made.end()


def test_health_is_go_under_every_profile(bench: Bench) -> None:
    """A path that rejects nobody proves what each profile asks, also what is asked of a limiter."""
    bench.world()
    names = [name for name in PROFILES if name != "capacity"]
    for name, ran in zip(names, bench.all([(name,) for name in names]), strict=True):
        assert ran.status == GO, (name, ran.out)
        wanted = _shortened()[name]["requests"]
        assert {side["requests"] for side in ran.document["sides"].values()} == {wanted}, name


@pytest.mark.parametrize("profile", ["aggressive", "heavy", "stress"])
def test_a_limiter_that_keeps_its_policy_is_go(bench: Bench, profile: str) -> None:
    """Twenty of each side are admitted, the rest is rejected as declared."""
    bench.world()
    ran = bench.run(profile, *LIMITED)
    assert ran.status == GO, ran.out
    for side in ran.document["sides"].values():
        assert side["outcomes"]["accepted"]["count"] == 20
        assert side["outcomes"]["limited"]["count"] == PROFILES[profile]["requests"] - 20


def test_a_gentle_profile_proves_no_early_reject_on_a_limited_path(bench: Bench) -> None:
    """Below the limit nobody is rejected; medium goes beyond it and is not asked about it."""
    bench.world()
    light = bench.run("light", *LIMITED)
    assert light.status == GO, light.out
    bench.world()
    medium = bench.run("medium", *LIMITED)
    assert medium.status == GO, medium.out
    assert medium.document["sides"]["canary"]["outcomes"]["limited"]["count"] == 30


def test_a_limit_out_of_reach_is_hold_and_says_what_would_show_it(bench: Bench) -> None:
    """No 429 seen is evidence of nothing unless more was asked than the limit allows."""
    bench.world()
    ran = bench.run("aggressive", "--requests", "15", *LIMITED)
    assert ran.status == HOLD, ran.out
    assert "P1, P3, P4, P5: no rejection, but 15 requests" in ran.out
    assert "more than 20 requests, faster than 20 in 60 s, would show it" in ran.out


@pytest.mark.parametrize(
    ("fault", "profile", "words", "said"),
    [
        ("legacy-limit-none", "burst", LIMITED, "legacy /chat: P3"),
        ("canary-limit-one-more", "aggressive", LIMITED, "canary /api/v2/recommend/personalized: P1: 21 admitted"),
        ("legacy-limit-status-503", "burst", LIMITED, "legacy /chat: P4"),
        ("canary-limit-retry-after-ms", "burst", LIMITED, "P5"),
        ("canary-limit-reset-unit", "burst", (*CHAT, "--canary-path", "/chat", "--legacy-path", "/chat"), "P8"),
        ("canary-limit-health", "medium", (), "canary /api/v2/health: P2"),
    ],
)
def test_a_wrong_limiter_is_no_go(bench: Bench, fault: str, profile: str, words: tuple[str, ...], said: str) -> None:
    """On one side alone it is that side's fault, and the reason names the property."""
    bench.world(fault)
    ran = bench.run(profile, *words)
    assert ran.status == NO_GO, ran.out
    assert said in ran.out


def test_a_stall_is_no_go_and_stands_in_the_percentiles(bench: Bench) -> None:
    """Who was due during the stall waited for its end, and the open load counts that; the other side is well."""
    bench.world("canary-stalls")
    ran = bench.run("spike")
    assert ran.status == NO_GO, ran.out
    assert "canary_p99" in ran.out
    canary, legacy = (ran.document["sides"][side]["outcomes"]["accepted"] for side in ("canary", "legacy"))
    assert canary["p50"] < 100
    assert canary["p99"] > 700
    assert legacy["p99"] < 700

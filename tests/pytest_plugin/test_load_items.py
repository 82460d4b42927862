"""Items that judge load runs, from outside: HOLD names a command, its record decides, judging again says the same."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLICY = {"path": "/a", "algorithm": "sliding_log", "limit": 5, "window": "1m", "retry_after": True}


def limited(number: int, _: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Five requests, then rejections for as long as a test takes."""
    return (200, {}, b"ok") if number <= 5 else (429, {"Retry-After": "50"}, b"")


@pytest.fixture
def shop(project: Any, server: Any, serve: Callable[[], Any], kit: Any) -> Any:
    """Two sides with a limit on /a, and an item that wants it kept."""
    canary = serve()
    canary.answers["/a"] = server.answers["/a"] = limited
    sides = {"stable": {"url": server.url}, "canary": {"url": canary.url.replace("127.0.0.1", "localhost")}}
    project.environment(sides=sides, policies=[POLICY], guards={"live": False, "profiles": ["gentle", "burst"]})
    shutil.copytree(ROOT / "loadtests", project.root / "loadtests", ignore=shutil.ignore_patterns("__pycache__"))
    limit = {"load_run": {"canary_path": "/a", "legacy_path": "/a"}}
    kept = [{"load": {"run": "limit", "enforced": True}}]
    item = {**kit.item("shop-limit"), "probes": {"limit": limit}, "pass": kept}
    del item["probe"]
    project.checklist(item)
    return project, server, canary


def run_of(done: Any) -> Path:
    """The folder of the checklist run, beside those of load runs."""
    (folder,) = [path for path in done.folders if (path / "verdict.json").exists()]
    return Path(folder)


def verdict(done: Any) -> dict[str, Any]:
    (check,) = json.loads((run_of(done) / "verdict.json").read_bytes())["checks"]
    return dict(check)


def load(project: Any, told: str) -> Any:
    """The command that an item asked for, word for word."""
    command = shlex.split(told.partition("; run: ")[2].partition(" (load run")[0])
    assert command[0] == "locust"
    return project.run([sys.executable, "-m", *command])


def test_a_limit_is_held_until_it_was_reached(shop: Any) -> None:
    """Nothing is sent for the item; the command that HOLD names makes it decidable; a touched record is none."""
    project, server, canary = shop
    first = project.pytest()
    assert (first.code, "/a" in server.asked + canary.asked) == (6, False)
    told = verdict(first)["reason"]
    assert "--env shop --profile burst --canary-path /a --legacy-path /a --headless" in told
    ran = load(project, told)
    assert ran.code == 0, ran.out + ran.err
    assert canary.asked.count("/a") == server.asked.count("/a") == 30
    second = project.pytest()
    assert second.code == 0, second.out + second.err
    assert "canary keeps 5 in 1m (sliding_log)" in verdict(second)["reason"]
    assert canary.asked.count("/a") == 30
    assert project.gonogo("judge", str(run_of(second))).code == 0
    assert all(project.gonogo("verify", str(folder)).code == 0 for folder in (*ran.folders, run_of(second)))
    (record,) = (folder / "load.json" for folder in ran.folders)
    record.write_text(record.read_text(encoding="utf-8").replace('"seen":1', '"seen":2'), encoding="utf-8")
    assert project.gonogo("verify", str(record.parent)).code == 6
    third = project.pytest()
    assert (third.code, "was changed after its run" in verdict(third)["reason"]) == (6, True)


def test_no_limiter_on_the_canary_is_no_go(shop: Any) -> None:
    """A declared limit that the canary alone does not have fails the item, also when it is judged again."""
    project, _, canary = shop
    canary.answers["/a"] = (200, {}, b"ok")
    ran = load(project, verdict(project.pytest())["reason"])
    assert ran.code == 1, ran.out + ran.err
    done = project.pytest()
    assert (done.code, verdict(done)["verdict"]) == (1, "fail")
    assert "canary /a: P3" in verdict(done)["reason"]
    assert project.gonogo("judge", str(run_of(done))).code == 1

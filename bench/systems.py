"""Both systems' rehearsals once they are up: a morning's checklist by the clock, and what a dead back end costs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cluster
import yaml
from measure import Command, interleaved, median

ROOT = Path(__file__).resolve().parents[1]
LEAST_RUNS = 5
PHASE = "daily"
DEAD = ("factory-local", "prometheus")  # the environment and the back end that takes connections and says nothing
DEADLINE_S = 5
ENVIRONMENTS = ("local", "factory-local")

# name -> (bound, whether the figure is at most or at least it, what it is)
BOUNDS: Mapping[str, tuple[float, str, str]] = {
    "daily_s": (3, "<=", f"seconds of `pytest -m {PHASE}` on both systems, from start to end, rehearsals up"),
    "dead_back_end_s": (
        1,
        "<=",
        f"seconds beyond its deadline of {DEADLINE_S} s that a back end that hangs adds to the same command",
    ),
    "cluster_s": (2, "<=", "seconds to look at and to judge 1,000 pods and 200 deployments"),
    "cluster_mb": (200, "<=", "peak of resident memory of the process that does it"),
    "dead_back_end_others": (0, "<=", "items that do not look there and are no longer what they were"),
}


def measure(runs: int) -> tuple[dict[str, list[float]], dict[str, float], dict[str, str]]:
    """Raw runs by name, figures by name, and versions of what was measured."""
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        ready = {one: stack.enter_context(_up(one)) for one in ENVIRONMENTS}
        healthy = _project(folder / "healthy", ready)
        environment, back_end = DEAD
        dead = json.loads(json.dumps(ready))
        dead[environment]["addresses"][back_end] = f"http://127.0.0.1:{stack.enter_context(_silent())}"
        words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-m", PHASE]
        hung = _project(folder / "hung", dead)
        costs = interleaved(
            {
                "daily": Command(words=words, cwd=healthy),
                "daily_dead": Command(words=words, cwd=hung, expect=6),  # HOLD
            },
            runs,
        )
        others = _not_passed(hung) - _not_passed(healthy) - _looking_at(back_end, environment)
        if others:
            print("no longer what they were:", ", ".join(sorted(others)))
    clusters = [cluster.judged() for _ in range(runs)]
    wall = {name: [one.wall_s for one in found] for name, found in costs.items()}
    daily = median(wall["daily"])
    figures = {
        "daily_s": daily,
        "dead_back_end_s": median(wall["daily_dead"]) - daily - DEADLINE_S,
        "dead_back_end_others": float(len(others)),
        "cluster_s": median([one["judge_s"] for one in clusters]),
        "cluster_mb": median([one["peak_mb"] for one in clusters]),
    }
    raw = {f"{name}_wall_s": [round(one, 4) for one in found] for name, found in wall.items()}
    raw["daily_cpu_s"] = [round(one.cpu_s, 4) for one in costs["daily"]]
    raw |= {f"cluster_{name}": [one[name] for one in clusters] for name in ("judge_s", "cpu_s", "peak_mb")}
    return raw, {name: round(value, 3) for name, value in figures.items()}, {"gonogo": version("gonogo")}


@contextmanager
def _up(name: str) -> Iterator[dict[str, Any]]:
    """A rehearsal of its own, in the scene of the phase, and its ready line."""
    start = yaml.safe_load((ROOT / "environments" / f"{name}.yaml").read_text(encoding="utf-8"))["start"]
    first, *rest = start["command"]
    words = [sys.executable if first == "python" else first, *rest, "--scene", start["scenes"][PHASE]]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a rehearsal has no pipes")
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(20)


def _project(folder: Path, ready: Mapping[str, Any]) -> Path:
    """The project's checks and environments, where start commands answer with rehearsals that are up already."""
    for name in ("checks", "environments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    for name, line in ready.items():
        file = folder / "environments" / f"{name}.yaml"
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        (folder / f"{name}.json").write_text(json.dumps(line) + "\n", encoding="utf-8")
        document["start"]["command"] = ["sh", "-c", f"cat {folder / name}.json; cat >/dev/null"]
        for back_end in document["back_ends"].values():
            back_end["timeout"] = f"{DEADLINE_S}s"
        file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder


@contextmanager
def _silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]
    for one in held:
        one.close()


def _not_passed(folder: Path) -> set[str]:
    """Items of the last run that are anything but a pass."""
    found: set[str] = set()
    for name in ENVIRONMENTS:
        run = max((folder / "reports" / "out").glob(f"*Z-{name}-{PHASE}-*"))
        verdict = json.loads((run / "verdict.json").read_bytes())
        found |= {check["id"] for check in verdict["checks"] if check["verdict"] != "pass"}
    return found


def _looking_at(back_end: str, environment: str) -> set[str]:
    """Items that need this back end, or sum up those that do."""
    words = [sys.executable, "-m", "gonogo.cli", "list", "--env", environment, "--phase", PHASE, "--json"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    from gonogo.probes import PROBES  # noqa: PLC0415 - imported when it is known to be there

    return {
        item["id"]
        for item in json.loads(told.stdout)
        if not item["probes"]
        or any(back_end in PROBES[kind].back_ends for probe in item["probes"].values() for kind in probe)
    }

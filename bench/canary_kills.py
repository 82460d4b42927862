"""A watch killed at random points, and a watch of a day: is a sample lost, how long until it goes on, how large."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KILLS = 200
DAY = 1440  # samples
_GROWS_BY = 3  # samples a round
_HERE = Path(__file__).resolve().parents[1]
_ENVIRONMENT = """\
name: small
system: small
describe: Two sides and a file of samples
sides: {stable: {url: 'https://stable.example'}, canary: {url: 'https://canary.example'}}
watch:
  go: [error_ratio <= 0.005, p95_latency <= 200 ms, memory <= 0.85, cpu <= 0.8]
  rollback: [error_ratio > 0.01 for 3 samples with at least 100 requests, memory > 0.85 for 2 samples]
  source: {kind: file, path: samples.jsonl, lag: 0s}
"""

# name -> (bound, whether the figure is at most or at least it, what it is)
BOUNDS: Mapping[str, tuple[float, str, str]] = {
    "kills_lost": (0, "<=", "acknowledged samples that were not there after one of 200 kills at random points"),
    "kills_go": (0, "<=", "times that a killed watch said GO"),
    "kills_resume_s": (2, "<=", "s until a killed watch stood where it was: the slowest of 200"),
    "watch_mb": (150, "<=", "MB that a watch holds after a day of one-minute samples"),
    "watch_grows_mb": (5, "<=", "MB by which it grew in the second half of that day"),
}


@dataclass(slots=True)
class Killed:
    """What came of the kills. `resumed` in seconds from the start of the process, one a kill that was waited for."""

    kills: int = 0
    lost: int = 0
    go: int = 0
    resumed: list[float] = field(default_factory=list)


def kills(count: int = KILLS, seed: int = 1) -> Killed:
    """Half of the kills come while the process begins, the others while it takes samples."""
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    found = Killed()
    with tempfile.TemporaryDirectory() as folder:
        project = _Project(Path(folder))
        project.feed(20)
        acknowledged = 0
        for number in range(count):
            began = time.monotonic()
            process = project.start()
            try:
                if number % 2:
                    found.resumed.append(project.stands(process.pid, acknowledged) - began)
                    project.feed(_GROWS_BY)
                    time.sleep(chance.uniform(0, 1.2))
                else:
                    time.sleep(chance.uniform(0, 1.5 * max([*found.resumed[-5:], 0.5])))
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
            found.kills += 1
            acknowledged = max(acknowledged, project.said())
            found.lost += max(0, acknowledged - project.kept())
            found.go += project.says_go()
    return found


def day() -> dict[str, float]:
    """A watch of a day under a clock that its waiting moves, in a process of its own."""
    words = [sys.executable, str(Path(__file__).resolve()), "day"]
    done = subprocess.run(words, cwd=_HERE, capture_output=True, text=True, check=True, timeout=600, encoding="utf-8")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def figures(count: int = KILLS) -> dict[str, float]:
    """All of them, by the names of BOUNDS."""
    found = kills(count)
    return {"kills_lost": found.lost, "kills_go": found.go, "kills_resume_s": max(found.resumed), **day()}


class _Project:
    """A folder with one environment, samples that are appended, and a watch in the foreground."""

    def __init__(self, root: Path) -> None:
        from tests.canary_sim import World, watch  # noqa: PLC0415

        self._root = root
        for name in ("environments", "checks"):
            (root / name).mkdir()
        (root / "environments" / "small.yaml").write_text(_ENVIRONMENT, encoding="utf-8")
        self._samples = watch(1, 10 * DAY, World(errors=0.001))
        self._fed: list[bytes] = []

    def feed(self, count: int) -> None:
        from gonogo.reporting.samples import sample_line  # noqa: PLC0415

        before = json.loads(self._fed[-1])["digest"] if self._fed else ""
        with (self._root / "samples.jsonl").open("ab") as file:
            for _ in range(count):
                line = sample_line(next(self._samples), before)
                before = json.loads(line)["digest"]
                self._fed.append(line.encode())
                file.write(line.encode() + b"\n")

    def start(self) -> subprocess.Popen[bytes]:
        words = ["watch", "start", "--foreground", "--env", "small", "--for", "30d"]
        with (self._root / "errors.log").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "gonogo.cli", *words],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def stands(self, pid: int, seq: int, within: float = 120.0) -> float:
        """When this process says that it stands at that sample; TimeoutError with its last words if it does not."""
        ends = time.monotonic() + within
        while time.monotonic() < ends:
            status = self._status()
            if status.get("pid") == pid and status.get("seq", -1) >= seq:
                return time.monotonic()
            time.sleep(0.005)
        said = (self._root / "errors.log").read_text(encoding="utf-8").splitlines()[-1:]
        raise TimeoutError(f"the watch did not stand at sample {seq} within {within} s: {''.join(said)}")

    def said(self) -> int:
        """The newest sample that the watch has told anybody of."""
        return int(self._status().get("seq", 0))

    def kept(self) -> int:
        """Whole lines of the watch that are what was fed, in its order."""
        kept = 0
        for folder in sorted(self._root.glob("reports/out/watch-small/*/samples.jsonl")):
            *lines, _ = folder.read_bytes().split(b"\n")
            kept = next((at for at, line in enumerate(lines) if line != self._fed[at]), len(lines))
        return kept

    def says_go(self) -> bool:
        return self._status().get("decision") == "GO" or any(self._root.glob("reports/out/watch-small/*/verdict.json"))

    def _status(self) -> dict[str, Any]:
        for path in sorted(self._root.glob("reports/out/watch-small/*/status.json"))[-1:]:
            try:
                found: dict[str, Any] = json.loads(path.read_bytes())
            except (OSError, ValueError):
                return {}
            return found
        return {}


def _day() -> dict[str, float]:
    """The loop, the judge and the store as they are; only the clock and what is measured are not."""
    import psutil  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415
    from tests.canary_sim import START, World, watch  # noqa: PLC0415
    from tests.watch_sim import HOUR, FakeHands, make_watch  # noqa: PLC0415

    sizes: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        hands = FakeHands(START)
        one = make_watch(Path(folder), watch(1, DAY, World(errors=0.001)), lasts=24 * HOUR, hands=hands)
        mine = psutil.Process(os.getpid())
        one.show = lambda _: sizes.append(mine.memory_info().rss / 2**20)
        decision = one.run()
        assert one.verdict is not None  # noqa: S101 - a day of samples
        assert (decision.value, one.verdict.seq) == ("GO", DAY)  # noqa: S101 - as a healthy canary has to
    return {"watch_mb": round(max(sizes), 1), "watch_grows_mb": round(sizes[-1] - sizes[len(sizes) // 2], 1)}


if __name__ == "__main__":
    sys.path.insert(0, str(_HERE))
    print(json.dumps(_day() if sys.argv[1:] == ["day"] else figures(int(sys.argv[1]) if sys.argv[1:] else KILLS)))

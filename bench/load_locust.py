"""A project with one environment and load profiles of its own, and Locust run in it as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from load_gear import Gear

PATH = "/api/v2/health"
_LOCUSTFILE = '"""The fleet."""\n\nfrom gonogo.locust_plugin import FleetUser\n\n__all__ = ["FleetUser"]\n'
_RELEASE = "version: v1.2.3\ncommit: 0123456789abcdef0123456789abcdef01234567\nimage: registry.example/bench:v1.2.3\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENVIRON = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST_", "LOCUST_"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run of the fleet: what load.json says of its side, its timeline if it is kept, and the peak of memory."""

    side: Mapping[str, Any]
    timeline: list[Mapping[str, Any]]
    started_ns: int  # of time(); the moments of the timeline count from it
    rss_mb: float

    @property
    def requests(self) -> int:
        """How many the record holds; RuntimeError if they are not all accounted for by an outcome."""
        counted = sum(int(each["count"]) for each in self.side["outcomes"].values())
        if counted != self.side["requests"]:
            raise RuntimeError(f"{self.side['requests']} requests were sent, {counted} are recorded")
        return counted

    def count(self, outcome: str) -> int:
        """Requests of one outcome class."""
        return int(self.side["outcomes"][outcome]["count"])


def fleet(gear: Gear, url: str, profile: Mapping[str, object], *, ca: Path | None = None) -> Ran:
    """`locust --headless` with this profile against `url`, on the generators' core."""
    folder = gear.folder / f"fleet-{uuid.uuid4().hex[:8]}"
    (folder / "environments").mkdir(parents=True)
    (folder / "loadtests").mkdir()
    side = {"url": url, "health": PATH} | ({} if ca is None else {"ca": str(ca)})
    environment = {
        "name": "bench",
        "system": "bench",
        "describe": "A server on this machine",
        "release": "release.yaml",
        "sides": {"canary": side},
        "guards": {"live": False, "profiles": ["measured"]},
    }
    measured = {"use": "a measurement", "proves": ["P22"], **profile}
    _write(folder / "environments" / "bench.yaml", json.dumps(environment))
    _write(folder / "environments" / "release.yaml", _RELEASE)
    _write(folder / "loadtests" / "profiles.yaml", json.dumps({"measured": measured}))
    _write(folder / "loadtests" / "locustfile.py", _LOCUSTFILE)
    words = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--env", "bench"]
    words += ["--profile", "measured", "--canary-path", PATH]
    rss_mb = _run(gear.client(*words), folder)
    (kept,) = (folder / "reports" / "out").glob("*/load.json")
    document = json.loads(kept.read_text(encoding="utf-8"))
    started = datetime.fromisoformat(document["started"]) - _EPOCH
    return Ran(
        side=document["sides"]["canary"],
        timeline=document["timeline"],
        started_ns=started // timedelta(microseconds=1) * 1000,
        rss_mb=rss_mb,
    )


def _run(words: list[str], folder: Path) -> float:
    """The peak of resident memory in MB; RuntimeError with its output if it ended with neither GO nor NO-GO."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, cwd=folder, env=_ENVIRON, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in {0, 1, 6}:
            output.seek(0)
            told = output.read().decode("utf-8", errors="replace")[-3000:]
            raise RuntimeError(f"{' '.join(words)}: exit {process.returncode}\n{told}")
    return usage.ru_maxrss / 1024


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")

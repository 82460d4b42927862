"""Commands into what they cost: wall time and CPU, interleaved so that a busy moment of the machine hits all alike."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# As on a user's machine: compiled modules are kept, and neither side loads plugins that happen to be installed.
_ENVIRON = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST_", "GITHUB_"))} | {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process from start to end. `cwd` is a folder made for it, `expect` its exit status."""

    words: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    expect: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of one run: by the clock, and of user and system CPU with its children."""

    wall_s: float
    cpu_s: float


def cost(command: Command) -> Cost:
    """Run it once. RuntimeError with its output if it ends otherwise than expected."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command.words],
            cwd=command.cwd,
            env=_ENVIRON | dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != command.expect:
            output.seek(0)
            text = output.read().decode("utf-8", errors="replace")[-3000:]
            raise RuntimeError(f"{' '.join(command.words)}: exit {process.returncode}, not {command.expect}\n{text}")
    return Cost(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime)


def interleaved(commands: Mapping[str, Command], runs: int) -> dict[str, list[Cost]]:
    """Each command once unrecorded, to warm up, then `runs` rounds of one run each."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for round_ in range(runs + 1):
        for name, command in commands.items():
            if sys.stderr.isatty():
                print(f"\r{round_}/{runs} {name:<30}\r", end="", file=sys.stderr, flush=True)
            once = cost(command)
            if round_:
                found[name].append(once)
    return found


def median(values: Sequence[float]) -> float:
    """The middle run."""
    return statistics.median(values)


def machine() -> dict[str, str | float]:
    """Enough to tell whether two tables may be compared."""
    return {
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

"""The cost of a checklist run beside bare pytest, curl, newman, and pytest with httpx, measured in the same minutes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import projects
from measure import Command, Cost, cost, interleaved, median

ROOT = Path(__file__).resolve().parents[1]
ITEMS, MANY, AT_ONCE, DELAY_MS = 200, 5000, 50, 50
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
AS_INSTALLED = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}  # an empty one counts as not set
GONOGO = [sys.executable, "-m", "gonogo.cli"]

# name -> (bound, whether the figure is at most or at least it, what it is)
BOUNDS: Mapping[str, tuple[float, str, str]] = {
    "floor_ratio": (1.5, "<=", f"{ITEMS} checks, {DELAY_MS} ms each, over bare pytest + curl --parallel of the same"),
    "newman_ratio": (18, ">=", f"newman over ours, {ITEMS} checks"),
    "pytest_httpx_ratio": (18, ">=", f"pytest + httpx, one test a check, over ours, {ITEMS} checks"),
    "cpu_ratio_5000": (2, "<=", f"CPU of {MANY} items over bare pytest's"),
    "rejudge_s": (0.3, "<=", f"seconds to judge {ITEMS} recorded checks again"),
    "collect_ratio": (1.5, "<=", "pytest --collect-only -q of ION's checklist over bare pytest on as many items"),
    "collect_ratio_no_plugins": (2, "<=", "the same where neither side loads the plugins that are installed"),
}


def measure(runs: int) -> tuple[dict[str, list[float]], dict[str, float], dict[str, str]]:
    """Raw runs by name, figures by name, and versions of what was compared."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _server() as port:
        folder = Path(name)
        newman = _newman(folder / "node")
        run = _recorded(projects.ours(folder / "recorded", port, ITEMS, paths=ITEMS))
        commands = {
            "ours": _pytest(
                projects.ours(folder / "ours", port, ITEMS, paths=ITEMS), "-m", "predeploy", "--env", "bench"
            ),
            "bare_pytest": _pytest(projects.trivial(folder / "trivial", ITEMS)),
            "curl_parallel": _curl(projects.curl(folder / "curl", port, ITEMS)),
            "rejudge": Command(words=[*GONOGO, "judge", str(run)], cwd=folder / "recorded"),
            "ours_collect": Command(words=[*PYTEST, "--collect-only", "-q"], cwd=ROOT),
            "bare_collect": _pytest(projects.trivial(folder / "as-many", _items_of_ion()), "--collect-only", "-q"),
            "ours_collect_as_installed": Command(words=[*PYTEST, "--collect-only", "-q"], cwd=ROOT, env=AS_INSTALLED),
            "bare_collect_as_installed": Command(
                words=[*PYTEST, "--collect-only", "-q"], cwd=folder / "as-many", env=AS_INSTALLED
            ),
            "newman": Command(
                words=["node", str(newman), "run", "collection.json"],
                cwd=projects.newman(folder / "postman", port, ITEMS),
            ),
            "pytest_httpx": _pytest(projects.pytest_httpx(folder / "pytest-httpx", port, ITEMS)),
            "ours_5000": _pytest(
                projects.ours(folder / "many", port, MANY, paths=5), "-m", "predeploy", "--env", "bench"
            ),
            "bare_pytest_5000": _pytest(projects.trivial(folder / "trivial-many", MANY)),
        }
        costs = interleaved(commands, runs)
        versions = _versions(newman)
    cpu = {"ours_5000", "bare_pytest_5000"}
    raw = {
        f"{name}_{'cpu' if name in cpu else 'wall'}_s": [
            round(one.cpu_s if name in cpu else one.wall_s, 4) for one in found
        ]
        for name, found in costs.items()
    }
    return raw, _figures(costs), versions


def _figures(costs: Mapping[str, Sequence[Cost]]) -> dict[str, float]:
    wall = {name: median([one.wall_s for one in found]) for name, found in costs.items()}
    cpu = {name: median([one.cpu_s for one in found]) for name, found in costs.items()}
    figures = {
        "floor_ratio": wall["ours"] / (wall["bare_pytest"] + wall["curl_parallel"]),
        "newman_ratio": wall["newman"] / wall["ours"],
        "pytest_httpx_ratio": wall["pytest_httpx"] / wall["ours"],
        "cpu_ratio_5000": cpu["ours_5000"] / cpu["bare_pytest_5000"],
        "rejudge_s": wall["rejudge"],
        "collect_ratio": wall["ours_collect_as_installed"] / wall["bare_collect_as_installed"],
        "collect_ratio_no_plugins": wall["ours_collect"] / wall["bare_collect"],
    }
    return {name: round(value, 3) for name, value in figures.items()}


def _pytest(folder: Path, *words: str) -> Command:
    return Command(words=[*PYTEST, *words], cwd=folder)


def _curl(folder: Path) -> Command:
    words = ["curl", "--silent", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", str(AT_ONCE)]
    return Command(words=[*words, "--config", "curl.txt"], cwd=folder)


def _recorded(folder: Path) -> Path:
    """The folder of one recorded run of this project."""
    cost(_pytest(folder, "-m", "predeploy", "--env", "bench"))
    (run,) = (folder / "reports" / "out").iterdir()
    return run


def _items_of_ion() -> int:
    """How many items the project's own checklist collects."""
    words = [*PYTEST, "--collect-only", "-q"]
    listed = subprocess.run(
        words, cwd=ROOT, capture_output=True, encoding="utf-8", check=True, stdin=subprocess.DEVNULL
    )
    count = sum("::test_item[" in line for line in listed.stdout.splitlines())
    if not count:
        raise RuntimeError(f"no item was collected:\n{listed.stdout}")
    return count


def _newman(folder: Path) -> Path:
    """Newman from npm, in a folder that goes away again."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("bench: npm is needed, to install newman into a temporary folder")
    folder.mkdir()
    words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "newman"]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return folder / "node_modules" / "newman" / "bin" / "newman.js"


def _versions(newman: Path) -> dict[str, str]:
    def first_line(*words: str) -> str:
        told = subprocess.run(words, capture_output=True, encoding="utf-8", check=True)
        return told.stdout.splitlines()[0].strip()

    return {
        **{name: version(name) for name in ("gonogo", "pytest", "httpx")},
        "curl": first_line("curl", "--version").split()[1],
        "node": first_line("node", "--version"),
        "newman": first_line("node", str(newman), "--version"),
    }


@contextmanager
def _server() -> Iterator[int]:
    """The slow server in a process of its own, up for the whole comparison."""
    words = [sys.executable, str(Path(__file__).with_name("slow_server.py")), str(DELAY_MS)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            if server.stdout is None:
                raise RuntimeError("the server has no output")
            yield int(server.stdout.readline())
        finally:
            server.kill()

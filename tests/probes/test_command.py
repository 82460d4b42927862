"""Programs that hang, flood, die or look around, and what is left of them."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.evidence import Cause
from gonogo.probes.command import Ran, find, run
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure


def python(code: str, tmp_path: Path, *, seconds: float = 60, **more: Any) -> Ran:
    words = [sys.executable, "-IS", "-c", code]
    return run(words, cwd=tmp_path, deadline=Deadline(timedelta(seconds=seconds)), **more)


def test_status_output_and_the_last_line_of_errors(tmp_path: Path) -> None:
    """A status is told, not judged."""
    code = "import sys; sys.stdout.write('{}'); sys.stderr.write('one\\ntwo\\n\\n'); sys.exit(3)"
    assert python(code, tmp_path) == Ran(status=3, output=b"{}", error="two")


def test_no_secret_of_this_process_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a proxy, nor what would change how it works."""
    for name in ("GONOGO_TOKEN", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "npm_config_offline", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "planted")
    ran = python("import os; print(sorted(os.environ), os.environ)", tmp_path, more={"NAMED": "yes"})
    assert b"planted" not in ran.output
    assert b"'NAMED': 'yes'" in ran.output
    assert b"'PATH'" in ran.output


def test_standard_input_is_closed(tmp_path: Path) -> None:
    """A tool that asks a question gets no answer, and does not wait for one."""
    assert python("print(repr(input.__self__ and open(0).read()))", tmp_path).output.strip() == b"''"


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """One total deadline; no grandchild survives it."""
    code = (
        "import subprocess, sys, time, os\n"
        "child = subprocess.Popen([sys.executable, '-IS', '-c', 'import time; time.sleep(180)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(180)"
    )
    began = time.monotonic()
    with pytest.raises(Failure) as raised:
        python(code, tmp_path, seconds=3)  # by then the grandchild is up, on a slow machine, too
    assert raised.value.cause is Cause.TIMEOUT
    assert time.monotonic() - began < 60
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _is_alive(child):
        time.sleep(0.02)
    assert not _is_alive(child)


def _is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    """The cap is on what is read; the program does not go on."""
    with pytest.raises(Failure) as raised:
        python("import sys\nwhile True: sys.stdout.write('x' * 65536)", tmp_path, cap=1_000_000)
    assert raised.value.cause is Cause.BROKEN
    assert "more than 1000000 bytes" in raised.value.detail


def test_a_flood_of_errors_is_drained(tmp_path: Path) -> None:
    """A full pipe of standard error stops nobody."""
    ran = python("import sys; sys.stderr.write('x' * 3_000_000 + '\\nlast\\n'); print('done')", tmp_path)
    assert (ran.output.strip(), ran.error) == (b"done", "last")


def test_what_cannot_be_started_is_named(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(Failure) as raised:
        run([str(tmp_path / "none")], cwd=tmp_path, deadline=Deadline(timedelta(seconds=1)))
    assert raised.value.cause is Cause.UNAVAILABLE


def test_a_named_folder_is_the_only_one(tmp_path: Path) -> None:
    """A tool on PATH does not stand in for one that is missing where the environment says."""
    assert find("sh") is not None or os.name == "nt"
    assert find("sh", str(tmp_path)) is None

"""Runs that end badly: killed, crashed, hung, out of disk, or changed under way. None of them is a GO."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

_HEAD = 'import os\nimport sys\nimport pytest\n\npytest_plugins = ["gonogo.pytest_plugin"]\n\n\n'

EXITS = {
    "conftest": "os._exit(0)\n",
    "setup": "def pytest_runtest_setup(item):\n    os._exit(0)\n",
    "teardown": "def pytest_runtest_teardown(item):\n    os._exit(0)\n",
    "configure": "def pytest_configure():\n    sys.exit(0)\n",
    "loop": "def pytest_runtestloop():\n    return True\n",
    "finish": "@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish():\n    os._exit(0)\n    yield\n",
}


@pytest.mark.parametrize("hook", EXITS.values(), ids=EXITS)
def test_row79_whoever_ends_the_process_early_leaves_no_go(project: Any, hook: str) -> None:
    """os._exit(0) says 0 and nothing else can: there is no verdict file, so the run is judged HOLD."""
    project.write("conftest.py", _HEAD + hook)
    done = project.pytest()
    for folder in done.folders:
        assert not (folder / "verdict.json").exists() or done.verdict["decision"] == "HOLD"
        assert project.gonogo("judge", str(folder)).code in (4, 6)
    assert done.code != 0 or not any((folder / "verdict.json").exists() for folder in done.folders)


def test_row79_exit_0_in_the_test_itself(project: Any, server: Any) -> None:
    """sys.exit(0) inside the one test function is an error of that item."""
    project.write("checks/test_checklist.py", "import sys\n\ndef test_item(item_key, judged):\n    sys.exit(0)\n")
    done = project.pytest()
    assert done.code == 6
    assert done.verdict["decision"] == "HOLD"


def test_row80_a_worker_that_crashes(project: Any, server: Any) -> None:
    """The worker and its item are named: HOLD, with a verdict; looks are not sent again for its successor."""
    hook = "def pytest_runtest_call(item):\n    if 'shop-b' in item.name:\n        os._exit(0)\n"
    project.write("conftest.py", _HEAD + hook)
    done = project.pytest("-n", "2")
    assert done.code == 6, done.out
    assert "was lost" in done.out
    assert re.search(r"HOLD  shop-b .*due, and did not run", done.out)
    assert done.verdict["narrowed"] == ["shop-b"]
    assert sorted(server.asked) == ["/cart", "/health"]


def test_row81_a_server_that_never_answers(project: Any, server: Any, kit: Any) -> None:
    """The look ends at its own deadline, and what answers is judged: NO-GO, since another path did."""
    hold = threading.Event()
    server.answers["/cart"] = lambda *_: hold.wait(90) and kit.healthy
    probe = {"http": {"side": "stable", "path": "/cart", "deadline": "500ms"}}
    project.checklist(kit.item("shop-a"), kit.item("shop-c", probe=probe))
    began = time.monotonic()
    done = project.pytest()
    hold.set()
    assert done.code == 1, done.out
    assert time.monotonic() - began < 40
    assert "the deadline of 0.5 s ran out" in done.out
    assert done.verdict["checks"][1]["evidence"][0]["cause"] == "timeout"


def test_row81_a_dead_back_end_costs_its_own_items_and_one_deadline(
    project: Any, serve: Callable[[], Any], kit: Any
) -> None:
    """Six looks at what never answers end together, and what is seen elsewhere is judged as ever."""
    hold = threading.Event()
    dead = serve()
    dead.answers.update({f"/{at}": lambda *_: hold.wait(90) and kit.healthy for at in range(6)})
    project.environment(sides={"stable": {"url": project.url}, "till": {"url": dead.url}})
    looks = [{"http": {"side": "till", "path": f"/{at}", "deadline": "2s"}} for at in range(6)]
    waiting = [kit.item(f"till-{at}", probe=look) for at, look in enumerate(looks)]
    project.checklist(*waiting, kit.item("shop-a"), kit.item("shop-c", "/cart"))
    done = project.pytest()
    hold.set()
    assert done.code == 1, done.out  # one side alone does not answer
    verdicts = {check["id"]: check["verdict"] for check in done.verdict["checks"]}
    assert {name for name, verdict in verdicts.items() if verdict == "pass"} == {"shop-a", "shop-c"}
    times = [datetime.fromisoformat(one[end]) for one in done.evidence for end in ("started", "ended")]
    assert 2 <= (max(times) - min(times)).total_seconds() < 8  # one after the other: 12


STARTED = """
import json, os, sys, time
print(json.dumps({"addresses": {"shop": sys.argv[1]}, "secrets": {}, "pid": os.getpid()}), flush=True)
open("started.pid", "w").write(str(os.getpid()))
sys.stdin.read()
open("ended", "w").close()
"""


def start(project: Any) -> None:
    """Make `shop` an environment that is brought up."""
    project.write("environments/up.py", STARTED)
    project.environment(
        sides={"stable": {"url": "address:shop"}},
        start={
            "command": ["python", "environments/up.py", project.url],
            "ready_within": "60s",
            "scenes": {"predeploy": "x"},
        },
    )


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one-process", "two-workers"])
def test_rows82_83_a_signal_while_looks_are_out(
    project: Any, server: Any, kit: Any, end: signal.Signals, processes: tuple[str, ...]
) -> None:
    """Not 0; the started environment is gone; what was seen by then is kept and chained; there is no verdict."""
    hold = threading.Event()
    server.answers["/cart"] = lambda *_: hold.wait(120) and kit.healthy
    start(project)
    run = project.start(*processes)
    kit.wait_for(lambda: "/cart" in server.asked and lines_of(project))
    pid = int((project.root / "started.pid").read_text(encoding="utf-8"))
    run.send_signal(end)
    out, errors = run.communicate(timeout=90)
    hold.set()
    assert run.returncode == {signal.SIGKILL: -9}.get(end, 2), out + errors
    kit.wait_for(lambda: gone(pid))
    assert (project.root / "ended").exists()
    (folder,) = project.folders()
    assert not (folder / "verdict.json").exists()
    assert [json.loads(line)["seen"]["data"]["status"] for line in lines_of(project)] == [200]
    judged = project.gonogo("judge", str(folder))
    assert judged.code == 6
    assert "verdict.json is not there: the run did not end" in judged.out
    assert project.gonogo("verify", str(folder)).code == 6


def lines_of(project: Any) -> list[str]:
    return [
        line
        for folder in project.folders()
        if (folder / "evidence.jsonl").exists()
        for line in (folder / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_row75_configuration_changed_under_way(project: Any, server: Any, kit: Any) -> None:
    """A checklist edited between plan and verdict: HOLD, also when judged again."""

    def edit(*_: Any) -> Any:
        project.write("environments/other.yaml", "name: other\n")
        return kit.healthy

    server.answers["/cart"] = edit
    done = project.pytest()
    assert done.code == 6
    assert "configuration changed while the run was under way" in done.out
    assert project.gonogo("judge", str(done.folder)).code == 6


def at_most(limit: str, size: int) -> Callable[[], None]:
    """Sets a limit of a process that is about to start."""
    import resource

    return lambda: resource.setrlimit(getattr(resource, limit), (size, size))


@pytest.mark.parametrize("size", [3000, 12_000])
def test_row85_a_full_disk(project: Any, kit: Any, size: int) -> None:
    """Files may not grow beyond `size` bytes: plan, evidence or verdict is lost, so nothing is a GO."""
    paths = [kit.item(f"shop-{number}", f"/{number}") for number in range(20)]
    project.checklist(*paths)
    done = project.pytest(preexec_fn=at_most("RLIMIT_FSIZE", size))
    assert done.code == 6, done.out + done.err
    assert "was not kept" in done.out
    assert not (done.folder / "verdict.json").exists() or done.verdict["decision"] == "HOLD"
    assert "Traceback" not in done.out + done.err


def test_row84_out_of_memory(project: Any, server: Any) -> None:
    """A process that may not grow never says GO."""
    server.answers["/cart"] = (200, {"Content-Type": "application/json"}, b'{"status": "' + b"x" * 9_000_000 + b'"}')
    done = project.pytest(preexec_fn=at_most("RLIMIT_AS", 160 * 2**20))
    assert done.code != 0
    assert all(json.loads(p.read_bytes())["decision"] != "GO" for p in project.root.rglob("verdict.json"))


STARTS = {
    "garbage": ("print('hello', flush=True); import sys; sys.stdin.read()", "printed no ready line of JSON"),
    "no-addresses": ("print('{}', flush=True)", "printed no ready line of JSON"),
    "dies": ("import sys; print('no port left', file=sys.stderr); sys.exit(3)", "ended before it was ready: no port"),
    "late": ("import sys; sys.stdin.read()", "was not ready within 1s"),
    "other-name": ('print(\'{"addresses": {"shup": "http://127.0.0.1:1"}}\', flush=True)', "wants the address"),
    "missing": (None, "cannot start /nowhere/at/all: No such file or directory"),
}


@pytest.mark.parametrize(("code", "says"), STARTS.values(), ids=STARTS)
def test_an_environment_that_does_not_come_up(project: Any, server: Any, code: str | None, says: str) -> None:
    """One line, not GO, nothing sent, nothing left."""
    command = ["/nowhere/at/all"] if code is None else ["python", "-c", code]
    begin = {"command": command, "ready_within": "1s", "scenes": {"predeploy": "x"}}
    project.environment(sides={"stable": {"url": "address:shop"}}, start=begin)
    done = project.pytest()
    assert done.code == (4 if "address" in says else 6), done.out
    (line,) = [line for line in done.lines if says in line]
    assert "Traceback" not in done.out + done.err
    assert len(line) < 300
    assert (server.asked, done.folders) == ([], ())
    assert sys.executable not in line


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("evidence.jsonl", lambda text: text.replace('"ms":40', '"ms":41', 1), "changed after it was written"),
        ("evidence.jsonl", lambda text: "\n".join(text.splitlines()[1:]) + "\n", "does not follow"),
        ("evidence.jsonl", lambda text: "\n".join(reversed(text.splitlines())) + "\n", "does not follow"),
        ("evidence.jsonl", lambda text: text + text.splitlines()[-1] + "\n", "does not follow"),
        ("plan.json", lambda text: text.replace("v1.2.3", "v1.2.4"), "plan.json: changed after the verdict"),
        ("verdict.json", lambda text: text.replace('"digests"', '"digest"'), "it holds no digests"),
    ],
    ids=["row90-flipped", "row90-deleted", "row90-reordered", "row90-doubled", "row91-plan", "row91-no-digests"],
)
def test_tampered_files_are_hold(project: Any, name: str, change: Any, says: str) -> None:
    """`verify` and `judge` both see it and name the place."""
    done = project.pytest()
    path = done.folder / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    for command in ("verify", "judge"):
        again = project.gonogo(command, str(done.folder))
        assert again.code == 6, again.out
        assert says in again.out


def test_row87_a_torn_last_line_is_dropped_and_noted(project: Any) -> None:
    """What a killed writer leaves: the whole lines count; the changed file is still no GO."""
    done = project.pytest()
    path = done.folder / "evidence.jsonl"
    path.write_bytes(path.read_bytes() + b'{"seq": 2, "prev')
    judged = project.gonogo("judge", str(done.folder))
    assert judged.code == 6
    assert "torn last line dropped" in judged.out
    assert "3 of 3 due items passed" in judged.out


def test_row91_a_verdict_of_another_run(project: Any, server: Any, kit: Any) -> None:
    """A GO copied over the NO-GO of a later run is found out."""
    good = project.pytest()
    server.answers["/cart"] = kit.broken()
    bad = project.pytest()
    (bad.folder / "verdict.json").write_bytes((good.folder / "verdict.json").read_bytes())
    verified = project.gonogo("verify", str(bad.folder))
    assert verified.code == 6
    assert "it is of run" in verified.out
    assert project.gonogo("judge", str(bad.folder)).code == 1


def test_judging_again_is_the_same_and_opens_no_socket(project: Any, server: Any, kit: Any) -> None:
    """Server stopped, sockets forbidden: the verdict of the record, once for a GO and once for a NO-GO."""
    good = project.pytest()
    server.answers["/cart"] = kit.broken()
    bad = project.pytest()
    asked = len(server.asked)
    server.stop()
    code = (
        "import socket, sys\n"
        "def no(*_): raise SystemExit('a socket was opened')\n"
        "socket.socket.__init__ = no\nsocket.getaddrinfo = no\n"
        "from gonogo.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    for run, status in ((good, 0), (bad, 1)):
        again = project.run([sys.executable, "-c", code, "judge", str(run.folder), "-v"])
        assert again.code == status, again.out + again.err
        board = run.out[run.out.index("gonogo  shop") :]
        assert again.out.splitlines()[-1] == next(line for line in board.splitlines() if "due items passed" in line)
    assert len(server.asked) == asked

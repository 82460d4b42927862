"""started: a start command that behaves, switches, refuses to end, or never was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gonogo.flows import started as module
from gonogo.flows.started import NotReadyError, Starter, started
from gonogo.model.environment import Environment, Start
from gonogo.model.errors import ConfigError, ExitStatus

GOOD = """
import json, os, sys
def ready(scene, faults):
    given = {"addresses": {"shop": scene, "args": " ".join(sys.argv[1:])}, "secrets": {"TOKEN": "s3cret-7"},
             "declares": {"facts": {"faults": ",".join(faults)}}, "pid": os.getpid()}
    print(json.dumps(given), flush=True)
ready("first", [])
for line in sys.stdin:
    order = json.loads(line)
    if order["scene"] == "die":
        print("no such scene", file=sys.stderr)
        sys.exit(1)
    ready(order["scene"], order["faults"])
"""


@pytest.fixture
def starter_of(tmp_path: Path) -> Iterator[Callable[..., Starter]]:
    """Starts this Python text as a start command."""
    made: list[Starter] = []

    def make(code: str, within: timedelta = timedelta(seconds=60)) -> Starter:
        (tmp_path / "up.py").write_text(code, encoding="utf-8")
        start = Start(command=("python", "up.py"), ready_within=within)
        made.append(Starter(Environment(name="shop", system="shop", describe="", start=start), tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_up_switch_and_end(starter_of: Callable[..., Starter]) -> None:
    """Scene and faults are arguments at first and one line of JSON later; the process is gone at the end."""
    starter = starter_of(GOOD)
    first = starter.up("before", ["api-down", "slow"])
    assert first.addresses["args"] == "--scene before --fault api-down --fault slow"
    second = starter.switch("deployed", ["slow"])
    assert (second.addresses["shop"], second.declares) == ("deployed", {"facts": {"faults": "slow"}})
    assert second.pid == first.pid
    assert "s3cret-7" not in repr(first)
    assert first.secrets == {"TOKEN": "s3cret-7"}
    starter.end()
    with pytest.raises(ProcessLookupError):
        os.kill(first.pid, 0)


def test_a_switch_that_fails_says_why(starter_of: Callable[..., Starter]) -> None:
    """The last line of its standard error; a second order finds nobody."""
    starter = starter_of(GOOD)
    starter.up("", [])
    with pytest.raises(NotReadyError, match=r"shop: its start command `python up.py` ended before .*: no such scene"):
        starter.switch("die", [])
    with pytest.raises(NotReadyError, match="ended"):
        starter.switch("deployed", [])


@pytest.mark.parametrize(
    "line",
    ["", "null", "[]", "{", '{"addresses": []}', '{"addresses": {}, "pid": "x"}', '{"addresses": {}, "secrets": 1}'],
)
def test_a_ready_line_that_is_none(starter_of: Callable[..., Starter], line: str) -> None:
    """One line for the user, HOLD, whatever was printed."""
    starter = starter_of(f"import sys\nprint({line!r}, flush=True)\nsys.stdin.read()")
    with pytest.raises(NotReadyError, match="printed no ready line of JSON with addresses") as caught:
        starter.up("", [])
    assert caught.value.exit_status is ExitStatus.HOLD
    assert len(str(caught.value).splitlines()) == 1


def test_half_a_line_is_not_ready(starter_of: Callable[..., Starter]) -> None:
    """It waits for the end of the line, and not for ever."""
    starter = starter_of("import sys\nprint('{', end='', flush=True)\nsys.stdin.read()", timedelta(milliseconds=700))
    began = time.monotonic()
    with pytest.raises(NotReadyError, match="was not ready within 700ms"):
        starter.up("", [])
    assert time.monotonic() - began < 30


def test_a_command_that_will_not_end_is_killed(
    starter_of: Callable[..., Starter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing its standard input is a word; after a while it is ended."""
    monkeypatch.setattr(module, "_END_WITHIN_S", 0.2)
    code = "import json, os, time\nprint(json.dumps({'addresses': {}, 'pid': os.getpid()}), flush=True)\ntime.sleep(60)"
    starter = starter_of(code)
    pid = starter.up("", []).pid
    starter.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_ends_whatever_happens_inside(tmp_path: Path) -> None:
    """An error in the `with` block takes the environment down."""
    (tmp_path / "up.py").write_text(GOOD, encoding="utf-8")
    start = Start(command=("python", "up.py"))
    pids: list[int] = []

    def use() -> None:
        with started(Environment(name="shop", system="shop", describe="", start=start), tmp_path, "before") as up:
            pids.append(up.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_an_environment_without_a_command(tmp_path: Path) -> None:
    """A configuration error that names it."""
    with pytest.raises(ConfigError, match="shop has no start command"):
        Starter(Environment(name="shop", system="shop", describe=""), tmp_path)


def test_an_order_before_the_start(starter_of: Callable[..., Starter]) -> None:
    """Nobody is there to switch."""
    with pytest.raises(NotReadyError, match="shop is not running"):
        starter_of(GOOD).switch("before", [])

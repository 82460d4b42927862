"""One environment that brings another system's along: both looked at side by side, each with its own verdict."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

UP = """
import json, os, sys
faults = [word for word in sys.argv if word in ("till-down", "shop-down", "both-down")]
print(json.dumps({"addresses": {"it": sys.argv[1] + ("/down" if faults else "")}, "pid": os.getpid()}), flush=True)
open(f"up-{sys.argv[2]}.pid", "w").write(str(os.getpid()))
sys.stdin.read()
open(f"ended-{sys.argv[2]}", "w").close()
"""


@pytest.fixture
def pair(project: Any, server: Any, kit: Any) -> Any:
    """`shop` brings `till` along; both are rehearsed, and only `till` has a weekly item."""
    project.write("environments/up.py", UP)
    for name, paths, also in (("shop", ["/health", "/slow"], ["till"]), ("till", ["/till"], [])):
        project.environment(
            name,
            system=name,
            sides={"stable": {"url": "address:it", "health": "/health"}},
            also=also or None,
            start={"command": ["python", "environments/up.py", project.url, name], "faults": f"{name}-faults.yaml"},
        )
        items = [kit.item(f"{name}-{at}", path) for at, path in enumerate(paths)]
        turns = [one["id"] for one in items]
        faults = {f"{name}-down": turns, "both-down": turns}
        table = {fault: {"what": "It is down", "phases": ["predeploy"], "turns": ids} for fault, ids in faults.items()}
        near_miss = {f"{name}-busy": {"what": "It is busy, and well", "phases": ["predeploy"]}}
        project.write(f"environments/{name}-faults.yaml", table | near_miss)
        document = {"system": name, "defaults": {"area": "technical", "owner": "Kim", "source": "the runbook"}}
        project.write(f"checks/{name}.yaml", document | {"phase": "predeploy", "items": items})
    weekly = {"phase": "weekly", "items": [kit.item("till-week", "/week")]}
    project.write("checks/till-weekly.yaml", document | weekly)
    (project.root / "checks/predeploy.yaml").unlink()
    for path in ("/down/health", "/down/slow", "/down/till"):
        server.answers[path] = kit.broken()
    return project


def decisions(done: Any) -> dict[str, str]:
    """Decision of each environment, from the verdict files."""
    found = [json.loads((folder / "verdict.json").read_bytes()) for folder in done.folders]
    return {
        one["environment"]["name"] if isinstance(one["environment"], dict) else one["environment"]: one["decision"]
        for one in found
    }


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one-process", "two-workers"])
def test_both_are_looked_at_and_each_is_decided(pair: Any, server: Any, processes: tuple[str, ...]) -> None:
    """Two folders and two boards; ids need no prefix, since no two systems share one."""
    done = pair.pytest(*processes)
    assert done.code == 0, done.out
    assert decisions(done) == {"shop": "GO", "till": "GO"}
    assert sorted(server.asked) == ["/health", "/slow", "/till"]
    assert done.out.index("gonogo  shop on shop") < done.out.index("gonogo  till on till")
    assert "GO  in all: shop GO, till GO\n" in done.out
    assert "3 passed" in done.out
    assert all((pair.root / f"ended-{name}").exists() for name in ("shop", "till"))


def test_they_are_looked_at_side_by_side(pair: Any, server: Any, kit: Any) -> None:
    """Neither waits for the other: the looks of both are out at once."""
    together = threading.Barrier(2, timeout=60)

    def meet(*_: Any) -> Any:
        together.wait()
        return kit.healthy

    server.answers["/slow"] = server.answers["/till"] = meet
    assert pair.pytest().code == 0


def test_one_that_has_nothing_in_the_phase_is_left_out(pair: Any) -> None:
    """Silently, also where it is the one that was named; a phase that nobody has is as it was."""
    done = pair.pytest(phase="weekly")
    assert (done.code, decisions(done)) == (0, {"till": "GO"})
    assert not (pair.root / "up-shop.pid").exists()
    assert pair.pytest(phase="monthly").code == 6


def test_system_picks_one(pair: Any) -> None:
    """Of the named environment and those it brings; one that has none of it is refused."""
    assert decisions(pair.pytest("--system", "till")) == {"till": "GO"}
    assert decisions(pair.pytest("--system", "shop")) == {"shop": "GO"}
    refused = pair.pytest("--system", "shop", env="till")
    assert (refused.code, refused.folders) == (4, ())
    assert "till is an environment of system 'till', not 'shop'" in refused.err + refused.out


def test_what_a_selection_leaves_out_of_a_companion_is_no_go(pair: Any) -> None:
    """-k hides one of two systems that both have the phase: HOLD, and the way to leave it out is told."""
    done = pair.pytest("-k", "shop")
    assert (done.code, decisions(done)) == (6, {"shop": "HOLD"})
    assert "nothing of till is selected, which comes with shop: --system shop leaves it out" in done.out


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("shop-down", {"shop": "NO-GO", "till": "GO"}),
        ("till-down", {"shop": "GO", "till": "NO-GO"}),
        ("both-down", {"shop": "NO-GO", "till": "NO-GO"}),
    ],
)
def test_a_fault_is_of_those_who_know_it(pair: Any, fault: str, found: dict[str, str]) -> None:
    """The others stay healthy; the worst decides the exit status."""
    done = pair.pytest("--fault", fault)
    assert (done.code, decisions(done)) == (1, found)
    assert f"NO-GO  in all: shop {found['shop']}, till {found['till']}\n" in done.out


def test_a_near_miss_is_rehearsed_and_stays_go(pair: Any) -> None:
    """A fault that turns nothing, and that no load, watch or rollout meets: no item may turn red by it."""
    done = pair.pytest("--fault", "shop-busy")
    assert (done.code, decisions(done)) == (0, {"shop": "GO", "till": "GO"})
    assert "with fault shop-busy" in done.out


@pytest.mark.parametrize(
    ("arguments", "phase", "said"),
    [
        (("--fault", "till-dwn"), "predeploy", "shop and till have no fault 'till-dwn'; did you mean 'till-down'?"),
        (("--fault", "shop-down"), "weekly", "the fault 'shop-down' cannot show in this run; it turns shop-0, shop-1"),
        (
            ("--fault", "shop-busy"),
            "weekly",
            "it looks like one, and no item may turn red by it: select phase predeploy",
        ),
        (("--allow-action", "sell"), "predeploy", "no checklist item has the action 'sell'"),
        (
            ("--release", "environments/release.yaml"),
            "predeploy",
            "--release is of one system, and shop and till are of several: add --system shop or till",
        ),
    ],
    ids=["unknown-fault", "idle-fault", "idle-near-miss", "unknown-action", "release-of-which"],
)
def test_what_fits_neither_is_one_line(pair: Any, arguments: tuple[str, ...], phase: str, said: str) -> None:
    """Nothing is started."""
    done = pair.pytest(*arguments, phase=phase)
    assert (done.code, done.folders) == (4, ())
    assert said in done.out + done.err
    assert not list(pair.root.glob("up-*.pid"))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both(pair: Any, server: Any, kit: Any, end: signal.Signals) -> None:
    """Both rehearsals are told to end, and have, before the command has."""
    hold = threading.Event()
    answer: Callable[..., Any] = lambda *_: hold.wait(120) and kit.healthy  # noqa: E731
    server.answers["/slow"] = server.answers["/till"] = answer
    run = pair.start()
    kit.wait_for(lambda: {"/slow", "/till"} <= set(server.asked))
    pids = [int((pair.root / f"up-{name}.pid").read_text(encoding="utf-8")) for name in ("shop", "till")]
    run.send_signal(end)
    out, errors = run.communicate(timeout=90)
    hold.set()
    assert run.returncode == 2, out + errors
    assert all(gone(pid) for pid in pids)
    assert all((pair.root / f"ended-{name}").exists() for name in ("shop", "till"))
    assert not [folder for folder in pair.folders() if (folder / "verdict.json").exists()]


@pytest.mark.parametrize(
    ("also", "till", "said"),
    [
        (["tll"], {}, "also names no other environment: 'tll'; did you mean 'till'?"),
        (["shop"], {}, "also names no other environment: 'shop'"),
        (["till", "till"], {}, "also names till twice"),
        (["till"], {"also": ["shop"]}, "also: till names companions of its own (shop)"),
        (["till"], {"system": "shop"}, "also: till is of system 'shop', as shop is; companions are of others"),
        (["till"], {"guards": {"live": True}, "sides": {"stable": {"url": "https://till.example"}}, "start": None},
         "also: till is live and shop is not"),
    ],
    ids=["not-there", "itself", "twice", "circle", "same-system", "live"],
)  # fmt: skip
def test_companions_are_checked(pair: Any, also: list[str], till: dict[str, Any], said: str) -> None:
    """One line, and nothing is started."""
    common = {"sides": {"stable": {"url": "address:it"}}, "start": {"command": ["python", "environments/up.py"]}}
    pair.environment("shop", **common, also=also)
    if till:
        pair.environment("till", **{"system": "till"} | common | till)
    done = pair.pytest()
    assert done.code in (4, 7)
    assert said in done.out + done.err
    assert not list(pair.root.glob("up-*.pid"))


def test_a_companion_that_is_named_too_comes_once(pair: Any) -> None:
    """--env shop --env till is what shop alone is."""
    done = pair.pytest("--env", "till")
    assert (done.code, decisions(done)) == (0, {"shop": "GO", "till": "GO"}), done.out + done.err

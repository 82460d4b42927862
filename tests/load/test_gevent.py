"""In a process that gevent patched, other greenlets go on while the fleet waits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from loopback import Server, ok

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import json, sys, time
from datetime import timedelta
import gevent
from gonogo.load.fleet import Fleet
from gonogo.load.waiting import poller, wait
from gonogo.model.load import Profile, Target, Workload

turns = []

def tick():
    while True:
        turns.append(time.perf_counter())
        gevent.sleep(0.02)

def cooperate(poller, timeout):
    if timeout > 0.002:
        try:
            gevent.socket.wait_read(poller.fileno(), timeout=timeout - 0.002)
        except TimeoutError:
            pass
        return poller.poll(0)
    gevent.sleep(0)
    return wait(poller, timeout)

gevent.spawn(tick)
profile = Profile(name="x", use="x", workload=Workload.OPEN, rate=100, duration=timedelta(seconds=1), connections=10)
side = Fleet(profile, [Target(side="a", url=sys.argv[1])], wait=cooperate).run().sides[0]
print(json.dumps({"statuses": side.statuses, "turns": len(turns), "p50": side.outcomes["accepted"].p50,
                  "poller": type(poller()).__name__}))
"""


def test_other_greenlets_go_on() -> None:
    """A ticking greenlet keeps ticking, every request is answered, epoll is the system's own where there is one."""
    with Server(ok) as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, server.url],
            capture_output=True, text=True, timeout=90, check=False, cwd=Path(__file__).parent,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(server.seen) == 100
    told = json.loads(done.stdout)
    assert told["statuses"] == {"200": 100}
    assert told["turns"] > 10  # of fifty; a loop that never lets go leaves it one
    assert told["p50"] < 100
    assert told["poller"] == ("epoll" if sys.platform == "linux" else "Portable")

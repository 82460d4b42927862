"""A machine that is not asleep: what is measured below a millisecond is the fleet, not the waking of a core."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SPIN = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile os.getppid() == {parent}: pass\n"
_PRIORITY = 10


@contextmanager
def awake(*cores: int) -> Iterator[None]:
    """Each core runs something of idle priority, which gives way to anything else; this process and what it starts
    come first, where that is allowed (root). A core of a virtual machine that sleeps takes up to some ms to wake.
    """
    spinners = []
    for core in cores:
        code = f"import os\nos.sched_setaffinity(0, {{{core}}})\n" + _SPIN.format(parent=os.getpid())
        spinners.append(subprocess.Popen([sys.executable, "-c", code]))
    before, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        _set(os.SCHED_RR, os.sched_param(_PRIORITY))
        yield
    finally:
        _set(before, param)
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def _set(policy: int, param: os.sched_param) -> None:
    try:
        os.sched_setscheduler(0, policy, param)
    except PermissionError:
        print("bench: no real-time priority here: jitter and stall hold more of what else runs")

"""A stand-in of a system and of all that knows about it, up until standard input ends: python environments/rehearsal.

Prints one line of JSON when ready: {ready, scene, faults, addresses, secrets, declares, pid}. A line of JSON on
standard input, {"scene": S, "faults": [...]}, makes it another world behind the same addresses and prints another
ready line, or {"ready": false, "error": ...}. Ends with standard input, on Ctrl-C and on SIGTERM, and leaves nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

import clock
import fault_book

CONFIG_ERROR = 4


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2; a wrong command line is 4 in this project."""

    def error(self, message: str) -> NoReturn:
        self.exit(CONFIG_ERROR, f"rehearsal: {message}\n")


class _EndError(BaseException):
    """A signal asked to end."""


def main() -> int:
    """Parse, start, serve; the exit status."""
    parser = _Parser(
        prog="rehearsal",
        description="A stand-in of ION or AI Factory with every fault on a switch.",
        allow_abbrev=False,
    )
    parser.add_argument("--system", default="ion", choices=fault_book.SCRIPTS, help="which system (default: ion)")
    scenes = "; ".join(f"{name}: {', '.join(script.scenes)}" for name, script in fault_book.SCRIPTS.items())
    parser.add_argument("--scene", default="", help=f"which moment of it (default: the first); {scenes}")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="switch a fault on (repeatable); NAME@2m begins two minutes later, in scene watch",
    )
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second that flow in scene watch")
    parser.add_argument("--pace", type=float, default=1.0, help="how many seconds a second of its clock has")
    parser.add_argument("--zero", type=float, help="epoch seconds from which on its clock runs at that pace")
    parser.add_argument("--list-faults", action="store_true", help="print every fault and what it is")
    asked = parser.parse_args()
    if asked.list_faults:
        for name, what in fault_book.faults(asked.system).items():
            print(f"{name}: {what}")
        return 0
    try:
        scene, faults = fault_book.checked(asked.scene, asked.fault, asked.system)
    except fault_book.UnknownError as error:
        parser.error(str(error))
    if not (0 < asked.rate <= 1000 and 1 <= asked.pace <= 600):
        parser.error("--rate is above 0 and at most 1000, --pace is 1 to 600")
    if asked.pace != 1:
        clock.run(asked.pace, asked.zero)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
        return _serve(asked.system, scene, faults, asked.rate)
    except _EndError:
        return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # once is enough
    raise _EndError


def _serve(system: str, scene: str, faults: frozenset[str], rate: float) -> int:
    try:
        rehearsal = _raised(system, scene, faults, rate)
    except (RuntimeError, OSError, ImportError) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 1
    try:
        _say(rehearsal.ready())
        for line in sys.stdin:
            if line.strip():
                try:
                    rehearsal.switch(*_wanted(line, system))
                except (fault_book.UnknownError, ValueError) as error:
                    print(f"rehearsal: {error}", file=sys.stderr)
                    _say({"ready": False, "error": str(error)})
                else:
                    _say(rehearsal.ready())
    finally:
        rehearsal.end()
    return 0


def _raised(system: str, scene: str, faults: frozenset[str], rate: float) -> Any:
    """The servers are slow to import, and a wrong command line should be told at once."""
    if system == "factory":
        from factory.rehearsal import FactoryRehearsal  # noqa: PLC0415

        return FactoryRehearsal(scene, faults, fault_book.release(system), rate)
    from rehearsal import Rehearsal  # noqa: PLC0415

    return Rehearsal(scene, faults, fault_book.release(system), rate)


def _wanted(line: str, system: str) -> tuple[str, frozenset[str]]:
    asked = json.loads(line)
    if not isinstance(asked, dict) or not isinstance(asked.get("faults", []), list):
        raise ValueError('a line on standard input is {"scene": NAME, "faults": [NAME, ...]}')  # noqa: TRY004
    return fault_book.checked(str(asked.get("scene", "")), map(str, asked.get("faults", [])), system)


def _say(document: dict[str, object]) -> None:
    text = json.dumps({**document, "pid": os.getpid()})
    print(text, flush=True)


if __name__ == "__main__":
    status = main()
    with suppress(OSError):  # whoever read may have gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # threads of servers have nothing to save

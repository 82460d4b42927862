"""One load run in a process of its own: an order on standard input, the place of its load.json on standard output.

The order is a line of JSON (see `flows/load/alone.py`, which writes it); secrets come that way and never on a command
line. The run stops when standard input ends, so that it does not outlive whoever asked for it.
"""

from __future__ import annotations

import json
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from gonogo.flows.load.ending import LOAD, end_load
from gonogo.flows.load.run import Asked, bring_up, take_order
from gonogo.flows.started import Started
from gonogo.load.fleet import Fleet
from gonogo.model.environment import Auth, Release
from gonogo.model.errors import ExitStatus, GonogoError
from gonogo.model.load import Target


def main() -> int:
    """Send what was ordered; 0 whatever the run came to, since its record says that."""
    document = json.loads(sys.stdin.readline())
    try:
        place = _run(document)
    except GonogoError as error:
        _say({"error": str(error), "exit_status": int(error.exit_status)})
        return 0
    _say({"load": str(place)} if place is not None else {"error": "its load.json could not be kept", "exit_status": 6})
    return 0


def _run(document: dict[str, Any]) -> Path | None:
    order = replace(take_order(_asked(document)), release=_release(document["release"]))
    with ExitStack() as stack:
        ready = _ready(document["ready"])
        aimed = bring_up(order, stack, ready)
        targets = aimed.targets if ready is None else [_as_client(target, order.run_id) for target in aimed.targets]
        fleet = Fleet(aimed.order.profile, targets, events=True)
        alone = threading.Event()
        threading.Thread(target=_until_nobody_asks, args=(fleet, alone), daemon=True).start()
        found = None if alone.wait(document["rest_s"]) else fleet.run()
        ended = end_load(aimed, found, idle=document["idle"])
    return None if ended.folder is None else ended.folder / LOAD


def _until_nobody_asks(fleet: Fleet, alone: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    alone.set()
    fleet.stop("whoever asked for it has gone")


def _as_client(target: Target, run_id: str) -> Target:
    """With a key of its own, so that a rehearsed limiter does not count what other looks sent."""
    header = Auth().header
    if any(name.lower() == header.lower() for name, _ in target.headers):
        return target
    return replace(target, headers=(*target.headers, (header, f"gonogo-{run_id[:12]}")))


def _asked(document: dict[str, Any]) -> Asked:
    return Asked(
        root=Path(document["root"]),
        environment=document["environment"],
        profile=document["profile"],
        out=Path(document["out"]),
        **document["asked"],
    )


def _release(document: dict[str, Any] | None) -> Release | None:
    return None if document is None else Release(**document)


def _ready(document: dict[str, Any] | None) -> Started | None:
    return None if document is None else Started(**document)


def _say(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(int(ExitStatus.HOLD))

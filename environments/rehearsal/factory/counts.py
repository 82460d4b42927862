"""Row counts as the team took them before a deploy: those of 30 days up to some minutes before T0."""

from __future__ import annotations

import json
from pathlib import Path

from factory import ledger
from factory.documents import stamp
from factory.ledger import DAY, Pace
from factory.world import World

BEFORE_T0_S, WINDOW_S = 600.0, 30 * DAY
EDGE_S = 864.0, 100.0  # no row is so many seconds after a whole one of these


def write(world: World) -> Path:
    """The file of this world."""
    every, after = EDGE_S
    until = (min(world.t0, world.now) - BEFORE_T0_S) // every * every + after
    since = until - WINDOW_S
    paces = {
        "core.judgment_executions": ("executed_at", ledger.JUDGMENT_S),
        "workflow_instances": ("created_at", ledger.WORKFLOW_S),
    }
    tables = {
        name: {"time": time, "rows": Pace(every_s=pace).total(since, until)} for name, (time, pace) in paces.items()
    }
    document = {"database": "factory", "since": stamp(since), "until": stamp(until), "tables": tables}
    path = world.folder / "row-counts.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8", newline="\n")
    return path

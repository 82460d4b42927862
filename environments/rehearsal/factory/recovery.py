"""What people of AI Factory recorded: the incident that scene recovered comes after, and the last recovery drill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from factory.documents import stamp
from factory.rehearsal import Stage
from factory.world import DAY, HOUR, World

MINUTE = 60.0
PHASES = ("declare", "infrastructure", "restore", "services", "verify", "switch")
# Minutes after the beginning at which each phase of a healthy recovery starts, and at which the last one ends.
STARTS = (8, 20, 47, 127, 150, 175)
ENDS_AT = 190
LATE = 150  # minutes that fault rto-missed adds to the restore
DRILL_STEPS = {"switch_over": (0, 70), "data_consistency": (75, 95), "smoke": (95, 110), "switch_back": (120, 170)}


def began(world: World) -> float:
    """When the incident of scene recovered began."""
    return world.now - (6.5 if world.fault("rto-missed") else 3.5) * HOUR


def start(stage: Stage) -> None:
    """Write incident.yaml (in scene recovered alone) and dr-drill.yaml of each world; JSON is YAML."""

    def apply(world: World) -> None:
        for name, found in (("incident", _incident(world)), ("drill", _drill(world))):
            path = world.folder / f"{name}.yaml"
            path.unlink(missing_ok=True)
            if found is not None:
                path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
            stage.ref.addresses[name] = str(path)

    stage.on_apply.append(apply)


def _incident(world: World) -> Mapping[str, Any] | None:
    if world.scene != "recovered" or world.fault("incident-missing"):
        return None
    first = began(world)
    late = LATE if world.fault("rto-missed") else 0
    starts = [at + (late if at > STARTS[2] else 0) for at in STARTS]
    ends = [*starts[1:], ENDS_AT + late]
    if world.fault("phases-overlap"):
        starts[3] -= 20
    phases = {
        name: {"started": stamp(first + start * MINUTE), "ended": stamp(first + end * MINUTE)}
        for name, start, end in zip(PHASES, starts, ends, strict=True)
    }
    if world.fault("recovery-under-way"):
        del phases["switch"]["ended"]
    found: dict[str, Any] = {
        "id": "INC-2041",
        "class": "region_loss",
        "began": stamp(first),
        "detected": stamp(first + 6 * MINUTE),
        "commander": "DevOps lead",
        "summary": {
            "en": "The region that serves AI Factory was not reachable; the service continues from the recovery site.",
            "ko": "AI Factory를 제공하는 리전에 접속할 수 없었으며, 현재 복구 사이트에서 서비스를 제공하고 있습니다.",
        },
        "phases": phases,
        "data_loss": {"since": stamp(first - MINUTE), "until": stamp(first)},
        "affected_customers": 38,
    }
    if world.fault("notice-incomplete"):
        del found["affected_customers"]
    return found


def _drill(world: World) -> Mapping[str, Any]:
    first = world.now - (130 if world.fault("drill-old") else 40) * DAY
    steps = {
        name: {
            "started": stamp(first + start * MINUTE),
            "ended": stamp(first + end * MINUTE),
            "result": "failed" if name == "data_consistency" and world.fault("drill-failed") else "passed",
            "link": f"https://tracker.example/FAC-DR-4/{name}",
        }
        for name, (start, end) in DRILL_STEPS.items()
    }
    return {"by": "DevOps lead", **steps, "findings": ["The DNS change took 4 minutes to be seen everywhere"]}

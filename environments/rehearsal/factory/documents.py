"""What a scene of AI Factory and its faults leave in writing: sign-offs and waivers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from factory.rehearsal import Stage
from factory.world import DAY, HOUR, OLD_VERSION, World

ENVIRONMENT = "factory-local"
SIGNED_OFF: dict[str, str] = {"fac-approval": "Release manager", "fac-rb-rca": "DevOps lead"}


def start(stage: Stage) -> None:
    """Write the files of each world."""

    def apply(world: World) -> None:
        stage.ref.addresses["signoffs"] = str(_write(world.folder / "signoffs.jsonl", _signoffs(world)))

    stage.on_apply.append(apply)


def stamp(at: float) -> str:
    """RFC 3339, in whole seconds of UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _signoffs(world: World) -> str:
    if world.fault("signoff-missing"):
        return ""
    version = OLD_VERSION.removeprefix("v") if world.fault("signoff-other-release") else str(world.release["version"])
    until = world.now - HOUR if world.fault("signoff-expired") else world.now + 7 * DAY
    return "".join(
        json.dumps(
            {
                "id": item,
                "environment": ENVIRONMENT,
                "release": version,
                "by": by,
                "at": stamp(world.now - 2 * HOUR),
                "until": stamp(until),
                "link": f"https://tracker.example/FAC-{number}",
            },
            ensure_ascii=False,
        )
        + "\n"
        for number, (item, by) in enumerate(SIGNED_OFF.items(), start=201)
    )


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path

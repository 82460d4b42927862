"""What a scene and its faults leave in writing: sign-offs, waivers, and what the environment declares differently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mentoring import stamp
from world import DAY, HOUR, OLD_VERSION, World

SIGNED_OFF = {
    "ion-pre-team-comms": "Release captain",
    "ion-pre-final-review": "Release captain",
    "ion-pre-team-ready": "On-call engineer",
    "ion-pre-rollback-known": "Release captain",
    "ion-can-no-complaints": "Support lead",
    "ion-post-announced": "Release captain",
    "ion-post-feedback": "Support lead",
    "ion-day-slack": "Operations",
    "ion-day-feedback": "Support lead",
}
WAIVED = ("waiver-expired", "waiver-other-release")
# Parts of an environment file, by the fault that makes the environment declare them.
DECLARES: dict[str, dict[str, Any]] = {
    "contacts-incomplete": {"contacts": {"pagerduty": ""}},
    "watch-owner-missing": {"contacts": {"watch_owner": ""}},
    "announcement-missing": {"templates": {"announcement": "templates/not-there.txt"}},
    "rollback-stricter": {"rollout": {"rollback": {"canary_p95": {"at_most": 2, "unit": "s", "min_samples": 5}}}},
}


def write(world: World) -> dict[str, str]:
    """Write the files of this world; address name -> path."""
    release = str(world.release["version"])
    return {
        "signoffs": str(_write(world.folder / "signoffs.jsonl", _signoffs(world, release))),
        "waivers": str(_write(world.folder / "waivers.yaml", _waivers(world, release))),
    }


def declares(world: World) -> dict[str, Any]:
    """What the environment declares beside its file: empty without a fault that asks for it."""
    declared: dict[str, Any] = {}
    for fault, part in DECLARES.items():
        if world.fault(fault):
            _merge(declared, part)
    return declared


def _signoffs(world: World, release: str) -> str:
    if world.fault("signoff-missing"):
        return ""
    until = world.now - HOUR if world.fault("signoff-expired") else world.now + 7 * DAY
    version = OLD_VERSION.removeprefix("v") if world.fault("signoff-other-release") else release
    lines = [
        {
            "id": item,
            "environment": "local",
            "release": version,
            "by": by,
            "at": stamp(world.now - 2 * HOUR),
            "until": stamp(until),
            "link": f"https://tracker.example/ION-{number}",
        }
        for number, (item, by) in enumerate(SIGNED_OFF.items(), start=101)
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _waivers(world: World, release: str) -> str:
    if not any(world.fault(fault) for fault in WAIVED):
        return "[]\n"
    is_expired = world.fault("waiver-expired")
    waiver = {
        "id": "ion-pre-ci-green",
        "environment": "local",
        "release": release if is_expired else OLD_VERSION.removeprefix("v"),
        "owner": "Release captain",
        "reason": "The integration tests fail for a reason outside the release",
        "until": stamp(world.now - DAY if is_expired else world.now + DAY),
    }
    return json.dumps([waiver], ensure_ascii=False, indent=2) + "\n"  # JSON is YAML


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _merge(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    for key, value in upper.items():
        if isinstance(value, dict):
            _merge(lower.setdefault(key, {}), value)
        else:
            lower[key] = value

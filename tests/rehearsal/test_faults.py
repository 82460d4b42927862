"""faults.yaml names a fault for every automatic item, and every fault in it is known to the code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HERE = ROOT / "environments/rehearsal"
FAULTS = yaml.safe_load((HERE / "faults.yaml").read_text(encoding="utf-8"))
SCENES = {"predeploy", "canary", "postdeploy", "daily", "incident", "rollback"}


@cache
def _items() -> dict[str, str]:
    """Id -> phase of every item of ION's checklists."""
    found = {}
    for path in sorted((ROOT / "checks/ion").glob("*.yaml")):
        checklist = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= {item["id"]: item.get("phase", checklist["phase"]) for item in checklist["items"]}
    return found


def test_every_item_has_a_fault() -> None:
    """No item of the checklists is without a fault that turns it red."""
    turned = {item for entry in FAULTS.values() for item in entry.get("turns", ())}
    assert sorted(set(_items()) - turned) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_well_formed(name: str) -> None:
    """A fault has a sentence, the phases of the items it turns and no others, and few of them; or load, a watch or a
    rollout sees it.
    """
    entry, items = {"turns": [], **FAULTS[name]}, _items()
    assert entry["turns"] or entry.get("load") or entry.get("watch") or entry.get("rollout")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert entry["what"][0].isupper()
    assert not entry["what"].endswith(".")
    assert {items[item] for item in entry["turns"]} == set(entry.get("phases", []))
    for phase in entry.get("phases", []):
        assert len([item for item in entry["turns"] if items[item] == phase]) <= 11
    assert set(entry.get("phases", [])) <= SCENES


def test_every_fault_is_implemented() -> None:
    """Each name stands in the code of the rehearsal."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.py"))
    prefixed = {name for name in FAULTS if re.search(r"(chat|canary-chat|staging-chat)-", name)}
    limits = {name for name in FAULTS if re.match(r"(canary|legacy)-limit-", name)}
    assert sorted(name for name in set(FAULTS) - prefixed - limits if f'"{name}"' not in code) == []
    assert sorted(name for name in limits if f'"{name.partition("-limit-")[2]}": ' not in code) == []
    assert sorted(name for name in prefixed if name.rpartition("chat-")[2] not in code) == []

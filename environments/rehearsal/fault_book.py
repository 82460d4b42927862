"""A system's faults.yaml and release.yaml into names that may be asked for and the release that is rehearsed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml
from flow_faults import split_name

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What can be played of one system: its scenes, the first of them by default, and where its files are."""

    folder: Path
    scenes: tuple[str, ...]


SCRIPTS = {
    "ion": Script(folder=HERE, scenes=("before", "stage-5", "deployed", "rolled-back", "watch")),
    "factory": Script(
        folder=HERE / "factory", scenes=("staging", "canary", "deployed", "rolled-back", "recovered", "watch")
    ),
}


class UnknownError(Exception):
    """A fault or a scene that does not exist; the message names the nearest."""


def release(system: str = "ion") -> dict[str, object]:
    """The release that the rehearsal brings out."""
    with (SCRIPTS[system].folder / "release.yaml").open(encoding="utf-8") as file:
        found: dict[str, object] = yaml.safe_load(file)
    return found


def faults(system: str = "ion") -> dict[str, str]:
    """Fault -> what it is, in the order of the file."""
    return {name: entry["what"] for name, entry in _entries(system).items()}


def _entries(system: str) -> Mapping[str, Mapping[str, str]]:
    with (SCRIPTS[system].folder / "faults.yaml").open(encoding="utf-8") as file:
        found: Mapping[str, Mapping[str, str]] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return found


def checked(scene: str, names: Iterable[str], system: str = "ion") -> tuple[str, frozenset[str]]:
    """The scene (the first, if it is empty) and the faults, if there are such; UnknownError otherwise."""
    scenes = SCRIPTS[system].scenes
    scene = scene or scenes[0]
    _look_up("scene", scene, scenes)
    wanted = frozenset(names)
    if wanted:
        known = _entries(system)
        for asked in sorted(wanted):
            name, after = split_name(asked)
            _look_up("fault", name, known)
            if after is None:
                raise UnknownError(f"'{asked}' begins at no time; one like {name}@2m does (s, m or h)")
            if after and ("watch" not in known[name] or scene != "watch"):
                raise UnknownError(f"'{name}' cannot begin later: that is for the faults of what flows in scene watch")
    return scene, wanted


def _look_up(kind: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
        raise UnknownError(f"there is no {kind} '{name}'; {hint}")

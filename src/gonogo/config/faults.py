"""A rehearsal's list of faults into the model: what each breaks, in which phases, and which items it turns red."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.config.complain import brief, nearest
from gonogo.config.leaves import mapping_of
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import shown
from gonogo.model.check import Phase
from gonogo.model.errors import ConfigError, Origin

_DELAY = re.compile(r"[0-9]{1,6}[smh]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One switch of a rehearsal. `turns` are ids of items that must turn red while it is on; none where only load
    runs see it: `load` names these; `watch` the measures by which a watch sees it, from a set time on: NAME@2m;
    `rollout` the verbs that meet it when traffic is changed. One that nobody meets is a near miss: it looks like a
    fault, and no item of its phases may turn red by it.
    """

    what: str
    phases: tuple[Phase, ...] = ()
    turns: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    rollout: tuple[str, ...] = ()
    origin: Origin = Origin(file="?")

    @property
    def is_near_miss(self) -> bool:
        """It stands for health that looks ill."""
        return not (self.turns or self.load or self.watch or self.rollout)


def load_faults(path: Path) -> dict[str, Fault]:
    """Faults by name, as the file gives them."""
    tree = read_file(path, shown(path))
    return {name: read(Fault, item, name) for name, item in mapping_of(tree, "the list of faults").items()}


def check_faults(names: Iterable[str], faults: Mapping[str, Fault]) -> None:
    """ConfigError for the first name that is no fault, with the nearest, or that cannot begin later."""
    for asked in names:
        name, later, delay = asked.partition("@")
        if later and name in faults:
            if not faults[name].watch:
                raise ConfigError(f"the fault {name!r} cannot begin later: {brief(asked)}; those of a watch can")
            if not _DELAY.fullmatch(delay):
                raise ConfigError(f"{brief(asked)} begins at no time; one like {name}@2m does (s, m or h)")
        if name not in faults:
            raise ConfigError(
                f"there is no fault {name!r}{nearest(name, faults)};"
                " gonogo rehearse --list-faults (--env NAME) lists them"
            )

"""A waiver file into the model: accepted failures, each with an owner, a reason and an end."""

from __future__ import annotations

from pathlib import Path

from gonogo.config.complain import wrong
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import shown
from gonogo.model.verdict import Waiver


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Waivers of a YAML list; `[]` says that there are none. ConfigError for anything malformed.

    One item may have several: a renewed waiver stands below the one that ran out.
    """
    tree = read_file(path, shown(path))
    if not isinstance(tree.value, list):
        wrong(tree, "the waiver file", "a list of waivers")
    return tuple(read(Waiver, item, f"waiver {place}") for place, item in enumerate(tree.value, start=1))

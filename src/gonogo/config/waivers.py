"""A waiver file into the model: accepted failures, each with an owner, a reason and an end."""

from __future__ import annotations

from pathlib import Path

from gonogo.config.complain import wrong
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import shown
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.verdict import Waiver


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Waivers of a YAML list; `[]` says that there are none. ConfigError for anything malformed."""
    tree = read_file(path, shown(path))
    if not isinstance(tree.value, list):
        wrong(tree, "the waiver file", "a list of waivers")
    waivers: list[Waiver] = []
    seen: dict[tuple[str, str, str], Origin] = {}
    for place, item in enumerate(tree.value):
        waiver = read(Waiver, item, f"waiver {place + 1}")
        first = seen.setdefault((waiver.id, waiver.environment, waiver.release), item.origin)
        if first is not item.origin:
            at = f"{first.file}:{first.line}"
            raise ConfigError(
                f"{waiver.id!r} has two waivers for this environment and release; first at {at}", item.origin
            )
        waivers.append(waiver)
    return tuple(waivers)

"""A release file into the model: what goes out, and when."""

from __future__ import annotations

import re
from pathlib import Path

from gonogo.config.leaves import read_timestamp
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import Tree, shown
from gonogo.model.environment import Release
from gonogo.model.errors import ConfigError

_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")


def load_release(path: Path) -> Release:
    """The release of a file; ConfigError for anything that is not one."""
    return read_release(read_file(path, shown(path)))


def read_release(tree: Tree) -> Release:
    """The release of a tree."""
    value = tree.value
    if isinstance(value, dict) and "t0" in value:  # a moment needs no quotes here
        moment = value["t0"]
        quoted = Tree(read_timestamp(moment, "t0"), moment.file, moment.mark)
        tree = Tree({**value, "t0": quoted}, tree.file, tree.mark, tree.keys)
    release = read(Release, tree, "")
    if not _COMMIT.match(release.commit):
        raise ConfigError("commit wants 7 to 64 hexadecimal digits", value["commit"].origin)
    for key in ("version", "image"):
        if any(character.isspace() for character in getattr(release, key)):
            raise ConfigError(f"{key} holds white space", value[key].origin)
    if release.pull_request is not None and release.pull_request < 1:
        raise ConfigError("pull_request is a number from 1 up", value["pull_request"].origin)
    return release

"""A file that declares one rate-limit policy into the model."""

from __future__ import annotations

from pathlib import Path

from gonogo.config.leaves import mapping_of
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import Tree, shown
from gonogo.model.errors import ConfigError
from gonogo.model.ratelimit import Policy


def load_policy(path: Path, asked: str) -> Policy:
    """The policy of the path `asked`, which it may leave out. ConfigError for anything malformed or that cannot be."""
    tree = read_file(path, shown(path))
    value = mapping_of(tree, "the policy file")
    if "path" not in value:
        tree = Tree({**value, "path": Tree(asked, tree.file, tree.mark)}, tree.file, tree.mark, tree.keys)
    try:
        policy = read(Policy, tree, "")
    except ValueError as error:
        raise ConfigError(str(error), tree.origin) from None
    if policy.path != asked:
        raise ConfigError(f"path is {policy.path!r}, and {asked!r} is asked for", value["path"].origin)
    return policy

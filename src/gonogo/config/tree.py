"""A tree of configured values that know where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gonogo.config.scalars import Unclear
from gonogo.model.errors import Origin


class Tree:
    """A value and its place. `value` is dict[str, Tree], list[Tree], str, Unclear, int, float, bool or None.

    `mark` is an Origin or a parser's mark (zero-based); `keys` holds the place of every key of a mapping.
    """

    __slots__ = ("file", "keys", "mark", "value")

    def __init__(self, value: Any, file: str, mark: Any, keys: dict[str, Any] | None = None) -> None:
        self.value = value
        self.file = file
        self.mark = mark
        self.keys = keys

    @property
    def origin(self) -> Origin:
        """Where the value stands; of a block mapping or list under a key, where that key stands."""
        return place(self.file, self.mark)

    def key_origin(self, key: str) -> Origin:
        """Where a key of this mapping stands."""
        return place(self.file, self.keys[key]) if self.keys and key in self.keys else self.origin


def place(file: str, mark: Any) -> Origin:
    """An Origin, of an Origin or of a parser's zero-based mark."""
    return mark if isinstance(mark, Origin) else Origin(file=file, line=mark.line + 1, column=mark.column + 1)


def shown(path: Path, root: Path | None = None) -> str:
    """A file's name in messages: from the project root (or the working directory) where it lies below it."""
    for base in (root, Path.cwd()):
        if base is not None and path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()


def from_plain(value: Any, file: str, origin: Origin | None = None) -> Tree:
    """A JSON value (from plan.json) as a tree, all of it at one place."""
    here = origin or Origin(file=file)
    if isinstance(value, dict):
        return Tree({str(key): from_plain(item, file, here) for key, item in value.items()}, file, here, {})
    if isinstance(value, list | tuple):
        return Tree([from_plain(item, file, here) for item in value], file, here)
    return Tree(value, file, here)


def to_plain(tree: Tree) -> Any:
    """The JSON value of a tree."""
    value = tree.value
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Unclear) else value

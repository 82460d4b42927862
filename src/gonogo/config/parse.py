"""YAML text into a tree, by its events: bounded in size, depth and aliases before anything is built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent, StreamEndEvent

from gonogo.config.scalars import resolve
from gonogo.config.tree import Tree, place
from gonogo.model.errors import ConfigError, Origin

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
MAX_KEY = 200  # characters
MAX_ALIASES = 100
MAX_ALIASED_NODES = 100_000
_GC_PAUSE_ABOVE = 100_000  # characters; below, a collection costs nothing

# The same events from libyaml where PyYAML was built with it, from Python where it was not.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: Path, file: str, *, when_empty: str = "is empty") -> Tree:
    """The tree of a YAML file; ConfigError if it cannot be read, is too large or is not UTF-8."""
    try:
        if not path.is_file():
            raise ConfigError("is not a file" if path.exists() else "there is no such file", Origin(file=file))
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {getattr(error, 'strerror', None) or error}", Origin(file=file)) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES // 1024 // 1024} MiB", Origin(file=file))
    try:
        return parse(data.decode("utf-8"), file, when_empty=when_empty)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        where = Origin(file=file, line=before.count(b"\n") + 1, column=error.start - before.rfind(b"\n"))
        raise ConfigError(f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8", where) from None


def parse(text: str, file: str, *, when_empty: str = "is empty") -> Tree:
    """The tree of one YAML document; ConfigError names line and column of whatever is not allowed."""
    text = text.removeprefix("\ufeff")
    try:
        with collector_paused(pause=len(text) > _GC_PAUSE_ABOVE):
            return _Builder(file, when_empty).build(_Loader(text))
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, file) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        where = Origin(file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "?")
        raise ConfigError(f"character U+{code:04X} is not allowed in YAML", where) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise ConfigError("a lone surrogate is not a character", Origin(file=file, line=line)) from None


@contextmanager
def collector_paused(*, pause: bool) -> Iterator[None]:
    """A large file makes many objects and no garbage: collecting while it grows trebles the time."""
    if not pause or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "not YAML"
    if mark is None:
        return ConfigError(f"YAML syntax: {problem}", Origin(file=file))
    lines = text.splitlines()
    if mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        problem = "a tab; indent with spaces"
    elif error.context and error.context_mark is not None and error.context_mark.line != mark.line:
        problem += f" ({error.context}, from line {error.context_mark.line + 1})"
    return ConfigError(f"YAML syntax: {problem}", place(file, mark))


class _Builder:
    """Events of one document into its tree, without recursion: depth is bounded before anything is built."""

    def __init__(self, file: str, when_empty: str) -> None:
        self.file = file
        self.when_empty = when_empty
        self.anchors: dict[str, Tree] = {}
        self.aliases = 0
        self.aliased_nodes = 0

    def build(self, loader: Any) -> Tree:
        """The root of the only document."""
        get = loader.get_event
        get()  # the stream's start
        start = get()
        if type(start) is StreamEndEvent:
            raise ConfigError(self.when_empty, Origin(file=self.file))
        root = self._nodes(get)
        get()  # the document's end
        after = get()
        if type(after) is not StreamEndEvent:
            raise ConfigError("a second document starts here; one file holds one", self._at(after))
        if root.value is None:
            raise ConfigError(self.when_empty, Origin(file=self.file))
        return root

    def _nodes(self, get: Any) -> Tree:
        stack: list[tuple[Tree, str | None, str | None]] = []  # open containers: node, key it stands under, anchor
        here: Tree | None = None  # the innermost open container
        keys: dict[str, Any] | None = None  # its places of keys, if it is a mapping
        key: str | None = None  # the key that waits for its value
        while True:
            event = get()
            kind = type(event)
            if kind is ScalarEvent:
                if event.tag is not None:
                    self._refuse_tag(event)
                if keys is not None and key is None:
                    key = event.value if event.style else self._plain_key(event)
                    if len(key) > MAX_KEY or not key.isprintable():
                        raise ConfigError(f"a key is at most {MAX_KEY} characters that print", self._at(event))
                    if key in keys:
                        self._refuse_twice(key, keys, stack, event)
                    keys[key] = event.start_mark
                    continue
                node = Tree(event.value if event.style else resolve(event.value), self.file, event.start_mark)
                if event.anchor is not None:
                    self._anchor(event, node)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                node = self._open(event, kind is MappingStartEvent, keys, key, len(stack))
                stack.append((node, key, event.anchor))
                here, keys, key = node, node.keys, None
                continue
            elif kind is AliasEvent:
                if keys is not None and key is None:
                    raise ConfigError("a key is a text, not an alias", self._at(event))
                node = self._alias(event, len(stack))
            else:  # the end of the innermost mapping or list
                node, key, anchor = stack.pop()
                if anchor is not None:
                    self.anchors[anchor] = node
                here = stack[-1][0] if stack else None
                keys = here.keys if here else None
            if here is None:
                return node
            if key is None:
                here.value.append(node)
            else:
                here.value[key] = node
                key = None

    def _open(self, event: Any, is_mapping: bool, keys: dict[str, Any] | None, key: str | None, depth: int) -> Tree:
        self._refuse_tag(event)
        if keys is not None and key is None:
            raise ConfigError("a key is a text, not a mapping or a list", self._at(event))
        if depth >= MAX_DEPTH:
            raise ConfigError(f"is nested more than {MAX_DEPTH} levels deep", self._at(event))
        if event.anchor is not None:
            self._unique(event)
        under_key = keys is not None and key is not None and not event.flow_style
        mark = keys[key] if under_key else event.start_mark  # type: ignore[index]
        return Tree({}, self.file, mark, {}) if is_mapping else Tree([], self.file, mark)

    def _refuse_twice(self, key: str, keys: dict[str, Any], stack: list[Any], event: Any) -> None:
        path = ".".join(name for _, name, _ in stack if name)
        first = place(self.file, keys[key]).line
        raise ConfigError(
            f"{key!r} stands twice{f' in {path}' if path else ''}; first in line {first}", self._at(event)
        )

    def _plain_key(self, event: Any) -> str:
        text: str = event.value
        if text == "<<":
            raise ConfigError("merge keys (<<) are not read; write the keys out, or use extends", self._at(event))
        value = resolve(text)
        if type(value) is not str:
            raise ConfigError(f"{text[:60]!r} is not a text as it stands; write the key in quotes", self._at(event))
        return text

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise ConfigError(f"the tag {tag!r} is refused; values carry no tags", self._at(event))

    def _unique(self, event: Any) -> None:
        if event.anchor in self.anchors:
            raise ConfigError(f"the anchor &{event.anchor} stands twice", self._at(event))

    def _anchor(self, event: Any, node: Tree) -> None:
        self._unique(event)
        self.anchors[event.anchor] = node

    def _alias(self, event: Any, depth: int) -> Tree:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise ConfigError(f"more than {MAX_ALIASES} aliases; write the values out", self._at(event))
        node = self.anchors.get(event.anchor)
        if node is None:
            raise ConfigError(f"the alias *{event.anchor} has no anchor before it", self._at(event))
        nodes, levels = _extent(node, {})
        self.aliased_nodes += nodes
        if self.aliased_nodes > MAX_ALIASED_NODES or depth + levels > MAX_DEPTH:
            limit = f"more than {MAX_ALIASED_NODES} values or {MAX_DEPTH} levels"
            raise ConfigError(f"aliases ({self.aliases} so far) unfold to {limit}", self._at(event))
        return node

    def _at(self, event: Any) -> Origin:
        return place(self.file, event.start_mark)


def _extent(node: Tree, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Values and levels that a node unfolds to; each shared node is counted once and used many times."""
    if id(node) not in known:
        value = node.value
        below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        extents = [_extent(item, known) for item in below]
        known[id(node)] = (1 + sum(n for n, _ in extents), 1 + max((level for _, level in extents), default=0))
    return known[id(node)]

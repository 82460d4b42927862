"""An environment file with its bases into the model."""

from __future__ import annotations

import re
from pathlib import Path

from gonogo.config.addresses import check_addresses, guard_addresses, resolve_addresses
from gonogo.config.complain import brief, nearest
from gonogo.config.environment_rules import check_environment, refuse_inline
from gonogo.config.leaves import read_str
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import Tree, place, shown
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, Origin

MAX_CHAIN = 5  # an environment and the bases below it

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_NAMED = re.compile(r"^name:", re.MULTILINE)

__all__ = ["environment_names", "load_environment", "resolve_addresses"]


def environment_names(folder: Path) -> tuple[str, ...]:
    """Names that --env takes: files of the folder that name an environment (a base names none)."""
    names: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if _NAMED.search(text):
            names.append(path.stem)
    return tuple(names)


def load_environment(name: str, folder: Path, *, root: Path | None = None) -> Environment:
    """The environment `name` of a folder; ConfigError for what is wrong, SafetyRefusal for what no guard allows."""
    root = root or folder.parent
    if not _NAME.match(name) or not (folder / f"{name}.yaml").is_file():
        known = environment_names(folder)
        raise ConfigError(
            f"there is no environment {name!r}{nearest(name, known)}"
            f" ({shown(folder, root)}/ has {', '.join(known) or 'none'})"
        )
    tree = _merged(folder / f"{name}.yaml", folder, root)
    environment = read_environment(tree)
    if environment.name != name:
        raise ConfigError(
            f"name is {environment.name!r} in a file that is called {name}.yaml", tree.value["name"].origin
        )
    _check_files(environment, folder, tree)
    _check_also(environment, folder, tree)
    return environment


def read_environment(tree: Tree) -> Environment:
    """The environment of a whole tree, checked: first its shape, then its guards, then all the rest."""

    def locate(*keys: str) -> Origin:
        node, at = tree, tree.origin
        for key in keys:
            if not isinstance(node.value, dict) or key not in node.value:
                break
            at, node = node.key_origin(key), node.value[key]
        return at if isinstance(node.value, dict | list) else node.origin

    environment = read(Environment, tree, "")
    if not _NAME.match(environment.name):
        raise ConfigError(f"name is made of a-z, 0-9, - and _, not {brief(environment.name)}", locate("name"))
    guard_addresses(environment, locate)
    refuse_inline(tree)
    check_environment(environment, locate)
    check_addresses(environment, locate)
    return environment


def _merged(path: Path, folder: Path, root: Path) -> Tree:
    """The file over its base over its base's base."""
    chain: list[Tree] = []
    seen: list[Path] = []
    asked: Tree | None = None  # the `extends` that asked for this file
    while True:
        real = _inside(path, folder, asked, shown(path, root))
        if real in seen:
            raise ConfigError(f"extends goes in a circle: {path.name} again", asked.origin if asked else None)
        if len(chain) == MAX_CHAIN:
            raise ConfigError(f"extends goes through more than {MAX_CHAIN} files", asked.origin if asked else None)
        tree = read_file(real, shown(path, root))
        if not isinstance(tree.value, dict):
            raise ConfigError("an environment is a mapping of keys", tree.origin)
        seen.append(real)
        asked = tree.value.pop("extends", None)
        chain.append(tree)
        if asked is None:
            break
        path = _base(asked, folder)
    merged = chain.pop()
    while chain:
        merged = _over(chain.pop(), merged)
    return merged


def _base(asked: Tree, folder: Path) -> Path:
    text = read_str(asked, "extends")
    path = folder / text
    if Path(text).is_absolute() or ".." in Path(text).parts or "\\" in text or "\0" in text:
        raise ConfigError("extends names a file inside the environments folder, without ..", asked.origin)
    if not path.is_file():
        files = sorted(file.name for file in folder.glob("*.yaml"))
        raise ConfigError(
            f"extends names no file of the environments folder: {brief(text)}{nearest(text, files)}", asked.origin
        )
    return path


def _inside(path: Path, folder: Path, asked: Tree | None, file: str) -> Path:
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise ConfigError(
            "leads out of the environments folder (a symbolic link)", asked.origin if asked else Origin(file=file)
        )
    return real


def _over(upper: Tree, lower: Tree) -> Tree:
    """A deep merge: mappings key by key, everything else replaced. Every value keeps its own place."""
    if not isinstance(upper.value, dict) or not isinstance(lower.value, dict) or not upper.value:
        return upper
    keys = {key: place(lower.file, mark) for key, mark in (lower.keys or {}).items()}
    keys |= {key: place(upper.file, mark) for key, mark in (upper.keys or {}).items()}
    value = dict(lower.value)
    for key, item in upper.value.items():
        value[key] = _over(item, value[key]) if key in value else item
    return Tree(value, upper.file, upper.mark, keys)


def _check_files(environment: Environment, folder: Path, tree: Tree) -> None:
    """A CA bundle that is not there would be noticed by the first request only."""
    for group, named in (("sides", environment.sides), ("back_ends", environment.back_ends)):
        for name, item in named.items():
            if item.ca is not None and not (folder / item.ca).is_file():
                origin = tree.value[group].value[name].value["ca"].origin
                raise ConfigError(
                    f"{group}.{name}.ca: there is no file {item.ca!r} beside the environment file", origin
                )


def _check_also(environment: Environment, folder: Path, tree: Tree) -> None:
    """Companions are other environments of the folder, each named once."""
    known = [name for name in environment_names(folder) if name != environment.name] if environment.also else []
    for at, name in enumerate(environment.also):
        origin = tree.value["also"].value[at].origin
        if name not in known:
            raise ConfigError(f"also names no other environment: {brief(name)}{nearest(name, known)}", origin)
        if name in environment.also[:at]:
            raise ConfigError(f"also names {name} twice", origin)

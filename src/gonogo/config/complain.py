"""What to say about a value that does not fit: one line with its place, what is allowed and what is near."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from gonogo.config.scalars import Unclear
from gonogo.config.tree import Tree
from gonogo.model.errors import ConfigError


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'latency'?` where something is near, else nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed once something is wrong

    near = get_close_matches(name[:100], [str(one) for one in known], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def unknown_key(tree: Tree, key: str, name: str, allowed: Iterable[str]) -> NoReturn:
    """Refuse a key; its value stays out of the message."""
    known = list(allowed)
    hint = f"{nearest(key, known)} (allowed: {', '.join(known)})"
    raise ConfigError(f"{brief(key)} is not a key of {name or 'this file'}{hint}", tree.key_origin(key))


def unknown_name(tree: Tree, what: str, known: Iterable[str], allowed: str | None = None) -> NoReturn:
    """Refuse a text that names nothing known; `what` says what it ought to name."""
    names = sorted(known)
    hint = f"{nearest(tree.value, names)} (allowed: {allowed or ', '.join(names)})"
    raise ConfigError(f"{brief(tree.value)} is not {what}{hint}", tree.origin)


def wrong(tree: Tree, name: str, wanted: str) -> NoReturn:
    """Refuse a value that is not what is wanted here."""
    value = tree.value
    name = name or "this file"
    if value is None:
        raise ConfigError(f"{name} is empty; it wants {wanted}, or leave the key out", tree.origin)
    if is_private(name):
        raise ConfigError(f"{name} wants {wanted}", tree.origin)
    if isinstance(value, dict | list):
        what = "a mapping" if isinstance(value, dict) else "a list"
        raise ConfigError(f"{name} wants {wanted}, not {what}", tree.origin)
    advice = value.advice(wanted) if isinstance(value, Unclear) else ""
    said = brief(str(value).lower() if isinstance(value, bool) else str(value))
    raise ConfigError(f"{name} wants {wanted}, not {said}{'; ' if advice else ''}{advice}", tree.origin)


def is_private(name: str) -> bool:
    """Values under `auth` stay out of messages: somebody may have written the secret itself there."""
    return "auth" in name.split(".")


def brief(text: str) -> str:
    """The quoted text, cut where it is long."""
    return repr(str(text) if len(text) <= 60 else text[:57] + "...")


def one_line(text: str) -> str:
    """A text from elsewhere with whatever does not print escaped."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:300])

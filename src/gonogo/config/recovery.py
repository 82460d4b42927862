"""Incident files and files of disaster recovery drills into the model."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.tree import Tree, shown
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.recovery import Drill, Incident

LANGUAGES = ("en", "ko")
_MOMENTS = frozenset({"began", "detected", "started", "ended", "since", "until"})
_FIRST, _LAST = "1970", "2999"  # years


def load_incident(path: Path) -> Incident:
    """The incident of a file; ConfigError for anything that is none, and for times that no clock could show."""
    return read_incident(read_file(path, shown(path)))


def read_incident(tree: Tree) -> Incident:
    """The incident of a tree. What is merely out of order is for the judge: it is written down while it happens."""
    incident = read(Incident, tree, "")
    _check_years(tree)

    def at(*keys: str) -> Origin:
        node = tree
        for key in keys:
            node = node.value[key]
        return node.origin

    if incident.detected < incident.began:
        raise ConfigError("detected is before began", at("detected"))
    for name, span in incident.phases.begun().items():
        _order(span.started, span.ended, f"phases.{name}", span.origin)
    if incident.data_loss is not None:
        loss = incident.data_loss
        if loss.until < loss.since:
            raise ConfigError("data_loss.until is before data_loss.since", at("data_loss", "until"))
    unknown = [language for language in incident.summary if language not in LANGUAGES]
    missing = [language for language in LANGUAGES if not incident.summary.get(language, "").strip()]
    if unknown or missing:
        said = f"{unknown[0]!r} is not one of them" if unknown else f"{missing[0]} is missing"
        raise ConfigError(f"summary wants a sentence in {' and '.join(LANGUAGES)}: {said}", at("summary"))
    if incident.affected_customers is not None and incident.affected_customers < 0:
        raise ConfigError("affected_customers is 0 or more", at("affected_customers"))
    return incident


def load_drill(path: Path) -> Drill:
    """The drill of a file; ConfigError for anything that is none."""
    tree = read_file(path, shown(path))
    drill = read(Drill, tree, "")
    _check_years(tree)
    for name, step in drill.steps().items():
        _order(step.started, step.ended, name, step.origin)
    return drill


def _check_years(tree: Tree, name: str = "") -> None:
    """ConfigError for a moment in a year that is a slip of the pen: no report could place it."""
    if isinstance(tree.value, dict):
        for key, inner in tree.value.items():
            _check_years(inner, key)
    elif name in _MOMENTS and tree.value and not _FIRST <= str(tree.value)[:4] <= _LAST:
        raise ConfigError(f"{name} is in the year {tree.value[:4]}", tree.origin)


def _order(started: datetime, ended: datetime | None, name: str, origin: Origin) -> None:
    if ended is not None and ended < started:
        raise ConfigError(f"{name} ended before it started", origin)
